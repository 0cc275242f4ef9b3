/* gateway/stored_test.c - which responses are remembered. */
#include "gateway/stored.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct slice
name(char room[32], unsigned i)
{
	snprintf(room, 32, "resp_%u", i);
	return slice_of(room);
}

static void
it_says_where_a_response_is(void **state)
{
	struct stored *s = stored_new();
	uint32_t backend = 9;

	(void)state;
	assert_false(stored_find(s, SLICE("resp_1"), &backend));
	stored_note(s, SLICE("resp_1"), 0);
	stored_note(s, SLICE("resp_2"), 7);
	assert_true(stored_find(s, SLICE("resp_1"), &backend));
	assert_int_equal(backend, 0);
	assert_true(stored_find(s, SLICE("resp_2"), &backend));
	assert_int_equal(backend, 7);
	stored_note(s, SLICE("resp_1"), 3);
	assert_true(stored_find(s, SLICE("resp_1"), &backend));
	assert_int_equal(backend, 3);
	assert_false(stored_find(s, SLICE(""), &backend));
	stored_free(&s);
	assert_null(s);
}

/* They are the client's, and hashed whole. */
static void
no_id_is_long(void **state)
{
	struct stored *s = stored_new();
	char id[513];
	uint32_t backend;

	(void)state;
	memset(id, 'x', sizeof(id));
	stored_note(s, slice_make(id, 513), 1);
	assert_false(stored_find(s, slice_make(id, 513), &backend));
	stored_note(s, slice_make(id, 512), 2);
	assert_true(stored_find(s, slice_make(id, 512), &backend));
	stored_free(&s);
}

/* Those before go, and of the last ones nearly all are there: the sets do not
 * fill alike. */
static void
the_oldest_make_room(void **state)
{
	struct stored *s = stored_new();
	unsigned early = 0, late = 0;
	uint32_t backend;
	char room[32];

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		stored_note(s, name(room, i), i);
	for (unsigned i = 0; i < 1000; i++)
		early += stored_find(s, name(room, i), &backend);
	for (unsigned i = 92000; i < 100000; i++) {
		if (!stored_find(s, name(room, i), &backend))
			continue;
		assert_int_equal(backend, i);
		late++;
	}
	assert_int_equal(early, 0);
	assert_true(late > 7600);
	stored_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_where_a_response_is),
		cmocka_unit_test(no_id_is_long),
		cmocka_unit_test(the_oldest_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
