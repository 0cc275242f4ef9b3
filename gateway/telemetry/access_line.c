/* gateway/telemetry/access_line.c - one request as one logfmt line. */
#include "gateway/telemetry/access_line.h"

#include <string.h>

#include "gateway/lib/digits.h"
#include "gateway/lib/hex.h"
#include "gateway/telemetry/shard.h"
#include "gateway/telemetry/trace_context.h"

#define VALUE_MAX 120 /* bytes of one value, escaped */

static void
put(struct access_line *l, const char *p, size_t n)
{
	size_t room = sizeof(l->p) - 1 - l->n; /* 1: the newline */

	if (n > room)
		n = room;
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

/* All that stands before a value. */
#define KEY(name) SLICE(" " name "=")

static void
put_slice(struct access_line *l, struct slice s)
{
	put(l, s.p, s.n);
}

/* Letters, digits, "+-./:@_". */
static const uint64_t plain[256 / 64] = { UINT64_C(0x07ffe80000000000),
	UINT64_C(0x07fffffe87ffffff) };

static inline bool
is_plain(unsigned char c)
{
	return (plain[c / 64] >> c % 64 & 1) != 0;
}

/* Up to four bytes that stand for c; how many. */
static size_t
escape(unsigned char c, char out[4])
{
	static const char digits[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (c >= 0x20 && c < 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[c >> 4];
	out[3] = digits[c & 15];
	return 4;
}

static void
put_quoted(struct access_line *l, const char *value)
{
	size_t used = 0, n;
	char bytes[4];

	put(l, "\"", 1);
	for (; *value != '\0'; value++) {
		n = escape((unsigned char)*value, bytes);
		if (used + n > VALUE_MAX) {
			put(l, "...", 3);
			break;
		}
		put(l, bytes, n);
		used += n;
	}
	put(l, "\"", 1);
}

static void
put_text(struct access_line *l, struct slice key, const char *value)
{
	size_t n = 0;

	if (value == NULL)
		return;
	put_slice(l, key);
	while (n <= VALUE_MAX && is_plain((unsigned char)value[n]))
		n++;
	if (n > 0 && value[n] == '\0')
		put(l, value, n);
	else
		put_quoted(l, value);
}

/* A word of ours, which is plain. */
static void
put_word(struct access_line *l, struct slice key, const char *word)
{
	put_slice(l, key);
	put_slice(l, slice_of(word));
}

static void
put_number(struct access_line *l, struct slice key, uint64_t value)
{
	char digits[DIGITS_MAX];
	size_t n = digits_u64(digits, value);

	put_slice(l, key);
	put(l, digits, n);
}

static void
put_ms(struct access_line *l, struct slice key, usec span)
{
	char digits[DIGITS_MAX];
	size_t n;

	if (span < 0)
		return;
	n = digits_ms(digits, span);
	put_slice(l, key);
	put(l, digits, n);
}

static void
put_trace(struct access_line *l, const unsigned char trace[TRACE_ID])
{
	char digits[2 * TRACE_ID + 1];

	hex_write(trace, TRACE_ID, digits);
	put_slice(l, KEY("trace"));
	put(l, digits, 2 * TRACE_ID);
}

static void
put_time(struct access_line *l, usec wall)
{
	char text[CLOCK_TEXT];

	put_slice(l, SLICE("time="));
	put(l, text, clock_text(text, wall, 3));
}

static void
put_usage(struct access_line *l, const struct outcome *o)
{
	char cost[DIGITS_MAX];

	if (o->n_attempts == 0)
		return;
	if (usage_means(&o->usage, o->dialect)) {
		put_number(l, KEY("tokens_in"), o->usage.input);
		put_number(l, KEY("tokens_out"), o->usage.output);
		put_word(
		    l, KEY("usage"), o->usage.known ? "reported" : "estimated");
	}
	if (o->cost < 0)
		return;
	put_slice(l, KEY("cost"));
	put(l, cost, digits_decimal(cost, o->cost));
}

void
access_line(const struct outcome *o, usec wall, struct access_line *l)
{
	const struct attempt_report *a = attempt_answering(o);

	l->n = 0;
	put_time(l, wall);
	put_word(l, KEY("id"), o->id);
	if (o->trace != NULL)
		put_trace(l, o->trace);
	put_text(l, KEY("tenant"), o->tenant);
	put_text(l, KEY("model"), o->model);
	if (a != NULL) {
		put_text(l, KEY("backend"), a->backend);
		put_text(l, KEY("upstream"), a->model);
		if (a->translated)
			put_word(l, KEY("as"), "chat");
	}
	put_text(l, KEY("slo"), o->slo);
	if (o->slo_declared)
		put_word(l, KEY("slo_met"), o->slo_met ? "yes" : "no");
	if (o->status > 0)
		put_number(l, KEY("status"), (uint64_t)o->status);
	put_word(l, KEY("result"), result_name(o->result));
	put_text(l, KEY("reason"), o->reason);
	if (o->fault != FAULT_NONE)
		put_word(l, KEY("fault"), fault_rule(o->fault)->name);
	put_text(l, KEY("path"), o->path);
	put_word(l, KEY("stream"), o->stream ? "yes" : "no");
	put_number(l, KEY("attempts"), o->n_attempts);
	put_ms(l, KEY("queue_ms"), o->queue);
	put_ms(l, KEY("connect_ms"), o->connect);
	put_ms(l, KEY("ttft_ms"), o->ttft);
	put_ms(l, KEY("itl_ms"), o->itl);
	put_ms(l, KEY("total_ms"), o->total);
	if (o->stalled > 0)
		put_ms(l, KEY("stalled_ms"), o->stalled);
	put_number(l, KEY("bytes_in"), o->bytes_in);
	put_number(l, KEY("bytes_out"), o->bytes_out);
	put_usage(l, o);
	l->p[l->n++] = '\n';
}
