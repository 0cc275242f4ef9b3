/* gateway/admin/metrics.c - /metrics: the router's view joined to the
 * telemetry's counts. */
#include <math.h>
#include <stdlib.h>

#include "gateway/admin/admin.h"

/* As configured, else as the backend says. */
static unsigned
slots_of(const struct conf *conf, const struct serving_view *v)
{
	const struct conf_serving *s = conf_find_serving(conf, v->serving);

	if (s != NULL && s->backend->slots > 0)
		return s->backend->slots;
	return v->load.has & LOAD_SLOTS ? v->load.slots : 0;
}

/* None of what is off. */
static double
weight_of(const struct conf *conf, const struct serving_view *v)
{
	const struct conf_serving *s = conf_find_serving(conf, v->serving);

	if (s == NULL || s->backend->off != NULL)
		return NAN;
	return v->own.drained || v->site.drained
	    ? 0
	    : (1 - v->own.withheld) * (1 - v->site.withheld);
}

void
admin_serving_metrics(const struct conf *conf, const struct serving_view *v,
    struct telemetry_serving *out)
{
	*out = (struct telemetry_serving){
		.serving = v->serving,
		.in_flight = v->in_flight,
		.waiting = v->waiting,
		.breaker = (unsigned)v->breaker,
		.usable = v->opens_in == 0 && !v->key_off && !v->model_gone,
		.warm = v->warm,
		.weight = weight_of(conf, v),
		.slots = slots_of(conf, v),
		.load = v->load,
	};
}

static size_t
list_children(const struct admin_picture *p, struct telemetry_child *out)
{
	const struct admin_child *child;
	size_t n = 0;

	for (size_t i = 0; i < p->conf->n_backends; i++) {
		child = admin_find_child(p, p->conf->backends[i].id);
		if (child != NULL)
			out[n++] = (struct telemetry_child){
				.backend = p->conf->backends[i].name,
				.exits = child->end->n
			};
	}
	return n;
}

void
admin_get_metrics(const struct admin_picture *p, struct admin_reply *r)
{
	struct telemetry_serving *list =
	    calloc(p->n_servings + 1, sizeof(*list));
	struct telemetry_child *children =
	    calloc(p->n_children + 1, sizeof(*children));
	struct telemetry_gauges gauges = p->gauges;

	if (list == NULL || children == NULL) {
		admin_no_memory(r);
		goto out;
	}
	gauges.children = children;
	gauges.n_children = list_children(p, children);
	for (size_t i = 0; i < p->n_servings; i++)
		admin_serving_metrics(p->conf, &p->servings[i], &list[i]);
	r->content_type = "text/plain; version=0.0.4; charset=utf-8";
	telemetry_expose(
	    p->telemetry, &gauges, list, p->n_servings, p->now, &r->body);
out:
	free(children);
	free(list);
}
