/* gateway/worker_orders.c - what other threads ask of a worker: they leave word
 * under its mutex, or look at its gauges, and wake its loop. */
#include <sched.h>

#include "gateway/worker.h"

#define AWAIT_MAX (100 * USEC_MS)

static void
order(struct worker *w, bool *which)
{
	uv_mutex_lock(&w->orders);
	*which = true;
	uv_mutex_unlock(&w->orders);
	uv_async_send(&w->wake);
}

void
worker_wake(struct worker *w)
{
	uv_async_send(&w->wake);
}

void
worker_configure(struct worker *w, struct conf *conf)
{
	uv_mutex_lock(&w->orders);
	conf_unref(&w->next_conf);
	w->next_conf = conf_ref(conf);
	uv_mutex_unlock(&w->orders);
	uv_async_send(&w->wake);
}

bool
worker_adopts(struct worker *w, uint64_t version, usec patience)
{
	bool does;
	int rc = 0;

	uv_mutex_lock(&w->orders);
	while (w->adopted < version && rc == 0)
		rc = uv_cond_timedwait(
		    &w->on_adopted, &w->orders, (uint64_t)patience * 1000);
	does = w->adopted >= version;
	uv_mutex_unlock(&w->orders);
	return does;
}

void
worker_drain(struct worker *w)
{
	order(w, &w->order_drain);
}

void
worker_abort(struct worker *w)
{
	order(w, &w->order_abort);
}

void
worker_stop(struct worker *w)
{
	order(w, &w->order_stop);
}

static void
await_told(struct worker *w, usec until)
{
	unsigned over = atomic_load(&w->gauges.over);

	while ((int)(atomic_load(&w->gauges.told) - over) < 0 &&
	    clock_now() < until)
		sched_yield();
}

void
workers_await_told(struct worker *list, unsigned n)
{
	usec until = clock_now() + AWAIT_MAX;

	for (unsigned i = 0; i < n; i++)
		await_told(&list[i], until);
}
