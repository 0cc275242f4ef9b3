/* gateway/lib/arena_test.c - many allocations, one release, one cap. */
#include <stdalign.h>
#include <string.h>

#include "gateway/lib/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
memory_is_zeroed_aligned_and_separate(void **state)
{
	unsigned char *kept[200];
	struct arena a;

	arena_init(&a, 1u << 20);
	for (size_t i = 0; i < 200; i++) {
		size_t n = i * 7 % 300 + 1;

		kept[i] = arena_alloc(&a, n);
		assert_non_null(kept[i]);
		assert_int_equal((uintptr_t)kept[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(kept[i][k], 0);
		memset(kept[i], (int)i, n);
	}
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(kept[i][i * 7 % 300], i);
	arena_fini(&a);
	assert_null(a.blocks);
}

static void
large_allocations_have_blocks_of_their_own(void **state)
{
	struct arena a;
	char *p;

	arena_init(&a, 1u << 20);
	p = arena_alloc(&a, 100000);
	assert_non_null(p);
	memset(p, 1, 100000);
	arena_fini(&a);
}

static void
the_cap_is_kept(void **state)
{
	struct arena a;

	arena_init(&a, 1000);
	assert_non_null(arena_alloc(&a, 900));
	assert_null(arena_alloc(&a, 200));
	assert_non_null(arena_alloc(&a, 64));
	assert_true(a.used <= 1000);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 64));
	arena_fini(&a);
	assert_non_null(arena_alloc(&a, 900));
	arena_fini(&a);
}

static void
strings_are_copied(void **state)
{
	struct arena a;

	arena_init(&a, 4096);
	assert_string_equal(arena_dup(&a, slice_make("abcdef", 3)), "abc");
	assert_string_equal(arena_dup(&a, slice_make(NULL, 0)), "");
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_separate),
		cmocka_unit_test(large_allocations_have_blocks_of_their_own),
		cmocka_unit_test(the_cap_is_kept),
		cmocka_unit_test(strings_are_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
