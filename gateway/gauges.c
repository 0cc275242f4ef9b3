/* gateway/gauges.c - what the process has open and keeps, at the moment. */
#include "gateway/app.h"
#include "gateway/idempotency/idempotency.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/log.h"
#include "gateway/shared/limits.h"
#include "gateway/tracer.h"

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

static void
gauge_shared_limits(struct app *app, struct telemetry_gauges *g)
{
	struct shared_limits_stats s;

	shared_limits_stats(app->shared_limits, &s);
	g->shared_limits = s.wanted;
	g->shared_limits_up = s.up;
	g->shared_limits_told = s.told;
	g->shared_limits_lost = s.lost;
}

void
app_gauges(struct app *app, struct telemetry_gauges *g)
{
	struct tracer_stats traces;

	*g = (struct telemetry_gauges){ 0 };
	for (unsigned i = 0; i < app->n_workers; i++) {
		const struct worker_gauges *w = &app->workers[i].gauges;

		g->requests += atomic_load(&w->requests);
		g->connections += atomic_load(&w->connections);
		g->transfers += atomic_load(&w->transfers);
		g->connections_made += atomic_load(&w->connections_made);
		g->heartbeats += atomic_load(&w->heartbeats);
		g->busy_poll += atomic_load(&app->workers[i].spin.spent);
	}
	g->queue = switchboard_queue_length(app->board);
	g->body_bytes = atomic_load(&app->budget.held);
	g->memory_limit = app->conf->limits.memory;
	g->memory_shed = atomic_load(&app->budget.shed);
	g->config_version = app->conf->version;
	g->certified = app->conf->tls.expires;
	g->uptime = clock_now() - app->started;
	g->access_log_dropped = access_log_dropped(app->access_log);
	g->log_dropped = log_dropped();
	tracer_stats(app->tracer, &traces);
	g->traces_sent = traces.sent;
	g->traces_dropped = traces.dropped;
	gauge_ledger(app, g);
	gauge_shared_limits(app, g);
	gauge_idempotency(app, g);
}
