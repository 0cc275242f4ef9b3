/* tests/fuzz/reply_fuzz.c - what a load generator is answered, cut anywhere.
 *
 * The first byte says in which pieces it comes a second time: the same bodies,
 * the same end. */
#include <string.h>

#include "bench/load/answer.h"
#include "bench/load/reply.h"
#include "tests/fuzz/fuzz.h"

struct heard {
	struct buf body;
	enum reply_state last;
	bool whole;
	int status;
	uint64_t tokens;
};

static void
on_token(void *arg, const struct answer *a, usec now)
{
	(void)arg;
	(void)a;
	(void)now;
}

static void
hear(struct slice bytes, size_t piece, struct heard *h)
{
	enum reply_state s = REPLY_MORE;
	struct answer answer;
	struct slice in, part;
	struct reply r;

	reply_init(&r);
	answer_init(&answer);
	while (bytes.n > 0 && s == REPLY_MORE) {
		in = slice_make(bytes.p, piece < bytes.n ? piece : bytes.n);
		bytes = slice_make(bytes.p + in.n, bytes.n - in.n);
		while ((s = reply_read(&r, &in, &part)) == REPLY_BODY) {
			buf_add(&h->body, part);
			answer_events(&answer, part, 1, on_token, NULL);
		}
		FUZZ_REQUIRE(s != REPLY_MORE || in.n == 0);
	}
	h->last = s;
	h->status = r.status;
	h->whole = s == REPLY_END || (s == REPLY_MORE && reply_eof(&r));
	h->tokens = answer.tokens;
	answer_fini(&answer);
	reply_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard whole = { 0 }, pieces = { 0 };
	struct slice bytes;

	if (size == 0)
		return 0;
	bytes = slice_make((const char *)data + 1, size - 1);
	buf_init(&whole.body, size);
	buf_init(&pieces.body, size);
	hear(bytes, size, &whole);
	hear(bytes, data[0] % 32u + 1, &pieces);
	FUZZ_REQUIRE(whole.last == pieces.last && whole.whole == pieces.whole);
	FUZZ_REQUIRE(
	    whole.status == pieces.status && whole.tokens == pieces.tokens);
	FUZZ_REQUIRE(slice_eq(buf_slice(&whole.body), buf_slice(&pieces.body)));
	buf_fini(&whole.body);
	buf_fini(&pieces.body);
	return 0;
}
