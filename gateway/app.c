/* gateway/app.c - the process: built in order, torn down in reverse.
 *
 *	configuration -> listeners -> router, telemetry -> workers -> admin,
 *	probes, children -> ready -> (signal) drain -> stop
 *
 * Everything here runs on the main thread, but for the functions that app.h
 * lists as callable from any. */
#include "gateway/app.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/backend.h"
#include "gateway/admin/audit.h"
#include "gateway/admin/drill.h"
#include "gateway/admin/labels.h"
#include "gateway/admin/receipts.h"
#include "gateway/admin/slo_book.h"
#include "gateway/admin_server.h"
#include "gateway/banner.h"
#include "gateway/children.h"
#include "gateway/idempotency.h"
#include "gateway/keyring.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/log.h"
#include "gateway/probe.h"
#include "gateway/quota/quota.h"
#include "gateway/scout.h"
#include "gateway/secrecy.h"
#include "gateway/systemd.h"
#include "gateway/telemetry/process.h"
#include "gateway/tracer.h"

#define TICK_MS 100
#define TRIM_FROM 0.75 /* of max_memory */
#define TRIM_REST 50 /* times as long as the last one took, until the next */
#define MAP_FROM (1 << 20) /* bytes: a block of its own, unmapped when freed */
#define HEAP_SPARE (4 << 20) /* bytes kept free at the end of a heap */
#define IDLE_GRACE (500 * USEC_MS) /* for requests that are on their way */
#define ABORT_GRACE (2 * USEC_SEC) /* for the last bytes of cut answers */

