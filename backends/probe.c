/* backends/probe.c - what backends are asked of themselves, and what those tell
 * that speak as OpenAI does.
 *
 * A server that answers at all, but has no such page, is well: what it lacks
 * is the page. Its load is then unknown. */
#include "backends/probe.h"

#include <string.h>

#include "backends/prometheus.h"

bool
backend_probe(const struct backend_ops *ops, enum probe_kind kind,
    struct probe_request *out)
{
	const char *path = NULL;

	if (kind == PROBE_HEALTH)
		path = ops->health_path;
	else if (kind == PROBE_LOAD)
		path = ops->load_path;
	*out = (struct probe_request){ .path = path };
	if (path == NULL)
		*out = (struct probe_request){ "/models", .under_base = true };
	return path != NULL || kind != PROBE_LOAD;
}

static bool
lacks_page(int status)
{
	return status == 404 || status == 405 || status == 501;
}

bool
probe_answered(int status, struct slice body, struct probe_result *out)
{
	struct answer_head head = { .status = status };

	if (out->fault.kind != FAULT_NONE || status == 0)
		return false;
	if (status >= 200 && status <= 299)
		return true;
	if (!lacks_page(status))
		out->fault = openai_classify(&head, body);
	return false;
}

json_t *
probe_json(struct slice body)
{
	return json_loadb(body.p != NULL ? body.p : "", body.n, 0, NULL);
}

/* A name with a line end in it would be two. */
static void
add_name(const json_t *id, struct buf *out)
{
	struct slice name =
	    slice_make(json_string_value(id), json_string_length(id));

	if (name.n == 0 || slice_find(name, '\n') >= 0)
		return;
	buf_add(out, name);
	buf_add_char(out, '\n');
}

void
probe_read_models(struct slice body, struct probe_result *out)
{
	json_t *root = probe_json(body), *list, *entry;
	size_t i;

	list = json_is_array(root) ? root : json_object_get(root, "data");
	if (!json_is_array(list))
		out->fault =
		    (struct fault){ .kind = FAULT_BAD_ANSWER, .status = 200 };
	else if (out->models != NULL)
		json_array_foreach (list, i, entry)
			add_name(json_object_get(entry, "id"), out->models);
	json_decref(root);
}

void
probe_set_warm(struct load *l, bool warm)
{
	l->has |= LOAD_WARM;
	l->warm = warm;
}

/* More at once than any server has is a slip of its own, and would be taken for
 * the one great crowd by which all others are measured. */
#define COUNT_MOST 1e6

bool
probe_is_count(const struct gauge *g)
{
	return g->sum >= 0 && g->sum <= COUNT_MOST;
}

static void
set_count(struct load *l, unsigned bit, double *member, struct slice page,
    const char *name)
{
	struct gauge g;

	if (!prometheus_find(page, name, NULL, NULL, &g) || !probe_is_count(&g))
		return;
	*member = g.sum;
	l->has |= bit;
}

void
probe_set_gauges(struct load *l, struct slice page, const char *running,
    const char *waiting, const char *cache_use)
{
	struct gauge g;

	set_count(l, LOAD_RUNNING, &l->running, page, running);
	set_count(l, LOAD_WAITING, &l->waiting, page, waiting);
	if (!prometheus_find(page, cache_use, NULL, NULL, &g) || g.sum < 0)
		return;
	/* Of several engines each has a cache of its own. */
	l->cache_use = g.sum / g.n;
	l->has |= LOAD_CACHE_USE;
}

void
openai_read_probe(enum probe_kind kind, int status, struct slice body,
    struct probe_result *out)
{
	if (probe_answered(status, body, out) && kind == PROBE_MODELS)
		probe_read_models(body, out);
}
