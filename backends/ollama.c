/* backends/ollama.c - Ollama: loads models when asked for them, and drops them
 * a while after. */
#include "backends/probe.h"
#include "backends/wire_error.h"

/* {"models":[{"name":"qwen3:8b",...}]}: those in memory now. */
static void
read_resident(struct slice body, struct load *l)
{
	json_t *root = probe_json(body);
	const json_t *models = json_object_get(root, "models");

	if (json_is_array(models))
		probe_set_warm(l, json_array_size(models) > 0);
	json_decref(root);
}

void
ollama_read_probe(enum probe_kind kind, int status, struct slice body,
    struct probe_result *out)
{
	if (!probe_answered(status, body, out))
		return;
	if (kind == PROBE_MODELS)
		probe_read_models(body, out);
	else if (kind == PROBE_LOAD)
		read_resident(body, &out->load);
}

/* Its queue is full: it is busy, not broken. */
struct fault
ollama_classify(const struct answer_head *h, struct slice body)
{
	struct fault f = openai_classify(h, body);
	struct wire_error e = { .message = body };

	if (f.kind == FAULT_SERVER_ERROR && f.status == 503 &&
	    wire_error_says(&e, "server busy"))
		f.kind = FAULT_RATE_LIMITED;
	return f;
}
