/* gateway/note.c - a request's receipt, as it comes about.
 *
 * The router writes to the trace under its lock. While a request waits any
 * thread may make its plan anew, so that the trace is read through the
 * switchboard then; else it is this worker's own. */
#include "gateway/note.h"

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

static size_t
servings_of(const struct request *r)
{
	return r->routing.model != NULL ? r->routing.model->n_servings : 0;
}

void
note_begin(struct request *r)
{
	if (r->draft == NULL && note_expected(r))
		r->draft =
		    draft_take(store_of(r), r->worker->index, servings_of(r));
	if (r->draft != NULL && r->routing.trace == NULL)
		r->routing.trace = trace_take(store_of(r), r->worker->index);
}

void
note_last_plan(struct request *r)
{
	if (r->routing.trace != NULL)
		trace_give(store_of(r), r->worker->index, &r->routing.trace);
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
	usec at = r->worker->now - r->routing.arrived;
	struct route_trace copy;

	if (r->draft == NULL)
		return;
	if (r->routing.trace == NULL) {
		draft_add_plan(r->draft, plan, NULL, at, hedge);
	} else if (plan->kind == PLAN_WAIT) {
		draft_add_plan(
		    r->draft, plan, read_waiting(r, &copy), at, hedge);
	} else {
		draft_add_plan(r->draft, plan, r->routing.trace, at, hedge);
		note_last_plan(r); /* no other thread plans for it now */
	}
}

/* What the request was, for those that come to be planned. */
static void
add_facts(struct receipt *to, const struct request *r, struct instant at)
{
	const struct facts *f = &r->facts;
	usec arrived = r->routing.arrived;

	note_id(r, to->id);
	to->wall = at.wall - (arrived > 0 ? at.now - arrived : 0);
	slice_copy(to->policy, sizeof(to->policy), slice_of(r->conf->policy));
	to->slo = r->routing.slo;
	to->slo.name = NULL; /* the configuration's */
	to->needs = f->needs;
	to->units = f->units;
	to->max_tokens = f->max_tokens;
	to->tokens = f->prompt_bytes > 0 ? tokens_of_bytes(f->prompt_bytes) : 0;
}

void
note_end(struct request *r, struct instant at)
{
	struct app *app = r->worker->app;
	struct receipt *receipt;

	note_last_plan(r);
	if (!note_expected(r))
		return;
	receipt = receipt_take(app->receipts, r->worker->index,
	    r->draft != NULL ? r->draft->set_cap : servings_of(r));
	if (receipt == NULL)
		return;
	if (r->draft != NULL)
		receipt_add_plans(receipt, r->draft);
	add_facts(receipt, r, at);
	receipt_add_outcome(receipt, &r->outcome);
	slo_book_record(app->book, receipt);
	receipt_file(app->receipts, r->worker->index, &receipt);
}

void
note_drop(struct request *r)
{
	note_last_plan(r);
	if (r->draft != NULL)
		draft_drop(store_of(r), r->worker->index, &r->draft);
}
