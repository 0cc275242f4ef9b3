/* tests/fuzz/decode_fuzz.c - whatever a backend may send us.
 *
 * The first byte chooses what the rest is taken for, the second as what. Apart
 * from memory errors it looks for promises broken: that an error has words,
 * that events and embeddings are judged alike twice, that what is unknown
 * stays zero. */
#include "backends/backend.h"
#include "backends/embeddings.h"
#include "tests/fuzz/fuzz.h"

#define SCRATCH_MAX ((size_t)1 << 20)

static const struct backend_ops *
adapter(unsigned which)
{
	size_t n;
	const struct backend_ops *const *all = backend_all(&n);

	return all[which % n];
}

static void
fuzz_decode(unsigned which, struct slice text)
{
	enum dialect dialect = (enum dialect)(which % DIALECT_COUNT);
	struct slice name = (which & 64) != 0 ? SLICE("error") : SLICE("");
	struct buf first, second;
	struct event a, b;

	buf_init(&first, SCRATCH_MAX);
	buf_init(&second, SCRATCH_MAX);
	backend_decode(dialect, name, text, &a, &first);
	/* as an event of several data lines is passed: lying in scratch */
	buf_add(&second, text);
	backend_decode(dialect, name, buf_slice(&second), &b, &second);
	FUZZ_REQUIRE(a.bits == b.bits);
	FUZZ_REQUIRE(slice_eq(a.error_message, b.error_message));
	FUZZ_REQUIRE((a.bits & EVENT_ERROR) == 0 || a.error_message.n > 0);
	FUZZ_REQUIRE((a.bits & EVENT_ERROR) == 0 || a.bits == EVENT_ERROR);
	FUZZ_REQUIRE((a.bits & EVENT_USAGE) != 0 || !a.usage.known);
	buf_fini(&first);
	buf_fini(&second);
}

static void
fuzz_classify(unsigned which, struct slice body)
{
	struct answer_head h = { .status = 100 + (int)which * 2 };
	struct fault f;

	for (size_t i = 0; i < 10; i++) {
		f = adapter((unsigned)i)->classify(&h, body);
		FUZZ_REQUIRE(f.kind != FAULT_NONE && f.kind < FAULT_COUNT);
		FUZZ_REQUIRE(f.status == h.status || f.status >= 400);
	}
}

/* "name: value" lines. */
static void
fuzz_headers(struct slice text)
{
	struct answer_head h = { .status = 429 };
	struct slice line, name;

	while (slice_next(&text, '\n', &line))
		if (slice_next(&line, ':', &name))
			adapter(0)->read_header(name, line, &h);
	FUZZ_REQUIRE(h.retry_after >= 0);
	FUZZ_REQUIRE(
	    h.limits.left_requests >= 0 && h.limits.reset_requests >= 0);
	FUZZ_REQUIRE(h.limits.left_tokens >= 0 && h.limits.reset_tokens >= 0);
	FUZZ_REQUIRE(adapter(0)->classify(&h, text).retry_after >= 0);
}

static void
fuzz_probe(unsigned which, struct slice body)
{
	enum probe_kind kind = (enum probe_kind)(which % PROBE_KIND_COUNT);
	struct probe_result r = { .fault = { .kind = FAULT_NONE } };
	struct buf names;

	buf_init(&names, SCRATCH_MAX);
	r.models = &names;
	adapter(which)->read_probe(kind, which < 128 ? 200 : 503, body, &r);
	FUZZ_REQUIRE((r.load.has & LOAD_RUNNING) != 0 || r.load.running == 0);
	FUZZ_REQUIRE((r.load.has & LOAD_WAITING) != 0 || r.load.waiting == 0);
	FUZZ_REQUIRE(r.load.running >= 0 && r.load.waiting >= 0);
	buf_fini(&names);
}

static enum transcoding
transcode(struct slice reply, bool base64, struct buf *out)
{
	struct transcoder *t = transcoder_new(reply, base64, SCRATCH_MAX);
	enum transcoding how;

	while ((how = transcoder_run(t)) == TRANSCODE_MORE)
		continue;
	if (how == TRANSCODE_DONE)
		transcoder_take(t, out);
	transcoder_free(&t);
	return how;
}

/* Of a reply that would be relayed: what was converted has the encoding that
 * was asked for, for good. */
static void
fuzz_embeddings(unsigned which, struct slice reply)
{
	bool base64 = which % 2 != 0;
	struct buf scratch, once, twice;
	struct event e;

	buf_init(&scratch, SCRATCH_MAX);
	buf_init(&once, SCRATCH_MAX);
	buf_init(&twice, SCRATCH_MAX);
	backend_decode(DIALECT_EMBEDDINGS, SLICE(""), reply, &e, &scratch);
	if ((e.bits & (EVENT_TOKEN | EVENT_ERROR)) == EVENT_TOKEN &&
	    transcode(reply, base64, &once) == TRANSCODE_DONE)
		FUZZ_REQUIRE(transcode(buf_slice(&once), base64, &twice) ==
		    TRANSCODE_NOTHING);
	FUZZ_REQUIRE(twice.n == 0);
	buf_fini(&scratch);
	buf_fini(&once);
	buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text;

	if (size < 2)
		return 0;
	text = slice_make((const char *)data + 2, size - 2);
	switch (data[0] % 5) {
	case 0:
		fuzz_decode(data[1], text);
		break;
	case 1:
		fuzz_classify(data[1], text);
		break;
	case 2:
		fuzz_headers(text);
		break;
	case 3:
		fuzz_probe(data[1], text);
		break;
	case 4:
		fuzz_embeddings(data[1], text);
		break;
	}
	return 0;
}
