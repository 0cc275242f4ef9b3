/* gateway/lib/map_test.c - names to pointers. */
#include <stdio.h>

#include "gateway/lib/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
an_empty_map_has_nothing(void **state)
{
	struct map m;

	map_init(&m);
	assert_null(map_get(&m, SLICE("a")));
	map_fini(&m);
}

static void
what_was_put_is_found(void **state)
{
	char names[500][16];
	struct map m;

	map_init(&m);
	for (int i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		assert_int_equal(map_put(&m, slice_of(names[i]), names[i]), OK);
	}
	assert_int_equal(m.n, 500);
	for (int i = 0; i < 500; i++)
		assert_ptr_equal(map_get(&m, slice_of(names[i])), names[i]);
	assert_null(map_get(&m, SLICE("n500")));
	assert_null(map_get(&m, SLICE("")));
	map_fini(&m);
}

static void
a_second_value_replaces_the_first(void **state)
{
	int one, two;
	struct map m;

	map_init(&m);
	assert_int_equal(map_put(&m, SLICE("a"), &one), OK);
	assert_int_equal(map_put(&m, SLICE("a"), &two), OK);
	assert_int_equal(m.n, 1);
	assert_ptr_equal(map_get(&m, SLICE("a")), &two);
	map_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(what_was_put_is_found),
		cmocka_unit_test(a_second_value_replaces_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
