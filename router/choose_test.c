/* router/choose_test.c - one of several that could take a request now. */
#include "router/market.h"

/* --- the cheapest adequate --- */

static void
without_targets_the_cheapest_wins(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_STANDARD, 0, 0, 0);
	slow_down(m, 0, 50, 0.2);
	assert_int_equal(share_of(m, 0), MANY);
	assert_sent(m, 0, REASON_CHEAPEST);
	free(m);
}

static void
of_those_that_meet_the_target_the_cheapest_wins(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	assert_verdict(m, 1, VERDICT_DEARER);
	assert_true(m->list[0].price < m->list[1].price);
	assert_true(m->list[0].score < m->list[1].score);
	assert_true(m->list[0].outlook.chance > 0.95);
	free(m);
}

static void
one_that_misses_is_passed_over(void **state)
{
	struct market *m = market();

	slow_down(m, 0, 10, 0.2);
	assert_int_equal(share_of(m, 1), MANY);
	assert_verdict(m, 0, VERDICT_UNLIKELY);
	free(m);
}

static void
what_is_required_divides_the_adequate_from_the_rest(void **state)
{
	struct market *m = market();
	double chance;

	slow_down(m, 0, 2, 0.4);
	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	chosen(m);
	chance = m->list[0].outlook.chance;
	assert_true(chance > 0.5 && chance < 0.95);
	m->demand.required = chance - 0.01;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	m->demand.required = chance + 0.01;
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
a_probable_miss_costs_as_much_as_it_is_worth(void **state)
{
	struct market *m = market();

	slow_down(m, 0, 2, 0.4);
	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->demand.required = 0.5;
	m->demand.penalty = 0;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	assert_true(m->list[0].outlook.chance < 0.95);
	m->demand.penalty = 50;
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	assert_verdict(m, 0, VERDICT_DEARER);
	free(m);
}

static void
fullness_makes_dearer(void **state)
{
	struct market *m = market();

	m->stall[1].serving.price.input = m->stall[1].serving.price.output =
	    1.15;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	occupy(m, 0, 2, 0);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	occupy(m, 0, 17, 0);
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
what_is_paid_by_the_hour_is_filled_first(void **state)
{
	struct market *m = market();

	m->stall[1].serving.price = (struct conf_price)TOKENS_COST(-1, -1, 12);
	occupy(m, 1, 19, 0);
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
an_unknown_price_is_the_last_resort(void **state)
{
	struct market *m = market();

	m->stall[0].serving.price = (struct conf_price)TOKENS_COST(-1, -1, -1);
	assert_int_equal(share_of(m, 1), MANY);
	slow_down(m, 1, 10, 0.2);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

/* Both would do: the one that is surer to. */
static void
where_no_price_is_known_the_chance_decides(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->demand.required = 0.5;
	m->demand.penalty = 1;
	m->stall[0].serving.price = (struct conf_price)TOKENS_COST(-1, -1, -1);
	m->stall[1].serving.price = m->stall[0].serving.price;
	assert_in_range(share_of(m, 1), MANY * 4 / 10, MANY * 6 / 10);
	slow_down(m, 0, 2, 0.4);
	assert_int_equal(share_of(m, 1), MANY);
	assert_verdict(m, 0, VERDICT_DEARER);
	free(m);
}

static void
among_equal_prices_quality_wins_then_the_idler(void **state)
{
	struct market *m = market();

	add_stall(m, 1.001);
	assert_in_range(share_of(m, 2), MANY * 4 / 10, MANY * 6 / 10);
	occupy(m, 0, 1, 0);
	assert_int_equal(share_of(m, 2), MANY);
	m->stall[0].serving.quality = 1;
	assert_int_equal(share_of(m, 0), MANY);
	free(m);
}

/* --- others' targets, rates, room --- */

static void
nobody_is_sent_where_it_breaks_a_tighter_target(void **state)
{
	struct market *m = market();
	struct stay tight = {
		.itl = 12 * USEC_MS, .priority = PRIORITY_PREMIUM, .stake = 1e3
	};
	struct stake *stake = m->stall[0].site.stakes;

	m->demand.penalty = 6;
	/* who wants the same is as well off, or as badly */
	occupy(m, 0, 1, m->req.slo.itl);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	cell_enter(&m->stall[0].cell, &tight, m->now);
	stake_fade(&stake[PRIORITY_PREMIUM], 20 * USEC_SEC);
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	assert_verdict(m, 0, VERDICT_CROWDED);
	free(m);
}

static void
lower_priorities_leave_slots_to_who_has_a_tighter_target(void **state)
{
	static const enum priority by_rank[] = { PRIORITY_BATCH,
		PRIORITY_STANDARD, PRIORITY_PREMIUM };
	unsigned fits[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		struct market *m = market();

		set_class(m, by_rank[i], 5 * USEC_SEC, 300 * USEC_MS, 0);
		occupy(m, 0, 1, 100 * USEC_MS);
		while (fits[i] < 19 && chosen(m).index == 0) {
			occupy(m, 0, 1, 300 * USEC_MS);
			fits[i]++;
			m->stall[1].serving.price.input = 99;
		}
		free(m);
	}
	assert_true(fits[0] > 0 && fits[0] < fits[1] && fits[1] < fits[2]);
	assert_int_equal(fits[2], 19);
}

static void
the_last_of_a_rate_is_kept_for_higher_ones(void **state)
{
	struct market *m = market();
	struct allowance *a = &m->stall[0].cell.allowance;

	*a = (struct allowance){ .left = 15, .most = 20, .at = m->now };
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	a->left = 4;
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	assert_verdict(m, 0, VERDICT_RESERVED);
	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	a->left = 0.5;
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
after_an_outage_it_is_not_filled_at_once(void **state)
{
	struct market *m = market();

	m->stall[0].site.usable_since = m->now;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	occupy(m, 0, 10, 0);
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	m->now += 60 * USEC_SEC;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

/* --- the ailing --- */

static void
an_ailing_one_is_left_alone_while_there_is_another(void **state)
{
	struct market *m = market();

	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	may_wait(m);
	m->stall[0].forecast.ailing = true;
	assert_int_equal(share_of(m, 1), MANY);
	assert_verdict(m, 0, VERDICT_AILING);
	m->stall[1].forecast.ailing = true;
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	free(m);
}

/* --- the request's own word --- */

static void
prefer_fastest_and_cheapest_override_the_target(void **state)
{
	struct market *m = market();

	slow_down(m, 0, 30, 0.1);
	m->req.prefer = PREFER_CHEAPEST;
	assert_sent(m, 0, REASON_CHEAPEST);
	slow_down(m, 0, 1.1, 0.1);
	m->req.prefer = PREFER_FASTEST;
	assert_sent(m, 1, REASON_FASTEST);
	free(m);
}

static void
a_pin_goes_whatever_the_target(void **state)
{
	struct market *m = market();

	m->n = 1;
	m->req.pin = &m->stall[0].backend;
	m->req.slo.on_miss = ON_MISS_REFUSE;
	slow_down(m, 0, 30, 0.1);
	assert_sent(m, 0, REASON_PINNED);
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_targets_the_cheapest_wins),
		cmocka_unit_test(
		    of_those_that_meet_the_target_the_cheapest_wins),
		cmocka_unit_test(one_that_misses_is_passed_over),
		cmocka_unit_test(
		    what_is_required_divides_the_adequate_from_the_rest),
		cmocka_unit_test(a_probable_miss_costs_as_much_as_it_is_worth),
		cmocka_unit_test(fullness_makes_dearer),
		cmocka_unit_test(what_is_paid_by_the_hour_is_filled_first),
		cmocka_unit_test(an_unknown_price_is_the_last_resort),
		cmocka_unit_test(where_no_price_is_known_the_chance_decides),
		cmocka_unit_test(
		    among_equal_prices_quality_wins_then_the_idler),
		cmocka_unit_test(
		    nobody_is_sent_where_it_breaks_a_tighter_target),
		cmocka_unit_test(
		    lower_priorities_leave_slots_to_who_has_a_tighter_target),
		cmocka_unit_test(the_last_of_a_rate_is_kept_for_higher_ones),
		cmocka_unit_test(after_an_outage_it_is_not_filled_at_once),
		cmocka_unit_test(
		    an_ailing_one_is_left_alone_while_there_is_another),
		cmocka_unit_test(
		    prefer_fastest_and_cheapest_override_the_target),
		cmocka_unit_test(a_pin_goes_whatever_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
