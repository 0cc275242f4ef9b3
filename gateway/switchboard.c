/* gateway/switchboard.c - the router under its one lock, and who to wake. */
#include "gateway/switchboard.h"

#include <openssl/rand.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "gateway/upstream/target.h"

struct switchboard {
	uv_mutex_t lock;
	struct router *router;
	struct router_tables *tables; /* the tick's, main thread only */
	wake_fn wake;
	void *wake_arg;
};

struct switchboard *
switchboard_new(unsigned workers, wake_fn wake, void *arg)
{
	struct switchboard *b = calloc(1, sizeof(*b));
	uint64_t seed = 0;

	if (b == NULL)
		return NULL;
	RAND_bytes((unsigned char *)&seed, sizeof(seed));
	b->wake = wake;
	b->wake_arg = arg;
	b->router = router_new(workers, seed);
	b->tables = router_tables_new();
	if (b->router == NULL || b->tables == NULL ||
	    uv_mutex_init(&b->lock) != 0) {
		router_tables_free(&b->tables);
		router_free(&b->router);
		free(b);
		return NULL;
	}
	return b;
}

void
switchboard_free(struct switchboard **bp)
{
	struct switchboard *b = *bp;

	if (b == NULL)
		return;
	router_tables_free(&b->tables);
	router_free(&b->router);
	uv_mutex_destroy(&b->lock);
	free(b);
	*bp = NULL;
}

/* Lets go of the lock, and wakes for whom the call has made something ready. */
static void
leave(struct switchboard *b)
{
	uint64_t mask = router_owed(b->router);

	uv_mutex_unlock(&b->lock);
	for (; mask != 0; mask &= mask - 1)
		b->wake(b->wake_arg, (unsigned)__builtin_ctzll(mask));
}

enum err
switchboard_configure(struct switchboard *b, struct conf *conf, usec now)
{
	struct router_change *change;
	enum err rc = router_prepare(b->router, conf, now, &change);

	if (rc != OK)
		return rc;
	uv_mutex_lock(&b->lock);
	router_adopt(b->router, change, now);
	leave(b);
	router_change_free(&change, b->router);
	return OK;
}

void
switchboard_submit(struct switchboard *b, const struct route_request *rr,
    usec now, struct ticket *t, struct plan *plan)
{
	uv_mutex_lock(&b->lock);
	router_submit(b->router, rr, now, t, plan);
	leave(b);
}

bool
switchboard_next(struct switchboard *b, unsigned worker, usec now, void **owner,
    struct ticket *t, struct plan *plan)
{
	bool any;

	uv_mutex_lock(&b->lock);
	any = router_next(b->router, worker, now, owner, t, plan);
	leave(b);
	return any;
}

void
switchboard_retry(struct switchboard *b, struct ticket t,
    const struct fault *fault, usec now, struct plan *plan)
{
	uv_mutex_lock(&b->lock);
	router_retry(b->router, t, fault, now, plan);
	leave(b);
}

void
switchboard_hedge(struct switchboard *b, struct ticket first, usec now,
    struct ticket *second, struct plan *plan)
{
	uv_mutex_lock(&b->lock);
	router_hedge(b->router, first, now, second, plan);
	leave(b);
}

void
switchboard_cancel(struct switchboard *b, struct ticket t, usec now)
{
	uv_mutex_lock(&b->lock);
	router_cancel(b->router, t, now);
	leave(b);
}

void
switchboard_first_token(
    struct switchboard *b, struct ticket t, usec now, usec ttft)
{
	uv_mutex_lock(&b->lock);
	router_first_token(b->router, t, now, ttft);
	leave(b);
}

void
switchboard_progress(struct switchboard *b, struct ticket t, usec now,
    unsigned tokens, usec span)
{
	uv_mutex_lock(&b->lock);
	router_progress(b->router, t, now, tokens, span);
	leave(b);
}

void
switchboard_finished(struct switchboard *b, struct ticket t,
    const struct route_result *result, usec now)
{
	uv_mutex_lock(&b->lock);
	router_finished(b->router, t, result, now);
	leave(b);
}

bool
switchboard_probe(struct switchboard *b, usec now, struct route_request *rr,
    struct ticket *t, struct plan *plan)
{
	bool any;

	uv_mutex_lock(&b->lock);
	any = router_probe(b->router, now, rr, t, plan);
	leave(b);
	return any;
}

void
switchboard_load(struct switchboard *b, uint32_t backend,
    const struct load *load, const struct fault *fault, usec now)
{
	uv_mutex_lock(&b->lock);
	router_load(b->router, backend, load, fault, now);
	leave(b);
}

void
switchboard_certified(void *board, uint32_t peer, usec until)
{
	const struct load l = { .has = LOAD_CERTIFICATE, .certified = until };

	if (peer != 0)
		switchboard_load(
		    board, transfer_backend(peer), &l, NULL, clock_now());
}

void
switchboard_limits(struct switchboard *b, uint32_t serving,
    const struct load *limits, usec now)
{
	uv_mutex_lock(&b->lock);
	router_limits(b->router, serving, limits, now);
	leave(b);
}

void
switchboard_restrain(struct switchboard *b, uint32_t backend, uint32_t serving,
    const struct restraint *what, usec now)
{
	uv_mutex_lock(&b->lock);
	router_restrain(b->router, backend, serving, what, now);
	leave(b);
}

void
switchboard_drill_over(struct switchboard *b, usec now)
{
	uv_mutex_lock(&b->lock);
	router_drill_over(b->router, now);
	leave(b);
}

void
switchboard_tick(struct switchboard *b, usec now)
{
	uv_mutex_lock(&b->lock);
	router_tick_begin(b->router, b->tables, now);
	uv_mutex_unlock(&b->lock);

	router_tick_build(b->tables);

	uv_mutex_lock(&b->lock);
	router_tick_end(b->router, b->tables, now);
	leave(b);
}

void
switchboard_trace(struct switchboard *b, const struct route_request *rr,
    struct route_trace *copy)
{
	const struct route_trace *t = rr->trace;

	uv_mutex_lock(&b->lock);
	memcpy(copy, t, offsetof(struct route_trace, row));
	memcpy(copy->row, t->row, t->n * sizeof(t->row[0]));
	uv_mutex_unlock(&b->lock);
}

bool
switchboard_view(struct switchboard *b, uint32_t serving, usec now,
    struct serving_view *view)
{
	bool found;

	uv_mutex_lock(&b->lock);
	found = router_view(b->router, serving, now, view);
	uv_mutex_unlock(&b->lock);
	return found;
}

unsigned
switchboard_queue_length(struct switchboard *b)
{
	unsigned n;

	uv_mutex_lock(&b->lock);
	n = router_queue_length(b->router);
	uv_mutex_unlock(&b->lock);
	return n;
}
