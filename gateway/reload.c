/* gateway/reload.c - load, check, swap; a failure keeps the old
 * configuration. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/backend.h"
#include "gateway/admin/drill.h"
#include "gateway/admin/labels.h"
#include "gateway/admin_server.h"
#include "gateway/app.h"
#include "gateway/children.h"
#include "gateway/idempotency/idempotency.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/log.h"
#include "gateway/lib/text.h"
#include "gateway/probe.h"
#include "gateway/quota/quota.h"
#include "gateway/shared/limits.h"
#include "gateway/systemd.h"

#define ADOPT_PATIENCE USEC_SEC /* a worker's turn is short */

static enum err
label_telemetry(struct app *app, const struct conf *conf)
{
	struct telemetry_label *labels =
	    calloc(conf->n_servings + 1, sizeof(*labels));
	enum err rc;

	if (labels == NULL)
		return ERR_MEMORY;
	for (size_t i = 0; i < conf->n_servings; i++) {
		const struct conf_serving *s = &conf->servings[i];

		labels[i] = (struct telemetry_label){ .serving = s->id,
			.model = s->model->name,
			.backend = s->backend->name,
			.upstream = s->upstream,
			.adapter = s->backend->adapter,
			.region = s->backend->region };
	}
	rc = telemetry_configure(app->telemetry, labels, conf->n_servings);
	free(labels);
	return rc;
}

static void
log_complaints(const struct complaints *c)
{
	struct slice rest = buf_slice(&c->text), line;

	while (slice_next(&rest, '\n', &line))
		if (line.n > 0)
			log_warn("config complaint: %.*s", SLICE_ARG(line));
}

/* The first line that is no warning; where there is none, that. */
static struct slice
first_error(const struct complaints *c, struct slice otherwise)
{
	struct slice rest = buf_slice(&c->text), line;

	while (slice_next(&rest, '\n', &line))
		if (line.n > 0 &&
		    memmem(line.p, line.n, ": warning: ", 11) == NULL)
			return line;
	return otherwise;
}

/* What a running process cannot change is named, not silently ignored: at
 * every reload, for as long as it is not what the process was started with. */
static void
warn_fixed(const struct conf *bound, const struct conf *now)
{
	struct buf names;

	buf_init(&names, 1024);
	conf_restart_needed(bound, now, &names);
	if (names.n > 0)
		log_warn("config settings=\"%.*s\" reason=needs_restart",
		    SLICE_ARG(buf_slice(&names)));
	buf_fini(&names);
}

/* The log as it is to be named; the same name again is a rotated file. Opened
 * before anything changes: a file whose log cannot be written is not good. */
static enum err
open_access_log(const struct conf *next, int *fd, struct complaints *c)
{
	struct errmsg why;
	enum err rc = access_log_target(next->access_log, fd, &why);

	if (rc != OK) {
		buf_addf(&c->text, "%s: %s\n", next->path, why.text);
		c->errors++;
	}
	return rc;
}

/* --- what is another now --- */

#define CHANGES_MAX 900 /* bytes of them that are logged */

static void
add_name(struct buf *to, const char *what, const char *name, unsigned *n)
{
	if (to->n < CHANGES_MAX)
		buf_addf(to, "%s%s", (*n)++ == 0 ? what : ",", name);
}

static bool
has_moved(const struct conf_backend *was, const struct conf_backend *now)
{
	return !same_text(was->url, now->url) ||
	    !same_text(was->unix_path, now->unix_path) ||
	    !same_text(was->adapter, now->adapter);
}

static void
add_backends(const struct conf *was, const struct conf *now, const char *what,
    bool moved, struct buf *to)
{
	const struct conf_backend *b, *other;
	unsigned n = 0;

	for (size_t i = 0; i < now->n_backends; i++) {
		b = &now->backends[i];
		other = conf_find_backend(was, slice_of(b->name));
		if (moved ? other != NULL && has_moved(other, b)
			  : other == NULL)
			add_name(to, what, b->name, &n);
	}
}

static void
add_tenants(const struct conf *was, const struct conf *now, const char *what,
    struct buf *to)
{
	unsigned n = 0;

	for (size_t i = 0; i < now->n_tenants; i++)
		if (conf_find_tenant(was, slice_of(now->tenants[i].name)) ==
		    NULL)
			add_name(to, what, now->tenants[i].name, &n);
}

/* Backends whose name is new have everything to be learnt; so have those at
 * another url. */
