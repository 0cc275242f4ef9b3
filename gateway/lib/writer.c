/* gateway/lib/writer.c - a thread that writes what others leave for it. */
#include "gateway/lib/writer.h"

#include <time.h>

#include "gateway/lib/thread.h"

static void
destroy(struct writer *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	buf_fini(&w->queue);
	buf_fini(&w->batch);
}

bool
writer_start(struct writer *w, size_t bytes, void *(*run)(void *), void *arg)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&w->lock, NULL);
	buf_init(&w->queue, bytes);
	buf_init(&w->batch, bytes);
	w->n_queued = w->n_batch = 0;
	w->n_added = 0;
	w->hurried = false;
	w->closing = 0;
	if (buf_reserve(&w->queue, bytes) && buf_reserve(&w->batch, bytes) &&
	    thread_start(&w->thread, run, arg))
		return true;
	destroy(w);
	return false;
}

void
writer_end(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = clock_now();
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	destroy(w);
}

bool
writer_add(struct writer *w, struct slice s)
{
	size_t before, half;
	bool fits;

	pthread_mutex_lock(&w->lock);
	half = w->queue.max / 2;
	before = w->queue.n;
	fits = s.n <= w->queue.max - before;
	if (fits) {
		buf_add(&w->queue, s);
		w->n_queued++;
		w->n_added++;
	}
	if (before == 0 || (before < half && w->queue.n >= half))
		pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return fits;
}

uint64_t
writer_hurry(struct writer *w)
{
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	n = w->n_added;
	w->hurried = w->queue.n > 0;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return n;
}

void
writer_await(struct writer *w, usec until)
{
	struct timespec ts = { .tv_sec = (time_t)(until / USEC_SEC),
		.tv_nsec = (long)(until % USEC_SEC * 1000) };

	pthread_cond_timedwait(&w->wake, &w->lock, &ts);
}

void
writer_gather(struct writer *w, usec span)
{
	usec until = clock_now() + span;

	while (w->closing == 0 && !w->hurried &&
	    w->queue.n < w->queue.max / 2 && clock_now() < until)
		writer_await(w, until);
}

void
writer_take(struct writer *w)
{
	struct buf taken = w->queue;

	w->queue = w->batch;
	w->batch = taken;
	w->n_batch = w->n_queued;
	w->n_queued = 0;
	w->hurried = false;
}
