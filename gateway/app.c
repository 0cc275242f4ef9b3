/* gateway/app.c - the process: built in order, torn down in reverse.
 *
 *	configuration -> listeners -> router, telemetry -> workers -> admin,
 *	probes, children -> ready -> (signal) drain -> stop
 *
 * Everything here runs on the main thread, but for the functions that app.h
 * lists as callable from any. */
#include "gateway/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/admin/audit.h"
#include "gateway/admin/drill.h"
#include "gateway/admin/labels.h"
#include "gateway/admin/receipts.h"
#include "gateway/admin/slo_book.h"
#include "gateway/admin_server.h"
#include "gateway/banner.h"
#include "gateway/children.h"
#include "gateway/idempotency/idempotency.h"
#include "gateway/keys/keyring.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/descriptors.h"
#include "gateway/lib/log.h"
#include "gateway/listed.h"
#include "gateway/probe.h"
#include "gateway/quota/quota.h"
#include "gateway/scout.h"
#include "gateway/secrecy.h"
#include "gateway/shared/limits.h"
#include "gateway/stored.h"
#include "gateway/systemd.h"
#include "gateway/tracer.h"

#define TICK_MS 100

static const int signal_numbers[APP_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

/* --- from any thread --- */

bool
app_backend_url(
    struct app *app, const struct conf_backend *b, char *out, size_t cap)
{
	if (b->command != NULL)
		return children_url(app->children, b->id, out, cap);
	slice_copy(out, cap, slice_of(b->url));
	return true;
}

void
app_finish(struct app *app, unsigned worker, const struct outcome *o,
    struct instant at)
{
	if (o->inference)
		telemetry_finish(app->telemetry, worker, o, at.now);
	access_log_write(app->access_log, o, at.wall);
	/* whoever was not let in does not fill our disk */
	if (app->ledger != NULL && o->inference && o->auth >= 0)
		ledger_write(app->ledger, o, at.wall);
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
	shared_limits_stop(app->shared_limits);
	app->open_handles = 3;
	children_stop(app->children, on_part_closed, app);
	admin_server_close(&app->admin, on_part_closed, app);
	upstream_close(&app->upstream, on_part_closed, app);
}

void
app_stop(struct app *app)
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
on_tick(uv_timer_t *t)
{
	struct app *app = t->data;
	usec now = clock_now();

	switchboard_tick(app->board, now);
	/* a tick later, when whom it has met has failed */
	if (drill_was_over(app->drill))
		switchboard_drill_over(app->board, now);
	drill_tick(app->drill, now);
	idempotency_tick(app->idempotency, now);
	tracer_tick(app->tracer, now);
	quotas_tick(app->quotas, clock_wall());
	shared_limits_tick(app->shared_limits, now);
	app_watch_memory(app, now);
	admin_server_tick(app->admin, now);
	if (app->draining)
		app_check_drain(app, now);
	else
		scout_tick(app->scout, now);
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

/* What could not be written down is not done, as by the admin API. */
static bool
can_note_reload(const struct app *app)
{
	struct errmsg why;

	if (app->audit == NULL || audit_ready(app->audit, &why) == OK)
		return true;
	log_error("audit_log reason=\"%s\"", why.text);
	log_error("reload_failed reason=audit_log kept=%llu",
	    (unsigned long long)app->conf->version);
	systemd_reloading(); /* its own is over, too */
	systemd_ready(app->conf->version, slice_of(why.text));
	return false;
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
	if (app->draining || !can_note_reload(app))
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
	int error = descriptors_raise();

	if (error != 0)
		log_warn("descriptors reason=\"%s\"", strerror(error));
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

/* False: out of memory. */
static bool
make_rooms(struct app *app, struct conf *conf)
{
	app->bound = conf_ref(conf);
	app->n_workers = conf->workers;
	app->workers = calloc(app->n_workers, sizeof(*app->workers));
	app->board = switchboard_new(app->n_workers, wake, app);
	app->idempotency = idempotency_new(app->n_workers, wake, app);
	app->quotas = quotas_new(clock_wall());
	if (app->quotas != NULL)
		app->shared_limits = shared_limits_new(&app->loop, app->quotas);
	app->telemetry = telemetry_new(app->n_workers);
	app->tracer = tracer_new(app);
	app->listed = listed_new();
	app->stored = stored_new();
	app->prober = prober_new(app);
	app->scout = scout_new(app);
	app->children = children_new(app);
	return app->workers != NULL && app->board != NULL &&
	    app->idempotency != NULL && app->shared_limits != NULL &&
	    app->telemetry != NULL && app->tracer != NULL &&
	    app->listed != NULL && app->stored != NULL && app->prober != NULL &&
	    app->scout != NULL && app->children != NULL &&
	    open_receipts(app, conf) && open_audit(app, conf);
}

static enum err
open_rooms(struct app *app, struct conf *conf, struct errmsg *why)
{
	enum err rc;

	if (!make_rooms(app, conf))
		return fail(why, ERR_MEMORY, "out of memory");
	rc = access_log_open(conf->access_log, &app->access_log, why);
	if (rc == OK && conf->ledger != NULL)
		rc = ledger_open(
		    conf->ledger, conf->ledger_keep, &app->ledger, why);
	if (rc == OK)
		rc = app_open_listeners(app, conf, why);
	if (rc != OK)
		return rc;
	app->upstream = upstream_new(&app->loop, why);
	if (app->upstream == NULL)
		return ERR_MEMORY;
	upstream_on_certificate(
	    app->upstream, switchboard_certified, app->board);
	if (app_publish(app, conf) != OK)
		return fail(why, ERR_MEMORY, "out of memory");
	rc = keyring_open(conf->keys_file, app->quotas, &app->keyring, why);
	if (rc == OK)
		rc = restore_budgets(app, why);
	if (rc != OK)
		return rc;
	shared_limits_configure(app->shared_limits, &conf->shared_limits);
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

void
app_tend_backends(struct app *app)
{
	children_configure(app->children);
	prober_configure(app->prober);
}

static void
free_rooms(struct app *app)
{
	app_close_listeners(app);
	access_log_close(&app->access_log);
	ledger_close(&app->ledger);
	audit_free(&app->audit);
	children_free(&app->children);
	switchboard_free(&app->board);
	idempotency_free(&app->idempotency);
	keyring_free(&app->keyring);
	shared_limits_free(&app->shared_limits);
	quotas_free(&app->quotas);
	telemetry_free(&app->telemetry);
	tracer_free(&app->tracer);
	receipts_free(&app->receipts);
	slo_book_free(&app->book);
	labels_free(&app->labels);
	listed_free(&app->listed);
	stored_free(&app->stored);
	drill_free(&app->drill);
	free(app->workers);
	conf_unref(&app->conf);
	conf_unref(&app->bound);
}

static enum err
open_loop(struct app *app, struct errmsg *why)
{
	int rc = -descriptors_for_libuv();

	if (rc == 0)
		rc = uv_loop_init(&app->loop);
	return rc == 0
	    ? OK
	    : fail(why, ERR_IO, "no event loop: %s", uv_strerror(rc));
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
	app_bound_heaps();
	secrecy_begin();
	if (load(&app, &conf) != OK)
		return EXIT_FAILURE;
	if (conf->core_dumps)
		secrecy_end();
	if (open_loop(&app, &why) != OK || open_rooms(&app, conf, &why) != OK ||
	    start_workers(&app, &why) != OK) {
		fprintf(stderr, "pointsman: %s\n", why.text);
		/* Threads and handles may be half there: the system cleans
		 * up better than code that never runs would. */
		_Exit(EXIT_FAILURE);
	}
	conf_unref(&conf);
	start_regulars(&app);
	/* not before nothing can fail, and signals are heard: nobody would end
	 * a child that was begun */
	app_tend_backends(&app);
	app.ready = true;
	banner_print(&app);
	systemd_ready(app.conf->version, slice_of(""));
	uv_run(&app.loop, UV_RUN_DEFAULT);
	uv_loop_close(&app.loop);
	free_rooms(&app);
	return EXIT_SUCCESS;
}
