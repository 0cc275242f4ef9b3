/* router/choose_miss_test.c - choosing where nothing is sure to do. */
#include "router/market.h"

/* --- where none is adequate --- */

static void
premium_goes_where_its_chance_is_best(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	may_wait(m);
	slow_down(m, 0, 4, 0.4);
	slow_down(m, 1, 3, 0.4);
	assert_sent(m, 1, REASON_BEST_EFFORT);
	/* and where there is no chance, where it misses far less */
	slow_down(m, 0, 150, 0.1);
	slow_down(m, 1, 60, 0.1);
	assert_sent(m, 1, REASON_BEST_EFFORT);
	free(m);
}

/* Late wherever it goes, whoever asks: then by the price. */
static void
what_nobody_can_meet_costs_no_more_than_it_has_to(void **state)
{
	for (enum priority p = PRIORITY_PREMIUM; p <= PRIORITY_BATCH; p++) {
		struct market *m = market();

		set_class(m, p, USEC_MS, 0, 0);
		assert_int_equal(share_of(m, 0), MANY);
		/* as measured, two alike are never quite */
		slow_down(m, 0, 1.08, 0.1);
		assert_int_equal(share_of(m, 0), MANY);
		/* nor is it worth more that nobody is there */
		occupy(m, 0, 3, 0);
		assert_int_equal(share_of(m, 0), MANY);
		/* but far later is worse */
		slow_down(m, 0, 4, 0.1);
		assert_int_equal(share_of(m, 1), MANY);
		free(m);
	}
}

static void
add_prompt(struct market *m, unsigned i, double tokens)
{
	struct stay stay = { .tokens = tokens };

	cell_enter(&m->stall[i].cell, &stay, m->now);
}

/* Of two alike the one that is used is the busier one; that must not send every
 * other request to the dearer one. */
static void
half_the_price_is_worth_being_twice_as_late(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, USEC_MS, 0, 0);
	add_prompt(m, 0, 500);
	assert_int_equal(share_of(m, 0), MANY);
	assert_true(m->list[0].outlook.ttft > 1.6 * m->list[1].outlook.ttft);
	/* nor for nothing more than that */
	m->stall[0].serving.price.input = m->stall[0].serving.price.output = 0;
	assert_int_equal(share_of(m, 0), MANY);
	add_prompt(m, 0, 300);
	assert_int_equal(share_of(m, 1), MANY);
	assert_true(m->list[0].outlook.ttft < 2.4 * m->list[1].outlook.ttft);
	free(m);
}

/* What is asked without targets is late nowhere, and nobody knows what it would
 * cost. */
static void
without_targets_and_prices_what_is_left_alone_is_used(void **state)
{
	for (enum priority p = PRIORITY_PREMIUM; p <= PRIORITY_BATCH; p++) {
		struct market *m = market();

		set_class(m, p, 0, 0, 0);
		m->stall[0].serving.price = m->stall[1].serving.price =
		    (struct conf_price)TOKENS_COST(-1, -1, -1);
		m->stall[0].forecast.ailing = true;
		m->stall[0].site.explored_at = m->now;
		may_wait(m);
		m->n = 1; /* the other one is full */
		assert_sent(m, 0, REASON_BEST_EFFORT);
		free(m);
	}
}

/* By how much it is late counts for as much as the price. */
static void
a_little_cheaper_is_not_worth_being_much_later(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, USEC_MS, 0, 0);
	m->stall[0].serving.price.input *= 1.9;
	m->stall[0].serving.price.output *= 1.9;
	assert_int_equal(share_of(m, 0), MANY);
	slow_down(m, 0, 1.2, 0.1);
	assert_int_equal(share_of(m, 1), MANY);
	free(m);
}

/* Of one price, or free of charge, where they are less late. */
static void
of_two_that_cost_the_same_it_is_the_faster(void **state)
{
	struct market *m = market();
	struct conf_price *cheap = &m->stall[0].serving.price;

	set_class(m, PRIORITY_PREMIUM, USEC_MS, 0, 0);
	m->stall[1].serving.price = *cheap;
	slow_down(m, 0, 1.08, 0.1);
	assert_int_equal(share_of(m, 1), MANY);
	cheap->input = cheap->output = 0;
	m->stall[1].serving.price = *cheap;
	assert_int_equal(share_of(m, 1), MANY);
	free(m);
}

