/* gateway/admin/backends.c - /admin/v1/backends: every backend and serving,
 * how it fares now, and why it is or is not used. */
#include "gateway/admin/admin.h"
#include "gateway/admin/plight.h"
#include "gateway/admin/values.h"

static json_t *
known(const struct load *l, enum load_has which, double value)
{
	return number_if((l->has & which) != 0, value);
}

static json_t *
render_load(const struct load *l)
{
	json_t *o = json_object();

	set(o, "running", known(l, LOAD_RUNNING, l->running));
	set(o, "waiting", known(l, LOAD_WAITING, l->waiting));
	set(o, "cache_use", known(l, LOAD_CACHE_USE, l->cache_use));
	set(o, "left_requests",
	    known(l, LOAD_LIMIT_REQUESTS, l->left_requests));
	set(o, "left_tokens", known(l, LOAD_LIMIT_TOKENS, l->left_tokens));
	return o;
}

json_t *
admin_latency_json(const struct telemetry_view *t, enum phase phase)
{
	json_t *o = json_object();

	set(o, "p50_ms", ms(t->phase[phase].p50));
	set(o, "p95_ms", ms(t->phase[phase].p95));
	set(o, "p99_ms", ms(t->phase[phase].p99));
	set(o, "n", count(t->phase[phase].n));
	return o;
}

static json_t *
render_latency(const struct telemetry_view *t)
{
	json_t *o = json_object();

	for (enum phase i = 0; i < PHASE_COUNT; i++)
		set(o, phase_name(i), admin_latency_json(t, i));
	return o;
}

static json_t *
render_faults(const struct telemetry_view *t)
{
	json_t *o = json_object();

	for (int i = 1; i < FAULT_COUNT; i++)
		if (t->faults[i] > 0)
			set(o, fault_rule((enum fault_kind)i)->name,
			    count(t->faults[i]));
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
	set(o, "drained", json_boolean(r->drained));
	set(o, "weight", json_real(1 - r->withheld));
}

static void
add_router(json_t *o, const struct admin_picture *p,
    const struct conf_backend *backend, const struct serving_view *v)
{
	set(o, "state", json_string(admin_serving_state(backend, v)));
	set(o, "cause", admin_plight_json(p, backend, &v->plight));
	set(o, "breaker", json_string(breaker_state_name(v->breaker)));
	set(o, "last_fault", fault_json(v->last_fault));
	set(o, "opens_in_ms", ms(v->opens_in));
	set(o, "warm", json_boolean(v->warm));
	set(o, "in_flight", count(v->in_flight));
	set(o, "waiting", count(v->waiting));
	set(o, "ceiling", count_unless_zero(v->ceiling));
	add_restraint(o, &v->own);
	set(o, "load", render_load(&v->load));
	set(o, "profile", admin_measured_json(&v->measured));
}

static void
add_telemetry(json_t *o, const struct telemetry_view *t)
{
	set(o, "latency", render_latency(t));
	set(o, "attempts", count(t->attempts));
	set(o, "errors", count(t->errors));
	set(o, "rate_limited", count(t->rate_limited));
	set(o, "tokens_in", count(t->tokens_in));
	set(o, "tokens_out", count(t->tokens_out));
	set(o, "faults", render_faults(t));
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

	set(o, "id", count(s->id));
	set(o, "model", json_string(s->model->name));
	set(o, "upstream_model", json_string(s->upstream));
	set(o, "quality", json_real(s->quality));
	set(o, "fallback", json_boolean(s->fallback));
	set(o, "price", price_json(&s->price));
	if (v != NULL)
		add_router(o, p, s->backend, v);
	if (telemetry_view(p->telemetry, s->id, p->now, &t))
		add_telemetry(o, &t);
	return o;
}

/* What all its servings have in common. */
static void
add_site(json_t *o, const struct admin_picture *p, const struct conf_backend *b)
{
	const struct serving_view *v = NULL;

	for (size_t i = 0; i < p->n_servings; i++)
		if (p->servings[i].backend == b->id)
			v = &p->servings[i];
	if (v == NULL)
		return;
	set(o, "in_flight", count(v->site_in_flight));
	set(o, "certified_until",
	    (v->load.has & LOAD_CERTIFICATE) != 0 ? moment(v->load.certified)
						  : json_null());
	add_restraint(o, &v->site);
}

json_t *
admin_backend_json(const struct admin_picture *p, const struct conf_backend *b)
{
	const struct admin_child *child = admin_find_child(p, b->id);
	json_t *o = json_object(), *servings = json_array();
	const char *url = b->url;

	if (child != NULL)
		url = child->url;
	set(o, "name", json_string(b->name));
	set(o, "adapter", json_string(b->adapter));
	set(o, "url",
	    url != NULL && url[0] != '\0' ? json_string(url) : json_null());
	set(o, "hardware", json_string(b->hardware));
	set(o, "region", json_string(b->region));
	set(o, "on", json_boolean(b->off == NULL));
	set(o, "off_reason", text_or_null(b->off));
	if (child != NULL) {
		set(o, "child_running", json_boolean(child->running));
		set(o, "child_exits", count(child->end->n));
		set(o, "child_last_exit", admin_child_end_json(child->end));
	}
	set(o, "slots", count_unless_zero(b->slots));
	add_site(o, p, b);
	set(o, "price", price_json(&b->price));
	for (size_t i = 0; i < p->conf->n_servings; i++)
		if (p->conf->servings[i].backend == b)
			json_array_append_new(
			    servings, render_serving(p, &p->conf->servings[i]));
	set(o, "servings", servings);
	return o;
}

void
admin_get_backends(const struct admin_picture *p, struct admin_reply *r)
{
	json_t *doc = json_object(), *list = json_array();

	for (size_t i = 0; i < p->conf->n_backends; i++)
		json_array_append_new(
		    list, admin_backend_json(p, &p->conf->backends[i]));
	set(doc, "at", moment(p->wall));
	set(doc, "queued", count(p->gauges.queue));
	set(doc, "backends", list);
	admin_send_json(doc, r);
}
