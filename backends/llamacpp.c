/* backends/llamacpp.c - llama.cpp's server: /health is 503 until its model is
 * loaded, and there are metrics only if it was run with --metrics. */
#include "backends/probe.h"

void
llamacpp_read_probe(enum probe_kind kind, int status, struct slice body,
    struct probe_result *out)
{
	if (!probe_answered(status, body, out)) {
		if (out->fault.kind == FAULT_LOADING)
			probe_set_warm(&out->load, false);
		return;
	}
	if (kind == PROBE_MODELS)
		probe_read_models(body, out);
	else if (kind == PROBE_HEALTH)
		probe_set_warm(&out->load, true);
	else
		probe_set_gauges(&out->load, body,
		    "llamacpp:requests_processing",
		    "llamacpp:requests_deferred",
		    "llamacpp:kv_cache_usage_ratio");
}
