/* gateway/telemetry/metrics.c - the table of metrics, and its documentation.
 *
 * Bounds named after their origin are part of what dashboards expect: change
 * none of them. */
#include "gateway/telemetry/metrics.h"

#include <stddef.h>

#include "gateway/telemetry/telemetry.h"

#define MS(n) (INT64_C(1000) * (n))
#define S(n) (INT64_C(1000000) * (n))
#define MICRO 1e-6

/* OpenTelemetry, gen_ai.client.operation.duration */
static const struct bounds durations = { MICRO, 14,
	{ MS(10), MS(20), MS(40), MS(80), MS(160), MS(320), MS(640), MS(1280),
	    MS(2560), MS(5120), MS(10240), MS(20480), MS(40960), MS(81920) } };
/* OpenTelemetry, gen_ai.server.time_per_output_token */
static const struct bounds per_token = { MICRO, 13,
	{ MS(10), MS(25), MS(50), MS(75), MS(100), MS(150), MS(200), MS(300),
	    MS(400), MS(500), MS(750), S(1), MS(2500) } };
/* OpenTelemetry, gen_ai.client.token.usage */
static const struct bounds tokens = { 1, 14,
	{ 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304,
	    16777216, 67108864 } };
/* vLLM, vllm:time_to_first_token_seconds */
static const struct bounds first_token = { MICRO, 22,
	{ MS(1), MS(5), MS(10), MS(20), MS(40), MS(60), MS(80), MS(100),
	    MS(250), MS(500), MS(750), S(1), MS(2500), S(5), MS(7500), S(10),
	    S(20), S(40), S(80), S(160), S(640), S(2560) } };
/* Ours: from the gap between tokens of the fastest silicon to a long answer. */
static const struct bounds phases = { MICRO, 21,
	{ 100, 200, 500, MS(1), MS(2), MS(5), MS(10), MS(20), MS(50), MS(100),
	    MS(200), MS(500), S(1), S(2), S(5), S(10), S(20), S(60), S(120),
	    S(300), S(600) } };
/* Ours: the gateway's own work is counted in microseconds. */
static const struct bounds stages = { MICRO, 17,
	{ 10, 20, 50, 100, 200, 500, MS(1), MS(2), MS(5), MS(10), MS(20),
	    MS(50), MS(100), MS(500), S(1), S(10), S(60) } };

#define REQUEST_LABELS "model", "tenant", "slo"
#define SERVING_LABELS "model", "backend", "upstream"
#define GEN_AI_SERVER "gen_ai_operation_name", "gen_ai_request_model"
#define GEN_AI_CLIENT                                                          \
	"gen_ai_operation_name", "gen_ai_provider_name",                       \
	    "gen_ai_request_model", "model", "backend"

#define BY_ALL (BY_MODEL | BY_TENANT | BY_SLO)

