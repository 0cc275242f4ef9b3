/* bench/sim/machine_test.c - steps by hand, and leaps against single steps. */
#include "bench/sim/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/lib/rng.h"

#define N 60

/* A step alone is 1000 us, each that decodes adds 100, a prompt token 10. */
static const struct machine_facts facts = {
	.step = 1000,
	.per_sequence = 100,
	.per_token = 10,
	.slots = 2,
	.chunk = 100,
	.kv = 100000,
};

struct job {
	struct sequence sequence;
	struct moment arrival, departure;
	struct machine *machine;
	usec first, last;
};

static struct job *
job_of(struct sequence *s)
{
	return CONTAINER_OF(s, struct job, sequence);
}

static void
on_first(struct sequence *s, usec now)
{
	job_of(s)->first = now;
}

static void
on_finished(struct sequence *s, usec now)
{
	job_of(s)->last = now;
}

static void
on_arrival(void *arg, usec now)
{
	struct job *j = arg;

	machine_add(j->machine, &j->sequence, now);
}

static void
on_departure(void *arg, usec now)
{
	struct job *j = arg;

	machine_remove(j->machine, &j->sequence, now);
}

static void
set_up(struct agenda *a, struct machine *m, const struct machine_facts *f)
{
	agenda_init(a);
	machine_init(m, f, a, 1);
	m->first_token = on_first;
	m->finished = on_finished;
}

static void
due(struct machine *m, struct job *j, usec at, unsigned prompt, unsigned output)
{
	*j = (struct job){ .machine = m };
	j->sequence.prompt = prompt;
	j->sequence.output = output;
	j->arrival = (struct moment){ .run = on_arrival, .arg = j };
	j->departure = (struct moment){ .run = on_departure, .arg = j };
	agenda_set(m->agenda, &j->arrival, RANK_ARRIVAL, at);
}

static void
run(struct agenda *a)
{
	while (agenda_step(a))
		continue;
}

/* 250 tokens in chunks of 100: 2000 + 2000 + 1500, then 9 steps of 1100. */
static void
one_alone(void **state)
{
	struct agenda a;
	struct machine m;
	struct job j;

	set_up(&a, &m, &facts);
	due(&m, &j, 50, 250, 10);
	run(&a);
	assert_int_equal(j.first, 50 + 5500);
	assert_int_equal(j.last, 50 + 5500 + 9 * 1100);
	assert_int_equal(m.n_running, 0);
	assert_int_equal(m.kv_used, 0);
	agenda_fini(&a);
}

/* Two steps to a token, half of the prompt. */
static void
one_slower_by_itself(void **state)
{
	struct agenda a;
	struct machine m;
	struct job j;
	usec last;

	set_up(&a, &m, &facts);
	due(&m, &j, 0, 200, 10);
	j.sequence.stretch = 2;
	j.sequence.fill = 0.5;
	while (agenda_step(&a) && a.now < 2000)
		continue;
	assert_int_equal(j.first, 2000);
	assert_int_equal(
	    machine_produced(&m, &j.sequence, 2000 + 3 * 1100 + 50, &last), 2);
	run(&a);
	assert_int_equal(j.last, 2000 + 18 * 1100);
	assert_int_equal(m.kv_used, 0);
	agenda_fini(&a);
}

/* The second comes in the middle of a step, waits for its end, then its
 * prompt of 50 shares a step with the first one's token: 1000 + 100 + 500. */
static void
two_share_steps(void **state)
{
	struct agenda a;
	struct machine m;
	struct job x, y;

	set_up(&a, &m, &facts);
	due(&m, &x, 0, 100, 5); /* first at 2000, then 3100, 4200, ... */
	due(&m, &y, 2500, 50, 2);
	run(&a);
	assert_int_equal(x.first, 2000);
	assert_int_equal(y.first, 3100 + 1600);
	/* both decode: 1200; that ends y; the last of x alone: 1100 */
	assert_int_equal(y.last, 4700 + 1200);
	assert_int_equal(x.last, 5900 + 1100);
	agenda_fini(&a);
}

