/* backends/sglang.c - SGLang: counts itself if run with --enable-metrics. */
#include "backends/probe.h"

void
sglang_read_probe(enum probe_kind kind, int status, struct slice body,
    struct probe_result *out)
{
	if (!probe_answered(status, body, out))
		return;
	if (kind == PROBE_MODELS)
		probe_read_models(body, out);
	else if (kind == PROBE_HEALTH)
		probe_set_warm(&out->load, true);
	else
		probe_set_gauges(&out->load, body, "sglang:num_running_reqs",
		    "sglang:num_queue_reqs", "sglang:token_usage");
}
