/* tests/fuzz/trace_fuzz.c - whatever stands in a trace of arrivals, compressed
 * or not.
 *
 * What is read comes in the order of time, from zero on, and ends. */
#include <string.h>

#include "bench/traffic/arrivals.h"
#include "tests/fuzz/file.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(slice_make((const char *)data, size));
	struct errmsg why = { "" };
	struct arrivals a;
	usec before = 0;
	size_t n = 0;

	if (arrivals_trace(&a, path, 2.0, &why) != OK) {
		FUZZ_REQUIRE(slice_starts(slice_of(why.text), slice_of(path)));
		return 0;
	}
	for (; !a.over; arrivals_step(&a), n++) {
		FUZZ_REQUIRE(a.next.due >= before);
		before = a.next.due;
	}
	FUZZ_REQUIRE(n > 0 && n == a.n);
	arrivals_fini(&a);
	return 0;
}
