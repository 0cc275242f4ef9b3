/* gateway/admin/live_servings.c - how every serving fares now. */
#include <stdio.h>

#include "gateway/admin/live_store.h"
#include "gateway/admin/plight.h"

static void
add_names(json_t *o, const struct conf_serving *s)
{
	char key[16];

	snprintf(key, sizeof(key), "%u", s->id);
	set(o, "key", json_string(key));
	set(o, "model", json_string(s->model->name));
	set(o, "backend", json_string(s->backend->name));
	set(o, "upstream_model", json_string(s->upstream));
	set(o, "adapter", json_string(s->backend->adapter));
	set(o, "hardware", json_string(s->backend->hardware));
	set(o, "region", json_string(s->backend->region));
	set(o, "fallback", json_boolean(s->fallback));
}

static void
add_load(json_t *o, const struct load *l)
{
	set(o, "running", number_if((l->has & LOAD_RUNNING) != 0, l->running));
	set(o, "backend_waiting",
	    number_if((l->has & LOAD_WAITING) != 0, l->waiting));
	set(o, "cache_use",
	    number_if((l->has & LOAD_CACHE_USE) != 0, l->cache_use));
}

static void
add_router(json_t *o, const struct admin_picture *p,
    const struct conf_serving *s, const struct serving_view *v)
{
	struct telemetry_serving m;

	admin_serving_metrics(p->conf, v, &m);
	set(o, "state", json_string(admin_serving_state(s->backend, v)));
	set(o, "cause", admin_plight_json(p, s->backend, &v->plight));
	set(o, "breaker", json_string(breaker_state_name(v->breaker)));
	set(o, "usable", json_boolean(m.usable));
	set(o, "warm", json_boolean(m.warm));
	set(o, "last_fault", fault_json(v->last_fault));
	set(o, "opens_in_ms", ms(v->opens_in));
	set(o, "in_flight", count(m.in_flight));
	set(o, "waiting", count(m.waiting));
	set(o, "slots", count_unless_zero(m.slots));
	add_load(o, &v->load);
}

static void
add_telemetry(json_t *o, const struct live *l, const struct admin_picture *p,
    const struct conf_serving *s)
{
	struct telemetry_view t;
	double sum;
	unsigned known = series_sum(
	    l->servings, s->id, SERVING_ATTEMPTS, 0, VIGIL_MINUTE, &sum);

	if (!telemetry_view(p->telemetry, s->id, p->now, &t))
		return;
	set(o, "ttft", admin_latency_json(&t, PHASE_TTFT));
	set(o, "itl", admin_latency_json(&t, PHASE_ITL));
	set(o, "attempts_total", count(t.attempts));
	set(o, "errors_total", count(t.errors));
	set(o, "tokens_in_total", count(t.tokens_in));
	set(o, "tokens_out_total", count(t.tokens_out));
	set(o, "requests_per_s", number_if(known > 0, sum / live_minute(l)));
}

json_t *
live_servings(const struct live *l, const struct admin_picture *p)
{
	json_t *list = json_array(), *o;
	const struct conf_serving *s;

	for (size_t i = 0; i < p->n_servings; i++) {
		s = conf_find_serving(p->conf, p->servings[i].serving);
		if (s == NULL)
			continue;
		o = json_object();
		add_names(o, s);
		add_router(o, p, s, &p->servings[i]);
		add_telemetry(o, l, p, s);
		set(o, "price", price_json(&s->price));
		json_array_append_new(list, o);
	}
	return list;
}
