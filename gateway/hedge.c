/* gateway/hedge.c - two attempts at a time: when the second one begins, and
 * which of them is kept.
 *
 * The router says when an attempt is late, and whether another may be made.
 * From then on whichever has something for the client first is the request's
 * only one; the other is cancelled in the same turn. */
#include <assert.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/log.h"
#include "gateway/note.h"
#include "gateway/steps.h"

void
request_expect_hedge(struct request *r)
{
	const struct attempt *a = r->attempt;

	r->hedge_at = a->plan.hedge_after == HEDGE_NEVER
	    ? USEC_NEVER
	    : r->worker->now + a->plan.hedge_after;
}

void
request_hedge(struct request *r)
{
	struct switchboard *board = r->worker->app->board;
	const struct attempt *late = r->attempt;
	usec now = r->worker->now;
	struct ticket ticket;
	struct plan plan;

	r->hedge_at = USEC_NEVER; /* asked once */
	note_begin(r);
	switchboard_hedge(board, late->ticket, now, &ticket, &plan);
	if (plan.kind != PLAN_GO) {
		log_debug("hedge_refused id=%s late=%s reason=%s", r->id,
		    late->serving->backend->name,
		    plan_reason_name(plan.reason));
		return;
	}
	note_plan(r, &plan, true);
	r->second = attempt_start(r, ticket, &plan);
	if (r->second == NULL) { /* the first may still do */
		switchboard_cancel(board, ticket, now);
		return;
	}
	r->second->hedge = true;
	log_info("hedge id=%s backend=%s late=%s after_ms=%lld reason=%s",
	    r->id, r->second->serving->backend->name,
	    late->serving->backend->name,
	    (long long)((now - late->sent) / USEC_MS),
	    plan_reason_name(plan.reason));
}

static void
swap(struct request *r)
{
	struct attempt *a = r->attempt;

	r->attempt = r->second;
	r->second = a;
}

/* The second has failed: the first goes on alone. */
static void
drop_failed(struct request *r)
{
	struct attempt *a = r->second;
	struct fault fault = request_note_dropped(r, a);
	struct plan plan;

	switchboard_retry(
	    r->worker->app->board, a->ticket, &fault, r->worker->now, &plan);
	assert(plan.kind == PLAN_NO); /* its twin is at work */
	a->ticketed = false;
	request_drop_attempt(r, &r->second);
}

void
request_unpair(struct request *r)
{
	if (r->second != NULL && r->second->failed)
		drop_failed(r);
	if (r->second != NULL && r->attempt->failed) {
		swap(r);
		drop_failed(r);
	}
}

void
request_note_outrun(struct request *r, const struct attempt *a)
{
	if (!attempt_was_sent(a))
		return;
	r->outrun_price = &a->serving->price;
	r->outrun_tokens = a->guessed;
}

static void
outrun(struct request *r)
{
	struct attempt *a = r->second;

	log_debug("outrun id=%s backend=%s by=%s", r->id,
	    a->serving->backend->name, r->attempt->serving->backend->name);
	request_note_outrun(r, a);
	request_cancel_attempt(r, &r->second, FAULT_OUTRUN);
}

bool
request_settle_race(struct request *r)
{
	if (r->second != NULL && r->second->ready && !r->attempt->ready)
		swap(r);
	if (!r->attempt->ready)
		return false;
	if (r->second != NULL)
		outrun(r);
	return true;
}