/* name, type, of, by, labels, bounds, help */
static const struct metric rows[METRIC_COUNT] = {
	/* --- requests, as clients see them --- */
	[M_REQUESTS] = { "pointsman_requests_total", METRIC_COUNTER, OF_GROUP,
	    BY_ALL, { REQUEST_LABELS, "code", "result" }, NULL,
	    "Requests that ended, by the status sent (none: nothing was)." },
	[M_SLO_MET] = { "pointsman_slo_met_total", METRIC_COUNTER, OF_GROUP,
	    BY_TENANT | BY_SLO, { "tenant", "slo" }, NULL,
	    "Requests that met every target they had." },
	[M_SLO_MISSED] = { "pointsman_slo_missed_total", METRIC_COUNTER,
	    OF_GROUP, BY_TENANT | BY_SLO, { "tenant", "slo" }, NULL,
	    "Requests that missed a target or failed, also where the client "
	    "left; who left while nothing was late has met what had come." },
	[M_SLO_TARGET] = { "pointsman_slo_target_ratio", METRIC_GAUGE, OF_GROUP,
	    BY_TENANT | BY_SLO, { "tenant", "slo" }, NULL,
	    "The share of requests that is to meet the SLO: its percentile." },
	[M_SLO_ATTAINMENT] = { "pointsman_slo_attainment_ratio", METRIC_GAUGE,
	    OF_GROUP, BY_TENANT | BY_SLO, { "tenant", "slo", "window" }, NULL,
	    "The share that met it in the last 5m, 1h, 6h, 3d (or since the "
	    "start)." },
	[M_SLO_BURN] = { "pointsman_slo_burn_rate", METRIC_GAUGE, OF_GROUP,
	    BY_TENANT | BY_SLO, { "tenant", "slo", "window" }, NULL,
	    "How many times faster than allowed the error budget was spent in "
	    "that window." },
	[M_SLO_BUDGET] = { "pointsman_slo_error_budget_ratio", METRIC_GAUGE,
	    OF_GROUP, BY_TENANT | BY_SLO, { "tenant", "slo" }, NULL,
	    "What is left of the error budget of the last 3 days; below 0: "
	    "overspent." },
	[M_DECISIONS] = { "pointsman_decisions_total", METRIC_COUNTER, OF_GROUP,
	    BY_MODEL, { "model", "reason" }, NULL,
	    "Requests by why they went where they did, or why they ended." },
	[M_RETRIES] = { "pointsman_retries_total", METRIC_COUNTER, OF_GROUP,
	    BY_MODEL, { "model" }, NULL,
	    "Attempts after a request's first, hedges not counted." },
	[M_TOKENS] = { "pointsman_tokens_total", METRIC_COUNTER, OF_GROUP,
	    BY_MODEL | BY_TENANT, { "model", "tenant", "type", "source" }, NULL,
	    "Tokens by type (input, output; cached is part of input), as the "
	    "backend reported or as we estimated." },
	[M_COST] = { "pointsman_cost_usd_total", METRIC_COUNTER, OF_GROUP,
	    BY_MODEL | BY_TENANT, { "model", "tenant" }, NULL,
	    "US dollars spent where the price is known." },
	[M_COST_UNKNOWN] = { "pointsman_cost_unknown_total", METRIC_COUNTER,
	    OF_GROUP, BY_MODEL | BY_TENANT, { "model", "tenant", "result" },
	    NULL,
	    "Requests whose cost is not known: ok, because of the backend (no "
	    "price, or no usage said); broken or client_gone, because they "
	    "ended early." },
	[M_CLIENT_BYTES] = { "pointsman_client_bytes_total", METRIC_COUNTER,
	    OF_GROUP, BY_MODEL | BY_TENANT, { "model", "tenant", "direction" },
	    NULL, "Bytes of bodies from (in) and to (out) clients." },
	[M_SERVER_DURATION] = { "gen_ai_server_request_duration_seconds",
	    METRIC_HISTOGRAM, OF_GROUP, BY_MODEL,
	    { GEN_AI_SERVER, "error_type" }, &durations,
	    "A request at the gateway, whole; error_type is its result." },
	[M_SERVER_TTFT] = { "gen_ai_server_time_to_first_token_seconds",
	    METRIC_HISTOGRAM, OF_GROUP, BY_MODEL, { GEN_AI_SERVER },
	    &first_token,
	    "Request received to first token; streamed answers only." },
	[M_SERVER_TPOT] = { "gen_ai_server_time_per_output_token_seconds",
	    METRIC_HISTOGRAM, OF_GROUP, BY_MODEL, { GEN_AI_SERVER }, &per_token,
	    "Time per output token after the first." },
	[M_STAGE] = { "pointsman_stage_seconds", METRIC_HISTOGRAM, OF_STAGE, 0,
	    { "stage" }, &stages,
	    "What a request spends in the gateway before a backend has it." },
	[M_OVERHEAD] = { "pointsman_overhead_seconds", METRIC_HISTOGRAM,
	    OF_STAGE, 0, { NULL }, &stages,
	    "From a request's arrival until a backend is sent it, without the "
	    "wait in the queue." },

	/* --- attempts, by serving --- */
	[M_ATTEMPTS] = { "pointsman_attempts_total", METRIC_COUNTER, OF_CELL, 0,
	    { SERVING_LABELS, "fault" }, NULL,
	    "Attempts on a serving, by how they ended." },
	[M_CONNECTIONS] = { "pointsman_attempt_connections_total",
	    METRIC_COUNTER, OF_CELL, 0,
	    { SERVING_LABELS, "priority", "connection" }, NULL,
	    "Attempts by the connection they found: warm (open already) or "
	    "cold (it had to be made)." },
	[M_HEDGES] = { "pointsman_hedges_total", METRIC_COUNTER, OF_CELL, 0,
	    { SERVING_LABELS }, NULL,
	    "Attempts that were second copies of a slow one." },
	[M_PROBES] = { "pointsman_probes_total", METRIC_COUNTER, OF_CELL, 0,
	    { SERVING_LABELS, "fault" }, NULL,
	    "Questions that the gateway itself asked, by how they ended." },
	[M_PROBE_COST] = { "pointsman_probe_cost_usd_total", METRIC_COUNTER,
	    OF_CELL, 0, { SERVING_LABELS }, NULL,
	    "US dollars spent on those." },
	[M_BLAMED] = { "pointsman_slo_blamed_total", METRIC_COUNTER, OF_CELL, 0,
	    { SERVING_LABELS, "cause" }, NULL,
	    "Requests that missed their SLO because of a serving: it was slow "
	    "(ttft, itl, total), failed, or was out of use, so that they went "
	    "to a slower one (out), waited (queue) or were refused." },
	[M_LATENCY] = { "pointsman_latency_seconds", METRIC_SUMMARY, OF_CELL, 0,
	    { SERVING_LABELS, "phase", "quantile" }, NULL,
	    "Quantiles of the last minute; sum and count since the start." },
	[M_ATTEMPT_PHASE] = { "pointsman_attempt_seconds", METRIC_HISTOGRAM,
	    OF_CELL, 0, { SERVING_LABELS, "phase" }, &phases,
	    "Parts of an attempt: connect, tls, ttft, itl; may be summed up." },
	[M_CLIENT_DURATION] = { "gen_ai_client_operation_duration_seconds",
	    METRIC_HISTOGRAM, OF_CELL, 0, { GEN_AI_CLIENT, "error_type" },
	    &durations, "An attempt on a backend; error_type is its fault." },
	[M_CLIENT_TOKENS] = { "gen_ai_client_token_usage", METRIC_HISTOGRAM,
	    OF_CELL, 0, { GEN_AI_CLIENT, "gen_ai_token_type" }, &tokens,
	    "Tokens per request, only where the backend reported them." },

	/* --- servings, now --- */
	[M_SERVING_INFO] = { "pointsman_serving_info", METRIC_GAUGE, OF_SERVING,
	    0, { SERVING_LABELS, "adapter", "region" }, NULL,
	    "Always 1; the labels tell what a serving is." },
	[M_IN_FLIGHT] = { "pointsman_in_flight", METRIC_GAUGE, OF_SERVING, 0,
	    { SERVING_LABELS }, NULL, "Attempts running on a serving." },
	[M_WAITING] = { "pointsman_waiting", METRIC_GAUGE, OF_SERVING, 0,
	    { SERVING_LABELS }, NULL,
	    "Requests queued here for the serving's model." },
	[M_BREAKER] = { "pointsman_breaker_state", METRIC_GAUGE, OF_SERVING, 0,
	    { SERVING_LABELS }, NULL,
	    "Circuit breaker: 0 closed, 1 open, 2 half-open." },
	[M_USABLE] = { "pointsman_serving_usable", METRIC_GAUGE, OF_SERVING, 0,
	    { SERVING_LABELS }, NULL, "1 while the router may choose it." },
	[M_WEIGHT] = { "pointsman_serving_weight", METRIC_GAUGE, OF_SERVING, 0,
	    { SERVING_LABELS }, NULL,
	    "The share of it that an operator lets be used: 1 all, 0 "
	    "drained; none while its backend is off." },
	[M_WARM] = { "pointsman_serving_warm", METRIC_GAUGE, OF_SERVING, 0,
	    { SERVING_LABELS }, NULL, "1 while the model is loaded." },
	[M_BACKEND_RUNNING] = { "pointsman_backend_running", METRIC_GAUGE,
	    OF_SERVING, 0, { SERVING_LABELS }, NULL,
	    "Requests running, as the backend says." },
	[M_BACKEND_WAITING] = { "pointsman_backend_waiting", METRIC_GAUGE,
	    OF_SERVING, 0, { SERVING_LABELS }, NULL,
	    "Requests waiting, as the backend says." },
	[M_BACKEND_CACHE] = { "pointsman_backend_cache_use_ratio", METRIC_GAUGE,
	    OF_SERVING, 0, { SERVING_LABELS }, NULL,
	    "KV cache in use, 0 to 1, as the backend says." },
	[M_BACKEND_SLOTS] = { "pointsman_backend_slots", METRIC_GAUGE,
	    OF_SERVING, 0, { SERVING_LABELS }, NULL,
	    "Requests it runs at once, as the backend says." },
	[M_LIMIT_REMAINING] = { "pointsman_rate_limit_remaining", METRIC_GAUGE,
	    OF_SERVING, 0, { SERVING_LABELS, "limit" }, NULL,
	    "What a provider's rate limit leaves: requests, tokens." },
	[M_LIMIT_RESET] = { "pointsman_rate_limit_reset_seconds", METRIC_GAUGE,
	    OF_SERVING, 0, { SERVING_LABELS, "limit" }, NULL,
	    "Time until that limit is refilled." },
	[M_BACKEND_CERTIFICATE] = { "pointsman_backend_certificate_expiry_"
				    "timestamp_seconds",
	    METRIC_GAUGE, OF_SERVING, 0, { SERVING_LABELS }, NULL,
	    "When the first of its TLS certificates expires, since 1970, as "
	    "last seen: at least once a day where it is asked." },

	/* --- models, now: what an autoscaler asks --- */
	[M_MODEL_WANTED] = { "pointsman_model_wanted_slots", METRIC_GAUGE,
	    OF_MODEL, 0, { "model" }, NULL,
	    "Slots that would be busy if nobody had to wait: attempts running "
	    "and requests queued." },
	[M_MODEL_SLOTS] = { "pointsman_model_slots", METRIC_GAUGE, OF_MODEL, 0,
	    { "model", "state" }, NULL,
	    "Slots of servings that are warm, cold or out; only of those "
	    "whose slots are known." },
	[M_MODEL_SERVINGS] = { "pointsman_model_servings", METRIC_GAUGE,
	    OF_MODEL, 0, { "model", "state" }, NULL,
	    "Servings that are warm, cold (to be loaded first) or out (not "
	    "usable now)." },

	/* --- the process, now --- */
	[M_OPEN_REQUESTS] = { "pointsman_open_requests", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL, "Requests being served." },
	[M_OPEN_CONNECTIONS] = { "pointsman_open_connections", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL, "Connections of clients." },
	[M_QUEUE] = { "pointsman_queue_length", METRIC_GAUGE, OF_PROCESS, 0,
	    { NULL }, NULL, "Requests waiting in the router's queue." },
	[M_TRANSFERS] = { "pointsman_upstream_transfers", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL, "Exchanges open with backends." },
	[M_CONNECTIONS_MADE] = { "pointsman_upstream_connections_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Connections made to backends." },
	[M_BODY_BYTES] = { "pointsman_request_bodies_bytes", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Bytes of request bodies held in memory." },
	[M_MEMORY_LIMIT] = { "pointsman_memory_limit_bytes", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "What max_memory allows to be resident." },
	[M_MEMORY_SHED] = { "pointsman_memory_shed_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Requests refused because of max_memory." },
	[M_HEARTBEATS] = { "pointsman_heartbeats_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Comments sent into streams that waited for their first event." },
	[M_BUSY_POLL] = { "pointsman_busy_poll_seconds_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Processor time that workers spent awake for nothing "
	    "(busy_poll)." },
	[M_IDEMPOTENT_ANSWERS] = { "pointsman_idempotent_answers", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Answers kept under an Idempotency-Key." },
	[M_IDEMPOTENT_BYTES] = { "pointsman_idempotent_answers_bytes",
	    METRIC_GAUGE, OF_PROCESS, 0, { NULL }, NULL,
	    "Memory that those take." },
	[M_IDEMPOTENT_REPLAYS] = { "pointsman_idempotent_replays_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Requests that were given a kept answer." },
	[M_IDEMPOTENT_CONFLICTS] = { "pointsman_idempotent_conflicts_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Requests refused because their Idempotency-Key stood for "
	    "another." },
	[M_IDEMPOTENT_EVICTED] = { "pointsman_idempotent_evicted_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Answers that were dropped for want of room, before their "
	    "time." },
	[M_ACCESS_LOG_DROPPED] = { "pointsman_access_log_dropped_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Lines of the access log lost to a full queue or a failed write." },
	[M_LOG_DROPPED] = { "pointsman_log_dropped_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Lines of the log lost because stderr would not take them at "
	    "once." },
	[M_LEDGER_ROWS] = { "pointsman_ledger_rows_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL, "Rows written to the ledger." },
	[M_LEDGER_DROPPED] = { "pointsman_ledger_dropped_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Rows of the ledger lost to a full queue." },
	[M_LEDGER_FAILURES] = { "pointsman_ledger_failures_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Times that the ledger could not be written; its rows are kept and "
	    "tried again." },
	[M_SHARED_LIMITS_UP] = { "pointsman_shared_limits_up", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "1 while limits are shared with other gateways; 0 while each "
	    "counts by itself, as the server cannot be reached." },
	[M_SHARED_LIMITS_TOLD] = { "pointsman_shared_limits_told_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Exchanges with the others of what a tenant or key has used." },
	[M_SHARED_LIMITS_LOST] = { "pointsman_shared_limits_lost_total",
	    METRIC_COUNTER, OF_PROCESS, 0, { NULL }, NULL,
	    "Of those, such as nobody knows the outcome of." },
	[M_TRACES_SENT] = { "pointsman_traces_sent_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Requests whose spans a collector has taken." },
	[M_TRACES_DROPPED] = { "pointsman_traces_dropped_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Requests whose spans were lost: a full queue, or a collector "
	    "that would not take them." },
	[M_CHILD_EXITS] = { "pointsman_child_exits_total", METRIC_COUNTER,
	    OF_CHILD, 0, { "backend" }, NULL,
	    "Times that a backend's process ended without being told to, or "
	    "could not be started." },
	[M_CERTIFICATE] = { "pointsman_certificate_expiry_timestamp_seconds",
	    METRIC_GAUGE, OF_PROCESS, 0, { NULL }, NULL,
	    "When the certificate of `tls` expires, since 1970." },
	[M_CONFIG_VERSION] = { "pointsman_config_version", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Counts loads of the configuration; 1 is the first." },
	[M_UPTIME] = { "pointsman_uptime_seconds", METRIC_GAUGE, OF_PROCESS, 0,
	    { NULL }, NULL, "Time since the start." },
	[M_BUILD_INFO] = { "pointsman_build_info", METRIC_GAUGE, OF_PROCESS, 0,
	    { "version" }, NULL, "Always 1; the version is a label." },
	[M_PROCESS_CPU] = { "process_cpu_seconds_total", METRIC_COUNTER,
	    OF_PROCESS, 0, { NULL }, NULL,
	    "Processor time used, user and system." },
	[M_PROCESS_RESIDENT] = { "process_resident_memory_bytes", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL, "Memory in use." },
	[M_PROCESS_VIRTUAL] = { "process_virtual_memory_bytes", METRIC_GAUGE,
	    OF_PROCESS, 0, { NULL }, NULL, "Address space in use." },
	[M_PROCESS_FDS] = { "process_open_fds", METRIC_GAUGE, OF_PROCESS, 0,
	    { NULL }, NULL, "Open file descriptors." },
	[M_PROCESS_MAX_FDS] = { "process_max_fds", METRIC_GAUGE, OF_PROCESS, 0,
	    { NULL }, NULL, "File descriptors allowed." },
};

const struct metric *
metric_row(enum metric_id id)
{
	return &rows[id];
}

const char *
metric_type_name(enum metric_type type)
{
	static const char *const names[] = { "counter", "gauge", "histogram",
		"summary" };

	return names[type];
}

static void
write_labels(FILE *f, const struct metric *m)
{
	for (unsigned i = 0; i < LABELS_MAX && m->labels[i] != NULL; i++)
		fprintf(f, "%s`%s`", i > 0 ? ", " : "", m->labels[i]);
}

void
telemetry_write_docs(FILE *f)
{
	fputs("# Metrics\n\n"
	      "`GET /metrics` on the admin listener, in the Prometheus text "
	      "format. This page\nis generated from the table of metrics.\n\n"
	      "A value that is not known is left out; it is never shown as 0. "
	      "A label that\ndoes not apply is left out too. \n\n"
	      "No label comes from a request's own text: whatever is asked of "
	      "the model `*`\nor `gpt-*` counts as that. Beyond 500 models, "
	      "requests are "
	      "counted under the model `other`; beyond\n4,000 combinations of "
	      "model, tenant and SLO class, under `other` in all three.\n\n"
	      "| Metric | Type | Labels | Meaning |\n"
	      "|---|---|---|---|\n",
	    f);
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		fprintf(f, "| `%s` | %s | ", rows[i].name,
		    metric_type_name(rows[i].type));
		write_labels(f, &rows[i]);
		fprintf(f, " | %s |\n", rows[i].help);
	}
}
