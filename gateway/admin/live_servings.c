/* gateway/admin/live_servings.c - how every serving fares now. */
#include <stdio.h>

#include "gateway/admin/live_store.h"
#include "gateway/admin/plight.h"

/* The last minute, as in /metrics. */
static json_t *
quantiles_json(const struct telemetry_view *t, enum phase phase)
{
	json_t *o = json_object();

	live_set(o, "p50_ms", live_ms(t->phase[phase].p50));
	live_set(o, "p95_ms", live_ms(t->phase[phase].p95));
	live_set(o, "p99_ms", live_ms(t->phase[phase].p99));
	live_set(o, "n", live_count(t->phase[phase].n));
	return o;
}

static void
add_names(json_t *o, const struct conf_serving *s)
{
	char key[16];

	snprintf(key, sizeof(key), "%u", s->id);
	live_set(o, "key", json_string(key));
	live_set(o, "model", json_string(s->model->name));
	live_set(o, "backend", json_string(s->backend->name));
	live_set(o, "upstream_model", json_string(s->upstream));
	live_set(o, "adapter", json_string(s->backend->adapter));
	live_set(o, "hardware", json_string(s->backend->hardware));
	live_set(o, "region", json_string(s->backend->region));
	live_set(o, "fallback", json_boolean(s->fallback));
}

static void
add_load(json_t *o, const struct load *l)
{
	live_set(
	    o, "running", live_known((l->has & LOAD_RUNNING) != 0, l->running));
	live_set(o, "backend_waiting",
	    live_known((l->has & LOAD_WAITING) != 0, l->waiting));
	live_set(o, "cache_use",
	    live_known((l->has & LOAD_CACHE_USE) != 0, l->cache_use));
}

static void
add_router(json_t *o, const struct admin_picture *p,
    const struct conf_serving *s, const struct serving_view *v)
{
	struct telemetry_serving m;

	admin_serving_metrics(p->conf, v, &m);
	live_set(o, "state", json_string(admin_serving_state(s->backend, v)));
	live_set(o, "cause", plight_json(&v->plight, p->wall, s->backend->off));
	live_set(o, "breaker", json_string(breaker_state_name(v->breaker)));
	live_set(o, "usable", json_boolean(m.usable));
	live_set(o, "warm", json_boolean(m.warm));
	live_set(o, "last_fault",
	    v->last_fault != FAULT_NONE
		? json_string(fault_rule(v->last_fault)->name)
		: json_null());
	live_set(o, "opens_in_ms",
	    live_ms(v->opens_in == USEC_NEVER ? -1 : v->opens_in));
	live_set(o, "in_flight", live_count(m.in_flight));
	live_set(o, "waiting", live_count(m.waiting));
	live_set(o, "slots", m.slots > 0 ? live_count(m.slots) : json_null());
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
	live_set(o, "ttft", quantiles_json(&t, PHASE_TTFT));
	live_set(o, "itl", quantiles_json(&t, PHASE_ITL));
	live_set(o, "attempts_total", live_count(t.attempts));
	live_set(o, "errors_total", live_count(t.errors));
	live_set(o, "tokens_in_total", live_count(t.tokens_in));
	live_set(o, "tokens_out_total", live_count(t.tokens_out));
	live_set(
	    o, "requests_per_s", live_known(known > 0, sum / live_minute(l)));
}

static json_t *
price_json(const struct conf_price *p)
{
	json_t *o = json_object();

	live_set(o, "input", live_known(p->input >= 0, p->input));
	live_set(o, "output", live_known(p->output >= 0, p->output));
	live_set(o, "hourly", live_known(p->hourly >= 0, p->hourly));
	return o;
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
		live_set(o, "price", price_json(&s->backend->price));
		json_array_append_new(list, o);
	}
	return list;
}