static const int signal_numbers[APP_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

/* --- from any thread --- */

bool
app_backend_url(
    struct app *app, const struct conf_backend *b, char *out, size_t cap)
{
	if (b->command != NULL)
		return children_url(app->children, b->id, out, cap);
	snprintf(out, cap, "%s", b->url);
	return true;
}

void
app_finish(struct app *app, unsigned worker, const struct outcome *o, usec now)
{
	if (o->inference)
		telemetry_finish(app->telemetry, worker, o, now);
	access_log_write(app->access_log, o);
	/* whoever was not let in does not fill our disk */
	if (app->ledger != NULL && o->inference && o->auth >= 0)
		ledger_write(app->ledger, o);
}

usec
app_started_wall(const struct app *app)
{
	return app->started_wall;
}

static void
wake(void *arg, unsigned worker)
{
	struct app *app = arg;

	worker_wake(&app->workers[worker]);
}

/* --- gauges --- */

static unsigned
load_gauge(const atomic_uint *g)
{
	return atomic_load_explicit(g, memory_order_relaxed);
}

static void
gauge_idempotency(struct app *app, struct telemetry_gauges *g)
{
	struct idempotency_stats s;

	idempotency_stats(app->idempotency, &s);
	g->idempotent_answers = s.answers;
	g->idempotent_bytes = s.bytes;
	g->idempotent_replays = s.replays;
	g->idempotent_conflicts = s.conflicts;
	g->idempotent_evicted = s.evicted;
}

static void
gauge_ledger(struct app *app, struct telemetry_gauges *g)
{
	struct ledger_stats s;

	g->ledger = app->ledger != NULL;
	if (!g->ledger)
		return;
	ledger_stats(app->ledger, &s);
	g->ledger_rows = s.written;
	g->ledger_dropped = s.dropped;
	g->ledger_failures = s.failures;
}

void
app_gauges(struct app *app, struct telemetry_gauges *g)
{
	struct tracer_stats traces;

	*g = (struct telemetry_gauges){ 0 };
	for (unsigned i = 0; i < app->n_workers; i++) {
		const struct worker_gauges *w = &app->workers[i].gauges;

		g->requests += load_gauge(&w->requests);
		g->connections += load_gauge(&w->connections);
		g->transfers += load_gauge(&w->transfers);
		g->connections_made += load_gauge(&w->connections_made);
		g->heartbeats +=
		    atomic_load_explicit(&w->heartbeats, memory_order_relaxed);
	}
	g->queue = switchboard_queue_length(app->board);
	g->body_bytes = atomic_load(&app->budget.held);
	g->memory_limit = app->conf->limits.memory;
	g->memory_shed = atomic_load(&app->budget.shed);
	g->config_version = app->conf->version;
	g->uptime = clock_now() - app->started;
	g->access_log_dropped = access_log_dropped(app->access_log);
	g->log_dropped = log_dropped();
	tracer_stats(app->tracer, &traces);
	g->traces_sent = traces.sent;
	g->traces_dropped = traces.dropped;
	gauge_ledger(app, g);
	gauge_idempotency(app, g);
}

static unsigned
open_requests(const struct app *app)
{
	unsigned n = 0;

	for (unsigned i = 0; i < app->n_workers; i++)
		n += load_gauge(&app->workers[i].gauges.requests);
	return n;
}

static unsigned
open_connections(const struct app *app)
{
	unsigned n = 0;

	for (unsigned i = 0; i < app->n_workers; i++)
		n += load_gauge(&app->workers[i].gauges.connections);
	return n;
}

static bool
all_draining(const struct app *app)
{
	for (unsigned i = 0; i < app->n_workers; i++)
		if (load_gauge(&app->workers[i].gauges.draining) == 0)
			return false;
	return true;
}

/* --- the loop's regulars --- */

static void
settle(struct app *app)
{
	bool busy = true;

	while (busy) {
		busy = upstream_settle(app->upstream);
		if (app->admin != NULL)
			busy |= admin_server_settle(app->admin);
	}
}

static void
on_prepare(uv_prepare_t *h)
{
	settle(h->data);
}

static void
on_check(uv_check_t *h)
{
	settle(h->data);
}

static void
on_part_closed(void *arg)
{
	struct app *app = arg;

	if (--app->open_handles > 0)
		return;
	uv_close((uv_handle_t *)&app->prepare, NULL);
	uv_close((uv_handle_t *)&app->check, NULL);
	for (size_t i = 0; i < APP_SIGNALS; i++) {
		uv_close((uv_handle_t *)&app->signals[i], NULL);
		signal(signal_numbers[i], SIG_IGN);
	}
}

/* The workers are gone: close what the main loop still holds. Signals last: one
 * more of them must not end us before our children have ended. */
static void
close_main(struct app *app)
{
	uv_close((uv_handle_t *)&app->tick, NULL);
	uv_prepare_stop(&app->prepare);
	uv_check_stop(&app->check);
	prober_free(&app->prober);
	scout_free(&app->scout);
	tracer_stop(app->tracer);
	app->open_handles = 3;
	children_stop(app->children, on_part_closed, app);
	admin_server_close(&app->admin, on_part_closed, app);
	upstream_close(&app->upstream, on_part_closed, app);
}

static void
stop(struct app *app)
{
	for (unsigned i = 0; i < app->n_workers; i++)
		worker_stop(&app->workers[i]);
	for (unsigned i = 0; i < app->n_workers; i++)
		worker_join(&app->workers[i]);
	for (unsigned i = 0; i < app->n_workers; i++)
		worker_close(&app->workers[i]);
	close_main(app);
}

static void
close_listener(const struct conf_listen *at, int fd, bool handed)
{
	if (handed)
		close(fd);
	else
		front_unlisten(at, fd);
}

/* The last one closes the socket, at once: who connects in between is reset. */
void
app_stopped_listening(struct app *app)
{
	if (atomic_fetch_sub(&app->listening, 1) == 1)
		close_listener(
		    &app->bound->listen, app->listen_fd, app->listen_handed);
}

/* Drained, or out of patience. */
static void
check_drain(struct app *app, usec now)
{
	unsigned open = open_requests(app);

	if (!all_draining(app))
		return;
	if (app->listen_fd >= 0) {
		app->listen_fd = -1;
		app->unlistened = now;
		return; /* at least one more tick, for gauges to be fresh */
	}
	if (open > 0 && !app->aborted && now >= app->drain_deadline) {
		log_warn("drain open=%u reason=drain_timeout", open);
		app->aborted = true;
		app->drain_deadline = now + ABORT_GRACE;
		for (unsigned i = 0; i < app->n_workers; i++)
			worker_abort(&app->workers[i]);
		return;
	}
	if (open == 0 && open_connections(app) > 0 &&
	    now < app->unlistened + IDLE_GRACE && now < app->drain_deadline)
		return;
	if (open == 0 && !tracer_drained(app->tracer, now))
		return;
	if (open == 0 || now >= app->drain_deadline) {
		log_info("stop open=%u", open);
		stop(app);
	}
}

/* Workers wait for their heaps while these are walked: one of 1 GiB, most of it
 * free in pieces, takes 17 to 472 ms, and up to 155 when there is no more to
 * give back. */
static void
trim(struct app *app, usec now)
{
	usec rest;

#ifdef __GLIBC__
	malloc_trim(0);
#endif
	rest = (clock_now() - now) * TRIM_REST;
	app->trim_at = now + (rest > USEC_SEC ? rest : USEC_SEC);
}

/* Where it is scarce, what was freed is given back: the system counts it as
 * ours until then. */
static void
watch_memory(struct app *app, usec now)
{
	uint64_t limit = app->conf->limits.memory;
	double resident;

	if (limit == 0)
		return;
	resident = process_resident();
	if (resident > (double)limit * TRIM_FROM && now >= app->trim_at) {
		trim(app, now);
		resident = process_resident();
	}
	/* Without an answer, as out of descriptors, the last one still holds:
	 * what was let in since must not add up for ever. */
	front_memory_read(&app->budget,
	    resident >= 0 ? (uint64_t)resident
			  : atomic_load(&app->budget.resident));
}

static void
on_tick(uv_timer_t *t)
{
	struct app *app = t->data;
	usec now = clock_now();

	switchboard_tick(app->board, now);
	drill_tick(app->drill, now);
	idempotency_tick(app->idempotency, now);
	tracer_tick(app->tracer, now);
	quotas_tick(app->quotas, clock_wall());
	watch_memory(app, now);
	admin_server_tick(app->admin, now);
	if (app->draining)
		check_drain(app, now);
	else
		scout_tick(app->scout, now);
}

void
app_drain(struct app *app)
{
	usec now = clock_now();

	if (app->draining) { /* asked twice: no more patience */
		app->drain_deadline = now;
		return;
	}
	systemd_notify("STOPPING=1");
	log_info("drain open=%u", open_requests(app));
	app->draining = true;
	app->drain_deadline = now + app->conf->drain_timeout;
	for (unsigned i = 0; i < app->n_workers; i++)
		worker_drain(&app->workers[i]);
}

static void
note_reload(struct app *app, enum err rc)
{
	const struct audit_entry e = {
		.who = "SIGHUP", .act = "reload", .result = rc == OK ? 200 : 400
	};
	struct errmsg why;

	if (app->audit != NULL &&
	    audit_write(app->audit, &e, clock_wall(), &why) != OK)
		log_error("audit_log reason=\"%s\"", why.text);
}

static void
on_signal(uv_signal_t *s, int number)
{
	struct app *app = s->data;
	struct complaints c;

	if (number != SIGHUP) {
		app_drain(app);
		return;
	}
	if (app->draining)
		return;
	complaints_init(&c);
	/* It logs what is wrong; the old configuration stays. */
	note_reload(app, app_reload(app, &c));
	complaints_fini(&c);
}

/* --- building --- */

static void
raise_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		log_warn("descriptors reason=\"%s\"", strerror(errno));
}

