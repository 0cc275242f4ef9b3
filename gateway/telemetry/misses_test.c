/* gateway/telemetry/misses_test.c - whose fault it is said to be, and that
 * nothing is lost of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/census.h"
#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/telemetry.h"

#include <cmocka.h>

#define MINUTE (60 * USEC_SEC)
#define START (7 * 1440 * MINUTE)

/* A request that serving 1 answered, its first token after `ttft`, 100 ms
 * having been allowed. */
static struct outcome
late_by_itself(usec ttft)
{
	struct outcome o = outcome_good();

	o.slo_met = false;
	o.slo_missed = 1u << PHASE_TTFT;
	o.targets.ttft = 100 * USEC_MS;
	o.ttft = o.attempts[0].ttft = ttft;
	return o;
}

/* The same, where an attempt on serving 2 came first and took `lost`. */
static struct outcome
late_after(enum fault_kind fault, usec lost, usec ttft)
{
	struct outcome o = outcome_after(fault);

	o.slo_met = false;
	o.slo_missed = 1u << PHASE_TTFT;
	o.targets.ttft = 100 * USEC_MS;
	o.attempts[0].began = 0;
	o.attempts[0].ended = lost;
	o.attempts[1].began = lost;
	o.attempts[1].ttft = ttft;
	o.ttft = lost + ttft;
	return o;
}

static void
assert_miss(const struct outcome *o, enum miss_cause cause, uint32_t serving,
    const char *detail)
{
	struct miss m = miss_of(o);

	assert_string_equal(miss_cause_name(m.cause), miss_cause_name(cause));
	assert_int_equal(m.serving, serving);
	if (detail == NULL)
		assert_null(m.detail);
	else
		assert_string_equal(m.detail, detail);
}

static void
who_is_slow_is_named(void **state)
{
	struct outcome o = late_by_itself(150 * USEC_MS);

	assert_miss(&o, MISS_TTFT, 1, NULL);

	o = outcome_good();
	o.slo_met = false;
	o.slo_missed = 1u << PHASE_ITL;
	assert_miss(&o, MISS_ITL, 1, NULL);

	o = outcome_good();
	o.slo_met = false;
	o.slo_missed = 1u << PHASE_TOTAL;
	o.targets.total = 200 * USEC_MS;
	assert_miss(&o, MISS_TOTAL, 1, NULL);

	/* the first token is what comes first */
	o.slo_missed |= 1u << PHASE_TTFT | 1u << PHASE_ITL;
	o.targets.ttft = 50 * USEC_MS;
	assert_miss(&o, MISS_TTFT, 1, NULL);
}

static void
a_wait_is_no_backends(void **state)
{
	struct outcome o = late_by_itself(80 * USEC_MS);

	o.queue = 60 * USEC_MS;
	o.ttft = 140 * USEC_MS;
	o.attempts[0].began = 60 * USEC_MS;
	assert_miss(&o, MISS_QUEUE, MISS_NOBODY, NULL);

	/* but without it this one would have been late as well */
	o.attempts[0].ttft = 101 * USEC_MS;
	assert_miss(&o, MISS_TTFT, 1, NULL);
}

static void
time_lost_on_another_is_its(void **state)
{
	struct outcome o = late_after(FAULT_RESET, 70 * USEC_MS, 60 * USEC_MS);

	assert_miss(&o, MISS_FAILED, 2, "reset");

	/* a hedge won: the first one was slow, and did not fail */
	o = late_after(FAULT_OUTRUN, 90 * USEC_MS, 20 * USEC_MS);
	assert_miss(&o, MISS_TTFT, 2, NULL);

	/* the one that answered would have been late by itself */
	o = late_after(FAULT_RESET, 70 * USEC_MS, 160 * USEC_MS);
	assert_miss(&o, MISS_TTFT, 1, NULL);

	/* of a wait and an attempt, what took longer */
	o = late_after(FAULT_RESET, 70 * USEC_MS, 60 * USEC_MS);
	o.queue = 75 * USEC_MS;
	assert_miss(&o, MISS_QUEUE, MISS_NOBODY, NULL);
	o.queue = 65 * USEC_MS;
	assert_miss(&o, MISS_FAILED, 2, "reset");
}

