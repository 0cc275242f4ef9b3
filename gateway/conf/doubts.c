/* gateway/conf/doubts.c - what can be meant, but hardly is. */
#include "gateway/conf/loader.h"
#include "gateway/lib/text.h"

/* --- where a backend is --- */

static bool
is_at(const struct conf_backend *b, const struct conf_listen *at)
{
	if (b->unix_path != NULL)
		return same_text(b->unix_path, at->path);
	return b->url != NULL && b->command == NULL && listens_at(at, b->url);
}

/* It would ask itself, and then itself again; or who answers no such thing. */
static void
check_own_url(struct loader *l, size_t i, const struct conf_backend *b)
{
	const struct conf *c = l->conf;
	const char *ours = is_at(b, &c->listen) ? "listen"
	    : is_at(b, &c->admin)               ? "admin"
						: NULL;

	if (ours != NULL)
		complain(l, loader_at(l, "backends", i, "url"),
		    "want a backend, got the gateway's own address, that of "
		    "%s",
		    ours);
}

/* Forgotten among the models, mostly. */
static void
doubt_idle(struct loader *l)
{
	const struct conf *c = l->conf;
	bool *serves = loader_scratch(l, c->n_backends * sizeof(*serves));

	if (serves == NULL)
		return;
	for (size_t i = 0; i < c->n_servings; i++)
		serves[c->servings[i].backend - c->backends] = true;
	for (size_t i = 0; i < c->n_backends; i++)
		if (!serves[i])
			warn(l, loader_at(l, "backends", i, NULL),
			    "want a model that it serves, got none: nothing is "
			    "sent there");
}

static bool
same_place(const struct conf_backend *a, const struct conf_backend *b)
{
	return a->url != NULL && a->command == NULL && b->command == NULL &&
	    same_text(a->url, b->url) &&
	    same_text(a->unix_path, b->unix_path) &&
	    same_text(a->api_key, b->api_key);
}

/* Two prices of a provider make two backends, but of two models. */
static void
doubt_twins(struct loader *l, size_t i, const struct conf_model *m)
{
	const config_setting_t *serve = loader_at(l, "models", i, "serve");

	for (unsigned j = 1; j < m->n_servings; j++)
		for (unsigned k = 0; k < j; k++) {
			const struct conf_serving *a = &m->servings[k],
						  *b = &m->servings[j];

			if (a->backend == NULL || b->backend == NULL ||
			    a->backend == b->backend ||
			    !same_text(a->upstream, b->upstream) ||
			    !same_place(a->backend, b->backend))
				continue;
			warn(l, config_setting_get_elem(serve, j),
			    "want another place than serve[%u], got its url, "
			    "key and model: what fails at one is tried again "
			    "there",
			    k);
			break;
		}
}

/* --- tenants --- */

static bool
may_use(const struct conf_tenant *t, const struct conf_model *m)
{
	if (text_listed(t->models, m->name))
		return true;
	for (size_t i = 0; m->aliases != NULL && m->aliases[i] != NULL; i++)
		if (text_listed(t->models, m->aliases[i]))
			return true;
	return false;
}

static bool
may_be_served(const struct conf_tenant *t, const struct conf_model *m)
{
	for (size_t i = 0; i < m->n_servings; i++) {
		const struct conf_serving *s = &m->servings[i];

		if (s->backend == NULL ||
		    (s->quality >= t->min_quality &&
			text_listed(t->backends, s->backend->name) &&
			text_listed(t->regions, s->backend->region)))
			return true;
	}
	return false;
}

static bool
has_quality(const struct conf *c, double least)
{
	for (size_t i = 0; i < c->n_servings; i++)
		if (c->servings[i].quality >= least)
			return true;
	return false;
}

/* Each of its boundaries leaves something, and all of them together nothing. */
static void
doubt_tenant(struct loader *l, size_t i, const struct conf_tenant *t)
{
	const struct conf *c = l->conf;

	if (!has_quality(c, t->min_quality))
		return; /* check() has said so */
	for (size_t m = 0; m < c->n_models; m++)
		if (may_use(t, &c->models[m]) &&
		    may_be_served(t, &c->models[m]))
			return;
	warn(l, loader_at(l, "tenants", i, NULL),
	    "want boundaries within which something serves its models, got "
	    "none: its requests will get a 403");
}

void
check_doubts(struct loader *l)
{
	const struct conf *c = l->conf;

	for (size_t i = 0; i < c->n_backends && l->err == OK; i++)
		check_own_url(l, i, &c->backends[i]);
	for (size_t i = 0; i < c->n_models && l->err == OK; i++)
		doubt_twins(l, i, &c->models[i]);
	/* names that mean nothing bound nobody */
	if (!has_errors(l))
		doubt_idle(l);
	for (size_t i = 0; i < c->n_tenants && !has_errors(l); i++)
		doubt_tenant(l, i, &c->tenants[i]);
}
