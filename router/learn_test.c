/* router/learn_test.c - from measurements to forecasts. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/learn.h"

#define USUAL (100 * USEC_MS)

/* Told to be as fast as it is, unless a test says otherwise. */
static const struct conf_backend steady = { .hardware = "gpu",
	.profile = { 10000, 8000, 100, 60 } };
static const struct crowd some = { .sequences = 4, .tokens = 500 };

static void
take(struct lessons *l, enum phase phase, enum sample_kind kind, usec value,
    usec now)
{
	lessons_take(l,
	    &(struct sample){ .phase = phase,
		.kind = kind,
		.streamed = true,
		.sent = now,
		.value = value,
		.crowd = some },
	    now);
}

static void
take_many(
    struct lessons *l, enum sample_kind kind, usec value, unsigned n, usec now)
{
	while (n-- > 0)
		take(l, PHASE_TTFT, kind, value, now);
}

static struct forecast
forecast(struct lessons *l, usec now)
{
	struct forecast f;

	forecast_init(&f, &steady);
	lessons_forecast(l, now, &f);
	return f;
}

static double
ttft_at(const struct forecast *f, double rank)
{
	return profile_ttft(&f->profile, &some) * spread_at(&f->ttft, rank);
}

/* P(TTFT within that). */
static double
chance(const struct forecast *f, double within)
{
	return spread_share(
	    &f->ttft, within / profile_ttft(&f->profile, &some));
}

/* Five first tokens a second, each after `value`, with a tick after each. */
static struct forecast
traffic(struct lessons *l, usec value, usec span, usec *now)
{
	struct forecast f = forecast(l, *now);

	for (usec end = *now + span; *now < end; *now += 200 * USEC_MS) {
		take(l, PHASE_TTFT, SAMPLE_MEASURED, value, *now);
		f = forecast(l, *now);
	}
	return f;
}

static void
at_first_there_is_the_configuration(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f = forecast(l, 0), first;

	forecast_init(&first, &steady);
	assert_memory_equal(&f.profile, &first.profile, sizeof(f.profile));
	assert_true(fabs(ttft_at(&f, 0.5) / ttft_at(&first, 0.5) - 1) < 0.02);
	assert_int_equal(f.seen[PHASE_TTFT].p50, -1);
	lessons_free(&l);
}

static void
a_few_samples_outweigh_the_configuration(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f = forecast(l, 0);
	double wrong = ttft_at(&f, 0.5);

	take_many(l, SAMPLE_MEASURED, (usec)(5 * wrong), 10, 0);
	f = forecast(l, 0);
	assert_true(fabs(ttft_at(&f, 0.5) / (5 * wrong) - 1) < 0.1);
	lessons_free(&l);
}

/* Where something holds answers back all their tokens come at once, and a first
 * token sooner than a step takes. That may end. */
static void
times_of_nought_are_not_for_ever(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	double itl = 0;
	usec now = 0;

	for (int i = 0; i < 50; i++) {
		take(l, PHASE_TTFT, SAMPLE_MEASURED, USEC_MS, now);
		take(l, PHASE_ITL, SAMPLE_MEASURED, 0, now);
	}
	f = forecast(l, now);
	assert_true(profile_itl(&f.profile, &some) < 1);
	for (int i = 0; i < 400; i++) {
		now += 10 * USEC_MS;
		take(l, PHASE_TTFT, SAMPLE_MEASURED, 4 * USUAL, now);
		take(l, PHASE_ITL, SAMPLE_MEASURED, 20 * USEC_MS, now);
		if (i % 100 < 99)
			continue;
		f = forecast(l, now);
		itl = profile_itl(&f.profile, &some) * f.itl_typical;
		assert_true(itl < 2 * 20 * USEC_MS);
	}
	assert_true(fabs(itl / (20 * USEC_MS) - 1) < 0.1);
	assert_true(fabs(ttft_at(&f, 0.5) / (4 * USUAL) - 1) < 0.1);
	lessons_free(&l);
}

