/* gateway/upstream/peer.c - the connections to each place, and which idle. */
#include "gateway/upstream/peer.h"

#include <stdlib.h>
#include <string.h>

void
peer_table_fini(struct peer_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->all[i] != NULL)
			free(t->all[i]->held.text);
		free(t->all[i]);
	}
	free(t->all);
	*t = (struct peer_table){ 0 };
}

static bool
reach(struct peer_table *t, uint32_t id)
{
	size_t n = (size_t)id + 1;
	struct peer **p;

	if (id < t->n)
		return true;
	p = realloc(t->all, n * sizeof(struct peer *));
	if (p == NULL)
		return false;
	memset(p + t->n, 0, (n - t->n) * sizeof(struct peer *));
	t->all = p;
	t->n = n;
	return true;
}

struct peer *
peer_get(struct peer_table *t, uint32_t id)
{
	struct peer *p;

	if (id == 0 || !reach(t, id))
		return NULL;
	p = t->all[id];
	if (p == NULL)
		p = calloc(1, sizeof(*p));
	if (p != NULL && t->all[id] == NULL) {
		p->id = id;
		list_init(&p->idle);
		t->all[id] = p;
	}
	return p;
}

struct held_address *
peer_held(struct peer_table *t, uint32_t id)
{
	struct peer *p = peer_get(t, id);

	return p != NULL ? &p->held : NULL;
}

const struct peer *
peer_find(const struct peer_table *t, uint32_t id)
{
	return id < t->n ? t->all[id] : NULL;
}

void
peer_open(struct peer_link *l, struct peer *p)
{
	*l = (struct peer_link){ .peer = p };
	list_init(&l->node);
	if (p != NULL)
		p->n_open++;
}

void
peer_use(struct peer_link *l)
{
	if (l->idle)
		l->peer->n_idle--;
	l->idle = false;
	list_remove(&l->node);
}

void
peer_idle(struct peer_link *l, usec now)
{
	peer_use(l);
	if (l->peer == NULL || l->lost)
		return;
	l->idle = true;
	l->idle_since = now;
	l->peer->n_idle++;
	list_append(l->peer->idle.next, &l->node); /* before the first */
}

void
peer_lose(struct peer_link *l)
{
	peer_use(l);
	if (l->peer != NULL && !l->lost)
		l->peer->n_open--;
	l->lost = true;
}

void
peer_close(struct peer_link *l)
{
	peer_lose(l);
	l->peer = NULL;
}
