/* router/predict_test.c - what a serving would do for a request. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/predict.h"

struct scene {
	struct conf_backend backend;
	struct conf_serving serving;
	struct site site;
	struct cell cell;
	struct forecast forecast;
	struct slo slo;
	struct demand demand;
	usec now;
};

/* A backend that does what its profile says, give or take a fifth, and a
 * stream of about a hundred tokens for a prompt of a thousand. */
static struct scene *
scene_of(unsigned slots)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->now = 500 * USEC_SEC;
	s->backend = (struct conf_backend){ .hardware = "gpu",
		.slots = slots,
		.profile = { 20000, 10000, 200, 50 } };
	s->serving.backend = &s->backend;
	s->site.conf = &s->backend;
	s->cell.conf = &s->serving;
	s->cell.site = &s->site;
	s->cell.forecast = &s->forecast;
	forecast_init(&s->forecast, &s->backend);
	spread_prior(&s->forecast.ttft, 1, 0.2);
	spread_prior(&s->forecast.itl, 1, 0.2);
	s->demand = (struct demand){ .slo = &s->slo,
		.priority = PRIORITY_STANDARD,
		.stream = true,
		.input = 1000,
		.output = 101,
		.output_high = 201,
		.output_most = 321,
		.required = 0.9 };
	return s;
}

static struct outlook
look_at(const struct scene *s)
{
	struct outlook o;

	predict(&s->cell, &s->demand, s->now, &o);
	return o;
}

static double
excess(const struct scene *s)
{
	struct outlook o = look_at(s);

	return predict_excess(&s->demand, &o);
}

static double
courtesy(const struct scene *s)
{
	struct outlook o = look_at(s);

	return predict_courtesy(&s->cell, &s->demand, &o, s->now);
}

static double
chance(const struct scene *s)
{
	return look_at(s).chance;
}

static void
set_load(struct scene *s, double running, double waiting)
{
	s->site.load = (struct load){ .has = LOAD_RUNNING | LOAD_WAITING,
		.running = running,
		.waiting = waiting };
	s->site.load_at = s->now;
	s->site.load_in_flight = s->site.in_flight;
}

static void
slow_down(struct scene *s, double factor)
{
	spread_prior(&s->forecast.ttft, factor, 0.2);
	spread_prior(&s->forecast.itl, factor, 0.2);
	s->forecast.ttft_typical = s->forecast.itl_typical = factor;
}

static bool
about(double got, double want, double error)
{
	bool good = fabs(got - want) <= error;

	if (!good)
		print_message("got %g, want %g\n", got, want);
	return good;
}

static void
what_is_typical_is_the_profile_times_what_was_measured(void **state)
{
	struct scene *s = scene_of(0);
	struct crowd c = { .tokens = 1000 };
	double ttft = profile_ttft(&s->forecast.profile, &c);
	double itl = profile_itl(&s->forecast.profile, &c);

	s->forecast.ttft_typical = 2;
	s->forecast.itl_typical = 3;
	assert_true(about(look_at(s).ttft, 2 * ttft, 1));
	assert_true(about(look_at(s).itl, 3 * itl, 1));
	assert_true(about(look_at(s).total, 2 * ttft + 100 * 3 * itl, 1));
	free(s);
}

static void
the_chance_is_the_share_of_the_past_that_would_have_met_it(void **state)
{
	struct scene *s = scene_of(0);
	struct outlook o = look_at(s);

	assert_true(o.chance < 0); /* no targets */
	s->slo.ttft = (usec)o.ttft;
	assert_true(about(chance(s), 0.5, 0.02));
	s->slo.ttft = (usec)(o.ttft * exp(0.2 * 1.645));
	assert_true(about(chance(s), 0.95, 0.02));
	s->slo.itl = (usec)o.itl;
	assert_true(about(chance(s), 0.95 * 0.5, 0.02));
	free(s);
}

static void
a_total_is_judged_over_the_lengths_to_expect(void **state)
{
	struct scene *s = scene_of(0);
	struct outlook o = look_at(s);

	/* enough for most lengths, half a chance for the high one, none for
	 * the highest */
	s->slo.total = (usec)(o.ttft + 200 * o.itl);
	s->demand.output_most = 401;
	assert_true(about(chance(s), 0.6 + 0.3 * 0.5, 0.05));
	s->demand.output_high = s->demand.output_most = 101;
	assert_true(chance(s) > 0.9);
	s->demand.output = s->demand.output_high = s->demand.output_most = 0;
	assert_true(chance(s) > 0.99);
	free(s);
}

