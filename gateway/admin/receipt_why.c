/* gateway/admin/receipt_why.c - a decision in one sentence.
 *
 * It is worded from the rows that the plan left, never reasoned anew: what it
 * says was true when the plan was made. */
#include <math.h>
#include <stdio.h>

#include "gateway/admin/plight.h"
#include "gateway/admin/receipt_render.h"

#define NAMED 4 /* servings, of why there was none */
#define MORE_BY 1.005 /* a price that differs by less is the same */

struct scene {
	const struct receipt *r;
	const struct labels *labels;
	const struct receipt_plan *plan;
	struct buf *out;
};

static const char *
name_of(const struct scene *s, uint32_t serving)
{
	return label_of(s->labels, serving).backend;
}

/* "91 %", "97.5 %", "99.95 %"; only what is certain reads so. */
static void
add_percent(struct buf *out, double share)
{
	double shown = share < 1 ? fmin(share, 0.9999) : 1;
	char text[32];
	int n = snprintf(
	    text, sizeof(text), "%.*f", shown > 0.9895 ? 2 : 1, shown * 100);

	while (n > 1 && text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	buf_addf(out, "%.*s %%", n, text);
}

static void
add_span(struct buf *out, usec span)
{
	if (span >= 10 * USEC_SEC)
		buf_addf(out, "%.3g s", (double)span / 1e6);
	else
		buf_addf(out, "%.4g ms", (double)span / 1e3);
}

/* "the first token within 250 ms and 15 ms a token". */
static void
add_targets(const struct receipt *r, struct buf *out)
{
	const char *and = "";

	if (r->slo.ttft > 0) {
		buf_add_str(out, "the first token within ");
		add_span(out, r->slo.ttft);
		and = " and ";
	}
	if (r->slo.itl > 0) {
		buf_add_str(out, and);
		add_span(out, r->slo.itl);
		buf_add_str(out, " a token");
		and = " and ";
	}
	if (r->slo.total > 0) {
		buf_add_str(out, and);
		buf_add_str(out, "the whole answer within ");
		add_span(out, r->slo.total);
	}
}

/* --- why a candidate was out --- */

static void
add_unlikely(const struct scene *s, const struct route_row *row)
{
	buf_add_str(s->out, "its chance of ");
	add_targets(s->r, s->out);
	buf_add_str(s->out, " was ");
	add_percent(s->out, (double)row->confidence);
	if (s->plan->required < 0)
		return;
	buf_add_str(s->out, ", ");
	add_percent(s->out, (double)s->plan->required);
	buf_add_str(s->out, " is required");
}

/* Price is not all of a score. */
static void
add_dearer(const struct scene *s, const struct route_row *row)
{
	buf_add_str(s->out, "it scored worse, counting its load");
	if (row->confidence < 0)
		return;
	buf_add_str(s->out, " and its chance of ");
	add_percent(s->out, (double)row->confidence);
}

static void
add_tried(const struct scene *s, uint32_t serving)
{
	unsigned number;

	for (unsigned i = 0; i < receipt_attempts(s->r); i++) {
		const struct attempt_report *a =
		    receipt_attempt(s->r, i, &number);

		if (a->serving != serving || a->fault == FAULT_NONE)
			continue;
		buf_addf(s->out, "it had just failed (%s)",
		    fault_rule(a->fault)->name);
		return;
	}
	buf_add_str(s->out, "it had been tried");
}

/* A crowd is that of its class, unless it is filled slowly. */
static bool
tells_more(const struct route_row *row)
{
	return row->plight.cause != CAUSE_NONE &&
	    (row->verdict != VERDICT_CROWDED ||
		row->plight.cause == CAUSE_SLOW_START);
}

static void
add_reason_out(const struct scene *s, const struct route_row *row)
{
	static const char *const words[VERDICT_COUNT] = {
		[VERDICT_RESERVED] = "what is left of its rate limit is kept "
				     "for higher priorities",
		[VERDICT_LATE] = "its backend had been asked already",
		[VERDICT_FALLBACK] =
		    "it is a fallback, and another serving could answer",
		[VERDICT_INELIGIBLE] =
		    "it cannot or may not serve this request",
		[VERDICT_DRAINED] = "it is drained by an operator",
		[VERDICT_OUT] = "it is out of use",
		[VERDICT_LIMITED] = "it is over its rate limit",
		[VERDICT_COLD] = "its model is not loaded",
		[VERDICT_BUSY] = "it has no free slot",
	};

	if (row->verdict == VERDICT_UNLIKELY && row->confidence >= 0)
		add_unlikely(s, row);
	else if (row->verdict == VERDICT_UNLIKELY)
		buf_add_str(s->out, "it was not likely enough to be in time");
	else if (tells_more(row))
		plight_say(&row->plight, s->out);
	else if (row->verdict == VERDICT_CROWDED)
		buf_addf(s->out,
		    "it is as full as %s traffic may make it (%u in flight)",
		    priority_name(s->r->slo.priority), row->in_flight);
	else if (row->verdict == VERDICT_DEARER)
		add_dearer(s, row);
	else if (row->verdict == VERDICT_TRIED)
		add_tried(s, row->serving);
	else if (words[row->verdict] != NULL)
		buf_add_str(s->out, words[row->verdict]);
	else
		buf_add_str(s->out, "it was not chosen");
}

/* The least price among those with a verdict in the set. */
static const struct route_row *
cheapest(const struct scene *s, unsigned verdicts)
{
	const struct route_row *best = NULL;

	for (unsigned i = 0; i < s->plan->n_rows; i++) {
		const struct route_row *row = &s->r->row[s->plan->rows_at + i];

		if ((verdicts & (1u << row->verdict)) == 0 || row->price < 0)
			continue;
		if (best == NULL || row->price < best->price)
			best = row;
	}
	return best;
}

/* --- why the chosen one was in --- */

/* What anybody would ask: why not that cheaper one? */
static void
why_cheapest(const struct scene *s)
{
	const unsigned others = ((1u << VERDICT_COUNT) - 1) &
	    ~(1u << VERDICT_CHOSEN | 1u << VERDICT_INELIGIBLE |
		1u << VERDICT_FALLBACK);
	const char *name = name_of(s, s->plan->serving);
	const struct route_row *mine =
	    receipt_row(s->r, s->plan, s->plan->serving);
	const struct route_row *cheaper = cheapest(s, others);
	const struct route_row *next = cheapest(s, 1u << VERDICT_DEARER);

	if (mine != NULL && mine->price >= 0 && cheaper != NULL &&
	    (double)cheaper->price * MORE_BY < (double)mine->price) {
		buf_addf(s->out, "%s was cheaper but ",
		    name_of(s, cheaper->serving));
		add_reason_out(s, cheaper);
		buf_addf(s->out, "; of the rest %s had the least score", name);
		return;
	}
	buf_addf(s->out, "%s was the cheapest that could serve it", name);
	if (s->plan->confidence >= 0) {
		buf_add_str(s->out, ", with a chance of ");
		add_percent(s->out,
		    mine != NULL && mine->confidence >= 0
			? (double)mine->confidence
			: (double)s->plan->confidence);
		buf_add_str(s->out, " of ");
		add_targets(s->r, s->out);
	}
	if (s->plan->required >= 0 && s->plan->confidence >= 0) {
		buf_add_str(s->out, " where ");
		add_percent(s->out, (double)s->plan->required);
		buf_add_str(s->out, " is required");
	}
	if (next != NULL && mine != NULL && mine->price > 0)
		buf_addf(s->out, "; %s would have cost %.3g times as much",
		    name_of(s, next->serving),
		    (double)next->price / (double)mine->price);
}

static void
why_best_effort(const struct scene *s)
{
	buf_add_str(s->out, "no serving was likely enough to meet ");
	add_targets(s->r, s->out);
	if (s->plan->required >= 0) {
		buf_add_str(s->out, " (");
		add_percent(s->out, (double)s->plan->required);
		buf_add_str(s->out, " is required)");
	}
	buf_addf(s->out, ", and %s was expected to miss least",
	    name_of(s, s->plan->serving));
	if (s->plan->confidence >= 0) {
		buf_add_str(s->out, ", with a chance of ");
		add_percent(s->out, (double)s->plan->confidence);
	}
}

static void
why_go(const struct scene *s)
{
	static const char *const words[REASON_COUNT] = {
		[REASON_FASTEST] = "the caller asked for the fastest, which "
				   "was %s",
		[REASON_CHEAPEST] = "the caller asked for the cheapest, which "
				    "was %s",
		[REASON_PINNED] = "the caller pinned %s",
		[REASON_FALLBACK] = "only the fallback %s was left",
		[REASON_ONLY] = "%s was the only one that could serve it",
		[REASON_EXPLORING] = "too little is known of %s, and this "
				     "request could afford to find out",
		[REASON_HEDGE] = "the first attempt was late, and %s was asked "
				 "as well",
	};
	static const struct slice mark = { "%s", 2 };
	enum plan_reason reason = s->plan->reason;
	struct slice text;
	size_t at = 0;

	if (reason == REASON_CHEAPEST_ADEQUATE) {
		why_cheapest(s);
		return;
	}
	if (reason == REASON_BEST_EFFORT) {
		why_best_effort(s);
		return;
	}
	text =
	    slice_of(words[reason] != NULL ? words[reason] : "%s was chosen");
	while (!slice_starts(slice_make(text.p + at, text.n - at), mark))
		at++;
	buf_add(s->out, slice_make(text.p, at));
	buf_add_str(s->out, name_of(s, s->plan->serving));
	buf_add_str(s->out, text.p + at + mark.n);
}

static void
why_no(const struct scene *s)
{
	static const char *const words[REASON_COUNT] = {
		[REASON_NO_SERVING] = "no serving has the capabilities for it",
		[REASON_BOUNDARY] = "the tenant's limits on regions, backends "
				    "or quality leave no serving",
		[REASON_UNAVAILABLE] = "every serving was out of use",
		[REASON_RATE_LIMITED] = "every serving was over its rate limit",
		[REASON_LOADING] =
		    "every serving was still loading when the time was up",
		[REASON_SLO_UNATTAINABLE] =
		    "no serving was likely enough to meet its SLO, and its "
		    "class says to refuse then",
		[REASON_QUEUE_FULL] = "all were busy and the queue was full",
		[REASON_DEADLINE] = "it could not have met its deadline",
		[REASON_EXHAUSTED] = "every capable serving had been tried",
		[REASON_RETRY_BUDGET] = "the budget for retries was used up",
		[REASON_DRAINED] = "every serving was drained by an operator",
	};
	static const struct slice all = { "every serving", 13 };
	const char *text = words[s->plan->reason];

	if (text == NULL)
		text = "there was nothing to use";
	if (receipt_attempts(s->r) > 0 && slice_starts(slice_of(text), all)) {
		buf_add_str(s->out, "every other serving");
		text += all.n;
	}
	buf_add_str(s->out, text);
}

/* An answer without a token is passed on where nobody has a better one. */
static void
why_passed_on(const struct scene *s)
{
	unsigned number, n = receipt_attempts(s->r);

	if (n > 0)
		buf_addf(s->out,
		    "%s answered without a token, and that was passed on, as ",
		    name_of(s, receipt_attempt(s->r, n - 1, &number)->serving));
	why_no(s);
}

/* "; gpu: its key is refused, for 12 s, 288 s to go" */
static void
add_each(const struct scene *s)
{
	unsigned said = 0, more = 0;

	for (unsigned i = 0; i < s->plan->n_rows; i++) {
		const struct route_row *row = &s->r->row[s->plan->rows_at + i];

		if (row->plight.cause == CAUSE_NONE)
			continue;
		if (said == NAMED) {
			more++;
			continue;
		}
		buf_addf(s->out, "%s%s: ", said++ > 0 ? "; " : " - ",
		    name_of(s, row->serving));
		plight_say(&row->plight, s->out);
	}
	if (more > 0)
		buf_addf(s->out, "; and %u more", more);
}

/* What came before the decision. */
static void
add_preface(const struct scene *s)
{
	const struct receipt *r = s->r;
	unsigned number, n = receipt_attempts(r);

	/* the last attempt is what a plan to go led to */
	if (s->plan->kind == PLAN_GO && n > 0)
		n--;
	for (unsigned i = 0; i < n; i++) {
		const struct attempt_report *a = receipt_attempt(r, i, &number);

		if (a->fault == FAULT_NONE || a->fault == FAULT_OUTRUN)
			continue;
		buf_addf(s->out, "%s failed (%s), then ",
		    name_of(s, a->serving), fault_rule(a->fault)->name);
	}
}

static void
why_observed(const struct scene *s)
{
	const struct route_row *engine =
	    receipt_row(s->r, s->plan, s->plan->engine);

	buf_addf(s->out,
	    "policy observe used %s, the first in the file that was usable; "
	    "the engine would have ",
	    name_of(s, s->plan->serving));
	if (s->plan->engine == UINT32_MAX) {
		buf_addf(s->out, "used none (%s)",
		    plan_reason_name(s->plan->engine_reason));
		return;
	}
	if (s->plan->engine == s->plan->serving) {
		buf_add_str(s->out, "done so too");
		return;
	}
	buf_addf(s->out, "chosen %s (%s", name_of(s, s->plan->engine),
	    plan_reason_name(s->plan->engine_reason));
	if (engine != NULL && engine->confidence >= 0) {
		buf_add_str(s->out, ", with a chance of ");
		add_percent(s->out, (double)engine->confidence);
	}
	buf_add_char(s->out, ')');
}

void
receipt_why(
    const struct receipt *r, const struct labels *labels, struct buf *out)
{
	struct scene s = { r, labels, receipt_decision(r), out };
	bool observed = slice_is(slice_of(r->policy), "observe");

	if (s.plan == NULL && r->result == RESULT_OK) {
		buf_add_str(out,
		    "no backend was asked: it was given the answer that is "
		    "kept under its Idempotency-Key");
		return;
	}
	if (s.plan == NULL) {
		buf_addf(out, "it was refused before any plan was made (%s)",
		    r->reason);
		return;
	}
	add_preface(&s);
	if (s.plan->kind == PLAN_WAIT)
		buf_add_str(
		    out, "it waited for a serving, and none was free in time");
	else if (s.plan->kind == PLAN_NO && r->result == RESULT_OK)
		why_passed_on(&s);
	else if (s.plan->kind == PLAN_NO)
		why_no(&s);
	else if (observed)
		why_observed(&s);
	else
		why_go(&s);
	if (s.plan->kind != PLAN_GO || s.plan->reason == REASON_FALLBACK ||
	    s.plan->reason == REASON_BEST_EFFORT)
		add_each(&s);
}