static void
a_spread_is_learnt_as_it_is(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	struct rng rng;

	rng_init(&rng, 2, 0);
	for (int i = 0; i < 1000; i++)
		take(l, PHASE_TTFT, SAMPLE_MEASURED,
		    (usec)(100e3 * exp(0.3 * rng_normal(&rng))), 0);
	f = forecast(l, 0);
	assert_true(fabs(ttft_at(&f, 0.5) / 100e3 - 1) < 0.05);
	assert_true(
	    fabs(ttft_at(&f, 0.95) / (100e3 * exp(0.3 * 1.645)) - 1) < 0.1);
	lessons_free(&l);
}

/* At the ranks that are told, times the profile: the times themselves. */
static void
a_spread_is_told_as_it_is(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	const struct measured *m;
	struct forecast f;
	struct profile p;

	f = forecast(l, 0);
	assert_int_equal(f.measured.ttft.samples, 0);
	assert_true(f.measured.ttft.ratio[0] == 0);
	for (int i = 0; i < 1000; i++)
		take(l, PHASE_TTFT, SAMPLE_MEASURED, 100000 + 100 * i,
		    2 * USEC_SEC);
	take(l, PHASE_TTFT, SAMPLE_LATE, 60 * USEC_SEC, 2 * USEC_SEC);
	f = forecast(l, 2 * USEC_SEC);
	m = &f.measured;
	p = (struct profile){ m->rtt, m->step, m->per_sequence, m->per_token };
	assert_int_equal(m->ttft.samples, 1000);
	assert_int_equal(m->itl.samples, 0);
	for (unsigned i = 0; i < MEASURED_RANKS; i++)
		assert_true(fabs(m->ttft.ratio[i] * profile_ttft(&p, &some) /
				    (1e5 * (1 + measured_ranks[i])) -
				1) < 0.016);
	lessons_free(&l);
}

static void
a_slowdown_shows_within_two_seconds_of_traffic(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	usec now = 0;

	f = traffic(l, USUAL, 300 * USEC_SEC, &now);
	assert_true(chance(&f, 2.0 * USUAL) > 0.97);
	f = traffic(l, 4 * USUAL, 2 * USEC_SEC, &now);
	assert_true(chance(&f, 2.0 * USUAL) < 0.95);
	lessons_free(&l);
}

static void
a_recovery_shows_in_a_minute_of_traffic(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	usec now = 0;

	traffic(l, USUAL, 300 * USEC_SEC, &now);
	f = traffic(l, 4 * USUAL, 60 * USEC_SEC, &now);
	assert_true(chance(&f, 2.0 * USUAL) < 0.5);
	f = traffic(l, USUAL, 60 * USEC_SEC, &now);
	assert_true(chance(&f, 2.0 * USUAL) > 0.9);
	lessons_free(&l);
}

static void
what_is_late_shows_at_once_and_is_then_forgotten(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	double before;

	take_many(l, SAMPLE_MEASURED, USUAL, 50, 0);
	f = forecast(l, 0);
	before = chance(&f, 2.0 * USUAL);
	take_many(l, SAMPLE_LATE, 3 * USEC_SEC, 8, 0);
	f = forecast(l, 0);
	assert_true(chance(&f, 2.0 * USUAL) < before - 0.05);
	f = forecast(l, 0);
	assert_true(fabs(chance(&f, 2.0 * USUAL) - before) < 1e-3);
	lessons_free(&l);
}

static void
what_was_given_up_is_remembered_but_not_shown(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	double before;

	take_many(l, SAMPLE_MEASURED, USUAL, 50, 0);
	f = forecast(l, 0);
	before = chance(&f, 2.0 * USUAL);
	take_many(l, SAMPLE_GIVEN_UP, 3 * USEC_SEC, 20, 0);
	forecast(l, 0);
	f = forecast(l, 2 * USEC_SEC);
	assert_true(chance(&f, 2.0 * USUAL) < before - 0.1);
	assert_in_range(f.seen[PHASE_TTFT].p99, 1, USUAL * 11 / 10);
	lessons_free(&l);
}

