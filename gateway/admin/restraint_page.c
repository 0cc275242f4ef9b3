/* gateway/admin/restraint_page.c - /admin/v1/backends/drain, enable and weight:
 * what is asked for, and whether it can be done.
 *
 * Invariant: without force no model loses its last serving that works. */
#include "gateway/admin/restraint_page.h"

#include <stdio.h>
#include <string.h>

#include "gateway/admin/query.h"
#include "gateway/admin/values.h"

struct asked {
	const struct admin_picture *p;
	struct admin_reply *reply;
	struct admin_restraint what;
	bool weighed, force;
};

static bool
bad(struct asked *a, const char *want, const char *name, struct slice got)
{
	return query_refuse(a->reply, "invalid_query", want, name, got);
}

/* --- what is asked for --- */

static bool
unknown(struct asked *a, const char *kind, query_names *names, struct slice got)
{
	return query_unknown(
	    a->reply, "invalid_query", kind, names, a->p->conf, got);
}

static bool
read_backend(struct asked *a, struct slice value)
{
	a->what.backend = conf_find_backend(a->p->conf, value);
	return a->what.backend != NULL ||
	    unknown(a, "backend", query_backends, value);
}

static bool
read_model(struct asked *a, struct slice value)
{
	a->what.model = conf_find_model(a->p->conf, value);
	return a->what.model != NULL ||
	    unknown(a, "model", query_models, value);
}

static bool
read_weight(struct asked *a, struct slice value)
{
	a->weighed = slice_double(value, &a->what.weight) &&
	    a->what.weight >= 0 && a->what.weight <= 1;
	return a->weighed || bad(a, "a number of 0..1", "weight", value);
}

static bool
read_force(struct asked *a, struct slice value)
{
	a->force = slice_is(value, "true");
	return a->force || slice_is(value, "false") ||
	    bad(a, "true or false", "force", value);
}

static bool
read_parameter(void *arg, struct slice name, struct slice value)
{
	static const char *const wanted[] = {
		[RESTRAINT_DRAIN] = "backend, model or force",
		[RESTRAINT_ENABLE] = "backend or model",
		[RESTRAINT_WEIGHT] = "backend, model, weight or force",
	};
	struct asked *a = arg;

	if (slice_is(name, "backend"))
		return read_backend(a, value);
	if (slice_is(name, "model"))
		return read_model(a, value);
	if (slice_is(name, "weight") && a->what.act == RESTRAINT_WEIGHT)
		return read_weight(a, value);
	if (slice_is(name, "force") && a->what.act != RESTRAINT_ENABLE)
		return read_force(a, value);
	return bad(a, wanted[a->what.act], "the query", name);
}

/* --- whether it can be done --- */

static bool
is_about(const struct admin_restraint *what, const struct conf_serving *s)
{
	return s->backend == what->backend &&
	    (what->model == NULL || s->model == what->model);
}

/* One whose breaker is half open has not shown it yet. */
static bool
works(const struct admin_picture *p, const struct conf_serving *s)
{
	const struct serving_view *v = admin_view_of(p, s->id);

	return v != NULL && s->backend->off == NULL && !admin_is_drained(v) &&
	    v->plight.cause != CAUSE_KEY && !v->model_gone &&
	    v->breaker == BREAKER_CLOSED;
}

/* Whether it takes one from the model, and leaves none. */
static bool
is_last(const struct admin_picture *p, const struct admin_restraint *what,
    const struct conf_model *m)
{
	bool takes = false;

	for (size_t i = 0; i < m->n_servings; i++) {
		const struct conf_serving *s = &m->servings[i];
		const struct serving_view *v = admin_view_of(p, s->id);

		if (!is_about(what, s)) {
			if (works(p, s))
				return false;
		} else if (v != NULL && !admin_is_drained(v)) {
			takes = true;
		}
	}
	return takes;
}

/* "; of the others: gpu (breaker_open), local (drained)" */
static void
name_others(const struct admin_picture *p, const struct admin_restraint *what,
    const struct conf_model *m, struct buf *out)
{
	const char *before = "; of the others: ";

	for (size_t i = 0; i < m->n_servings; i++) {
		const struct conf_serving *s = &m->servings[i];
		const struct serving_view *v = admin_view_of(p, s->id);

		if (v == NULL || is_about(what, s))
			continue;
		buf_addf(out, "%s%s (%s)", before, s->backend->name,
		    admin_serving_state(s->backend, v));
		before = ", ";
	}
}

static void
refuse_last(struct asked *a, const struct conf_model *m)
{
	struct buf text;

	buf_init(&text, 64 << 10);
	buf_addf(
	    &text, "model %s would have no serving left that works", m->name);
	name_others(a->p, &a->what, m, &text);
	buf_add_str(&text, "; --force (force=true) does it all the same");
	admin_error_of(a->reply, 409, "last_serving", &text);
}

/* The share that is held back. It is what the router keeps, and so what counts:
 * of a weight too small to be told from 0 it is all. */
