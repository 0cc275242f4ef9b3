/* gateway/lib/writer.c - a thread that writes what others leave for it. */
#include "gateway/lib/writer.h"

#include <signal.h>
#include <time.h>

static void
destroy(struct writer *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
}

bool
writer_start(struct writer *w, void *(*run)(void *), void *arg)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&w->lock, NULL);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		destroy(w);
	return rc == 0;
}

void
writer_end(struct writer *w)
{
	pthread_join(w->thread, NULL);
	destroy(w);
}
