/* backends/lmstudio.c - LM Studio: loads models when asked for them; its own
 * API says which are loaded. */
#include "backends/probe.h"

/* {"models":[{"key":"..","loaded_instances":[{"id":".."}]}]} */
static void
read_loaded(struct slice body, struct load *l)
{
	json_t *root = probe_json(body), *models, *model;
	bool warm = false;
	size_t i;

	models = json_object_get(root, "models");
	json_array_foreach (models, i, model)
		if (json_array_size(
			json_object_get(model, "loaded_instances")) > 0)
			warm = true;
	if (json_is_array(models))
		probe_set_warm(l, warm);
	json_decref(root);
}

void
lmstudio_read_probe(enum probe_kind kind, int status, struct slice body,
    struct probe_result *out)
{
	if (!probe_answered(status, body, out))
		return;
	if (kind == PROBE_MODELS)
		probe_read_models(body, out);
	else
		read_loaded(body, &out->load);
}
