/* router/trace.c - what a plan was made from, for people.
 *
 * Invariant: this only tells; nothing is decided by it. */
#include "router/trace.h"

#include <math.h>

#include "router/filter.h"

static enum verdict
verdict_of(const struct order *o, const struct survey *s, unsigned i)
{
	static const enum verdict of[] = { [STANDING_DRAINED] = VERDICT_DRAINED,
		[STANDING_OUT] = VERDICT_OUT,
		[STANDING_LIMITED] = VERDICT_LIMITED,
		[STANDING_COLD] = VERDICT_COLD,
		[STANDING_BUSY] = VERDICT_BUSY,
		[STANDING_FREE] = VERDICT_FALLBACK };

	for (unsigned st = 0; st <= STANDING_FREE; st++)
		if (set_has(&s->is[st], i))
			return of[st];
	return set_has(&o->wanted, i) ? VERDICT_TRIED : VERDICT_INELIGIBLE;
}

/* Verdicts that say what became of it, not why. */
#define OF_A_STATE                                                             \
	(1u << VERDICT_DRAINED | 1u << VERDICT_OUT | 1u << VERDICT_LIMITED |   \
	    1u << VERDICT_COLD | 1u << VERDICT_BUSY | 1u << VERDICT_AILING |   \
	    1u << VERDICT_CROWDED)

static void
note_cause(const struct order *o, const struct cell *c, unsigned at, usec now,
    struct route_row *row)
{
	if (row->verdict == VERDICT_INELIGIBLE)
		row->plight = filter_why(o->req, at);
	else if (c != NULL && (OF_A_STATE & 1u << row->verdict) != 0)
		cell_plight(c, now, &row->plight);
}

static void
note_live(struct route_row *row, const struct cell *c)
{
	const struct seen *t = &c->forecast->seen[PHASE_TTFT];
	const struct seen *i = &c->forecast->seen[PHASE_ITL];

	row->in_flight = c->site->in_flight;
	row->live_ttft.p50 = (float)t->p50;
	row->live_ttft.p95 = (float)t->p95;
	row->live_ttft.p99 = (float)t->p99;
	row->live_itl.p50 = (float)i->p50;
	row->live_itl.p95 = (float)i->p95;
	row->live_itl.p99 = (float)i->p99;
}

void
route_trace_begin(const struct fleet *f, const struct order *o,
    const struct survey *s, usec now, struct route_trace *t)
{
	const struct conf_model *m = o->req->model;

	t->n = (unsigned)m->n_servings;
	t->required = -1;
	t->engine = UINT32_MAX;
	t->reason = REASON_QUEUED;
	for (unsigned i = 0; i < t->n; i++) {
		const struct cell *c = fleet_cell(f, m->servings[i].id);

		t->row[i] = (struct route_row){ .serving = m->servings[i].id,
			.verdict = verdict_of(o, s, i),
			.plight = { .since = -1, .until = -1 },
			.ttft = -1,
			.itl = -1,
			.total = -1,
			.confidence = -1,
			.price = -1,
			.score = INFINITY };
		note_cause(o, c, i, now, &t->row[i]);
		if (c != NULL)
			note_live(&t->row[i], c);
	}
}

void
route_trace_unfit(
    const struct fleet *f, const struct route_request *req, usec now)
{
	const struct order none = { .req = req };
	const struct survey s = { .reopens = USEC_NEVER };

	if (req->trace != NULL)
		route_trace_begin(f, &none, &s, now, req->trace);
}

void
route_trace_candidates(const struct order *o, const struct candidate *list,
    unsigned n, const struct demand *d, usec now, struct route_trace *t)
{
	t->required = d->slo->percentile > 0 ? (float)d->required : -1;
	for (unsigned i = 0; i < n; i++) {
		struct route_row *row = &t->row[list[i].at];

		row->verdict = list[i].verdict;
		note_cause(o, list[i].cell, list[i].at, now, row);
		row->ttft = (float)list[i].outlook.ttft;
		row->itl = (float)list[i].outlook.itl;
		row->total = (float)list[i].outlook.total;
		row->confidence = (float)list[i].outlook.chance;
		row->price =
		    list[i].price < INFINITY ? (float)list[i].price : -1;
		row->score = (float)list[i].score;
	}
}
