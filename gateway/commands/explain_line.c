/* gateway/commands/explain_line.c - what happened to a request, in the order of
 * time. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/commands/doc.h"
#include "gateway/commands/explain_receipt.h"
#include "gateway/lib/err.h"

#define EVENTS_MAX 64

void
explain_plan(const json_t *plan, char *out, size_t cap)
{
	const char *kind = doc_text(plan, "kind");
	size_t n;

	if (strcmp(kind, "go") == 0)
		n = (size_t)snprintf(out, cap, "%s %s (%s)",
		    json_is_true(doc_get(plan, "hedge")) ? "also go to"
							 : "go to",
		    doc_text(plan, "backend"), doc_text(plan, "reason"));
	else
		n = (size_t)snprintf(out, cap, "%s (%s)",
		    strcmp(kind, "wait") == 0 ? "wait" : "refuse",
		    doc_text(plan, "reason"));
	if (n < cap && doc_has(plan, "confidence"))
		snprintf(out + n, cap - n, ", chance %.1f %%%s",
		    doc_number(plan, "confidence") * 100,
		    doc_has(plan, "required") ? "" : " foreseen");
}

/* --- the time line --- */

/* Of events at the same time: a plan comes before the attempt that it led to,
 * and after the end of the one before. */
enum stage { STAGE_PLAN, STAGE_SENT, STAGE_REACHED, STAGE_TOKEN, STAGE_ENDED };

struct event {
	double at; /* ms */
	double order;
	char words[EXPLAIN_WORDS];
};

struct line {
	struct event event[EVENTS_MAX];
	int n;
};

static void PRINTF_LIKE(5, 6) say(struct line *l, double at, double attempt,
    enum stage stage, const char *fmt, ...)
{
	struct event *e;
	va_list args;

	if (l->n == EVENTS_MAX)
		return;
	e = &l->event[l->n];
	e->at = at;
	e->order = (attempt * 10 + (double)stage) * EVENTS_MAX + l->n;
	va_start(args, fmt);
	vsnprintf(e->words, sizeof(e->words), fmt, args);
	va_end(args);
	l->n++;
}

static void
say_plans(struct line *l, const json_t *plans)
{
	char words[EXPLAIN_WORDS - 8];
	double went = 0;
	const json_t *p;
	size_t i;

	json_array_foreach (plans, i, p) {
		explain_plan(p, words, sizeof(words));
		say(l, doc_number(p, "at_ms"), went + 1, STAGE_PLAN, "plan: %s",
		    words);
		went += strcmp(doc_text(p, "kind"), "go") == 0;
	}
}

static void
say_connection(struct line *l, const json_t *a, double began, double which)
{
	double at = began;

	if (doc_has(a, "connect_ms")) {
		at += doc_number(a, "connect_ms");
		say(l, at, which, STAGE_REACHED,
		    "attempt %g: connected in %.3f ms", which,
		    doc_number(a, "connect_ms"));
	}
	if (doc_has(a, "tls_ms")) {
		at += doc_number(a, "tls_ms");
		say(l, at, which, STAGE_REACHED, "attempt %g: TLS in %.3f ms",
		    which, doc_number(a, "tls_ms"));
	}
}

static void
say_end(struct line *l, const json_t *a, double which)
{
	double at = doc_number(a, "ended_ms");
	char status[32] = "";

	if (doc_has(a, "status"))
		snprintf(status, sizeof(status), ", status %g",
		    doc_number(a, "status"));
	if (json_is_string(doc_get(a, "fault")))
		say(l, at, which, STAGE_ENDED, "attempt %g: %s%s", which,
		    doc_text(a, "fault"), status);
	else if (doc_has(a, "itl_ms"))
		say(l, at, which, STAGE_ENDED,
		    "attempt %g: whole%s, %.3f ms a token", which, status,
		    doc_number(a, "itl_ms"));
	else
		say(l, at, which, STAGE_ENDED, "attempt %g: %s%s", which,
		    doc_has(a, "total_ms") ? "whole" : "ended", status);
}

static void
say_attempt(struct line *l, const json_t *a)
{
	double began = doc_number(a, "began_ms");
	double which = doc_number(a, "number");

	say(l, began, which, STAGE_SENT, "attempt %g: sent to %s, model %s%s%s",
	    which, doc_text(a, "backend"), doc_text(a, "upstream_model"),
	    json_is_true(doc_get(a, "translated")) ? ", as chat" : "",
	    json_is_true(doc_get(a, "hedge")) ? ", as a hedge" : "");
	say_connection(l, a, began, which);
	if (doc_has(a, "ttft_ms"))
		say(l, began + doc_number(a, "ttft_ms"), which, STAGE_TOKEN,
		    "attempt %g: first token, %.3f ms after it was sent", which,
		    doc_number(a, "ttft_ms"));
	say_end(l, a, which);
}

static int
by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->at < y->at || x->at > y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void
explain_time_line(const json_t *doc, FILE *f)
{
	const json_t *outcome = doc_get(doc, "outcome"), *a;
	const json_t *phases = doc_get(outcome, "phases");
	bool failed = json_is_string(doc_get(outcome, "fault"));
	struct line l = { .n = 0 };
	size_t i;

	say(&l, 0, 0, STAGE_PLAN, "the request is in (its body took %.3f ms)",
	    doc_number(phases, "recv_ms"));
	say_plans(&l, doc_get(doc, "plans"));
	json_array_foreach (doc_get(outcome, "attempts"), i, a)
		say_attempt(&l, a);
	say(&l, doc_number(phases, "total_ms"), 1e6, STAGE_ENDED, "end: %s%s%s",
	    doc_text(outcome, "result"), failed ? ", " : "",
	    failed ? doc_text(outcome, "fault") : "");
	qsort(l.event, (size_t)l.n, sizeof(l.event[0]), by_time);
	fputs("\ntime line, ms\n", f);
	for (int k = 0; k < l.n; k++)
		fprintf(f, "%12.3f  %s\n", l.event[k].at, l.event[k].words);
}
