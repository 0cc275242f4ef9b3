/* gateway/admin/receipt.c - one receipt: written plan by plan, then read. */
#include <assert.h>
#include <string.h>

#include "gateway/admin/receipts.h"
#include "gateway/lib/text.h"
#include "policies/slo.h"

static void
copy_text(char *to, size_t cap, const char *from)
{
	slice_copy(to, cap, slice_of(or_dash(from)));
}

struct slice
receipt_digits(struct slice id)
{
	ptrdiff_t at = slice_find(id, '_');

	return at < 0 ? id : slice_make(id.p + at + 1, id.n - (size_t)at - 1);
}

void
receipt_name(char id[RECEIPT_ID_BYTES], const char *request_id)
{
	struct buf b;

	buf_on(&b, id, RECEIPT_ID_BYTES);
	buf_add(&b, SLICE(RECEIPT_PREFIX));
	buf_add(&b, receipt_digits(slice_of(request_id)));
	id[b.n] = '\0';
}

/* The rows of an earlier plan in the same set give way. */
static void
keep_rows(struct receipt_draft *d, struct receipt_plan *p,
    const struct route_trace *trace)
{
	unsigned set = d->n_plans == 0 ? 0 : p->hedge ? 2 : 1;
	unsigned at = set * d->set_cap;
	unsigned n = trace->n < d->set_cap ? trace->n : d->set_cap;

	for (unsigned i = 0; i < RECEIPT_PLANS; i++)
		if (d->plan[i].rows_at == at)
			d->plan[i].n_rows = 0;
	memcpy(&d->row[at], trace->row, n * sizeof(d->row[0]));
	p->rows_at = at;
	p->n_rows = n;
}

void
draft_add_plan(struct receipt_draft *d, const struct plan *plan,
    const struct route_trace *trace, usec at, bool hedge)
{
	unsigned i =
	    d->n_plans < RECEIPT_PLANS ? d->n_plans : RECEIPT_PLANS - 1;
	struct receipt_plan *p = &d->plan[i];
	bool traced = trace != NULL && trace->n > 0;

	*p = (struct receipt_plan){ .at = at,
		.kind = plan->kind,
		.reason = plan->reason,
		.engine_reason = traced ? trace->reason : plan->reason,
		.hedge = hedge,
		.serving = plan->kind == PLAN_GO ? plan->serving : UINT32_MAX,
		.ttft = plan->ttft,
		.itl = plan->itl,
		.total = plan->total,
		.retry_after = plan->retry_after,
		.hedge_after = plan->hedge_after,
		.confidence = (float)plan->confidence,
		.required = traced ? trace->required : -1 };
	p->engine = traced ? trace->engine : p->serving;
	if (traced)
		keep_rows(d, p, trace);
	d->n_plans++;
}

void
receipt_add_plans(struct receipt *r, const struct receipt_draft *d)
{
	assert(r->set_cap >= d->set_cap);
	r->n_plans = d->n_plans;
	memcpy(r->plan, d->plan, sizeof(r->plan));
	for (unsigned i = 0; i < receipt_plans(r); i++)
		memcpy(&r->row[d->plan[i].rows_at], &d->row[d->plan[i].rows_at],
		    d->plan[i].n_rows * sizeof(d->row[0]));
}

void
receipt_add_outcome(struct receipt *r, const struct outcome *o)
{
	copy_text(r->tenant, sizeof(r->tenant), o->tenant);
	copy_text(r->model, sizeof(r->model), o->model);
	copy_text(r->slo_name, sizeof(r->slo_name), o->slo);
	copy_text(r->reason, sizeof(r->reason), o->reason);
	r->dialect = o->dialect;
	r->stream = o->stream;
	r->result = o->result;
	r->fault = o->fault;
	r->status = o->status;
	r->slo_declared = o->slo_declared;
	r->slo_met = o->slo_met;
	r->slo_missed = o->slo_missed;
	r->recv = o->recv;
	r->auth = o->auth;
	r->queue = o->queue;
	r->route = o->route;
	r->ttft = o->ttft;
	r->itl = o->itl;
	r->total = o->total;
	r->stalled = o->stalled;
	r->usage = o->usage;
	r->cost = o->cost;
	r->n_attempts = (unsigned)o->n_attempts;
	r->answered = o->answered;
	for (unsigned i = 0; i < ATTEMPTS_KEPT; i++) {
		r->attempt[i] = o->attempts[i];
		r->attempt[i].backend = r->attempt[i].model = NULL;
	}
}

/* --- reading --- */

usec
receipt_target(const struct receipt *r, enum phase term)
{
	switch (term) {
	case PHASE_TTFT:
		return r->slo.ttft;
	case PHASE_ITL:
		return r->slo.itl;
	case PHASE_TOTAL:
		if (r->stream || r->result == RESULT_CLIENT_GONE)
			return r->slo.total;
		return (usec)slo_whole(&r->slo, r->usage.output);
	default:
		return 0;
	}
}

usec
receipt_took(const struct receipt *r, enum phase term)
{
	switch (term) {
	case PHASE_TTFT:
		return r->ttft;
	case PHASE_ITL:
		return r->itl;
	case PHASE_TOTAL:
		return r->total - r->stalled;
	default:
		return -1;
	}
}

bool
receipt_missed(const struct receipt *r, enum phase term, usec *by)
{
	usec target = receipt_target(r, term), took = receipt_took(r, term);

	*by = -1;
	if (!r->slo_declared || r->slo_met || target == 0)
		return false;
	if (took > target) {
		*by = took - target;
		return true;
	}
	/* its client did not wait for it any longer, or it never came */
	if (r->result == RESULT_CLIENT_GONE ||
	    (r->result == RESULT_OK && took < 0))
		return (r->slo_missed & (1u << term)) != 0;
	/* The time until it failed is not the time of an answer. */
	return r->result != RESULT_OK && (took < 0 || term == PHASE_TOTAL);
}

const struct receipt_plan *
receipt_decision(const struct receipt *r)
{
	for (unsigned i = receipt_plans(r); i-- > 0;)
		if (!r->plan[i].hedge)
			return &r->plan[i];
	return NULL;
}

const struct receipt_plan *
receipt_first_go(const struct receipt *r)
{
	for (unsigned i = 0; i < receipt_plans(r); i++)
		if (r->plan[i].kind == PLAN_GO && !r->plan[i].hedge)
			return &r->plan[i];
	return NULL;
}

const struct route_row *
receipt_row(
    const struct receipt *r, const struct receipt_plan *p, uint32_t serving)
{
	for (unsigned i = 0; i < p->n_rows; i++)
		if (r->row[p->rows_at + i].serving == serving)
			return &r->row[p->rows_at + i];
	return NULL;
}

unsigned
receipt_plans(const struct receipt *r)
{
	return r->n_plans < RECEIPT_PLANS ? r->n_plans : RECEIPT_PLANS;
}

unsigned
receipt_attempts(const struct receipt *r)
{
	return r->n_attempts < ATTEMPTS_KEPT ? r->n_attempts : ATTEMPTS_KEPT;
}

const struct attempt_report *
receipt_attempt(const struct receipt *r, unsigned i, unsigned *number)
{
	unsigned first =
	    r->n_attempts > ATTEMPTS_KEPT ? r->n_attempts - ATTEMPTS_KEPT : 0;

	*number = first + i + 1;
	return &r->attempt[(first + i) % ATTEMPTS_KEPT];
}
