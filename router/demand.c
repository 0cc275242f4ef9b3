/* router/demand.c - a request in numbers. */
#include <math.h>

#include "policies/confidence.h"
#include "policies/fairness.h"
#include "router/engine.h"

#define OUTPUT_USUAL 256 /* tokens, while no answer has told better */
#define LENGTH_TAIL                                                            \
	1.6 /* one answer in fifty is that much longer than one in ten */

/* Tokens of an answer, no more than it may have. */
static double
most_of(const struct facts *facts, double tokens)
{
	if (!dialect_writes_text(facts->dialect))
		return 0;
	return facts->max_tokens > 0 ? fmin(tokens, facts->max_tokens) : tokens;
}

/* Of its answer, in the mean. */
static double
output_of(const struct router *r, const struct order *o)
{
	const struct facts *facts = o->req->facts;
	const struct account *a = accounts_of(&r->accounts, o->req->tenant);
	double prompt = tokens_of_bytes(facts->prompt_bytes);

	return most_of(facts, account_output(a, prompt, OUTPUT_USUAL));
}

double
demand_work(const struct router *r, const struct order *o)
{
	if (!dialect_reads_text(o->req->facts->dialect))
		return fair_cost(0, OUTPUT_USUAL); /* as most requests */
	return fair_cost(
	    tokens_of_bytes(o->req->facts->prompt_bytes), output_of(r, o));
}

double
demand_again(const struct router *r, const struct order *o)
{
	const struct facts *facts = o->req->facts;
	double prompt = tokens_of_bytes(facts->prompt_bytes);

	return facts->stream ? prompt : prompt + output_of(r, o);
}

/* Whether a call is all that it can have: all that may serve it count them. */
static bool
is_by_call(const struct router *r, const struct order *o)
{
	const struct conf_serving *s = o->req->model->servings;

	SET_EACH (i, &o->wanted) {
		const struct cell *c = fleet_cell(&r->fleet, s[i].id);

		if (c != NULL && c->allowance.at == 0)
			return false;
	}
	return true;
}

void
demand_of(struct router *r, const struct order *o, usec now, struct demand *d)
{
	const struct facts *facts = o->req->facts;
	struct account *a = accounts_of(&r->accounts, o->req->tenant);
	double input = tokens_of_bytes(facts->prompt_bytes);
	double high = account_output_high(a, input, 2 * OUTPUT_USUAL);

	*d = (struct demand){ .slo = &o->req->slo,
		.priority = o->priority,
		.late = o->late,
		.shortage = shortage_is(&r->shortage),
		.dire = o->priority == PRIORITY_PREMIUM &&
		    shortage_is_dire(&r->premium),
		.stream = facts->stream,
		.input = input,
		.output = output_of(r, o),
		.units = facts->units,
		.output_high = most_of(facts, high),
		.output_most = most_of(facts, LENGTH_TAIL * high),
		.waited = (double)(now - o->req->arrived),
		.required = confidence_required(&o->req->slo),
		.penalty = account_penalty(a, &o->req->slo),
		.courtesy = r->courtesy,
		.prefix = facts->prefix_hash,
		.author = &o->author };
	d->much = d->shortage &&
	    (shortage_is_much(&r->shortage, fair_cost(input, d->output)) ||
		is_by_call(r, o));
}
