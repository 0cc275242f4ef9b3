/* policies/tenant.c - what the model name of a request means to its tenant. */
#include "policies/tenant.h"

#include "gateway/lib/buf.h"
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

/* "gemma:voise" of a listed gemma is a slip: the default model would answer it
 * without its targets. A model with a star has names of its own. */
static enum err
check_suffix(const struct conf *c, const struct conf_tenant *t,
    struct slice rest, struct slice asked, struct errmsg *why)
{
	ptrdiff_t colon = slice_rfind(rest, ':');
	const struct conf_model *m;
	char text[256];
	struct buf list;

	if (colon < 0 || conf_find_pattern(c, rest) != NULL ||
	    conf_find_model(c, rest) != NULL)
		return OK;
	rest.n = (size_t)colon;
	m = conf_find_model(c, rest);
	if (m == NULL || !boundary_model(t, m))
		return OK;
	buf_on(&list, text, sizeof(text));
	for (size_t i = 0; i < c->n_slos; i++)
		buf_addf(&list, ", :%s", c->slos[i].name);
	return fail(why, ERR_NOT_FOUND,
	    "model \"%.*s\" has no \"%.*s\"; there are :fastest, "
	    ":cheapest%.*s and backends by name",
	    SLICE_SHORT(rest, SHOWN_MAX),
	    SLICE_SHORT(slice_make(asked.p + rest.n, asked.n - rest.n), 64),
	    SLICE_ARG(buf_slice(&list)));
}

static const struct conf_model *
model_named(
    const struct conf *c, const struct conf_tenant *t, struct slice name)
{
	const struct conf_model *m = NULL;

	if (name.n > 0)
		m = conf_find_model(c, name);
	if (m == NULL)
		m = conf_find_pattern(c, name);
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
	rc = check_suffix(c, t, m.name, name, why);
	if (rc != OK)
		return rc;
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