static void
no_slot_no_start(void **state)
{
	struct agenda a;
	struct machine m;
	struct job x, y, z;

	set_up(&a, &m, &facts);
	due(&m, &x, 0, 10, 3);
	due(&m, &y, 0, 10, 30);
	due(&m, &z, 1, 10, 1);
	run(&a);
	assert_true(z.first > x.last);
	assert_true(z.first < y.last);
	assert_int_equal(z.first, z.last); /* a single token */
	agenda_fini(&a);
}

static void
no_cache_no_start(void **state)
{
	struct machine_facts small = facts;
	struct agenda a;
	struct machine m;
	struct job x, y;

	small.kv = 150;
	set_up(&a, &m, &small);
	due(&m, &x, 0, 90, 10);
	due(&m, &y, 0, 90, 10);
	run(&a);
	assert_true(y.first > x.last);
	agenda_fini(&a);
}

static void
pace_counts_from_the_next_step(void **state)
{
	struct agenda a;
	struct machine m;
	struct job x;
	usec last;

	set_up(&a, &m, &facts);
	due(&m, &x, 0, 100, 5); /* first at 2000; 1100 a token */
	while (a.now < 2000)
		agenda_step(&a);
	assert_int_equal(machine_produced(&m, &x.sequence, 4250, &last), 3);
	assert_int_equal(last, 4200);
	machine_pace(&m, 4, 1, 4250);
	run(&a); /* the one under way ends at 5300, then one of 4400 */
	assert_int_equal(x.last, 5300 + 4400);
	agenda_fini(&a);
}

static void
gray_steps_fill_in_time(void **state)
{
	struct agenda a;
	struct machine m;
	struct job x;

	set_up(&a, &m, &facts);
	machine_pace(&m, 1, 5, 0);
	due(&m, &x, 0, 100, 2);
	run(&a);
	assert_int_equal(x.first, 2000);
	assert_int_equal(x.last, 2000 + 5500);
	agenda_fini(&a);
}

static void
a_frozen_machine_goes_on_where_it_was(void **state)
{
	struct agenda a;
	struct machine m;
	struct job x, y;
	usec last;

	set_up(&a, &m, &facts);
	due(&m, &x, 0, 100, 5);
	while (a.now < 2000)
		agenda_step(&a);
	machine_freeze(&m, true, 3500); /* one whole token since the first */
	due(&m, &y, 4000, 10, 1);
	run(&a);
	assert_int_equal(x.last, 0);
	assert_int_equal(machine_produced(&m, &x.sequence, 90000, &last), 2);
	assert_int_equal(last, 3100);
	machine_freeze(&m, false, 100000);
	run(&a);
	assert_true(y.first > 100000);
	assert_true(x.last > 100000 + 3 * 1100);
	agenda_fini(&a);
}

static void
who_leaves_frees_the_place(void **state)
{
	struct agenda a;
	struct machine m;
	struct job x, y, z;

	set_up(&a, &m, &facts);
	due(&m, &x, 0, 10, 1000);
	due(&m, &y, 0, 10, 1000);
	due(&m, &z, 1, 10, 1);
	agenda_set(&a, &x.departure, RANK_ARRIVAL, 20000);
	run(&a);
	assert_int_equal(x.last, 0);
	assert_true(z.first > 20000 && z.first < 20000 + 2 * 1400);
	assert_int_equal(m.n_running, 0);
	agenda_fini(&a);
}

/* Both have a part of the second step, the last 30 of it the second. What the
 * first one has read when it leaves is lost: the second's other 70 tokens take
 * a third. */