static void
a_sudden_slowdown_is_an_ailment_until_it_is_over(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	usec now = 0;

	f = traffic(l, USUAL, 100 * USEC_SEC, &now);
	assert_false(f.ailing);
	f = traffic(l, 4 * USUAL, 200 * USEC_MS, &now);
	assert_false(f.ailing); /* once is bad luck */
	f = traffic(l, USUAL, 2 * USEC_SEC, &now);
	assert_false(f.ailing);
	f = traffic(l, 4 * USUAL, 2 * USEC_SEC, &now);
	assert_true(f.ailing);
	f = traffic(l, USUAL, 10 * USEC_SEC, &now);
	assert_false(f.ailing);
	lessons_free(&l);
}

/* Begun while it was well, and over when it is not, or the reverse. */
static void
what_was_under_way_at_a_turn_is_for_people_only(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct sample s = { .phase = PHASE_TTFT,
		.streamed = true,
		.value = USUAL,
		.crowd = some };
	struct forecast f;
	usec now = 0;

	traffic(l, USUAL, 100 * USEC_SEC, &now);
	f = traffic(l, 4 * USUAL, 2 * USEC_SEC, &now);
	assert_true(f.ailing);
	s.sent = now - 10 * USEC_SEC;
	for (int i = 0; i < 20; i++)
		lessons_take(l, &s, now);
	f = forecast(l, now + 2 * USEC_SEC);
	assert_true(f.ailing);
	assert_true(chance(&f, 2.0 * USUAL) < 0.2);
	assert_true(f.seen[PHASE_TTFT].n > 20);
	lessons_free(&l);
}

/* But not with one that took as long as those in a slowdown. */
static void
what_ails_by_its_silence_is_well_with_an_answer(void **state)
{
	for (int slow = 0; slow < 2; slow++) {
		struct lessons *l = lessons_new(&steady, 0);
		struct forecast f;
		usec now = 0;

		traffic(l, USUAL, 100 * USEC_SEC, &now);
		take_many(l, SAMPLE_GIVEN_UP, 3 * USEC_SEC, 8, now);
		f = forecast(l, now);
		assert_true(f.ailing);
		take_many(l, SAMPLE_HEARD, slow ? 4 * USUAL : USUAL, 1, now);
		f = forecast(l, now);
		assert_int_equal(f.ailing, slow);
		assert_int_equal(chance(&f, 2.0 * USUAL) > 0.95, !slow);
		lessons_free(&l);
	}
}

static void
what_slows_down_slowly_is_not_ailing(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	usec now = 0;

	for (double factor = 1; factor < 3; factor += 0.1) {
		f = traffic(l, (usec)(factor * USUAL), 60 * USEC_SEC, &now);
		assert_false(f.ailing);
	}
	lessons_free(&l);
}

static void
silence_does_not_forget_the_last_bad_news(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	usec now = 0;

	traffic(l, USUAL, 100 * USEC_SEC, &now);
	f = traffic(l, 4 * USUAL, 4 * USEC_SEC, &now);
	assert_true(chance(&f, 2.0 * USUAL) < 0.9);
	for (usec end = now + 120 * USEC_SEC; now < end; now += 100 * USEC_MS)
		if (lessons_have_news(l, now))
			f = forecast(l, now);
	assert_true(chance(&f, 2.0 * USUAL) < 0.9);
	lessons_free(&l);
}

static void
prompt_size_and_crowding_do_not_blur_it(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;
	struct rng rng;
	double sigma;
	struct profile truth = profile_of(&steady, &sigma);

	rng_init(&rng, 9, 0);
	for (int i = 0; i < 400; i++) {
		struct crowd c = { .sequences = rng_below(&rng, 30),
			.tokens = 10 + rng_below(&rng, 8000),
			.wait = rng_below(&rng, 2) * 2e6 };

		lessons_take(l,
		    &(struct sample){ .phase = PHASE_TTFT,
			.value = (usec)profile_ttft(&truth, &c),
			.crowd = c },
		    0);
	}
	f = forecast(l, 0);
	assert_true(spread_at(&f.ttft, 0.95) / spread_at(&f.ttft, 0.5) < 1.1);
	lessons_free(&l);
}

