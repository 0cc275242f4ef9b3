/* gateway/telemetry/expose.c - the page of metrics: a walk through their
 * table. */
#include "gateway/telemetry/process.h"
#include "gateway/telemetry/scrape.h"

static double
process_value(const struct telemetry_gauges *g,
    const struct process_stats *process, enum metric_id id)
{
	switch (id) {
	case M_OPEN_REQUESTS:
		return g->requests;
	case M_OPEN_CONNECTIONS:
		return g->connections;
	case M_QUEUE:
		return g->queue;
	case M_TRANSFERS:
		return g->transfers;
	case M_CONNECTIONS_MADE:
		return g->connections_made;
	case M_BODY_BYTES:
		return (double)g->body_bytes;
	case M_MEMORY_LIMIT:
		return g->memory_limit > 0 ? (double)g->memory_limit : -1;
	case M_MEMORY_SHED:
		return (double)g->memory_shed;
	case M_HEARTBEATS:
		return (double)g->heartbeats;
	case M_BUSY_POLL:
		return (double)g->busy_poll / USEC_SEC;
	case M_IDEMPOTENT_ANSWERS:
		return (double)g->idempotent_answers;
	case M_IDEMPOTENT_BYTES:
		return (double)g->idempotent_bytes;
	case M_IDEMPOTENT_REPLAYS:
		return (double)g->idempotent_replays;
	case M_IDEMPOTENT_CONFLICTS:
		return (double)g->idempotent_conflicts;
	case M_IDEMPOTENT_EVICTED:
		return (double)g->idempotent_evicted;
	case M_ACCESS_LOG_DROPPED:
		return (double)g->access_log_dropped;
	case M_LOG_DROPPED:
		return (double)g->log_dropped;
	case M_LEDGER_ROWS:
		return g->ledger ? (double)g->ledger_rows : -1;
	case M_LEDGER_DROPPED:
		return g->ledger ? (double)g->ledger_dropped : -1;
	case M_LEDGER_FAILURES:
		return g->ledger ? (double)g->ledger_failures : -1;
	case M_SHARED_LIMITS_UP:
		return g->shared_limits ? (double)g->shared_limits_up : -1;
	case M_SHARED_LIMITS_TOLD:
		return g->shared_limits ? (double)g->shared_limits_told : -1;
	case M_SHARED_LIMITS_LOST:
		return g->shared_limits ? (double)g->shared_limits_lost : -1;
	case M_TRACES_SENT:
		return (double)g->traces_sent;
	case M_TRACES_DROPPED:
		return (double)g->traces_dropped;
	case M_CERTIFICATE:
		return g->certified > 0 ? (double)g->certified / USEC_SEC : -1;
	case M_CONFIG_VERSION:
		return (double)g->config_version;
	case M_UPTIME:
		return (double)g->uptime / 1e6;
	case M_BUILD_INFO:
		return 1;
	case M_PROCESS_CPU:
		return process->cpu_seconds;
	case M_PROCESS_RESIDENT:
		return process->resident_bytes;
	case M_PROCESS_VIRTUAL:
		return process->virtual_bytes;
	case M_PROCESS_FDS:
		return process->open_fds;
	case M_PROCESS_MAX_FDS:
		return process->max_fds;
	default:
		return -1;
	}
}

static void
expose_process(
    struct scrape *s, const struct process_stats *process, enum metric_id id)
{
	double value = process_value(s->gauges, process, id);

	if (id == M_BUILD_INFO)
		page_series(&s->page,
		    (const char *const[LABELS_MAX]){ POINTSMAN_VERSION });
	if (value >= 0)
		page_value(&s->page, value);
}

static void
expose_stages(struct scrape *s, enum metric_id id)
{
	static const char *const names[STAGE_COUNT] = { "recv", "auth", "queue",
		"route" };

	if (id == M_OVERHEAD) {
		page_cumul(&s->page, &s->overhead);
		return;
	}
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		page_series(
		    &s->page, (const char *const[LABELS_MAX]){ names[i] });
		page_cumul(&s->page, &s->stages[i]);
	}
}

static void
expose_children(struct scrape *s)
{
	const struct telemetry_child *c = s->gauges->children;

	for (size_t i = 0; i < s->gauges->n_children; i++) {
		page_series(
		    &s->page, (const char *const[LABELS_MAX]){ c[i].backend });
		page_count(&s->page, c[i].exits);
	}
}

static void
expose_all(struct scrape *s)
{
	struct process_stats process;
	const struct metric *m;

	process_read(&process);
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		m = metric_row(id);
		page_metric(&s->page, m);
		switch (m->of) {
		case OF_PROCESS:
			expose_process(s, &process, id);
			break;
		case OF_STAGE:
			expose_stages(s, id);
			break;
		case OF_GROUP:
			expose_groups(s, id);
			break;
		case OF_CELL:
			expose_tallies(s, id);
			break;
		case OF_SERVING:
			expose_servings(s, id);
			break;
		case OF_CHILD:
			expose_children(s);
			break;
		case OF_MODEL:
			expose_models(s, id);
			break;
		}
	}
}

void
telemetry_expose(struct telemetry *t, const struct telemetry_gauges *gauges,
    const struct telemetry_serving *servings, size_t n_servings, usec now,
    struct buf *out)
{
	struct scrape s = { .t = t,
		.gauges = gauges,
		.servings = servings,
		.n_servings = n_servings };

	page_init(&s.page, out);
	pthread_mutex_lock(&t->servings_lock);
	if (scrape_collect(&s, now))
		expose_all(&s);
	else if (buf_err(out) == OK)
		out->err = ERR_MEMORY;
	pthread_mutex_unlock(&t->servings_lock);
	scrape_fini(&s);
}
