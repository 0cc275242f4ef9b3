/* gateway/note.c - a request's receipt, as it comes about.
 *
 * The router writes to the trace under its lock. While a request waits any
 * thread may make its plan anew, so that the trace is read through the
 * switchboard then; else it is this worker's own. */
#include "gateway/note.h"

#include <stdio.h>

#include "gateway/admin/slo_book.h"
#include "gateway/app.h"
#include "gateway/request.h"

static struct receipts *
store_of(const struct request *r)
{
	return r->worker->app->receipts;
}

bool
note_expected(const struct request *r)
{
	return store_of(r) != NULL && r->verdict == HEAD_INFERENCE;
}

void
note_id(const struct request *r, char id[RECEIPT_ID_BYTES])
{
	receipt_name(id, r->id);
}

static struct receipt *
begin(struct request *r)
{
	const struct conf_model *m = r->routing.model;

	if (r->receipt == NULL && note_expected(r))
		r->receipt = receipt_take(store_of(r), r->worker->index,
		    m != NULL ? m->n_servings : 0);
	return r->receipt;
}

void
note_begin(struct request *r)
{
	if (begin(r) != NULL && r->routing.trace == NULL)
		r->routing.trace = trace_take(store_of(r), r->worker->index);
}

/* What a plan to wait was made of. By now it may be ready: then the rows are
 * of another plan. */
static const struct route_trace *
read_waiting(struct request *r, struct route_trace *copy)
{
	switchboard_trace(r->worker->app->board, &r->routing, copy);
	for (unsigned i = 0; i < copy->n; i++)
		if (copy->row[i].verdict == VERDICT_CHOSEN)
			return NULL;
	return copy;
}

void
note_plan(struct request *r, const struct plan *plan, bool hedge)
{
	usec now = r->worker->now, arrived = r->routing.arrived;
	usec at = now > arrived ? now - arrived : 0;
	struct route_trace copy;

	if (r->receipt == NULL)
		return;
	if (r->routing.trace == NULL) {
		receipt_add_plan(r->receipt, plan, NULL, at, hedge);
	} else if (plan->kind == PLAN_WAIT) {
		receipt_add_plan(
		    r->receipt, plan, read_waiting(r, &copy), at, hedge);
	} else {
		receipt_add_plan(r->receipt, plan, r->routing.trace, at, hedge);
		r->routing.trace->n = 0; /* a later plan may leave none */
	}
}

void
note_last_plan(struct request *r)
{
	if (r->routing.trace != NULL)
		trace_give(store_of(r), r->worker->index, &r->routing.trace);
}

/* What the request was, for those that come to be planned. */
static void
add_facts(struct receipt *to, const struct request *r, usec now)
{
	const struct facts *f = &r->facts;
	usec arrived = r->routing.arrived;

	note_id(r, to->id);
	to->wall = clock_wall() - (arrived > 0 ? now - arrived : 0);
	snprintf(to->policy, sizeof(to->policy), "%s", r->conf->policy);
	to->slo = r->slo;
	to->slo.name = NULL; /* the configuration's */
	to->needs = f->needs;
	to->max_tokens = f->max_tokens;
	to->tokens = f->prompt_bytes > 0 ? tokens_of_bytes(f->prompt_bytes) : 0;
}

void
note_end(struct request *r, usec now)
{
	struct app *app = r->worker->app;

	note_last_plan(r);
	if (begin(r) == NULL)
		return;
	add_facts(r->receipt, r, now);
	receipt_add_outcome(r->receipt, &r->outcome);
	slo_book_record(app->book, r->receipt);
	receipt_file(app->receipts, r->worker->index, &r->receipt);
}

void
note_drop(struct request *r)
{
	note_last_plan(r);
	if (r->receipt != NULL)
		receipt_drop(store_of(r), r->worker->index, &r->receipt);
}
