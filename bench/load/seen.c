/* bench/load/seen.c - what became of a request, from outside. */
#include "bench/load/seen.h"

#include <inttypes.h>
#include <stdio.h>

enum err
load_price_parse(struct slice s, struct load_price *out, struct errmsg *why)
{
	const ptrdiff_t eq = slice_rfind(s, '='), slash = slice_rfind(s, '/');
	struct load_price p;

	if (eq < 1 || slash < eq)
		return fail(why, ERR_SYNTAX,
		    "want BACKEND=INPUT/OUTPUT (USD per million tokens), got "
		    "\"%.*s\"",
		    SLICE_ARG(s));
	p.backend = slice_make(s.p, (size_t)eq);
	if (!slice_double(
		slice_make(s.p + eq + 1, (size_t)(slash - eq - 1)), &p.input) ||
	    !slice_double(slice_make(s.p + slash + 1, s.n - (size_t)slash - 1),
		&p.output) ||
	    p.input < 0 || p.output < 0)
		return fail(why, ERR_INVALID,
		    "want two prices of at least 0, got \"%.*s\"",
		    SLICE_ARG(s));
	*out = p;
	return OK;
}

void
seen_header(struct seen *s, struct slice name, struct slice value)
{
	char *to = NULL;

	if (slice_iis(name, "x-pointsman-backend"))
		to = s->backend;
	else if (slice_iis(name, "x-pointsman-receipt"))
		to = s->receipt;
	if (to != NULL)
		snprintf(to, SEEN_TEXT, "%.*s", SLICE_ARG(value));
}

void
seen_answer(struct seen *s, const struct answer *a)
{
	s->first = a->first;
	s->last = a->last;
	s->events = a->tokens;
	s->usage_in = a->usage_in;
	s->usage_out = a->usage_out;
	s->complete = answer_complete(a);
}

enum ending
seen_ending(const struct seen *s)
{
	if (s->gave_up)
		return ENDING_CANCELLED;
	if (s->fault != FAULT_NONE)
		return ENDING_FAILED;
	if (s->status == 429 || s->status == 503 || s->status == 529)
		return ENDING_SHED;
	if (s->status / 100 == 2 && s->complete)
		return ENDING_WHOLE;
	return ENDING_FAILED;
}

static const char *
ending_name(enum ending e)
{
	static const char *const names[] = { [ENDING_WHOLE] = "whole",
		[ENDING_SHED] = "shed",
		[ENDING_FAILED] = "failed",
		[ENDING_CANCELLED] = "gave up" };

	return names[e];
}

/* The server's count, or the events where it gives none or fewer: as the
 * gateway counts. */
static uint64_t
tokens_of(const struct seen *s)
{
	return s->usage_out > s->events ? s->usage_out : s->events;
}

usec
seen_itl(const struct seen *s)
{
	const uint64_t n = tokens_of(s);

	if (s->first == 0 || n < 2)
		return -1;
	return (s->last - s->first) / (usec)(n - 1);
}

const struct load_price *
seen_price(const struct seen *s, const struct load_price *prices, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (slice_is(prices[i].backend, s->backend) ||
		    slice_is(prices[i].backend, "*"))
			return &prices[i];
	return NULL;
}

static double
cost(const struct seen *s, const struct load_price *prices, unsigned n)
{
	const double in = s->usage_in > 0 ? s->usage_in : s->prompt;
	const struct load_price *price = seen_price(s, prices, n);

	/* nobody is paid for an error; what broke may have been read */
	if (s->status != 0 && s->status / 100 != 2)
		return n > 0 ? 0 : -1;
	if (price == NULL)
		return -1;
	return (in * price->input + (double)tokens_of(s) * price->output) / 1e6;
}

void
seen_score(const struct seen *s, const struct load_price *prices,
    unsigned n_prices, struct scored *out)
{
	*out = (struct scored){ .priority = s->class->slo.priority,
		.slo = &s->class->slo,
		.ending = seen_ending(s),
		.ttft = s->first > 0 ? s->first - s->due : -1,
		.itl = seen_itl(s),
		.total = s->ended - s->due,
		.cost = cost(s, prices, n_prices),
		.confidence = -1 };
}

/* --- CSV --- */

void
seen_csv_head(struct buf *b)
{
	buf_add_str(b,
	    "class,due_ms,late_ms,status,backend,ttft_ms,itl_ms,total_ms,"
	    "tokens,ok,receipt,met,ending,fault\n");
}

/* As RFC 4180: text of others may hold anything. */
static void
add_text(struct buf *b, const char *text)
{
	struct slice s = slice_of(text);

	if (slice_find(s, ',') < 0 && slice_find(s, '"') < 0) {
		buf_add(b, s);
	} else {
		buf_add_char(b, '"');
		for (size_t i = 0; i < s.n; i++) {
			if (s.p[i] == '"')
				buf_add_char(b, '"');
			buf_add_char(b, s.p[i]);
		}
		buf_add_char(b, '"');
	}
	buf_add_char(b, ',');
}

static void
add_ms(struct buf *b, usec span)
{
	if (span >= 0)
		buf_addf(b, "%.3f", (double)span / 1e3);
	buf_add_char(b, ',');
}

void
seen_csv(const struct seen *s, usec began, struct buf *b)
{
	struct scored r;

	seen_score(s, NULL, 0, &r);
	add_text(b, s->class->name);
	add_ms(b, s->due - began);
	add_ms(b, s->sent - s->due);
	buf_addf(b, "%d,", s->status);
	add_text(b, s->backend);
	add_ms(b, r.ttft);
	add_ms(b, r.itl);
	add_ms(b, r.total);
	buf_addf(b, "%" PRIu64 ",%d,", tokens_of(s), r.ending == ENDING_WHOLE);
	add_text(b, s->receipt);
	buf_addf(b, "%d,%s,%s\n", score_met(&r), ending_name(r.ending),
	    fault_rule(s->fault)->name);
}
