/* router/filter.c - which servings may take a request at all. */
#include "router/filter.h"

#include <assert.h>

#include "policies/boundaries.h"
#include "policies/failover.h"

static unsigned
needs_of(const struct facts *facts)
{
	return facts->needs | dialect_cap(facts->dialect);
}

static bool
is_meant(const struct route_request *req, const struct conf_serving *s)
{
	return req->pin == NULL || req->pin->id == s->backend->id;
}

/* Tokens of a prompt that is to be translated nobody counts. */
static unsigned
lacks(const struct facts *facts, const struct conf_serving *s)
{
	unsigned able = s->caps;

	if (facts->dialect == DIALECT_COUNTING)
		able &= ~s->translated;
	return needs_of(facts) & ~able;
}

static bool
is_long_enough(uint64_t tokens, const struct conf_serving *s)
{
	return s->context == 0 || tokens <= s->context;
}

/* A fallback may stand in for some serving that is none, or for nobody where
 * there is no such serving. */
static bool
stands_in(
    const struct route_request *req, const struct set *primaries, unsigned at)
{
	const struct conf_serving *s = req->model->servings;

	SET_EACH (i, primaries)
		if (failover_interchangeable(
			req->facts->dialect, &s[i], &s[at]))
			return true;
	return set_is_empty(primaries);
}

/* Of what is ranked or judged each piece is held by itself. */
static uint64_t
tokens_to_hold(const struct facts *facts)
{
	if (dialect_passes(facts->dialect))
		return 0;
	return (uint64_t)tokens_of_bytes(facts->prompt_bytes) +
	    facts->max_tokens;
}

void
filter(const struct route_request *req, struct sieve *out)
{
	const struct conf_model *m = req->model;
	const struct facts *facts = req->facts;
	uint64_t tokens = tokens_to_hold(facts);
	struct set able = { 0 }, allowed = { 0 }, fitting = { 0 }, primaries;

	assert(m->n_servings <= CONF_SERVINGS_MAX);
	*out = (struct sieve){ 0 };
	for (unsigned i = 0; i < m->n_servings; i++) {
		const struct conf_serving *s = &m->servings[i];

		if (lacks(facts, s) != 0 || !is_meant(req, s))
			continue;
		set_add(&able, i);
		if (!boundary_serving(req->tenant, &req->slo, s))
			continue;
		set_add(&allowed, i);
		if (is_long_enough(tokens, s))
			set_add(&fitting, i);
		if (s->fallback)
			set_add(&out->fallbacks, i);
	}
	out->why_none =
	    set_is_empty(&able) ? REASON_NO_SERVING : REASON_BOUNDARY;
	out->eligible = set_is_empty(&fitting) ? allowed : fitting;
	out->fallbacks = set_and(&out->fallbacks, &out->eligible);
	primaries = set_minus(&out->eligible, &out->fallbacks);
	SET_EACH (i, &out->fallbacks)
		if (!stands_in(req, &primaries, i)) {
			set_drop(&out->eligible, i);
			set_drop(&out->fallbacks, i);
		}
}

static enum cause
unfit_by(const struct route_request *req, const struct conf_serving *s)
{
	if (!is_meant(req, s))
		return CAUSE_PIN;
	if (lacks(req->facts, s) != 0)
		return CAUSE_ABILITY;
	if (!boundary_backend(req->tenant, s->backend))
		return CAUSE_BOUNDARY;
	if (!boundary_serving(req->tenant, &req->slo, s))
		return CAUSE_QUALITY;
	return is_long_enough(tokens_to_hold(req->facts), s) ? CAUSE_STAND_IN
							     : CAUSE_CONTEXT;
}

struct plight
filter_why(const struct route_request *req, unsigned at)
{
	const struct conf_serving *s = &req->model->servings[at];
	struct plight p = { .since = -1, .until = -1 };

	p.cause = (uint8_t)unfit_by(req, s);
	if (p.cause == CAUSE_ABILITY)
		p.lacks = (uint16_t)lacks(req->facts, s);
	return p;
}