static void
what_failed_says_how(void **state)
{
	struct outcome o = outcome_after(FAULT_CUT);

	o.slo_met = false;
	o.result = RESULT_BROKEN;
	o.fault = FAULT_CUT;
	assert_miss(&o, MISS_FAILED, 1, "cut");

	o = outcome_refused(503);
	o.slo_declared = true;
	o.reason = "queue_full";
	assert_miss(&o, MISS_REFUSED, MISS_NOBODY, "queue_full");
}

static void
who_gives_up_waiting_is_not_to_blame(void **state)
{
	struct outcome o = outcome_refused(0);

	o.result = RESULT_CLIENT_GONE;
	o.slo_declared = true;
	o.targets.ttft = 100 * USEC_MS;
	o.slo_missed = 1u << PHASE_TTFT;
	o.queue = o.total = 110 * USEC_MS;
	assert_miss(&o, MISS_QUEUE, MISS_NOBODY, NULL);

	/* at a backend that had said nothing for too long */
	o.queue = 0;
	o.total = 200 * USEC_MS;
	o.n_attempts = 1;
	o.attempts[0] = (struct attempt_report){ .serving = 1,
		.fault = FAULT_CLIENT_GONE,
		.ended = 200 * USEC_MS,
		.ttft = -1,
		.total = -1 };
	assert_miss(&o, MISS_TTFT, 1, NULL);
	/* and at another, that had not, either */
	o.n_attempts = 2;
	o.attempts[1] = o.attempts[0];
	o.attempts[1].serving = 2;
	o.attempts[1].began = 150 * USEC_MS;
	assert_miss(&o, MISS_TTFT, 1, NULL);
	/* where it came after a long wait */
	o.n_attempts = 1;
	o.queue = o.attempts[0].began = 150 * USEC_MS;
	assert_miss(&o, MISS_QUEUE, MISS_NOBODY, NULL);
	/* in the middle of an answer that took too long as a whole */
	o.queue = o.attempts[0].began = 0;
	o.ttft = o.attempts[0].ttft = 50 * USEC_MS;
	o.targets.total = 150 * USEC_MS;
	o.slo_missed = 1u << PHASE_TOTAL;
	assert_miss(&o, MISS_TOTAL, 1, NULL);
	o.slo_missed = 1u << PHASE_ITL;
	assert_miss(&o, MISS_ITL, 1, NULL);
}

static void
who_stands_in_is_not_to_blame(void **state)
{
	struct outcome o = late_by_itself(150 * USEC_MS);

	o.lacked = 2;
	o.lack = "refused";
	assert_miss(&o, MISS_OUT, 2, "refused");
	o.slo_missed = 1u << PHASE_ITL;
	assert_miss(&o, MISS_OUT, 2, "refused");
	/* it waited for the other to come back, and then went there */
	o.lacked = 1;
	assert_miss(&o, MISS_ITL, 1, NULL);
	/* one that is out is no reason for what failed */
	o.lacked = 2;
	o.result = RESULT_BROKEN;
	o.fault = FAULT_CUT;
	assert_miss(&o, MISS_FAILED, 1, "cut");

	/* what the other was asked for, and failed */
	o = late_after(FAULT_RESET, 10 * USEC_MS, 160 * USEC_MS);
	o.lacked = 2;
	o.lack = "failing";
	assert_miss(&o, MISS_FAILED, 2, "reset");

	o = late_by_itself(80 * USEC_MS);
	o.lacked = 2;
	o.lack = "drained";
	o.queue = o.attempts[0].began = 60 * USEC_MS;
	o.ttft = 140 * USEC_MS;
	assert_miss(&o, MISS_QUEUE, 2, "drained");

	o = outcome_refused(503);
	o.slo_declared = true;
	o.reason = "queue_full";
	o.lacked = 2;
	o.lack = "drained";
	assert_miss(&o, MISS_REFUSED, 2, "queue_full");
}

/* --- counts --- */

static uint64_t
total_of(const struct miss_sums *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->row[i].n;
	return n;
}

static struct miss_sums
sums_of(const struct misses *m, usec now)
{
	struct miss_sums s = { .n = 0 };

	misses_add(m, now, &s);
	misses_sort(&s);
	return s;
}