static void
a_whole_answer_is_due_when_a_stream_would_have_ended(void **state)
{
	struct scene *s = scene_of(0);
	struct outlook o = look_at(s);
	double streamed;

	s->slo.ttft = (usec)(1.2 * o.ttft);
	s->slo.itl = (usec)(1.5 * o.itl);
	s->demand.stream = false;
	assert_true(chance(s) > 0.9);
	assert_true(excess(s) < 1);
	s->slo.itl = (usec)(o.itl / 2);
	assert_true(chance(s) < 0.1);
	assert_true(excess(s) > 1.5);
	/* by its total, where that is nearer */
	s->slo = (struct slo){ .ttft = USEC_SEC * 100,
		.itl = USEC_SEC,
		.total = (usec)(o.total / 2) };
	assert_true(chance(s) < 0.1);
	/* a first token alone says where to go, and of the rest nothing */
	s->slo = (struct slo){ .ttft = (usec)(1.2 * o.ttft) };
	s->demand.stream = true;
	streamed = chance(s);
	s->demand.stream = false;
	assert_true(about(chance(s), streamed, 1e-9));
	assert_true(excess(s) < 1);
	s->slo = (struct slo){ .itl = 1 };
	assert_true(chance(s) > 0.9);
	free(s);
}

static void
time_spent_is_time_lost(void **state)
{
	struct scene *s = scene_of(0);

	s->slo.ttft = (usec)(2 * look_at(s).ttft);
	assert_true(chance(s) > 0.95);
	s->demand.waited = look_at(s).ttft;
	assert_true(about(chance(s), 0.5, 0.02));
	s->demand.waited = (double)s->slo.ttft + 1;
	assert_true(chance(s) <= 0);
	assert_true(excess(s) > 1);
	free(s);
}

static void
excess_is_the_worst_of_the_targets(void **state)
{
	struct scene *s = scene_of(0);
	struct outlook o = look_at(s);

	s->slo.ttft = (usec)(o.ttft * 2);
	assert_true(about(excess(s), 0.5, 0.01));
	s->slo.itl = (usec)(o.itl / 3);
	assert_true(about(excess(s), 3, 0.01));
	s->slo.total = (usec)(o.total / 4);
	assert_true(about(excess(s), 4, 0.01));
	free(s);
}

static void
who_often_fails_has_less_of_a_chance(void **state)
{
	struct scene *s = scene_of(0);
	double before;

	s->slo.ttft = 10 * USEC_SEC;
	before = chance(s);
	s->site.calls = 100;
	assert_true(chance(s) >= before);
	s->site.failures = 50;
	assert_true(chance(s) < 0.7 * before);
	assert_true(predict_idle(&s->cell, &s->demand, s->now) < 0.7 * before);
	/* one failure in few calls is not the end */
	s->site.calls = s->site.failures = 1;
	assert_true(chance(s) > 0.9 * before);
	free(s);
}

/* Up for five seconds at a time, of late. */
static void
relapse(struct site *s, usec now)
{
	s->breaker = (struct breaker){
		.closed_at = now, .relapses = 4, .lived = 19 * USEC_SEC
	};
}

static void
who_relapses_has_less_of_a_chance_the_longer_the_answer(void **state)
{
	struct scene *s = scene_of(0);
	double before, brief;

	s->slo.ttft = 10 * USEC_SEC;
	before = chance(s);
	relapse(&s->site, s->now);
	/* a second and a bit of some five */
	assert_true(about(look_at(s).total / USEC_SEC, 1.1, 0.1));
	assert_true(about(chance(s) / before, exp(-1.1 / 5), 0.03));
	assert_true(predict_idle(&s->cell, &s->demand, s->now) < 0.85 * before);
	s->demand.output = 2;
	brief = chance(s);
	assert_true(brief > 0.97 * before);
	s->demand.output = 1001;
	assert_true(chance(s) < 0.2 * before);
	s->now += BREAKER_FORGIVE + 1;
	assert_true(chance(s) >= before);
	free(s);
}

static void
a_full_backend_is_waited_for(void **state)
{
	struct scene *s = scene_of(8);
	double free_slot, full, queued;

	s->site.in_flight = 7;
	free_slot = look_at(s).ttft;
	s->site.in_flight = 8;
	full = look_at(s).ttft;
	s->site.in_flight = 16;
	queued = look_at(s).ttft;
	/* an eighth of an answer until one of eight is through */
	assert_true(full > free_slot + 100 * look_at(s).itl / 8 * 0.5);
	assert_true(queued > full + 100 * look_at(s).itl * 0.5);
	free(s);
}

