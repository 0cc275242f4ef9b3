/* gateway/telemetry/metrics.h - the table of metrics.
 *
 * One row each, in the order of exposition. Names after OpenTelemetry's GenAI
 * conventions (in Prometheus form) where those have one, pointsman_ otherwise.
 * A label whose value is empty is left out of a sample. */
#ifndef GATEWAY_TELEMETRY_METRICS_H
#define GATEWAY_TELEMETRY_METRICS_H

#include "gateway/telemetry/cumul.h"

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_SUMMARY
};

/* Where a metric's samples come from. */
enum metric_of {
	OF_PROCESS, /* one sample: /proc, gauges */
	OF_STAGE, /* per stage of the gateway's own work, and its sum */
	OF_GROUP, /* per model, tenant and SLO class */
	OF_CELL, /* per serving: counted */
	OF_SERVING, /* per serving: read from the router */
	OF_CHILD, /* per backend that is a child process */
	OF_MODEL, /* per model: of its servings, as the router says */
};

/* Which names of a group its samples keep; the others are summed over. */
enum metric_by { BY_MODEL = 1 << 0, BY_TENANT = 1 << 1, BY_SLO = 1 << 2 };

enum metric_id {
	M_REQUESTS,
	M_SLO_MET,
	M_SLO_MISSED,
	M_SLO_TARGET,
	M_SLO_ATTAINMENT,
	M_SLO_BURN,
	M_SLO_BUDGET,
	M_DECISIONS,
	M_RETRIES,
	M_TOKENS,
	M_COST,
	M_COST_UNKNOWN,
	M_CLIENT_BYTES,
	M_SERVER_DURATION,
	M_SERVER_TTFT,
	M_SERVER_TPOT,
	M_STAGE,
	M_OVERHEAD,
	M_ATTEMPTS,
	M_CONNECTIONS,
	M_HEDGES,
	M_PROBES,
	M_PROBE_COST,
	M_BLAMED,
	M_LATENCY,
	M_ATTEMPT_PHASE,
	M_CLIENT_DURATION,
	M_CLIENT_TOKENS,
	M_SERVING_INFO,
	M_IN_FLIGHT,
	M_WAITING,
	M_BREAKER,
	M_USABLE,
	M_WEIGHT,
	M_WARM,
	M_BACKEND_RUNNING,
	M_BACKEND_WAITING,
	M_BACKEND_CACHE,
	M_BACKEND_SLOTS,
	M_LIMIT_REMAINING,
	M_LIMIT_RESET,
	M_BACKEND_CERTIFICATE,
	M_MODEL_WANTED,
	M_MODEL_SLOTS,
	M_MODEL_SERVINGS,
	M_OPEN_REQUESTS,
	M_OPEN_CONNECTIONS,
	M_QUEUE,
	M_TRANSFERS,
	M_CONNECTIONS_MADE,
	M_BODY_BYTES,
	M_MEMORY_LIMIT,
	M_MEMORY_SHED,
	M_HEARTBEATS,
	M_BUSY_POLL,
	M_IDEMPOTENT_ANSWERS,
	M_IDEMPOTENT_BYTES,
	M_IDEMPOTENT_REPLAYS,
	M_IDEMPOTENT_CONFLICTS,
	M_IDEMPOTENT_EVICTED,
	M_ACCESS_LOG_DROPPED,
	M_LOG_DROPPED,
	M_SHARED_LIMITS_UP,
	M_SHARED_LIMITS_TOLD,
	M_SHARED_LIMITS_LOST,
	M_TRACES_SENT,
	M_TRACES_DROPPED,
	M_LEDGER_ROWS,
	M_LEDGER_DROPPED,
	M_LEDGER_FAILURES,
	M_CHILD_EXITS,
	M_CERTIFICATE,
	M_CONFIG_VERSION,
	M_UPTIME,
	M_BUILD_INFO,
	M_PROCESS_CPU,
	M_PROCESS_RESIDENT,
	M_PROCESS_VIRTUAL,
	M_PROCESS_FDS,
	M_PROCESS_MAX_FDS,
	METRIC_COUNT
};

#define LABELS_MAX 6

struct metric {
	const char *name;
	enum metric_type type;
	enum metric_of of;
	unsigned by; /* enum metric_by bits; OF_GROUP only */
	const char *labels[LABELS_MAX]; /* in the order of values */
	const struct bounds *bounds; /* METRIC_HISTOGRAM only */
	const char *help; /* one sentence; no newline */
};

const struct metric *metric_row(enum metric_id);
const char *metric_type_name(enum metric_type);

#endif
