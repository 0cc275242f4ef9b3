/* bench/sim/agenda_test.c - order of events. */
#include "bench/sim/agenda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/lib/rng.h"

#define N 500

static unsigned ran[N], n_ran;
static usec at[N];

struct numbered {
	struct moment moment;
	unsigned number;
};

static void
on_moment(void *arg, usec now)
{
	struct numbered *m = arg;

	at[n_ran] = now;
	ran[n_ran++] = m->number;
}

static struct numbered
numbered(unsigned n)
{
	return (struct numbered){ .number = n };
}

static void
set(struct agenda *a, struct numbered *m, enum rank rank, usec when)
{
	m->moment.run = on_moment;
	m->moment.arg = m;
	agenda_set(a, &m->moment, rank, when);
}

static void
run(struct agenda *a)
{
	n_ran = 0;
	while (agenda_step(a))
		continue;
}

static void
equal_times_go_by_rank_then_by_setting(void **state)
{
	struct numbered m[4] = { numbered(0), numbered(1), numbered(2),
		numbered(3) };
	struct agenda a;

	agenda_init(&a);
	set(&a, &m[0], RANK_TICK, 5);
	set(&a, &m[1], RANK_ARRIVAL, 5);
	set(&a, &m[2], RANK_ARRIVAL, 5);
	set(&a, &m[3], RANK_TICK, 4);
	run(&a);
	assert_int_equal(n_ran, 4);
	assert_int_equal(ran[0], 3);
	assert_int_equal(ran[1], 1);
	assert_int_equal(ran[2], 2);
	assert_int_equal(ran[3], 0);
	agenda_fini(&a);
}

static void
an_event_moves_and_is_dropped(void **state)
{
	struct numbered m[3] = { numbered(0), numbered(1), numbered(2) };
	struct agenda a;

	agenda_init(&a);
	set(&a, &m[0], RANK_TICK, 5);
	set(&a, &m[1], RANK_TICK, 6);
	set(&a, &m[2], RANK_TICK, 7);
	set(&a, &m[0], RANK_TICK, 9);
	agenda_drop(&a, &m[1].moment);
	agenda_drop(&a, &m[1].moment);
	assert_false(moment_is_set(&m[1].moment));
	run(&a);
	assert_int_equal(n_ran, 2);
	assert_int_equal(ran[0], 2);
	assert_int_equal(ran[1], 0);
	agenda_fini(&a);
}

static void
many_events_come_in_order(void **state)
{
	static struct numbered m[N];
	struct agenda a;
	struct rng r;
	unsigned left = N;

	rng_init(&r, 1, 0);
	agenda_init(&a);
	for (unsigned i = 0; i < N; i++) {
		m[i] = numbered(i);
		set(&a, &m[i], RANK_TICK, rng_below(&r, 100));
	}
	for (unsigned i = 0; i < N; i += 3)
		set(&a, &m[i], RANK_TICK, rng_below(&r, 100));
	for (unsigned i = 0; i < N; i += 7, left--)
		agenda_drop(&a, &m[i].moment);
	run(&a);
	assert_int_equal(n_ran, left);
	for (unsigned i = 1; i < n_ran; i++)
		assert_true(at[i] >= at[i - 1]);
	agenda_fini(&a);
}

static void
what_has_passed_is_now(void **state)
{
	struct numbered m[2] = { numbered(0), numbered(1) };
	struct agenda a;

	agenda_init(&a);
	set(&a, &m[0], RANK_TICK, 10);
	run(&a);
	set(&a, &m[1], RANK_TICK, 3);
	run(&a);
	assert_int_equal(at[0], 10);
	agenda_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_times_go_by_rank_then_by_setting),
		cmocka_unit_test(an_event_moves_and_is_dropped),
		cmocka_unit_test(many_events_come_in_order),
		cmocka_unit_test(what_has_passed_is_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
