/* tests/fuzz/realtime_fuzz.c - what a session tells does not depend on how its
 * bytes are cut, and costs no more memory than it may.
 *
 * The first four bytes say where the rest is cut when it is read a second
 * time; both directions get the same. */
#include <string.h>

#include "gateway/lib/rng.h"
#include "gateway/realtime/events.h"
#include "tests/fuzz/fuzz.h"

/* Pieces of 1..64 bytes; seed 0: all at once. */
static void
read_session(struct slice bytes, uint32_t seed, struct events *e)
{
	struct slice piece, rest;
	struct rng rng;
	size_t n;

	rng_init(&rng, seed, 1);
	events_init(e);
	while (bytes.n > 0) {
		n = seed == 0 ? bytes.n : 1 + rng_below(&rng, 64);
		piece = slice_make(bytes.p, n < bytes.n ? n : bytes.n);
		events_from_client(e, piece, 1000);
		rest = piece;
		while (events_from_backend(e, &rest, 3000))
			continue;
		FUZZ_REQUIRE(rest.n == 0 || e->backend.frames.lost);
		FUZZ_REQUIRE(e->kept.n <= EVENTS_KEPT);
		bytes = slice_make(bytes.p + piece.n, bytes.n - piece.n);
	}
}

static void
require_same_frames(const struct frames *a, const struct frames *b)
{
	FUZZ_REQUIRE(a->lost == b->lost && a->closed == b->closed);
	FUZZ_REQUIRE(frames_pause(a) == frames_pause(b));
	FUZZ_REQUIRE(a->lost || (a->left == b->left && a->n == b->n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct events whole, pieces;
	struct slice bytes;
	uint32_t seed;

	if (size < sizeof(seed) || size > 1u << 20)
		return 0;
	memcpy(&seed, data, sizeof(seed));
	bytes =
	    slice_make((const char *)data + sizeof(seed), size - sizeof(seed));
	read_session(bytes, 0, &whole);
	read_session(bytes, seed | 1, &pieces);
	require_same_frames(&whole.client.frames, &pieces.client.frames);
	require_same_frames(&whole.backend.frames, &pieces.backend.frames);
	FUZZ_REQUIRE(whole.answers == pieces.answers);
	FUZZ_REQUIRE(whole.untold == pieces.untold);
	FUZZ_REQUIRE(whole.untold <= whole.answers);
	FUZZ_REQUIRE(whole.usage.known == (whole.untold == 0));
	FUZZ_REQUIRE(whole.usage.input == pieces.usage.input);
	FUZZ_REQUIRE(whole.usage.output == pieces.usage.output);
	events_fini(&whole);
	events_fini(&pieces);
	return 0;
}
