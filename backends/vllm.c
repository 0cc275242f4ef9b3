/* backends/vllm.c - vLLM: its gauges. */
#include "backends/probe.h"
#include "backends/prometheus.h"

/* Some requests wait for a cache that is being fetched or a slow grammar:
 * more room would not help them. Newer versions count them apart. */
static void
read_waiting(struct slice page, struct load *l)
{
	struct gauge g;

	if (!prometheus_find(page, "vllm:num_requests_waiting_by_reason",
		"reason", "capacity", &g) ||
	    !probe_is_count(&g))
		return;
	l->waiting = g.sum;
	l->has |= LOAD_WAITING;
}

/* It listens only once its model is loaded, but may then be put to sleep. */
static void
read_warm(struct slice page, struct load *l)
{
	struct gauge awake;

	if (prometheus_find(page, "vllm:engine_sleep_state", "sleep_state",
		"awake", &awake))
		probe_set_warm(l, awake.max > 0);
	else if ((l->has & LOAD_RUNNING) != 0)
		probe_set_warm(l, true);
}

static const char *
cache_gauge(struct slice page)
{
	const char *now = "vllm:kv_cache_usage_perc";
	struct gauge g;

	return prometheus_find(page, now, NULL, NULL, &g)
	    ? now
	    : "vllm:gpu_cache_usage_perc";
}

void
vllm_read_probe(enum probe_kind kind, int status, struct slice body,
    struct probe_result *out)
{
	if (!probe_answered(status, body, out))
		return;
	if (kind == PROBE_MODELS)
		probe_read_models(body, out);
	if (kind != PROBE_LOAD)
		return;
	probe_set_gauges(&out->load, body, "vllm:num_requests_running",
	    "vllm:num_requests_waiting", cache_gauge(body));
	read_waiting(body, &out->load);
	read_warm(body, &out->load);
}