static void
a_whole_answer_teaches_what_it_was_mostly_made_of(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast before = forecast(l, 0), f;
	struct sample s = { .phase = PHASE_TOTAL, .crowd = some };

	s.output = 500;
	s.value = (usec)(3 * 500 * profile_itl(&before.profile, &some));
	for (int i = 0; i < 20; i++)
		lessons_take(l, &s, 0);
	f = forecast(l, 0);
	assert_true(f.itl_typical > 2);
	assert_true(fabs(f.ttft_typical - 1) < 0.1);
	/* streamed, its parts were told already */
	lessons_free(&l);
	l = lessons_new(&steady, 0);
	s.streamed = true;
	for (int i = 0; i < 20; i++)
		lessons_take(l, &s, 0);
	f = forecast(l, 0);
	assert_true(fabs(f.itl_typical - 1) < 0.1);
	assert_true(f.seen[PHASE_TOTAL].p50 > 0);
	lessons_free(&l);
}

static void
people_are_shown_what_was_measured(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);
	struct forecast f;

	for (usec i = 1; i <= 1000; i++)
		take(l, PHASE_ITL, SAMPLE_MEASURED, i * 100, 0);
	f = forecast(l, 0);
	assert_in_range(f.seen[PHASE_ITL].p50, 48000, 52000);
	assert_in_range(f.seen[PHASE_ITL].p95, 92000, 98000);
	assert_in_range(f.seen[PHASE_ITL].p99, 96000, 102000);
	assert_true(f.seen[PHASE_ITL].n > 500);
	lessons_free(&l);
}

static void
nothing_new_needs_no_new_forecast(void **state)
{
	struct lessons *l = lessons_new(&steady, 0);

	take(l, PHASE_ITL, SAMPLE_MEASURED, 9000, 0);
	assert_true(lessons_have_news(l, 0));
	forecast(l, 0);
	assert_false(lessons_have_news(l, 100 * USEC_MS));
	/* but memory fades */
	assert_true(lessons_have_news(l, 60 * USEC_SEC));
	lessons_free(&l);
}

static void
a_full_notebook_drops_the_rest(void **state)
{
	struct samples s;

	assert_true(samples_init(&s));
	for (int i = 0; i < SAMPLES_MAX + 10; i++)
		samples_add(&s, &(struct sample){ .value = i });
	assert_int_equal(s.n, SAMPLES_MAX);
	samples_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_first_there_is_the_configuration),
		cmocka_unit_test(a_few_samples_outweigh_the_configuration),
		cmocka_unit_test(times_of_nought_are_not_for_ever),
		cmocka_unit_test(a_spread_is_learnt_as_it_is),
		cmocka_unit_test(a_spread_is_told_as_it_is),
		cmocka_unit_test(
		    a_slowdown_shows_within_two_seconds_of_traffic),
		cmocka_unit_test(a_recovery_shows_in_a_minute_of_traffic),
		cmocka_unit_test(
		    what_is_late_shows_at_once_and_is_then_forgotten),
		cmocka_unit_test(what_was_given_up_is_remembered_but_not_shown),
		cmocka_unit_test(
		    a_sudden_slowdown_is_an_ailment_until_it_is_over),
		cmocka_unit_test(
		    what_was_under_way_at_a_turn_is_for_people_only),
		cmocka_unit_test(
		    what_ails_by_its_silence_is_well_with_an_answer),
		cmocka_unit_test(what_slows_down_slowly_is_not_ailing),
		cmocka_unit_test(silence_does_not_forget_the_last_bad_news),
		cmocka_unit_test(prompt_size_and_crowding_do_not_blur_it),
		cmocka_unit_test(
		    a_whole_answer_teaches_what_it_was_mostly_made_of),
		cmocka_unit_test(people_are_shown_what_was_measured),
		cmocka_unit_test(nothing_new_needs_no_new_forecast),
		cmocka_unit_test(a_full_notebook_drops_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
