/* gateway/lib/clock_test.c - an instant as text, and an alarm. */
#include "gateway/lib/clock.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
reads(usec wall, unsigned decimals, const char *want)
{
	char text[CLOCK_TEXT];

	assert_int_equal(clock_text(text, wall, decimals), strlen(want));
	assert_memory_equal(text, want, strlen(want));
}

static void
an_instant_has_as_many_decimals_as_asked_for(void **state)
{
	const usec wall = 1795231637 * USEC_SEC + 12345;

	reads(wall, 6, "2026-11-21T03:27:17.012345Z");
	reads(wall, 3, "2026-11-21T03:27:17.012Z");
	reads(wall, 1, "2026-11-21T03:27:17.0Z");
	reads(0, 3, "1970-01-01T00:00:00.000Z");
	reads(951868799 * USEC_SEC + 999999, 3, "2000-02-29T23:59:59.999Z");
}

static void
whatever_the_clock_says_there_is_room_for_it(void **state)
{
	char text[CLOCK_TEXT];

	assert_in_range(clock_text(text, INT64_MAX, 6), 28, CLOCK_TEXT);
	assert_in_range(clock_text(text, INT64_MIN, 6), 28, CLOCK_TEXT);
}

static void
only_what_a_calendar_has_is_read(void **state)
{
	static const char *const wrong[] = { "2026-02-30", "2026-13-01",
		"2026-2-03", " 2026-02-03", "2026-02-03 ", "2025-02-29", "" };
	usec at;

	assert_true(clock_read("2024-02-29", "%Y-%m-%d", &at));
	assert_int_equal(at, 1709164800 * USEC_SEC);
	assert_true(clock_read("1970-01", "%Y-%m", &at));
	assert_int_equal(at, 0);
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(clock_read(wrong[i], "%Y-%m-%d", &at));
}

static void
an_alarm_rings_when_its_time_has_come(void **state)
{
	struct pollfd p = { .fd = clock_alarm(), .events = POLLIN };
	usec at = clock_now() + 20 * USEC_MS;

	assert_true(p.fd >= 0);
	clock_alarm_at(p.fd, at);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(clock_now() >= at);
	clock_alarm_at(p.fd, at + 3600 * USEC_SEC);
	assert_int_equal(poll(&p, 1, 0), 0);
	clock_alarm_at(p.fd, 1); /* long ago */
	assert_int_equal(poll(&p, 1, 10000), 1);
	clock_alarm_at(p.fd, 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	close(p.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_instant_has_as_many_decimals_as_asked_for),
		cmocka_unit_test(only_what_a_calendar_has_is_read),
		cmocka_unit_test(whatever_the_clock_says_there_is_room_for_it),
		cmocka_unit_test(an_alarm_rings_when_its_time_has_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