static void
causes_add_up_to_what_the_window_missed(void **state)
{
	struct misses m = { { NULL }, NULL };
	struct burn *b = calloc(1, sizeof(*b));
	struct miss what = { .cause = MISS_TTFT };
	usec now = START;

	assert_non_null(b);
	for (unsigned i = 0; i < 4000; i++) {
		struct burn_sum windows[BURN_WINDOWS] = { { 0, 0 } };
		struct miss_sums s;

		what.serving = i * 7 % 23; /* more than are kept apart */
		burn_record(b, false, now);
		misses_record(&m, &what, now);
		now += (usec)(i * 31 % 17) * 100 * USEC_MS;
		if (i % 100 == 7)
			now += 4 * MINUTE;
		s = sums_of(&m, now);
		burn_add(b, now, windows);
		assert_int_equal(total_of(&s), windows[BURN_5M].missed);
	}
	misses_fini(&m);
	free(b);
}

static void
the_most_come_first_and_age(void **state)
{
	struct misses m = { { NULL }, NULL };
	const struct miss few = { MISS_ITL, 1, NULL },
			  many = { MISS_FAILED, 2, "reset" };
	struct miss_sums s;

	misses_record(&m, &few, START);
	misses_record(&m, &many, START + MINUTE);
	misses_record(&m, &many, START + 2 * MINUTE);
	s = sums_of(&m, START + 3 * MINUTE);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.row[0].n, 2);
	assert_int_equal(s.row[0].what.cause, MISS_FAILED);
	assert_string_equal(s.row[0].what.detail, "reset");
	s = sums_of(&m, START + 6 * MINUTE + 30 * USEC_SEC);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.row[0].n, 1);
	assert_int_equal(sums_of(&m, START + 8 * MINUTE).n, 0);
	/* a reader whose clock is a moment behind loses at most that moment */
	misses_record(&m, &few, START + 9 * MINUTE);
	s = sums_of(&m, START + 9 * MINUTE - 1);
	assert_int_equal(s.n, 0);
	misses_fini(&m);
}

/* --- by way of telemetry: what /metrics counts is what the census says --- */

static void
a_census_is_what_was_finished(void **state)
{
	struct telemetry *t = telemetry_new(2);
	struct census_group *g = calloc(CENSUS_MAX, sizeof(*g));
	struct burn_sum windows[BURN_WINDOWS] = { { 0, 0 } };
	struct outcome o = outcome_good();
	struct miss_sums s;

	assert_non_null(g);
	assert_int_equal(census_groups(t, g), 0);
	telemetry_finish(t, 0, &o, START);
	telemetry_finish(t, 1, &o, START);
	o = late_by_itself(150 * USEC_MS);
	telemetry_finish(t, 0, &o, START);
	telemetry_finish(t, 1, &o, START);
	o = outcome_good();
	o.tenant = "other";
	o.cost = -1;
	telemetry_finish(t, 1, &o, START);
	o.result = RESULT_BROKEN;
	telemetry_finish(t, 0, &o, START);

	assert_int_equal(census_groups(t, g), 2);
	assert_string_equal(g[0].tenant, "acme");
	assert_string_equal(g[0].model, "gemma");
	assert_string_equal(g[0].slo, "voice");
	assert_int_equal(g[0].requests, 4);
	assert_int_equal(g[0].met, 2);
	assert_int_equal(g[0].missed, 2);
	assert_int_equal(g[0].tokens_in, 400);
	assert_int_equal(g[0].tokens_out, 200);
	assert_float_equal(g[0].cost, 1, 1e-9);
	assert_float_equal(g[0].target, 0.95, 1e-9);
	assert_int_equal(g[1].cost_unknown, 2);
	assert_int_equal(g[1].cost_cut, 1);

	census_windows(t, g[0].index, START, windows);
	assert_int_equal(windows[BURN_5M].missed, 2);
	assert_int_equal(windows[BURN_3D].met, 2);
	census_misses(t, g[0].index, START, &s);
	assert_int_equal(s.n, 1); /* both shards' together */
	assert_int_equal(s.row[0].n, 2);
	assert_int_equal(s.row[0].what.serving, 1);
	free(g);
	telemetry_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_slow_is_named),
		cmocka_unit_test(a_wait_is_no_backends),
		cmocka_unit_test(time_lost_on_another_is_its),
		cmocka_unit_test(what_failed_says_how),
		cmocka_unit_test(who_gives_up_waiting_is_not_to_blame),
		cmocka_unit_test(who_stands_in_is_not_to_blame),
		cmocka_unit_test(causes_add_up_to_what_the_window_missed),
		cmocka_unit_test(the_most_come_first_and_age),
		cmocka_unit_test(a_census_is_what_was_finished),
	};

	return cmocka_run_group_tests_name(
	    "telemetry/misses", tests, NULL, NULL);
}
