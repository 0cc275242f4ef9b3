/* gateway/worker.c - one thread: one loop, one front, one upstream.
 *
 * The loop's prepare and check handles run settle(): requests, transfers and
 * daemons take turns until none of them has anything left to do, for a while.
 * So nothing is ever called from inside libcurl or libmicrohttpd. */
#include "gateway/worker.h"

#include <stdlib.h>

#include "gateway/app.h"
#include "gateway/lib/descriptors.h"
#include "gateway/request.h"
#include "gateway/steps.h"
#include "gateway/warm.h"

#define POOLED 64 /* idle blocks of each kind */
/* Descriptors for what is not a client's: logs, the ledger, operators, probes;
 * loops, and connections to backends that idle. */
#define KEPT 64
#define KEPT_OF_WORKER 16
/* Of one settle, before the loop polls again: whom a fast backend keeps busy
 * would go on for as long as its client reads. */
#define SETTLE_MAX (2 * USEC_MS)
/* So long may who has begun to connect take to finish: a round trip. Who begins
 * now is told a second later that nobody listens, so it is no longer. */
#define LAST_CALL_MS 2

/* What has woken them came before now: none of it lies in the future. */
static bool
run_requests(struct worker *w)
{
	struct list *node;

	if (list_empty(&w->runnable))
		return false;
	w->now = clock_now();
	while ((node = list_pop(&w->runnable)) != NULL)
		request_run(CONTAINER_OF(node, struct request, on_runnable));
	return true;
}

/* Requests whose wait in the router's queue is over. */
static void
take_ready(struct worker *w)
{
	struct ticket ticket;
	struct request *r;
	struct plan plan;
	void *owner;

	while (switchboard_next(
	    w->app->board, w->index, w->now, &owner, &ticket, &plan)) {
		r = owner;
		r->ticket = ticket;
		r->plan = plan;
		r->plan_ready = true;
		request_wake(r);
	}
}

/* Requests that waited for the answer of another. */
static void
take_claims(struct worker *w)
{
	struct request *r;

	while ((r = idempotency_next(w->app->idempotency, w->index)) != NULL)
		request_wake(r);
}

void
worker_owes(struct worker *w, struct list *request)
{
	atomic_fetch_add(&w->gauges.over, 1);
	list_append(&w->owed, request);
}

static void
tell(struct worker *w)
{
	struct instant turn, over;
	struct request *r;
	struct list *node;

	if (list_empty(&w->owed))
		return;
	turn = clock_instant(w->now);
	while ((node = list_pop(&w->owed)) != NULL) {
		r = CONTAINER_OF(node, struct request, on_owed);
		over.now = r->entered;
		over.wall = turn.wall - (turn.now - over.now);
		outcome_tell(r, over);
		request_disarm(r);
		atomic_fetch_add(&w->gauges.told, 1);
	}
}

static void
bury(struct worker *w)
{
	struct list *node;

	while ((node = list_pop(&w->graveyard)) != NULL)
		request_free(CONTAINER_OF(node, struct request, on_live));
}

