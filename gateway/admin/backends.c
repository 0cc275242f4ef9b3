/* gateway/admin/backends.c - /admin/v1/backends: every backend and serving,
 * how it fares now, and why it is or is not used. */
#include <jansson.h>
#include <stdlib.h>

#include "gateway/admin/admin.h"
#include "gateway/admin/plight.h"
#include "gateway/admin/values.h"

static json_t *
known(const struct load *l, enum load_has which, double value)
{
	return (l->has & which) != 0 ? json_real(value) : json_null();
}

static json_t *
render_load(const struct load *l)
{
	json_t *o = json_object();

	json_object_set_new(o, "running", known(l, LOAD_RUNNING, l->running));
	json_object_set_new(o, "waiting", known(l, LOAD_WAITING, l->waiting));
	json_object_set_new(
	    o, "cache_use", known(l, LOAD_CACHE_USE, l->cache_use));
	json_object_set_new(o, "left_requests",
	    known(l, LOAD_LIMIT_REQUESTS, l->left_requests));
	json_object_set_new(
	    o, "left_tokens", known(l, LOAD_LIMIT_TOKENS, l->left_tokens));
	return o;
}

/* The last minute as clients' requests measured it. */
static json_t *
render_latency(const struct telemetry_view *t)
{
	json_t *o = json_object(), *phase;

	for (int i = 0; i < PHASE_COUNT; i++) {
		phase = json_object();
		json_object_set_new(phase, "p50_ms", ms(t->phase[i].p50));
		json_object_set_new(phase, "p95_ms", ms(t->phase[i].p95));
		json_object_set_new(phase, "p99_ms", ms(t->phase[i].p99));
		json_object_set_new(
		    phase, "n", json_integer((json_int_t)t->phase[i].n));
		json_object_set_new(o, phase_name((enum phase)i), phase);
	}
	return o;
}

static json_t *
render_faults(const struct telemetry_view *t)
{
	json_t *o = json_object();

	for (int i = 1; i < FAULT_COUNT; i++)
		if (t->faults[i] > 0)
			json_object_set_new(o,
			    fault_rule((enum fault_kind)i)->name,
			    json_integer((json_int_t)t->faults[i]));
	return o;
}

bool
admin_is_drained(const struct serving_view *v)
{
	return v->own.drained || v->site.drained || v->own.withheld >= 1 ||
	    v->site.withheld >= 1;
}

const char *
admin_serving_state(
    const struct conf_backend *backend, const struct serving_view *v)
{
	if (admin_is_drained(v))
		return "drained";
	if (backend->off != NULL)
		return "off";
	if (v->plight.cause == CAUSE_KEY)
		return "key_rejected";
	if (v->model_gone)
		return "model_missing";
	if (v->breaker == BREAKER_OPEN)
		return "breaker_open";
	if (v->opens_in > 0)
		return "blocked";
	if (!v->warm)
		return "cold";
	return v->breaker == BREAKER_HALF_OPEN ? "half_open" : "ok";
}

static void
add_restraint(json_t *o, const struct restraint *r)
{
	json_object_set_new(o, "drained", json_boolean(r->drained));
	json_object_set_new(o, "weight", json_real(1 - r->withheld));
}

static void
add_router(json_t *o, const struct conf_backend *backend,
    const struct serving_view *v, usec wall)
{
	json_object_set_new(
	    o, "state", json_string(admin_serving_state(backend, v)));
	json_object_set_new(
	    o, "cause", plight_json(&v->plight, wall, backend->off));
	json_object_set_new(
	    o, "breaker", json_string(breaker_state_name(v->breaker)));
	json_object_set_new(o, "last_fault",
	    v->last_fault != FAULT_NONE
		? json_string(fault_rule(v->last_fault)->name)
		: json_null());
	json_object_set_new(
	    o, "opens_in_ms", ms(v->opens_in == USEC_NEVER ? -1 : v->opens_in));
	json_object_set_new(o, "warm", json_boolean(v->warm));
	json_object_set_new(o, "in_flight", json_integer(v->in_flight));
	json_object_set_new(o, "waiting", json_integer(v->waiting));
	json_object_set_new(o, "ceiling",
	    v->ceiling > 0 ? json_integer(v->ceiling) : json_null());
	add_restraint(o, &v->own);
	json_object_set_new(o, "load", render_load(&v->load));
	json_object_set_new(o, "profile", admin_measured_json(&v->measured));
}

