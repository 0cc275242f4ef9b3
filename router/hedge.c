/* router/hedge.c - a second attempt beside a late first.
 *
 * Invariant: two orders of one request point at each other as twins; when
 * either ends, the other is the request's only one. */
#include "router/engine.h"

#include "policies/hedge.h"

void
hedge_part(struct order *o)
{
	if (o->twin == NULL)
		return;
	o->twin->twin = NULL;
	o->twin = NULL;
}

/* Who is given up for a hedge that then answers was outpaced; both are given up
 * for a client that leaves. */
void
hedge_give_up(struct router *r, struct order *o, usec now)
{
	if (o->twin != NULL && !o->first_token &&
	    o->twin->plan.reason == REASON_HEDGE && !measure_is_own(r, o, now))
		o->twin->outpaces = order_serving(o)->id;
}

void
hedge_answers(struct router *r, struct order *o, usec now)
{
	struct cell *slow = fleet_cell(&r->fleet, o->outpaces);

	if (o->outpaces != 0 && slow != NULL)
		measure_in_vain(slow, 0, now);
	o->outpaces = 0;
}

static bool
is_ailing(const struct router *r, const struct conf_serving *s)
{
	const struct cell *c = fleet_cell(&r->fleet, s->id);

	return c == NULL || cell_is_ailing(c);
}

/* As demand_again(), where it is now. */
static double
price_of(const struct order *o)
{
	return o->req->facts->stream ? o->stay.tokens
				     : o->stay.tokens + o->output;
}

/* On any other backend than the first's that is well. */
static struct order *
second_of(struct router *r, struct order *first)
{
	struct order *o = orders_take(&r->orders, first->req);
	const struct conf_model *m = first->req->model;
	uint32_t backend = order_serving(first)->backend->id;

	if (o == NULL)
		return NULL;
	o->author = first->author;
	o->wanted = first->wanted;
	o->eligible = first->eligible;
	o->fallbacks = first->fallbacks;
	o->priority = first->priority;
	o->due = first->due;
	o->failed = first->failed;
	for (unsigned i = 0; i < m->n_servings; i++)
		if (m->servings[i].backend->id == backend ||
		    is_ailing(r, &m->servings[i]))
			set_drop(&o->eligible, i);
	return o;
}

static void
trace_ailing(const struct router *r, usec now, struct route_row *row)
{
	const struct cell *c = fleet_cell(&r->fleet, row->serving);

	row->verdict = VERDICT_AILING;
	if (c != NULL)
		cell_plight(c, now, &row->plight);
}

/* What second_of() left out has neither failed nor been forbidden. */
static void
trace_left_out(const struct router *r, const struct order *first, usec now)
{
	const struct conf_model *m = first->req->model;
	uint32_t backend = order_serving(first)->backend->id;
	struct route_trace *t = first->req->trace;

	for (unsigned i = 0; t != NULL && i < t->n; i++) {
		const struct conf_serving *s = &m->servings[i];

		if (t->row[i].verdict != VERDICT_TRIED)
			continue;
		if (s->backend->id == backend)
			t->row[i].verdict = VERDICT_LATE;
		else if (set_has(&first->eligible, i) && is_ailing(r, s))
			trace_ailing(r, now, &t->row[i]);
	}
}

void
router_hedge(struct router *r, struct ticket t, usec now, struct ticket *second,
    struct plan *plan)
{
	struct order *first = orders_find(&r->orders, t, 1u << ORDER_AT_WORK);
	struct order *o;

	*second = (struct ticket){ 0 };
	plan_refuse(plan, REASON_RETRY_BUDGET, 0);
	if (first == NULL || first->first_token || first->twin != NULL ||
	    !hedge_budget_take(&r->hedges, price_of(first)))
		return;
	o = second_of(r, first);
	if (o == NULL)
		return;
	if (set_is_empty(&o->eligible) ||
	    dispatch(r, o, REASON_RETRY_BUDGET, now) != PLAN_GO) {
		orders_drop(&r->orders, o);
		hedge_budget_give_back(&r->hedges, price_of(first));
		if (first->req->trace != NULL)
			first->req->trace->n = 0; /* of no plan */
		return;
	}
	trace_left_out(r, first, now);
	o->plan.reason = REASON_HEDGE;
	o->plan.hedge_after = HEDGE_NEVER;
	o->twin = first;
	first->twin = o;
	dispatch_begin(r, o, now);
	*second = o->ticket;
	*plan = o->plan;
}
