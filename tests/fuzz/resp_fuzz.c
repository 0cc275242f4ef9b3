/* tests/fuzz/resp_fuzz.c - what a server of shared limits may say.
 *
 * An answer that is whole is read as the same one when nothing comes behind it,
 * and no part of it is one. */
#include <string.h>

#include "gateway/shared/resp.h"
#include "tests/fuzz/fuzz.h"

static void
check_inside(struct slice s, struct slice bytes)
{
	FUZZ_REQUIRE(s.p >= bytes.p && s.p + s.n <= bytes.p + bytes.n);
}

static void
check_alone(struct slice bytes, size_t n, const struct resp_answer *a)
{
	char *copy = malloc(n);
	struct resp_answer b;
	size_t taken = 0;

	FUZZ_REQUIRE(copy != NULL);
	memcpy(copy, bytes.p, n);
	FUZZ_REQUIRE(resp_read(slice_make(copy, n), &b, &taken) == RESP_ANSWER);
	FUZZ_REQUIRE(taken == n && a->n == b.n);
	for (size_t i = 0; i < a->n; i++)
		FUZZ_REQUIRE(slice_eq(a->values[i], b.values[i]));
	FUZZ_REQUIRE(
	    resp_read(slice_make(copy, n - 1), &b, &taken) == RESP_MORE);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size);
	struct resp_answer a;
	size_t taken;

	while (resp_read(rest, &a, &taken) == RESP_ANSWER) {
		FUZZ_REQUIRE(taken > 0 && taken <= rest.n);
		FUZZ_REQUIRE(a.n <= RESP_VALUES_MAX);
		if (a.error.p != NULL)
			check_inside(a.error, rest);
		for (size_t i = 0; i < a.n; i++)
			check_inside(a.values[i], rest);
		check_alone(rest, taken, &a);
		rest = slice_make(rest.p + taken, rest.n - taken);
	}
	return 0;
}