static void
strangers_are_seen_through_the_load_it_reports(void **state)
{
	struct scene *s = scene_of(0);
	double alone = look_at(s).itl;

	set_load(s, 20, 0);
	assert_true(look_at(s).itl > alone + 10 * 200);
	/* our own are not counted twice */
	s->site.in_flight = 20;
	set_load(s, 20, 0);
	assert_true(about(look_at(s).itl, alone + 20 * 200, 1));
	/* an old report is not believed */
	s->site.in_flight = 0;
	set_load(s, 20, 0);
	s->now += 60 * USEC_SEC;
	assert_true(about(look_at(s).itl, alone, 1));
	free(s);
}

static void
a_reported_queue_is_waited_for_where_slots_are_unknown(void **state)
{
	struct scene *s = scene_of(0);
	double before;

	s->site.in_flight = 8;
	set_load(s, 8, 0);
	before = look_at(s).ttft;
	set_load(s, 8, 4);
	/* half of those that run must be through */
	assert_true(look_at(s).ttft > before + 50 * look_at(s).itl * 0.9);
	free(s);
}

static void
a_known_beginning_is_not_prefilled_again(void **state)
{
	struct scene *s = scene_of(0);
	double first = look_at(s).ttft;

	s->demand.prefix = 77;
	for (int i = 0; i < 50; i++)
		cell_prefix_reported(&s->cell, 0.8);
	assert_true(about(look_at(s).ttft, first, 1));
	cell_prefix_sent(&s->cell, 77, s->now);
	assert_true(look_at(s).ttft < first - 700 * 50);
	assert_true(about(uncached(&s->cell, &s->demand, s->now), 200, 10));
	free(s);
}

static void
idle_is_the_best_that_it_could_be(void **state)
{
	struct scene *s = scene_of(4);
	struct stay busy = { .tokens = 5000 };

	s->slo.ttft = (usec)(1.2 * look_at(s).ttft);
	assert_true(
	    about(predict_idle(&s->cell, &s->demand, s->now), chance(s), 1e-6));
	s->site.in_flight = 5;
	cell_enter(&s->cell, &busy, s->now);
	assert_true(
	    predict_idle(&s->cell, &s->demand, s->now) > chance(s) + 0.5);
	free(s);
}

static void
courtesy_is_about_the_tightest_target_at_work(void **state)
{
	struct scene *s = scene_of(0);
	struct stay tight = { .itl = (usec)look_at(s).itl },
		    loose = { .itl = 80 * USEC_MS };
	double before;

	assert_true(courtesy(s) >= 1);
	cell_enter(&s->cell, &loose, s->now);
	assert_true(courtesy(s) > 0.99);
	cell_enter(&s->cell, &tight, s->now);
	before = courtesy(s);
	assert_true(before < 0.9);
	s->site.in_flight += 10;
	assert_true(courtesy(s) < before - 0.1);
	free(s);
}

static void
courtesy_to_those_who_may_come_is_as_likely_as_they_are(void **state)
{
	struct scene *s = scene_of(0);
	struct slo slo = { .ttft = (usec)look_at(s).ttft, .percentile = 99 };
	double seldom;

	site_want(&s->site, &slo, s->demand.input, s->now);
	seldom = courtesy(s);
	assert_true(seldom < 1);
	for (int i = 0; i < 100; i++)
		site_want(&s->site, &slo, s->demand.input, s->now);
	assert_true(courtesy(s) < seldom - 0.3);
	s->now += 20 * USEC_SEC;
	assert_true(courtesy(s) > 0.5);
	free(s);
}

static double
toll(struct scene *s)
{
	struct outlook o = look_at(s);

	return predict_toll(&s->cell, &s->demand, &o, s->now);
}

static void
a_toll_is_for_what_higher_ones_may_lose(void **state)
{
	struct scene *s = scene_of(0);
	struct stay tight = { .itl = (usec)(1.05 * look_at(s).itl),
		.priority = PRIORITY_PREMIUM,
		.stake = 0.5 };
	double once;

	s->demand.priority = PRIORITY_STANDARD;
	assert_true(toll(s) <= 0);
	cell_enter(&s->cell, &tight, s->now);
	stake_fade(&s->site.stakes[PRIORITY_PREMIUM], USEC_SEC);
	once = toll(s);
	assert_true(once > 0 && once < 0.5);
	s->demand.input *= 8;
	assert_true(toll(s) > once);
	s->demand.input /= 8;
	stake_fade(&s->site.stakes[PRIORITY_PREMIUM], 10 * USEC_SEC);
	assert_true(toll(s) > once);
	s->demand.priority = PRIORITY_PREMIUM;
	assert_true(toll(s) <= 0);
	s->demand.priority = PRIORITY_STANDARD;
	cell_leave(&s->cell, &tight);
	stake_fade(&s->site.stakes[PRIORITY_PREMIUM], 60 * USEC_SEC);
	assert_true(toll(s) < once / 100);
	free(s);
}

