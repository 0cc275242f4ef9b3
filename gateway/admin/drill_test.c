/* gateway/admin/drill_test.c - when a drill is met, and what it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "gateway/admin/drill.h"

#include <cmocka.h>

#define SPAN (10 * USEC_SEC)

static const struct conf_backend one = { .id = 1, .name = "one" };
static const struct conf_tenant acme = { .id = 7, .name = "acme" },
				other = { .id = 8, .name = "other" };

static struct drill_view
look(struct drill *d, usec now)
{
	struct drill_view v;

	drill_read(d, now, &v);
	return v;
}

static void
only_its_backend_and_only_its_time(void **state)
{
	struct drill *d = drill_new();

	assert_int_equal(drill_meets(d, 1, NULL, 0, 5), 0);
	assert_int_equal(look(d, 5).id, 0);
	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 100), OK);
	assert_int_equal(drill_meets(d, 1, NULL, 0, 100), 1);
	assert_int_equal(drill_meets(d, 1, &acme, 0, 100), 1);
	assert_int_equal(drill_meets(d, 2, NULL, 0, 100), 0);
	assert_int_equal(look(d, 100).left, SPAN);
	assert_int_equal(drill_meets(d, 1, NULL, 0, 100 + SPAN - 1), 1);
	assert_int_equal(drill_meets(d, 1, NULL, 0, 100 + SPAN), 0);
	assert_int_equal(look(d, 100 + SPAN).end, DRILL_TIME);
	assert_int_equal(look(d, 100 + SPAN).requests, 3);
	drill_free(&d);
	assert_null(d);
}

static void
one_tenants_is_nobody_elses(void **state)
{
	struct drill *d = drill_new();

	assert_int_equal(drill_begin(d, &one, &acme, SPAN, 0), OK);
	assert_int_equal(drill_meets(d, 1, &acme, 0, 1), 1);
	assert_int_equal(drill_meets(d, 1, &other, 0, 1), 0);
	assert_int_equal(drill_meets(d, 1, NULL, 0, 1), 0);
	assert_string_equal(look(d, 1).tenant, "acme");
	drill_free(&d);
}

static void
one_at_a_time(void **state)
{
	struct drill *d = drill_new();

	assert_false(drill_stop(d, DRILL_STOPPED, 0));
	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 0), OK);
	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 1), ERR_AGAIN);
	assert_true(drill_stop(d, DRILL_STOPPED, 2));
	assert_false(drill_stop(d, DRILL_STOPPED, 2));
	assert_int_equal(look(d, 3).end, DRILL_STOPPED);
	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 3), OK);
	/* nobody ticked, but its time is over */
	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 3 + SPAN), OK);
	assert_int_equal(look(d, 3 + SPAN).id, 3);
	drill_free(&d);
}

static void
requests_are_counted_once_and_to_their_own_drill(void **state)
{
	struct drill *d = drill_new();
	struct drill_view v;

	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 0), OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(drill_meets(d, 1, NULL, 0, 1), 1);
	assert_int_equal(drill_meets(d, 1, NULL, 1, 1), 1); /* once more */
	drill_note(d, 1, RESULT_OK, 10, 30);
	drill_note(d, 1, RESULT_OK, -1, 30);
	drill_note(d, 1, RESULT_ERROR, 10, 1000);
	drill_note(d, 1, RESULT_CLIENT_GONE, 10, 1000);
	v = look(d, 2);
	assert_int_equal(v.attempts, 5);
	assert_int_equal(v.requests, 4);
	assert_int_equal(v.moved, 2);
	assert_int_equal(v.failed, 1);
	assert_int_equal(v.gone, 1);
	assert_int_equal(v.timed, 1);
	assert_int_equal(v.expected, 10);
	assert_int_equal(v.measured, 30);
	assert_true(drill_stop(d, DRILL_RELOADED, 3));
	assert_int_equal(drill_begin(d, &one, NULL, SPAN, 4), OK);
	drill_note(d, 1, RESULT_OK, 10, 30);
	assert_int_equal(look(d, 5).moved, 0);
	drill_free(&d);
}

static void
a_name_that_cannot_be_kept_is_refused(void **state)
{
	struct drill *d = drill_new();
	char name[DRILL_NAME_MAX + 1];
	struct conf_backend b = { .id = 1, .name = name };

	memset(name, 'x', sizeof(name));
	name[DRILL_NAME_MAX] = '\0';
	assert_int_equal(drill_begin(d, &b, NULL, SPAN, 0), ERR_LIMIT);
	name[DRILL_NAME_MAX - 1] = '\0';
	assert_int_equal(drill_begin(d, &b, NULL, SPAN, 0), OK);
	assert_string_equal(look(d, 1).backend, name);
	drill_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_backend_and_only_its_time),
		cmocka_unit_test(one_tenants_is_nobody_elses),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(
		    requests_are_counted_once_and_to_their_own_drill),
		cmocka_unit_test(a_name_that_cannot_be_kept_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
