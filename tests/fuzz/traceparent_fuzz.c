/* tests/fuzz/traceparent_fuzz.c - a stranger's traceparent, and strangers'
 * names in spans.
 *
 * What is read as a trace is written so that it reads the same; spans are
 * Protobuf, with text in UTF-8, whatever the names are. */
#include <string.h>

#include "gateway/lib/utf8.h"
#include "gateway/telemetry/otlp.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 2048

static void
fuzz_header(struct slice header, struct trace_context *c)
{
	struct trace_context again;
	char room[TRACEPARENT + 1]; /* and the NUL that printf wants */
	struct buf b;

	if (!trace_parse(header, c)) {
		*c = (struct trace_context){ { 0 }, { 0 }, { 0 }, false };
		return;
	}
	buf_on(&b, room, sizeof(room));
	trace_write(c, c->parent, &b);
	FUZZ_REQUIRE(buf_err(&b) == OK && b.n == TRACEPARENT);
	FUZZ_REQUIRE(trace_parse(buf_slice(&b), &again));
	FUZZ_REQUIRE(memcmp(again.trace, c->trace, TRACE_ID) == 0);
	FUZZ_REQUIRE(memcmp(again.parent, c->parent, SPAN_ID) == 0);
	FUZZ_REQUIRE(again.sampled == c->sampled);
}

/* --- a reader of what is written --- */

static const char *
read_varint(const char *p, const char *end, uint64_t *out)
{
	unsigned shift = 0;

	*out = 0;
	do {
		FUZZ_REQUIRE(p < end && shift < 64);
		*out |= (uint64_t)(*p & 127) << shift;
		shift += 7;
	} while (*p++ & 128);
	return p;
}

static void
read_text(struct slice s)
{
	size_t len;

	for (size_t i = 0; i < s.n; i += len) {
		len = utf8_length((const unsigned char *)s.p + i, s.n - i);
		FUZZ_REQUIRE(len > 0);
	}
}

/* Messages within messages, by the numbers of their fields: which of them are
 * messages (LETTERS lead to another row), which are text. */
static const char *const kinds[] = {
	['A'] = ".B", /* an export: ResourceSpans */
	['B'] = ".CD", /* Resource, ScopeSpans */
	['C'] = ".I", /* attributes */
	['D'] = ".EF", /* scope, spans */
	['E'] = ".tt",
	['F'] = ".bb.btv88I.....S",
	['I'] = ".tV",
	['S'] = "..tv",
	['V'] = ".tvv8",
};

static void
read_message(struct slice s, char kind)
{
	const char *p = s.p, *end = s.p + s.n;
	uint64_t tag, n;
	char field;

	while (p < end) {
		p = read_varint(p, end, &tag);
		FUZZ_REQUIRE(tag >> 3 < strlen(kinds[(int)kind]));
		field = kinds[(int)kind][tag >> 3];
		if (field == 'v' || field == '8') {
			FUZZ_REQUIRE((tag & 7) == (field == '8'));
			p = field == '8' ? p + 8 : read_varint(p, end, &n);
			FUZZ_REQUIRE(p <= end);
			continue;
		}
		FUZZ_REQUIRE(field != '.' && (tag & 7) == 2);
		p = read_varint(p, end, &n);
		FUZZ_REQUIRE(n <= (size_t)(end - p));
		if (field == 't')
			read_text(slice_make(p, n));
		else if (field != 'b')
			read_message(slice_make(p, n), field);
		p += n;
	}
}

static void
fuzz_spans(const char *text, struct trace_context *c)
{
	const struct wait_span wait = { 1, 2 };
	const struct outcome o = { .id = "req_0123456789abcdef01234567",
		.tenant = text,
		.model = text,
		.slo = text,
		.reason = text,
		.path = text,
		.result = RESULT_ERROR,
		.n_attempts = 1,
		.attempts[0] = {
		    .backend = text, .model = text, .fault = FAULT_CUT } };
	const struct trace_record r = {
		.context = c, .outcome = &o, .waits = &wait, .n_waits = 1
	};
	static char spans[OTLP_REQUEST_MAX], all[OTLP_HEAD_MAX + sizeof(spans)];
	size_t n, head;

	trace_begin(c, SLICE("0123456789abcdef01234567"), 1);
	n = otlp_spans(spans, &r);
	FUZZ_REQUIRE(n <= sizeof(spans));
	head = otlp_head(all, "instance", n);
	FUZZ_REQUIRE(head <= OTLP_HEAD_MAX);
	memcpy(all + head, spans, n);
	read_message(slice_make(all, head + n), 'A');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_context c;
	char text[TEXT_MAX];
	size_t n = size < sizeof(text) ? size : sizeof(text) - 1;

	if (size == 0)
		return 0;
	memcpy(text, data, n);
	text[n] = '\0';
	fuzz_header(slice_make((const char *)data, size), &c);
	fuzz_spans(text, &c);
	return 0;
}