/* Left alone, glibc raises both with the largest block that was freed, to 32
 * and 64 MB: after one long answer each thread's heap would keep as much for
 * good of what a burst has made it grow to. */
static void
bound_heaps(void)
{
#ifdef __GLIBC__
	(void)!mallopt(M_MMAP_THRESHOLD, MAP_FROM);
	(void)!mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
#endif
}

static enum err
load(struct app *app, struct conf **out)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct complaints c;
	enum err rc;

	complaints_init(&c);
	rc = conf_load(app->conf_path, &env, NULL, out, &c);
	fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&c.text)));
	complaints_fini(&c);
	return rc;
}

/* Without receipts nothing feeds the book. */
static bool
open_receipts(struct app *app, const struct conf *conf)
{
	app->labels = labels_new();
	app->drill = drill_new();
	if (conf->receipts > 0) {
		app->receipts = receipts_new(conf->receipts, conf->workers);
		app->book = slo_book_new();
	}
	return app->labels != NULL && app->drill != NULL &&
	    (conf->receipts == 0 ||
		(app->receipts != NULL && app->book != NULL));
}

static void
restore_spent(void *arg, const struct ledger_spent *s)
{
	quotas_restore(arg, s->tenant, s->key, s->day, s->month);
}

/* Budgets go on where the last process left them. */
static enum err
restore_budgets(struct app *app, struct errmsg *why)
{
	if (app->ledger == NULL)
		return OK;
	return ledger_spent(
	    app->ledger, clock_wall(), restore_spent, app->quotas, why);
}

