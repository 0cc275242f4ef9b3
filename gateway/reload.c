/* gateway/reload.c - load, check, swap; a failure keeps the old
 * configuration. */
#include <stdlib.h>

#include "backends/backend.h"
#include "gateway/app.h"
#include "gateway/lib/log.h"
#include "gateway/probe.h"

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
			log_warn("config text=\"%.*s\"", SLICE_ARG(line));
}

/* What a running process cannot change is named, not silently ignored. */
static void
warn_fixed(const struct conf *old, const struct conf *new)
{
	if (old->listen.port != new->listen.port ||
	    old->admin.port != new->admin.port)
		log_warn("config setting=listen reason=needs_restart");
	if (old->workers != new->workers)
		log_warn("config setting=workers reason=needs_restart");
}

enum err
app_publish(struct app *app, struct conf *conf)
{
	struct conf *old = app->conf;
	enum log_level level;
	enum err rc;

	rc = label_telemetry(app, conf);
	if (rc == OK)
		rc = switchboard_configure(app->board, conf, clock_now());
	if (rc != OK)
		return rc;
	if (log_level_parse(conf->log_level, &level))
		log_set_level(level);
	app->conf = conf_ref(conf);
	for (unsigned i = 0; i < app->n_workers; i++)
		if (app->workers[i].started)
			worker_configure(&app->workers[i], conf);
	if (old != NULL)
		warn_fixed(old, conf);
	conf_unref(&old);
	if (app->prober != NULL)
		prober_configure(app->prober);
	return OK;
}

enum err
app_reload(struct app *app, struct complaints *c)
{
	struct conf *next = NULL;
	enum err rc;

	rc = conf_load(app->conf_path, backend_conf_env(), app->conf, &next, c);
	log_complaints(c);
	if (rc == OK)
		rc = app_publish(app, next);
	conf_unref(&next);
	if (rc == OK)
		log_info("reload config_version=%llu",
		    (unsigned long long)app->conf->version);
	else
		log_error("reload_failed reason=\"%s\" kept=%llu", err_name(rc),
		    (unsigned long long)app->conf->version);
	return rc;
}