static void
add_telemetry(json_t *o, const struct telemetry_view *t)
{
	json_object_set_new(o, "latency", render_latency(t));
	json_object_set_new(
	    o, "attempts", json_integer((json_int_t)t->attempts));
	json_object_set_new(o, "errors", json_integer((json_int_t)t->errors));
	json_object_set_new(
	    o, "rate_limited", json_integer((json_int_t)t->rate_limited));
	json_object_set_new(
	    o, "tokens_in", json_integer((json_int_t)t->tokens_in));
	json_object_set_new(
	    o, "tokens_out", json_integer((json_int_t)t->tokens_out));
	json_object_set_new(o, "faults", render_faults(t));
}

const struct serving_view *
admin_view_of(const struct admin_picture *p, uint32_t serving)
{
	for (size_t i = 0; i < p->n_servings; i++)
		if (p->servings[i].serving == serving)
			return &p->servings[i];
	return NULL;
}

static json_t *
render_serving(const struct admin_picture *p, const struct conf_serving *s)
{
	const struct serving_view *v = admin_view_of(p, s->id);
	struct telemetry_view t;
	json_t *o = json_object();

	json_object_set_new(o, "id", json_integer(s->id));
	json_object_set_new(o, "model", json_string(s->model->name));
	json_object_set_new(o, "upstream_model", json_string(s->upstream));
	json_object_set_new(o, "quality", json_real(s->quality));
	json_object_set_new(o, "fallback", json_boolean(s->fallback));
	json_object_set_new(o, "price", price_json(&s->price));
	if (v != NULL)
		add_router(o, s->backend, v, p->wall);
	if (telemetry_view(p->telemetry, s->id, p->now, &t))
		add_telemetry(o, &t);
	return o;
}

static const struct admin_child *
child_of(const struct admin_picture *p, uint32_t backend)
{
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].backend == backend)
			return &p->children[i];
	return NULL;
}

/* What all its servings have in common. */
static void
add_site(json_t *o, const struct admin_picture *p, const struct conf_backend *b)
{
	const struct serving_view *v = NULL;
	char text[CLOCK_TEXT];

	for (size_t i = 0; i < p->n_servings; i++)
		if (p->servings[i].backend == b->id)
			v = &p->servings[i];
	if (v == NULL)
		return;
	json_object_set_new(o, "in_flight", json_integer(v->site_in_flight));
	json_object_set_new(o, "certified_until",
	    (v->load.has & LOAD_CERTIFICATE) != 0
		? json_stringn(text, clock_text(text, v->load.certified, 3))
		: json_null());
	add_restraint(o, &v->site);
}

json_t *
admin_backend_json(const struct admin_picture *p, const struct conf_backend *b)
{
	const struct admin_child *child = child_of(p, b->id);
	json_t *o = json_object(), *servings = json_array();
	const char *url = b->url;

	if (child != NULL)
		url = child->url;
	json_object_set_new(o, "name", json_string(b->name));
	json_object_set_new(o, "adapter", json_string(b->adapter));
	json_object_set_new(o, "url",
	    url != NULL && url[0] != '\0' ? json_string(url) : json_null());
	json_object_set_new(o, "hardware", json_string(b->hardware));
	json_object_set_new(o, "region", json_string(b->region));
	json_object_set_new(o, "on", json_boolean(b->off == NULL));
	json_object_set_new(o, "off_reason",
	    b->off != NULL ? json_string(b->off) : json_null());
	if (child != NULL)
		json_object_set_new(
		    o, "child_running", json_boolean(child->running));
	json_object_set_new(
	    o, "slots", b->slots > 0 ? json_integer(b->slots) : json_null());
	add_site(o, p, b);
	json_object_set_new(o, "price", price_json(&b->price));
	for (size_t i = 0; i < p->conf->n_servings; i++)
		if (p->conf->servings[i].backend == b)
			json_array_append_new(
			    servings, render_serving(p, &p->conf->servings[i]));
	json_object_set_new(o, "servings", servings);
	return o;
}

void
admin_render_backends(const struct admin_picture *p, struct buf *out)
{
	json_t *doc = json_object(), *list = json_array();
	char at[CLOCK_TEXT], *text;

	for (size_t i = 0; i < p->conf->n_backends; i++)
		json_array_append_new(
		    list, admin_backend_json(p, &p->conf->backends[i]));
	json_object_set_new(
	    doc, "at", json_stringn(at, clock_text(at, p->wall, 3)));
	json_object_set_new(doc, "queued", json_integer(p->gauges.queue));
	json_object_set_new(doc, "backends", list);
	text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (text != NULL)
		buf_add_str(out, text);
	free(text);
	json_decref(doc);
}