/* A socket that systemd has opened stays its own: whoever connects while we
 * restart waits there. */
static enum err
open_listener(const char *name, const struct conf_listen *at, int *fd,
    bool *handed, struct errmsg *why)
{
	enum err rc = systemd_listener(name, at, fd, why);

	*handed = *fd >= 0;
	return rc != OK || *handed ? rc : front_listen(at, fd, why);
}

static enum err
open_listeners(struct app *app, const struct conf *conf, struct errmsg *why)
{
	enum err rc = open_listener(
	    "listen", &conf->listen, &app->listen_fd, &app->listen_handed, why);

	if (rc == OK)
		rc = open_listener("admin", &conf->admin, &app->admin_fd,
		    &app->admin_handed, why);
	return rc;
}

/* A file that is spoilt keeps nobody from being served. */
static bool
open_audit(struct app *app, const struct conf *conf)
{
	struct errmsg why;

	if (conf->audit_log == NULL)
		return true;
	app->audit = audit_new(conf->audit_log);
	if (app->audit != NULL && audit_ready(app->audit, &why) != OK)
		log_error("audit_log reason=\"%s\"", why.text);
	return app->audit != NULL;
}

static enum err
open_rooms(struct app *app, struct conf *conf, struct errmsg *why)
{
	enum err rc;

	app->bound = conf_ref(conf);
	app->n_workers = conf->workers;
	app->workers = calloc(app->n_workers, sizeof(*app->workers));
	app->board = switchboard_new(app->n_workers, wake, app);
	app->idempotency = idempotency_new(app->n_workers, wake, app);
	app->quotas = quotas_new(clock_wall());
	app->telemetry = telemetry_new(app->n_workers);
	app->tracer = tracer_new(app);
	app->prober = prober_new(app);
	app->scout = scout_new(app);
	app->children = children_new(app);
	if (app->workers == NULL || app->board == NULL ||
	    app->idempotency == NULL || app->quotas == NULL ||
	    app->telemetry == NULL || app->tracer == NULL ||
	    app->prober == NULL || app->scout == NULL ||
	    app->children == NULL || !open_receipts(app, conf) ||
	    !open_audit(app, conf))
		return fail(why, ERR_MEMORY, "out of memory");
	rc = access_log_open(conf->access_log, &app->access_log, why);
	if (rc != OK)
		return rc;
	if (conf->ledger != NULL)
		rc = ledger_open(
		    conf->ledger, conf->ledger_keep, &app->ledger, why);
	if (rc != OK)
		return rc;
	rc = open_listeners(app, conf, why);
	if (rc != OK)
		return rc;
	app->upstream = upstream_new(&app->loop, why);
	if (app->upstream == NULL)
		return ERR_MEMORY;
	if (app_publish(app, conf) != OK)
		return fail(why, ERR_MEMORY, "out of memory");
	rc = keyring_open(conf->keys_file, app->quotas, &app->keyring, why);
	if (rc == OK)
		rc = restore_budgets(app, why);
	if (rc != OK)
		return rc;
	app->admin = admin_server_new(app, app->admin_fd, why);
	return app->admin != NULL ? OK : ERR_MEMORY;
}

