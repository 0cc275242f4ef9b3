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

void
admin_get_metrics(const struct admin_picture *p, struct admin_reply *r)
{
	struct telemetry_serving *list =
	    calloc(p->n_servings + 1, sizeof(*list));

	if (list == NULL) {
		admin_no_memory(r);
		return;
	}
	for (size_t i = 0; i < p->n_servings; i++)
		admin_serving_metrics(p->conf, &p->servings[i], &list[i]);
	r->content_type = "text/plain; version=0.0.4; charset=utf-8";
	telemetry_expose(
	    p->telemetry, &p->gauges, list, p->n_servings, p->now, &r->body);
	free(list);
}
