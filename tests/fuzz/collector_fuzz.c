/* tests/fuzz/collector_fuzz.c - what a collector answers to an export.
 *
 * What is said lies within the answer; what is no message says nothing. */
#include "gateway/telemetry/otlp_answer.h"
#include "tests/fuzz/fuzz.h"

static void
fuzz_answer(struct slice body, bool taken)
{
	struct otlp_answer a;
	bool good = otlp_read_answer(body, taken, &a);

	FUZZ_REQUIRE(good || (a.rejected == 0 && a.message.n == 0));
	FUZZ_REQUIRE(taken || a.rejected == 0);
	FUZZ_REQUIRE(a.rejected <= INT64_MAX);
	if (a.message.n > 0)
		FUZZ_REQUIRE(a.message.p >= body.p &&
		    a.message.p + a.message.n <= body.p + body.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make((const char *)data, size);

	fuzz_answer(body, true);
	fuzz_answer(body, false);
	return 0;
}
