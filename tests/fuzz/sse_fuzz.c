/* tests/fuzz/sse_fuzz.c - events do not depend on how a stream is cut.
 *
 * The first four bytes say where the rest is cut when it is read a second
 * time. */
#include <string.h>

#include "gateway/lib/rng.h"
#include "gateway/lib/sse.h"
#include "tests/fuzz/fuzz.h"

/* Pieces of 1..64 bytes; seed 0: all at once. */
static size_t
piece(struct rng *rng, uint32_t seed, size_t left)
{
	size_t n = seed == 0 ? left : 1 + rng_below(rng, 64);

	return n < left ? n : left;
}

/* Reads the stream in pieces; *log gets one entry per event. */
static void
read_stream(struct slice stream, uint32_t seed, struct buf *log)
{
	struct buf span, scratch;
	struct sse_fields f;
	struct sse sse;
	struct rng rng;
	size_t at = 0, n, taken;
	enum sse_state state;

	rng_init(&rng, seed, 1);
	sse_init(&sse);
	buf_init(&span, stream.n);
	buf_init(&scratch, stream.n);
	while (at < stream.n) {
		n = piece(&rng, seed, stream.n - at);
		state = sse_scan(&sse, slice_make(stream.p + at, n), &taken);
		FUZZ_REQUIRE(taken <= n);
		FUZZ_REQUIRE(state == SSE_EVENT || taken == n);
		buf_add(&span, slice_make(stream.p + at, taken));
		at += taken;
		if (state != SSE_EVENT)
			continue;
		sse_parse(buf_slice(&span), &f, &scratch);
		FUZZ_REQUIRE(buf_err(&scratch) == OK);
		buf_addf(log, "%d%d%zu,%zu:", f.has_data, f.comment_only,
		    f.event.n, f.data.n);
		buf_add(log, f.event);
		buf_add(log, f.data);
		buf_reset(&span);
	}
	buf_add_char(log, sse.any ? 'u' : 'w');
	/* what is left over never breaks the parser either */
	sse_parse(buf_slice(&span), &f, &scratch);
	FUZZ_REQUIRE(buf_err(&span) == OK && buf_err(log) == OK);
	buf_fini(&span);
	buf_fini(&scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	struct slice stream;
	uint32_t seed;

	if (size < sizeof(seed) || size > 1u << 16)
		return 0;
	memcpy(&seed, data, sizeof(seed));
	stream =
	    slice_make((const char *)data + sizeof(seed), size - sizeof(seed));
	buf_init(&whole, 64 * size);
	buf_init(&pieces, 64 * size);
	read_stream(stream, 0, &whole);
	read_stream(stream, seed | 1, &pieces);
	FUZZ_REQUIRE(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
