/* gateway/busy_poll_test.c - when a loop stays awake, for how long, and what it
 * says that took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/busy_poll.h"

#include <cmocka.h>

#define SPAN (300 * USEC_MS)

struct bench {
	uv_loop_t loop;
	struct busy_poll spin;
};

static void
bench_init(struct bench *b)
{
	uv_loop_init(&b->loop);
	busy_poll_init(&b->spin, &b->loop);
}

static void
bench_fini(struct bench *b)
{
	busy_poll_close(&b->spin);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
}

/* libuv's own word: 0, it polls without waiting; -1, it sleeps. */
static bool
is_awake(const struct bench *b)
{
	return uv_backend_timeout(&b->loop) == 0 &&
	    uv_loop_alive(&b->loop) != 0;
}

static void
without_a_span_it_sleeps(void **state)
{
	struct bench b;

	bench_init(&b);
	assert_false(is_awake(&b));
	busy_poll_turn(&b.spin, 0, true, clock_now());
	assert_false(is_awake(&b));
	bench_fini(&b);
}

static void
only_an_event_wakes_it(void **state)
{
	struct bench b;

	bench_init(&b);
	busy_poll_turn(&b.spin, SPAN, false, clock_now());
	assert_false(is_awake(&b));
	busy_poll_turn(&b.spin, SPAN, true, clock_now());
	assert_true(is_awake(&b));
	bench_fini(&b);
}

static void
it_stays_awake_for_the_span(void **state)
{
	struct bench b;

	bench_init(&b);
	busy_poll_turn(&b.spin, SPAN, true, clock_now());
	busy_poll_turn(&b.spin, SPAN, false, b.spin.until - 1);
	assert_true(is_awake(&b));
	busy_poll_turn(&b.spin, SPAN, false, b.spin.until);
	assert_false(is_awake(&b));
	assert_int_equal(atomic_load(&b.spin.spent), SPAN);
	bench_fini(&b);
}

/* And what it did for that is not counted as spent for nothing. */
static void
an_event_begins_the_span_anew(void **state)
{
	struct bench b;
	usec first;

	bench_init(&b);
	busy_poll_turn(&b.spin, SPAN, true, clock_now());
	first = b.spin.until;
	b.spin.from -= 2 * SPAN; /* long ago */
	busy_poll_turn(&b.spin, SPAN, true, b.spin.from + 7);
	assert_true(is_awake(&b));
	assert_true(b.spin.until >= first);
	assert_int_equal(atomic_load(&b.spin.spent), 7);
	bench_fini(&b);
}

static void
a_reload_ends_it(void **state)
{
	struct bench b;

	bench_init(&b);
	busy_poll_turn(&b.spin, SPAN, true, clock_now());
	busy_poll_turn(&b.spin, 0, true, clock_now());
	assert_false(is_awake(&b));
	bench_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_span_it_sleeps),
		cmocka_unit_test(only_an_event_wakes_it),
		cmocka_unit_test(it_stays_awake_for_the_span),
		cmocka_unit_test(an_event_begins_the_span_anew),
		cmocka_unit_test(a_reload_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
