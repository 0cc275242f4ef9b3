/* router/filter.c - which servings may take a request at all. */
#include "router/filter.h"

#include <assert.h>

#include "policies/boundaries.h"
#include "policies/failover.h"

#define BIT(i) (UINT64_C(1) << (i))

static bool
is_able(const struct route_request *req, const struct conf_serving *s)
{
	unsigned needs = req->facts->needs | dialect_cap(req->facts->dialect);

	return (needs & ~s->caps) == 0 &&
	    (req->pin == NULL || req->pin->id == s->backend->id);
}

static bool
is_long_enough(const struct route_request *req, const struct conf_serving *s)
{
	uint64_t tokens = (uint64_t)tokens_of_bytes(req->facts->prompt_bytes) +
	    req->facts->max_tokens;

	return s->context == 0 || tokens <= s->context;
}

/* A fallback may stand in for some serving that is none, or for nobody where
 * there is no such serving. */
static bool
stands_in(const struct route_request *req, uint64_t eligible, unsigned at)
{
	const struct conf_model *m = req->model;
	bool alone = true;

	for (unsigned i = 0; i < m->n_servings; i++) {
		if ((eligible & BIT(i)) == 0 || m->servings[i].fallback)
			continue;
		if (failover_interchangeable(
			req->facts->dialect, &m->servings[i], &m->servings[at]))
			return true;
		alone = false;
	}
	return alone;
}

void
filter(const struct route_request *req, struct sieve *out)
{
	const struct conf_model *m = req->model;
	uint64_t able = 0, allowed = 0, fitting = 0;

	assert(m->n_servings <= CONF_SERVINGS_MAX);
	*out = (struct sieve){ 0 };
	for (unsigned i = 0; i < m->n_servings; i++) {
		const struct conf_serving *s = &m->servings[i];

		if (!is_able(req, s))
			continue;
		able |= BIT(i);
		if (!boundary_serving(req->tenant, &req->slo, s))
			continue;
		allowed |= BIT(i);
		if (is_long_enough(req, s))
			fitting |= BIT(i);
		if (s->fallback)
			out->fallbacks |= BIT(i);
	}
	out->why_none = able == 0 ? REASON_NO_SERVING : REASON_BOUNDARY;
	out->eligible = fitting != 0 ? fitting : allowed;
	out->fallbacks &= out->eligible;
	for (unsigned i = 0; i < m->n_servings; i++)
		if ((out->fallbacks & BIT(i)) != 0 &&
		    !stands_in(req, out->eligible, i)) {
			out->eligible &= ~BIT(i);
			out->fallbacks &= ~BIT(i);
		}
}