/* Up again since just now, after five seconds up and five seconds up. */
static void
premium_pays_rather_than_be_cut_off(void **state)
{
	struct market *m = market();
	struct breaker *b = &m->stall[0].site.breaker;

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->demand.penalty = 10;
	m->demand.required = 0.74;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	*b = (struct breaker){
		.closed_at = m->now, .relapses = 2, .lived = 10 * USEC_SEC
	};
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	/* but nothing is as bad as nowhere to go */
	slow_down(m, 1, 30, 0.1);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	slow_down(m, 1, 1, 0.2);
	m->now += BREAKER_FORGIVE + 1;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
premium_goes_even_where_it_is_crowded(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	may_wait(m);
	slow_down(m, 1, 30, 0.1);
	m->stall[0].site.usable_since = m->now; /* a tenth of its slots */
	occupy(m, 0, 4, 10 * USEC_MS);
	assert_sent(m, 0, REASON_BEST_EFFORT);
	assert_verdict(m, 0, VERDICT_CROWDED);
	free(m);
}

/* Far from adequate while they are as busy as now. */
static void
make_busy(struct market *m, unsigned i)
{
	add_prompt(m, i, 10000);
	occupy(m, i, 4, 0);
}

static void
make_both_busy(struct market *m)
{
	make_busy(m, 0);
	make_busy(m, 1);
}

/* Lower ones would take what becomes free meanwhile. */
static void
premium_waits_where_all_there_is_has_no_chance(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	make_both_busy(m);
	assert_sent(m, 0, REASON_BEST_EFFORT); /* a retry, or a hedge */
	may_wait(m);
	assert_waits(m);
	/* but not where even an idle one could not be in time any more */
	m->demand.waited = 190e3;
	assert_sent(m, 0, REASON_BEST_EFFORT);
	free(m);
}

/* A small chance is taken, unless the like of it are too many. */
static void
premium_takes_a_small_chance_unless_it_is_short(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	make_busy(m, 0);
	may_wait(m);
	add_prompt(m, 1, 2700);
	assert_sent(m, 1, REASON_BEST_EFFORT);
	assert_true(m->list[1].outlook.chance > 0.05);
	assert_true(m->list[1].outlook.chance < 0.3);
	m->demand.dire = true;
	assert_waits(m);
	free(m);
}

static void
standard_waits_for_what_would_do_if_it_were_idle(void **state)
{
	struct market *m = market();

	make_both_busy(m);
	may_wait(m);
	assert_waits(m);
	/* but not where even that would not do */
	slow_down(m, 0, 30, 0.1);
	slow_down(m, 1, 30, 0.1);
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	free(m);
}

static void
standard_goes_at_once_where_it_is_nearly_adequate_or_idle(void **state)
{
	struct market *m = market();

	make_busy(m, 0);
	occupy(m, 1, 4, 0);
	may_wait(m);
	slow_down(m, 1, 2, 0.4);
	chosen(m);
	m->demand.required = m->list[1].outlook.chance + 0.03;
	assert_sent(m, 1, REASON_BEST_EFFORT);
	slow_down(m, 1, 10, 0.1);
	assert_waits(m);
	m->stall[1].site.in_flight = 0;
	assert_sent(m, 1, REASON_BEST_EFFORT);
	free(m);
}

static void
after_a_while_standard_takes_what_harms_nobody(void **state)
{
	struct market *m = market();

	add_prompt(m, 0, 5000);
	make_busy(m, 1);
	may_wait(m);
	/* the likelier one has somebody to protect */
	occupy(m, 0, 1, 10 * USEC_MS);
	assert_waits(m);
	m->demand.waited = 190e3;
	assert_sent(m, 1, REASON_BEST_EFFORT);
	assert_verdict(m, 0, VERDICT_CROWDED);
	free(m);
}

static void
where_it_may_not_wait_it_goes_unless_that_harms_somebody(void **state)
{
	struct market *m = market();

	make_both_busy(m);
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	for (unsigned i = 0; i < 2; i++)
		occupy(m, i, 1, 10 * USEC_MS);
	assert_waits(m); /* or is turned away */
	free(m);
}

static void
batch_waits_for_the_cheaper_one(void **state)
{
	struct market *m = market();
	const struct cell *cheap = &m->stall[0].cell;

	/* only the dear one has a free slot */
	m->list[0] = m->list[1];
	m->n = 1;
	set_class(m, PRIORITY_BATCH, 0, 0, 60 * USEC_SEC);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	m->quest.may_wait = true;
	m->quest.hopes = &cheap;
	m->quest.n_hopes = 1;
	assert_waits(m);
	m->demand.waited = 55e6;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	/* and premium does not */
	m->demand.waited = 0;
	set_class(m, PRIORITY_PREMIUM, 0, 0, 60 * USEC_SEC);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
batch_does_not_wait_for_a_small_saving(void **state)
{
	struct market *m = market();

	m->stall[1].serving.price = m->stall[0].backend.price;
	m->stall[1].serving.price.input *= 1.05;
	set_class(m, PRIORITY_BATCH, 0, 0, 60 * USEC_SEC);
	may_wait(m);
	m->list[0] = m->list[1];
	m->n = 1;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
who_would_rather_be_refused_is_refused(void **state)
{
	struct market *m = market();

	m->req.slo.on_miss = ON_MISS_REFUSE;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	make_both_busy(m);
	assert_int_equal(chosen(m).kind, CHOICE_REFUSE);
	assert_int_equal(chosen(m).reason, REASON_SLO_UNATTAINABLE);
	/* unless there is something to wait for */
	may_wait(m);
	assert_waits(m);
	slow_down(m, 0, 30, 0.1);
	slow_down(m, 1, 30, 0.1);
	assert_int_equal(chosen(m).kind, CHOICE_REFUSE);
	free(m);
}

/* --- exploring --- */

/* The cheap one usually does, but not surely enough. */
static struct market *
uncertain(enum priority p)
{
	struct market *m = market();

	slow_down(m, 0, 1.5, 0.8);
	set_class(m, p, 200 * USEC_MS, 30 * USEC_MS, 0);
	return m;
}

static void
one_standard_request_in_a_hundred_tries_its_luck(void **state)
{
	struct market *m = uncertain(PRIORITY_STANDARD);
	unsigned expected = (unsigned)(EXPLORED * MANY);

	assert_in_range(share_of(m, 0), expected / 2, expected * 3 / 2);
	free(m);
}

static void
premium_never_does(void **state)
{
	struct market *m = uncertain(PRIORITY_PREMIUM);

	assert_int_equal(share_of(m, 0), 0);
	free(m);
}

static void
nobody_tries_what_usually_misses_or_costs_more(void **state)
{
	struct market *m = uncertain(PRIORITY_STANDARD);

	slow_down(m, 0, 20, 0.8);
	assert_int_equal(share_of(m, 0), 0);
	slow_down(m, 0, 1, 0.2);
	slow_down(m, 1, 1.5, 0.8);
	assert_int_equal(share_of(m, 1), 0);
	free(m);
}

static void
the_least_known_is_tried(void **state)
{
	struct market *m = uncertain(PRIORITY_STANDARD);

	add_stall(m, 1.5);
	slow_down(m, 2, 1.5, 0.8);
	m->stall[0].forecast.ttft.n = 90;
	m->stall[2].forecast.ttft.n = 10;
	assert_int_equal(share_of(m, 0), 0);
	assert_true(share_of(m, 2) > 0);
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(premium_goes_where_its_chance_is_best),
		cmocka_unit_test(
		    what_nobody_can_meet_costs_no_more_than_it_has_to),
		cmocka_unit_test(half_the_price_is_worth_being_twice_as_late),
		cmocka_unit_test(
		    without_targets_and_prices_what_is_left_alone_is_used),
		cmocka_unit_test(
		    a_little_cheaper_is_not_worth_being_much_later),
		cmocka_unit_test(of_two_that_cost_the_same_it_is_the_faster),
		cmocka_unit_test(premium_pays_rather_than_be_cut_off),
		cmocka_unit_test(premium_goes_even_where_it_is_crowded),
		cmocka_unit_test(
		    premium_waits_where_all_there_is_has_no_chance),
		cmocka_unit_test(
		    premium_takes_a_small_chance_unless_it_is_short),
		cmocka_unit_test(
		    standard_waits_for_what_would_do_if_it_were_idle),
		cmocka_unit_test(
		    standard_goes_at_once_where_it_is_nearly_adequate_or_idle),
		cmocka_unit_test(
		    after_a_while_standard_takes_what_harms_nobody),
		cmocka_unit_test(
		    where_it_may_not_wait_it_goes_unless_that_harms_somebody),
		cmocka_unit_test(batch_waits_for_the_cheaper_one),
		cmocka_unit_test(batch_does_not_wait_for_a_small_saving),
		cmocka_unit_test(who_would_rather_be_refused_is_refused),
		cmocka_unit_test(
		    one_standard_request_in_a_hundred_tries_its_luck),
		cmocka_unit_test(premium_never_does),
		cmocka_unit_test(
		    nobody_tries_what_usually_misses_or_costs_more),
		cmocka_unit_test(the_least_known_is_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
