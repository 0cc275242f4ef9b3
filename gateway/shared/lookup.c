/* gateway/shared/lookup.c - the addresses of a name, by a thread of its own.
 *
 *	UNDER_WAY --the thread--> OVER --who asked--> freed
 *	    '-----who asked-----> LEFT --the thread--> freed */
#include "gateway/shared/lookup.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/thread.h"

enum stage { UNDER_WAY, OVER, LEFT };

struct lookup {
	atomic_int stage;
	char *name, port[16];
	int rc;
	struct addrinfo *found;
};

static void
destroy(struct lookup *l)
{
	if (l->found != NULL)
		freeaddrinfo(l->found);
	free(l->name);
	free(l);
}

static void *
run(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct lookup *l = arg;

	l->rc = getaddrinfo(l->name, l->port, &hints, &l->found);
	if (atomic_exchange(&l->stage, OVER) == LEFT)
		destroy(l);
	return NULL;
}

struct lookup *
lookup_start(const char *name, unsigned port)
{
	struct lookup *l = calloc(1, sizeof(*l));
	pthread_t thread;

	if (l == NULL)
		return NULL;
	l->name = strdup(name);
	snprintf(l->port, sizeof(l->port), "%u", port);
	if (l->name == NULL || !thread_start(&thread, run, l)) {
		destroy(l);
		return NULL;
	}
	pthread_detach(thread);
	return l;
}

bool
lookup_is_over(const struct lookup *l)
{
	return atomic_load(&l->stage) == OVER;
}

const struct addrinfo *
lookup_found(const struct lookup *l, const char **why)
{
	if (l->rc == 0)
		return l->found;
	*why = gai_strerror(l->rc);
	return NULL;
}

void
lookup_leave(struct lookup **lp)
{
	struct lookup *l = *lp;

	*lp = NULL;
	if (l != NULL && atomic_exchange(&l->stage, LEFT) == OVER)
		destroy(l);
}