static double
withheld_by(const struct admin_restraint *what)
{
	return 1 - what->weight;
}

static bool
takes_all(const struct admin_restraint *what)
{
	return what->act == RESTRAINT_DRAIN ||
	    (what->act == RESTRAINT_WEIGHT && withheld_by(what) >= 1);
}

static bool
may_be_taken(struct asked *a)
{
	const struct conf *c = a->p->conf;

	if (a->force || !takes_all(&a->what))
		return true;
	for (size_t i = 0; i < c->n_models; i++)
		if (is_last(a->p, &a->what, &c->models[i])) {
			refuse_last(a, &c->models[i]);
			return false;
		}
	return true;
}

/* A share of what is not known is no bound. */
static bool
has_a_share(struct asked *a, unsigned known)
{
	const double withheld = withheld_by(&a->what);
	char text[512];

	if (a->what.act != RESTRAINT_WEIGHT || a->what.backend->slots > 0 ||
	    (known & (LOAD_SLOTS | LOAD_LIMIT_REQUESTS)) != 0 ||
	    withheld <= 0 || withheld >= 1)
		return true;
	snprintf(text, sizeof(text),
	    "nothing is known of %s that there could be a share of: want "
	    "slots in gateway.conf, or a backend that tells its slots or "
	    "rate limit",
	    a->what.backend->name);
	admin_error(a->reply, 409, "no_capacity_known", text);
	return false;
}

/* What is known of any that are meant, enum load_has bits. False: there are
 * none, and the reply says so. */
static bool
look_up(struct asked *a, unsigned *known)
{
	const struct conf *c = a->p->conf;
	const struct serving_view *v;
	bool any = false;
	char text[512];

	for (size_t i = 0; i < c->n_servings; i++) {
		v = admin_view_of(a->p, c->servings[i].id);
		if (v == NULL || !is_about(&a->what, &c->servings[i]))
			continue;
		*known |= v->load.has;
		any = true;
	}
	if (any)
		return true;
	snprintf(text, sizeof(text), "backend %s serves %s%s",
	    a->what.backend->name, a->what.model != NULL ? "no " : "no model",
	    a->what.model != NULL ? a->what.model->name : "");
	admin_error(a->reply, 404, "no_serving", text);
	return false;
}

static void
ask(const struct admin_picture *p, enum restraint_act act,
    struct admin_reply *r)
{
	struct asked a = { .p = p, .reply = r, .what.act = act };
	unsigned known = 0;

	if (!query_read(p->query, read_parameter, &a, "invalid_query", r))
		return;
	if (a.what.backend == NULL) {
		bad(&a, "the name of a backend", "backend", SLICE(""));
		return;
	}
	if (act == RESTRAINT_WEIGHT && !a.weighed) {
		bad(&a, "a number of 0..1", "weight", SLICE(""));
		return;
	}
	if (!look_up(&a, &known) || !has_a_share(&a, known) ||
	    !may_be_taken(&a))
		return;
	r->restraint = a.what;
	r->action = ADMIN_RESTRAIN;
}

void
admin_post_drain(const struct admin_picture *p, struct admin_reply *r)
{
	ask(p, RESTRAINT_DRAIN, r);
}

void
admin_post_enable(const struct admin_picture *p, struct admin_reply *r)
{
	ask(p, RESTRAINT_ENABLE, r);
}

void
admin_post_weight(const struct admin_picture *p, struct admin_reply *r)
{
	ask(p, RESTRAINT_WEIGHT, r);
}

/* --- what it does --- */

void
admin_restrain(const struct admin_restraint *what, struct restraint *r)
{
	switch (what->act) {
	case RESTRAINT_DRAIN:
		r->drained = true;
		break;
	case RESTRAINT_ENABLE:
		*r = (struct restraint){ .drained = false };
		break;
	case RESTRAINT_WEIGHT:
		/* a share given back ends a drain; weight 0 is one */
		*r = (struct restraint){ .withheld = withheld_by(what) };
		break;
	}
}

bool
admin_restrained(const struct admin_picture *p,
    const struct admin_restraint *what, size_t i, uint32_t *serving,
    struct restraint *out)
{
	const struct conf *c = p->conf;
	const struct serving_view *v;

	for (size_t at = 0; at < c->n_servings; at++) {
		v = admin_view_of(p, c->servings[at].id);
		if (v == NULL || !is_about(what, &c->servings[at]) || i-- > 0)
			continue;
		*serving = what->model != NULL ? c->servings[at].id : 0;
		*out = what->model != NULL ? v->own : v->site;
		return true;
	}
	return false;
}

void
admin_render_restrained(const struct admin_picture *p,
    const struct admin_restraint *what, struct admin_reply *r)
{
	json_t *doc = json_object();

	set(doc, "backend", admin_backend_json(p, what->backend));
	set(doc, "model",
	    text_or_null(what->model != NULL ? what->model->name : NULL));
	admin_send_json(doc, r);
}
