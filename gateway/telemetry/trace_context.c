/* gateway/telemetry/trace_context.c - W3C traceparent, read and written. */
#include "gateway/telemetry/trace_context.h"

#include <string.h>

#include "gateway/lib/hash.h"
#include "gateway/lib/hex.h"

#define SAMPLED 1 /* of trace-flags */

/* Where the parts are, in 00-TRACE-SPAN-FLAGS. */
#define TRACE_AT 3
#define SPAN_AT (TRACE_AT + 2 * TRACE_ID + 1)
#define FLAGS_AT (SPAN_AT + 2 * SPAN_ID + 1)

/* n is a multiple of four. */
static bool
read_hex(const char *p, unsigned char *out, size_t n)
{
	for (size_t i = 0; i < n; i += 4)
		if (!hex_read_four(p + 2 * i, out + i))
			return false;
	return true;
}

static bool
read_byte(const char *p, unsigned char *out)
{
	const char digits[] = { p[0], p[1], '0', '0', '0', '0', '0', '0' };
	unsigned char four[4] = { 0 };
	bool good = hex_read_four(digits, four);

	*out = four[0];
	return good;
}

static bool
is_zero(const unsigned char *id, size_t n)
{
	static const unsigned char none[TRACE_ID];

	return memcmp(id, none, n) == 0;
}

bool
trace_parse(struct slice s, struct trace_context *out)
{
	struct trace_context c = { 0 };
	unsigned char version, flags;

	if (s.n < TRACEPARENT || s.p[TRACE_AT - 1] != '-' ||
	    s.p[SPAN_AT - 1] != '-' || s.p[FLAGS_AT - 1] != '-' ||
	    !read_byte(s.p, &version) ||
	    !read_hex(s.p + TRACE_AT, c.trace, TRACE_ID) ||
	    !read_hex(s.p + SPAN_AT, c.parent, SPAN_ID) ||
	    !read_byte(s.p + FLAGS_AT, &flags))
		return false;
	if (version == 0xff || (version == 0 && s.n != TRACEPARENT) ||
	    (s.n > TRACEPARENT && s.p[TRACEPARENT] != '-') ||
	    is_zero(c.trace, TRACE_ID) || is_zero(c.parent, SPAN_ID))
		return false;
	c.sampled = (flags & SAMPLED) != 0;
	*out = c;
	return true;
}

static void
put_span(uint64_t x, unsigned char span[SPAN_ID])
{
	x = hash_mix(0, x);
	if (x == 0)
		x = 1;
	memcpy(span, &x, SPAN_ID);
}

void
trace_begin(struct trace_context *c, struct slice digits, double share)
{
	unsigned char random[12] = { 0 };
	uint64_t x;
	uint32_t tail, high;

	if (digits.n == 2 * sizeof(random))
		(void)read_hex(digits.p, random, sizeof(random));
	memcpy(&x, random + 4, sizeof(x));
	put_span(x, c->span);
	if (!is_zero(c->trace, TRACE_ID))
		return;
	memcpy(c->trace, random, sizeof(random));
	tail = (uint32_t)hash_mix(0, x ^ 1) | 1; /* never all zeroes */
	memcpy(c->trace + sizeof(random), &tail, sizeof(tail));
	memcpy(&high, random, sizeof(high));
	c->sampled = high < share * 4294967296.0;
}

void
trace_attempt(
    const struct trace_context *c, unsigned number, unsigned char span[SPAN_ID])
{
	uint64_t x;

	memcpy(&x, c->span, sizeof(x));
	put_span(x + number + 1, span);
}

void
trace_write(
    const struct trace_context *c, const unsigned char *span, struct buf *out)
{
	char text[] = "00-00000000000000000000000000000000-0000000000000000-00";

	hex_write(c->trace, TRACE_ID, text + TRACE_AT);
	text[SPAN_AT - 1] = '-';
	hex_write(span, SPAN_ID, text + SPAN_AT);
	text[FLAGS_AT - 1] = '-';
	text[FLAGS_AT + 1] = c->sampled ? '1' : '0';
	buf_add(out, slice_make(text, sizeof(text) - 1));
}