static void
store(atomic_uint *gauge, unsigned value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static void
publish_gauges(struct worker *w)
{
	struct upstream_stats s;

	upstream_stats(w->upstream, &s);
	store(&w->gauges.transfers, s.transfers);
	store(&w->gauges.connections_made, s.connections_made);
	store(&w->gauges.requests, front_exchanges(w->front));
	store(&w->gauges.connections, front_connections(w->front));
}

static void
settle(struct worker *w)
{
	bool busy, any = false;
	usec began = w->now;

	do {
		busy = run_requests(w);
		busy |= upstream_settle(w->upstream);
		busy |= front_settle(w->front);
		busy |= !list_empty(&w->runnable);
		any |= busy;
	} while (busy && clock_now() - began < SETTLE_MAX);
	/* Whoever left may hold bytes that libcurl would read next. */
	run_requests(w);
	if (busy)
		uv_async_send(&w->wake);
	tell(w);
	bury(w);
	publish_gauges(w);
	busy_poll_turn(&w->spin, w->conf->busy_poll, any, began);
}

static void
on_prepare(uv_prepare_t *h)
{
	struct worker *w = h->data;

	settle(w);
	w->polled = w->now; /* as the loop does next */
}

static void
on_check(uv_check_t *h)
{
	struct worker *w = h->data;

	w->now = clock_now(); /* the loop may have slept */
	settle(w);
}

/* --- orders, which worker_orders.c takes --- */

static void
abort_requests(struct worker *w)
{
	struct request *r;

	for (struct list *n = w->live.next; n != &w->live; n = n->next) {
		r = CONTAINER_OF(n, struct request, on_live);
		r->aborted = true;
		request_wake(r);
	}
}

/* Without a limit of their own clients who only connect would take the
 * descriptors that requests, operators and backends need. */
static struct conf_limits
limits_of(const struct worker *w, const struct conf *c)
{
	struct conf_limits limits = c->limits;

	if (limits.connections == 0)
		limits.connections = descriptors_for_clients(
		    KEPT + KEPT_OF_WORKER * w->app->n_workers);
	return limits;
}

/* Borrowed from the configuration. */
static struct front_settings
settings_of(const struct worker *w, const struct conf *c)
{
	return (struct front_settings){
		.limits = limits_of(w, c),
		.header_timeout = c->header_timeout,
		.body_timeout = c->body_timeout,
		.idle_timeout = c->idle_timeout,
		.client_stall = c->client_stall,
		.tls = c->tls.certificate != NULL ? &c->tls : NULL,
	};
}

static void
adopt(struct worker *w, struct conf *next)
{
	const struct front_settings s = settings_of(w, next);

	front_configure(w->front, &s);
	conf_unref(&w->conf);
	w->conf = next;
	uv_mutex_lock(&w->orders);
	w->adopted = next->version;
	uv_cond_signal(&w->on_adopted);
	uv_mutex_unlock(&w->orders);
}

static void
on_part_closed(void *arg)
{
	struct worker *w = arg;

	w->open_handles--;
	if (w->open_handles > 0)
		return;
	uv_close((uv_handle_t *)&w->wake, NULL);
	uv_close((uv_handle_t *)&w->prepare, NULL);
	uv_close((uv_handle_t *)&w->check, NULL);
	uv_close((uv_handle_t *)&w->last_call, NULL);
	busy_poll_close(&w->spin);
}

/* Transfers first: an exchange that closes would only cancel them. */
static void
shut_down(struct worker *w)
{
	uv_prepare_stop(&w->prepare);
	uv_check_stop(&w->check);
	w->open_handles = 3;
	warm_close(&w->warm, on_part_closed, w);
	front_close(&w->front, on_part_closed, w);
	run_requests(w);
	tell(w);
	upstream_close(&w->upstream, on_part_closed, w);
}

static void
on_last_call(uv_timer_t *h)
{
	struct worker *w = h->data;

	front_stop_accepting(w->front);
	app_stopped_listening(w->app);
	/* what it has read of the app is main's to change from here */
	atomic_store_explicit(&w->gauges.draining, 1, memory_order_release);
}

/* Who is in the midst of connecting when the listener closes is reset. */
static void
begin_to_drain(struct worker *w)
{
	w->draining = true;
	front_drain(w->front);
	if (app_bar_listener(w->app))
		uv_timer_start(&w->last_call, on_last_call, LAST_CALL_MS, 0);
	else
		on_last_call(&w->last_call);
}

static void
on_wake(uv_async_t *h)
{
	struct worker *w = h->data;
	struct conf *next;
	bool drain, abort, stop;

	uv_mutex_lock(&w->orders);
	next = w->next_conf;
	w->next_conf = NULL;
	drain = w->order_drain;
	abort = w->order_abort;
	stop = w->order_stop;
	w->order_drain = w->order_abort = w->order_stop = false;
	uv_mutex_unlock(&w->orders);

	w->now = clock_now();
	if (next != NULL)
		adopt(w, next);
	if (drain)
		begin_to_drain(w);
	if (abort)
		abort_requests(w);
	take_ready(w);
	take_claims(w);
	if (stop)
		shut_down(w);
}

/* --- the thread --- */

static void
thread_main(void *arg)
{
	struct worker *w = arg;

	uv_run(&w->loop, UV_RUN_DEFAULT);
	bury(w);
}

static enum err
open_parts(struct worker *w, int listen_fd, struct errmsg *why)
{
	const struct front_settings s = settings_of(w, w->conf);

	w->upstream = upstream_new(&w->loop, why);
	if (w->upstream == NULL)
		return ERR_MEMORY;
	upstream_on_certificate(
	    w->upstream, switchboard_certified, w->app->board);
	w->warm = warm_new(w);
	w->front = front_new(&w->loop, listen_fd, &s, &w->app->budget,
	    &request_front_ops, w, why);
	return w->front != NULL ? OK : ERR_MEMORY;
}

/* Each of them may want a descriptor. */
static enum err
open_loop(struct worker *w, struct errmsg *why)
{
	int rc = uv_loop_init(&w->loop);

	if (rc == 0)
		rc = uv_async_init(&w->loop, &w->wake, on_wake);
	if (rc != 0)
		return fail(why, ERR_IO, "no event loop for worker %u: %s",
		    w->index, uv_strerror(rc));
	uv_prepare_init(&w->loop, &w->prepare);
	uv_check_init(&w->loop, &w->check);
	uv_timer_init(&w->loop, &w->last_call);
	busy_poll_init(&w->spin, &w->loop);
	w->wake.data = w->prepare.data = w->check.data =
	    w->last_call.data = w;
	return OK;
}

static void
init(struct worker *w, struct app *app, unsigned index)
{
	w->app = app;
	w->index = index;
	w->conf = conf_ref(app->conf);
	w->adopted = w->conf->version;
	w->now = w->polled = clock_now();
	list_init(&w->runnable);
	list_init(&w->live);
	list_init(&w->owed);
	list_init(&w->graveyard);
	pool_init(&w->requests, sizeof(struct request), POOLED);
	pool_init(&w->parsed, sizeof(struct dialect_request), POOLED);
	uv_mutex_init(&w->orders);
	uv_cond_init(&w->on_adopted);
}

enum err
worker_start(struct worker *w, struct app *app, unsigned index, int listen_fd,
    struct errmsg *why)
{
	enum err rc;

	init(w, app, index);
	rc = open_loop(w, why);
	if (rc == OK)
		rc = open_parts(w, listen_fd, why);
	if (rc != OK)
		return rc;
	uv_prepare_start(&w->prepare, on_prepare);
	uv_check_start(&w->check, on_check);
	if (uv_thread_create(&w->thread, thread_main, w) != 0)
		return fail(why, ERR_IO, "cannot start a worker thread");
	w->started = true;
	return OK;
}

void
worker_join(struct worker *w)
{
	if (w->started)
		uv_thread_join(&w->thread);
}

void
worker_close(struct worker *w)
{
	if (!w->started)
		return;
	uv_loop_close(&w->loop);
	uv_mutex_destroy(&w->orders);
	uv_cond_destroy(&w->on_adopted);
	conf_unref(&w->next_conf);
	conf_unref(&w->conf);
	pool_fini(&w->requests);
	pool_fini(&w->parsed);
	w->started = false;
}