static enum err
start_workers(struct app *app, struct errmsg *why)
{
	enum err rc = OK;

	atomic_init(&app->listening, app->n_workers);
	for (unsigned i = 0; i < app->n_workers && rc == OK; i++)
		rc =
		    worker_start(&app->workers[i], app, i, app->listen_fd, why);
	return rc;
}

static void
start_regulars(struct app *app)
{
	uv_prepare_init(&app->loop, &app->prepare);
	uv_check_init(&app->loop, &app->check);
	uv_timer_init(&app->loop, &app->tick);
	app->prepare.data = app->check.data = app->tick.data = app;
	uv_prepare_start(&app->prepare, on_prepare);
	uv_check_start(&app->check, on_check);
	uv_timer_start(&app->tick, on_tick, TICK_MS, TICK_MS);
	for (size_t i = 0; i < APP_SIGNALS; i++) {
		uv_signal_init(&app->loop, &app->signals[i]);
		app->signals[i].data = app;
		uv_signal_start(&app->signals[i], on_signal, signal_numbers[i]);
	}
}

static void
free_rooms(struct app *app)
{
	if (app->listen_fd >= 0)
		close_listener(
		    &app->bound->listen, app->listen_fd, app->listen_handed);
	if (app->admin_fd >= 0)
		close_listener(
		    &app->bound->admin, app->admin_fd, app->admin_handed);
	access_log_close(&app->access_log);
	ledger_close(&app->ledger);
	audit_free(&app->audit);
	children_free(&app->children);
	switchboard_free(&app->board);
	idempotency_free(&app->idempotency);
	keyring_free(&app->keyring);
	quotas_free(&app->quotas);
	telemetry_free(&app->telemetry);
	tracer_free(&app->tracer);
	receipts_free(&app->receipts);
	slo_book_free(&app->book);
	labels_free(&app->labels);
	drill_free(&app->drill);
	free(app->workers);
	conf_unref(&app->conf);
	conf_unref(&app->bound);
}

int
app_run(const char *conf_path)
{
	struct app app = { .conf_path = conf_path,
		.listen_fd = -1,
		.admin_fd = -1,
		.started = clock_now(),
		.started_wall = clock_wall() };
	struct errmsg why = { "" };
	struct conf *conf = NULL;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow */
	raise_descriptors();
	bound_heaps();
	secrecy_begin();
	if (load(&app, &conf) != OK)
		return EXIT_FAILURE;
	if (conf->core_dumps)
		secrecy_end();
	uv_loop_init(&app.loop);
	if (open_rooms(&app, conf, &why) != OK ||
	    start_workers(&app, &why) != OK) {
		fprintf(stderr, "pointsman: %s\n", why.text);
		/* Threads and handles may be half there: the system cleans
		 * up better than code that never runs would. */
		_Exit(EXIT_FAILURE);
	}
	conf_unref(&conf);
	start_regulars(&app);
	app.ready = true;
	banner_print(&app);
	systemd_notify("READY=1");
	uv_run(&app.loop, UV_RUN_DEFAULT);
	uv_loop_close(&app.loop);
	free_rooms(&app);
	return EXIT_SUCCESS;
}