static void
nobody_inherits_a_prompt(void **state)
{
	struct agenda a;
	struct machine m;
	struct job before, x, y;

	set_up(&a, &m, &facts);
	due(&m, &before, 0, 10, 1);
	due(&m, &x, 1, 70, 10);
	due(&m, &y, 1, 100, 1);
	agenda_set(&a, &x.departure, RANK_ARRIVAL, 1500);
	run(&a);
	assert_int_equal(before.last, 1100);
	assert_int_equal(x.first, 0);
	assert_int_equal(y.first, 1100 + 2000 + 1700);
	agenda_fini(&a);
}

/* Asked at every event, it never leaps far; the answers are the same. */
static void
play(struct job *jobs, bool nosy)
{
	struct machine_facts f = facts;
	struct agenda a;
	struct machine m;
	struct rng r;
	usec at = 0, next = 0;

	f.slots = 7;
	f.noise = 0;
	set_up(&a, &m, &f);
	rng_init(&r, 3, 0);
	for (unsigned i = 0; i < N; i++) {
		at += rng_below(&r, 40000);
		due(&m, &jobs[i], at, 1 + rng_below(&r, 400),
		    1 + rng_below(&r, 80));
		if (i % 3 == 0)
			jobs[i].sequence.stretch = 0.5 + 0.05 * i;
		if (i % 9 == 0)
			agenda_set(&a, &jobs[i].departure, RANK_ARRIVAL,
			    at + rng_below(&r, 40000));
	}
	while (agenda_step(&a))
		for (; nosy && next < a.now; next += 1000)
			machine_pace(&m, 1, 1, a.now);
	assert_int_equal(m.n_running + m.n_waiting, 0);
	assert_int_equal(m.kv_used, 0);
	agenda_fini(&a);
}

static void
leaps_equal_steps(void **state)
{
	static struct job leapt[N], stepped[N];
	unsigned ended = 0;

	play(leapt, false);
	play(stepped, true);
	for (unsigned i = 0; i < N; i++) {
		assert_true(leapt[i].first == stepped[i].first);
		assert_true(leapt[i].last == stepped[i].last);
		ended += leapt[i].last > 0;
	}
	assert_true(ended >= N - N / 9 - 1);
}

static void
noise_is_the_same_whoever_asks(void **state)
{
	struct machine_facts f = facts;
	struct agenda a;
	struct machine m;
	struct job x;
	usec last[2];

	f.noise = 0.1;
	for (int i = 0; i < 2; i++) {
		set_up(&a, &m, &f);
		due(&m, &x, 0, 100, 20);
		run(&a);
		last[i] = x.last;
		agenda_fini(&a);
	}
	assert_int_equal(last[0], last[1]);
	assert_int_not_equal(last[0], 2000 + 19 * 1100);
	assert_in_range(last[0], 15000, 34000);
}

/* However long nothing else happens. */
static void
each_step_has_the_noise_of_its_moment(void **state)
{
	struct machine_facts f = facts;
	struct agenda a;
	struct machine m;
	struct job x;
	double at;

	f.noise = 0.1;
	set_up(&a, &m, &f);
	due(&m, &x, 0, 100, 2001);
	run(&a);
	at = (double)x.first;
	for (unsigned i = 0; i < 2000; i++)
		at += 1100 * machine_noise(m.seed, f.noise, (usec)at);
	/* a step that rounding moves to another slice is a little off */
	assert_in_range(x.last, (usec)at - 3000, (usec)at + 3000);
	agenda_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_alone),
		cmocka_unit_test(one_slower_by_itself),
		cmocka_unit_test(two_share_steps),
		cmocka_unit_test(no_slot_no_start),
		cmocka_unit_test(no_cache_no_start),
		cmocka_unit_test(pace_counts_from_the_next_step),
		cmocka_unit_test(gray_steps_fill_in_time),
		cmocka_unit_test(a_frozen_machine_goes_on_where_it_was),
		cmocka_unit_test(who_leaves_frees_the_place),
		cmocka_unit_test(nobody_inherits_a_prompt),
		cmocka_unit_test(leaps_equal_steps),
		cmocka_unit_test(noise_is_the_same_whoever_asks),
		cmocka_unit_test(each_step_has_the_noise_of_its_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
