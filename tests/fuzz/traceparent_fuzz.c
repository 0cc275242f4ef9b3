/* tests/fuzz/traceparent_fuzz.c - a stranger's traceparent, and strangers'
 * names in spans.
 *
 * What is read as a trace is written so that it reads the same; spans are a
 * JSON document whatever the names are. */
#include <jansson.h>
#include <string.h>

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

static void
fuzz_spans(const char *text, struct trace_context *c)
{
	struct trace_record r = { .n_waits = 1,
		.outcome = { .id = "req_0123456789abcdef01234567",
		    .tenant = text,
		    .model = text,
		    .slo = text,
		    .reason = text,
		    .path = text,
		    .result = RESULT_ERROR,
		    .n_attempts = 1 } };
	struct buf b;
	json_t *doc;

	trace_begin(c, SLICE("0123456789abcdef01234567"), 1);
	r.context = *c;
	r.outcome.attempts[0] = (struct attempt_report){
		.backend = text, .model = text, .fault = FAULT_CUT
	};
	buf_init(&b, (size_t)1 << 20);
	otlp_begin(&b, text);
	otlp_add(&b, &r, true);
	otlp_end(&b);
	FUZZ_REQUIRE(buf_err(&b) == OK);
	doc = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_REQUIRE(doc != NULL);
	json_decref(doc);
	buf_fini(&b);
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