/* --- whatever the scene --- */

static struct scene *
any_scene(struct rng *rng)
{
	struct scene *s = scene_of(rng_below(rng, 9));
	struct stay stay = { .itl = 5000 + rng_below(rng, 30000),
		.tokens = rng_below(rng, 4000) };

	s->slo.ttft = 1 + rng_below(rng, 1000000);
	s->slo.itl = rng_below(rng, 2) * rng_below(rng, 40000);
	s->slo.total = rng_below(rng, 2) * rng_below(rng, 5000000);
	s->demand.stream = rng_below(rng, 2) == 0;
	s->site.in_flight = rng_below(rng, 12);
	cell_enter(&s->cell, &stay, s->now - rng_below(rng, 500000));
	s->site.prefill += rng_unit(rng) * 0.01;
	s->site.calls = 50;
	s->site.failures = rng_below(rng, 20);
	set_load(s, rng_below(rng, 12), rng_below(rng, 4));
	slow_down(s, 0.5 + rng_unit(rng));
	return s;
}

static void
worsen(struct scene *s, struct rng *rng)
{
	switch (rng_below(rng, 8)) {
	case 0:
		s->site.in_flight++;
		break;
	case 1:
		s->site.load.waiting++;
		break;
	case 2:
		/* where slots are not known, to run more is to queue less */
		if (s->backend.slots > 0)
			s->site.load.running++;
		break;
	case 3:
		s->demand.waited += 10e3;
		break;
	case 4:
		s->demand.input *= 2;
		break;
	case 5:
		s->site.prefill += 0.002;
		break;
	case 6:
		s->site.failures++;
		break;
	default:
		slow_down(s, s->forecast.ttft_typical * 1.3);
		break;
	}
}

static void
more_load_slowness_or_waiting_never_looks_better(void **state)
{
	struct rng rng;

	rng_init(&rng, 21, 0);
	for (int i = 0; i < 3000; i++) {
		struct scene *s = any_scene(&rng);
		struct outlook before = look_at(s), after;
		double kind = courtesy(s), missed = excess(s);

		worsen(s, &rng);
		after = look_at(s);
		assert_true(after.chance <= before.chance + 1e-6);
		assert_true(courtesy(s) <= kind + 1e-6);
		assert_true(excess(s) >= missed - 1e-6);
		assert_true(after.ttft >= before.ttft - 1e-6);
		assert_true(after.itl >= before.itl - 1e-6);
		free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_is_typical_is_the_profile_times_what_was_measured),
		cmocka_unit_test(
		    the_chance_is_the_share_of_the_past_that_would_have_met_it),
		cmocka_unit_test(a_total_is_judged_over_the_lengths_to_expect),
		cmocka_unit_test(
		    a_whole_answer_is_due_when_a_stream_would_have_ended),
		cmocka_unit_test(time_spent_is_time_lost),
		cmocka_unit_test(excess_is_the_worst_of_the_targets),
		cmocka_unit_test(who_often_fails_has_less_of_a_chance),
		cmocka_unit_test(
		    who_relapses_has_less_of_a_chance_the_longer_the_answer),
		cmocka_unit_test(a_full_backend_is_waited_for),
		cmocka_unit_test(
		    strangers_are_seen_through_the_load_it_reports),
		cmocka_unit_test(
		    a_reported_queue_is_waited_for_where_slots_are_unknown),
		cmocka_unit_test(a_known_beginning_is_not_prefilled_again),
		cmocka_unit_test(idle_is_the_best_that_it_could_be),
		cmocka_unit_test(courtesy_is_about_the_tightest_target_at_work),
		cmocka_unit_test(
		    courtesy_to_those_who_may_come_is_as_likely_as_they_are),
		cmocka_unit_test(a_toll_is_for_what_higher_ones_may_lose),
		cmocka_unit_test(
		    more_load_slowness_or_waiting_never_looks_better),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