static void
write_changes(const struct conf *was, const struct conf *now, struct buf *to)
{
	add_backends(was, now, " backends_new=", false, to);
	add_backends(now, was, " backends_gone=", false, to);
	add_backends(was, now, " backends_moved=", true, to);
	add_tenants(was, now, " tenants_new=", to);
	add_tenants(now, was, " tenants_gone=", to);
}

static enum err
publish_with_log(struct app *app, struct conf *next, int log)
{
	enum err rc = app_publish(app, next);

	if (rc == OK)
		access_log_turn(app->access_log, log);
	else if (log >= 0)
		close(log);
	return rc;
}

static bool
stays_safe(const struct conf *next, const char *keys, size_t n,
    const struct conf_listen *bound, struct complaints *c)
{
	if (n > 0 || conf_listen_is_local(bound))
		return true;
	buf_addf(&c->text,
	    "%s: %s: want at least one, because the open listener, %s, is "
	    "not on loopback\n",
	    next->path, keys, bound->address);
	c->errors++;
	return false;
}

/* Listeners stay what they were: one that strangers reach may not be opened to
 * all by leaving out its keys. */
static enum err
check_bound(
    const struct app *app, const struct conf *next, struct complaints *c)
{
	bool data = stays_safe(
	    next, "tenants", next->n_tenants, &app->bound->listen, c);
	bool admin = stays_safe(
	    next, "admin_keys", next->n_admin_keys, &app->bound->admin, c);

	return data && admin ? OK : ERR_INVALID;
}

enum err
app_publish(struct app *app, struct conf *conf)
{
	struct conf *old = app->conf;
	enum log_level level;
	enum err rc;

	rc = label_telemetry(app, conf);
	if (rc == OK)
		rc = labels_configure(app->labels, conf);
	if (rc == OK)
		rc = quotas_configure(app->quotas, conf);
	if (rc == OK)
		rc = switchboard_configure(app->board, conf, clock_now());
	if (rc != OK)
		return rc;
	if (log_level_parse(conf->log_level, &level))
		log_set_level(level);
	idempotency_configure(
	    app->idempotency, &conf->idempotency, clock_now());
	app->conf = conf_ref(conf);
	if (app->ledger != NULL)
		ledger_keep(app->ledger, conf->ledger_keep);
	drill_stop(app->drill, DRILL_RELOADED, clock_now());
	for (unsigned i = 0; i < app->n_workers; i++)
		if (app->workers[i].started)
			worker_configure(&app->workers[i], conf);
	if (app->admin != NULL)
		admin_server_configure(app->admin, conf);
	warn_fixed(app->bound, conf);
	conf_unref(&old);
	if (app->ready)
		app_tend_backends(app);
	return OK;
}

/* Whoever asked for the reload may use what is new in it from then on: a key
 * that one worker does not know yet would be refused there. */
static void
await_workers(struct app *app)
{
	usec end = clock_now() + ADOPT_PATIENCE, now;

	for (unsigned i = 0; i < app->n_workers; i++) {
		now = clock_now();
		if (!worker_adopts(&app->workers[i], app->conf->version,
			now < end ? end - now : 0))
			log_warn("reload worker=%u reason=busy", i);
	}
}

enum err
app_reload(struct app *app, struct complaints *c)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct conf *next = NULL;
	struct buf changes;
	enum err rc;
	int log;

	buf_init(&changes, 2 * CHANGES_MAX);
	systemd_reloading();
	rc = conf_load(app->conf_path, &env, app->conf, &next, c);
	if (rc == OK)
		rc = check_bound(app, next, c);
	if (rc == OK)
		rc = open_access_log(next, &log, c);
	log_complaints(c);
	if (rc == OK) {
		write_changes(app->conf, next, &changes);
		rc = publish_with_log(app, next, log);
	}
	conf_unref(&next);
	if (rc == OK) {
		shared_limits_configure(
		    app->shared_limits, &app->conf->shared_limits);
		await_workers(app);
	}
	if (rc == OK)
		log_info("reload config_version=%llu%.*s",
		    (unsigned long long)app->conf->version,
		    SLICE_ARG(buf_slice(&changes)));
	else
		log_error("reload_failed reason=\"%s\" kept=%llu", err_name(rc),
		    (unsigned long long)app->conf->version);
	buf_fini(&changes);
	systemd_ready(app->conf->version,
	    rc == OK ? slice_of("") : first_error(c, slice_of(err_name(rc))));
	return rc;
}
