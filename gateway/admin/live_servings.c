/* gateway/admin/live_servings.c - how every serving fares now. */
#include <stdio.h>

#include "gateway/admin/live_store.h"
#include "gateway/admin/plight.h"

/* The last minute, as in /metrics. */
static json_t *
quantiles_json(const struct telemetry_view *t, enum phase phase)
{
	json_t *o = json_object();

	set(o, "p50_ms", ms(t->phase[phase].p50));
	set(o, "p95_ms", ms(t->phase[phase].p95));
	set(o, "p99_ms", ms(t->phase[phase].p99));
	set(o, "n", count(t->phase[phase].n));
	return o;
}

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
	set(o, "cause", plight_json(&v->plight, p->wall, s->backend->off));
	set(o, "breaker", json_string(breaker_state_name(v->breaker)));
	set(o, "usable", json_boolean(m.usable));
	set(o, "warm", json_boolean(m.warm));
	set(o, "last_fault",
	    v->last_fault != FAULT_NONE
		? json_string(fault_rule(v->last_fault)->name)
		: json_null());
	set(o, "opens_in_ms", ms(v->opens_in == USEC_NEVER ? -1 : v->opens_in));
	set(o, "in_flight", count(m.in_flight));
	set(o, "waiting", count(m.waiting));
	set(o, "slots", m.slots > 0 ? count(m.slots) : json_null());
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
	set(o, "ttft", quantiles_json(&t, PHASE_TTFT));
	set(o, "itl", quantiles_json(&t, PHASE_ITL));
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
