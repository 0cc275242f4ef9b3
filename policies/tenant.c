/* policies/tenant.c - what the model name of a request means to its tenant. */
#include "policies/tenant.h"

#include "policies/boundaries.h"

#define SHOWN_MAX 128 /* bytes of a name that a message repeats */

/* False: the word means nothing behind a colon. */
static bool
read_suffix(const struct conf *c, struct slice word, struct model_choice *m)
{
	m->slo = conf_find_slo(c, word);
	if (m->slo != NULL)
		return true;
	m->pin = conf_find_backend(c, word);
	if (m->pin != NULL)
		return true;
	if (slice_is(word, "fastest"))
		m->prefer = PREFER_FASTEST;
	else if (slice_is(word, "cheapest"))
		m->prefer = PREFER_CHEAPEST;
	return m->prefer != PREFER_SLO;
}

/* Cuts a suffix off m->name where there is one. */
static void
split(const struct conf *c, struct model_choice *m)
{
	ptrdiff_t colon = slice_rfind(m->name, ':');
	size_t at = (size_t)colon;

	if (colon >= 0 &&
	    read_suffix(
		c, slice_make(m->name.p + at + 1, m->name.n - at - 1), m))
		m->name.n = at;
}

static const struct conf_model *
model_named(
    const struct conf *c, const struct conf_tenant *t, struct slice name)
{
	const struct conf_model *m = NULL;

	if (name.n > 0)
		m = conf_find_model(c, name);
	if (m == NULL && name.n > 0)
		m = c->wildcard_model;
	if (m == NULL)
		m = c->default_model;
	return m != NULL && boundary_model(t, m) ? m : NULL;
}

static bool
served_by(const struct conf_model *m, const struct conf_backend *b)
{
	for (size_t i = 0; i < m->n_servings; i++)
		if (m->servings[i].backend == b)
			return true;
	return false;
}

static enum err
check_pin(const struct conf_tenant *t, const struct model_choice *m,
    struct errmsg *why)
{
	if (m->pin == NULL)
		return OK;
	if (t != NULL && !t->may_pin)
		return fail(why, ERR_UNSUPPORTED,
		    "tenant %s may not choose a backend (\":%s\"); ask for "
		    "the model alone",
		    t->name, m->pin->name);
	if (!served_by(m->model, m->pin))
		return fail(why, ERR_NOT_FOUND,
		    "model \"%.*s\" is not served by backend %s",
		    SLICE_SHORT(m->name, SHOWN_MAX), m->pin->name);
	return OK;
}

enum err
model_resolve(const struct conf *c, const struct conf_tenant *t,
    struct slice name, struct model_choice *out, struct errmsg *why)
{
	struct model_choice m = { .name = name };
	enum err rc;

	if (conf_find_model(c, name) == NULL)
		split(c, &m);
	m.model = model_named(c, t, m.name);
	if (m.model == NULL && m.name.n == 0 && c->default_model == NULL)
		return fail(why, ERR_INVALID,
		    "no model is named, and there is no default model");
	if (m.model == NULL)
		return fail(why, ERR_NOT_FOUND,
		    "the model \"%.*s\" does not exist or is not yours to use",
		    SLICE_SHORT(name, SHOWN_MAX));
	rc = check_pin(t, &m, why);
	if (rc == OK)
		*out = m;
	return rc;
}
