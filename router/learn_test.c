/* router/learn_test.c - from measurements to forecasts. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/learn.h"

static const struct crowd alone = { .factor = 1 };

static void
take(struct lessons *l, enum phase phase, usec value, usec now)
{
	lessons_take(l,
	    &(struct sample){
		.phase = phase, .value = value, .tokens = 100, .crowd = alone },
	    now);
}

static struct forecast
forecast(struct lessons *l, usec now)
{
	struct forecast f;

	forecast_init(&f);
	lessons_forecast(l, now, &f);
	return f;
}

/* The plain TTFT at a rank for a prompt of 100 tokens, alone. */
static double
ttft_at(const struct forecast *f, double rank)
{
	return sizing_at(&f->sizing, 100) * curve_at(&f->ttft, rank);
}

static void
nothing_is_known_at_first(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f = forecast(l, 0);

	(void)state;
	assert_false(curve_known(&f.ttft));
	assert_false(curve_known(&f.itl));
	assert_false(curve_known(&f.total));
	assert_int_equal(f.seen_ttft.p50, -1);
	lessons_free(&l);
}

static void
quantiles_are_within_a_few_percent(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f;

	(void)state;
	for (usec i = 1; i <= 1000; i++)
		take(l, PHASE_ITL, i * 100, 0);
	f = forecast(l, 0);
	for (double q = 0.05; q < 1; q += 0.05)
		assert_true(
		    fabs(curve_at(&f.itl, q) / (q * 100000) - 1) < 0.05);
	lessons_free(&l);
}

static void
a_slowdown_shows_within_two_seconds_of_traffic(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f;
	usec now;

	(void)state;
	for (now = 0; now < 300 * USEC_SEC; now += 50 * USEC_MS)
		take(l, PHASE_TTFT, 100 * USEC_MS, now);
	f = forecast(l, now);
	assert_true(ttft_at(&f, 0.95) < 110e3);
	for (usec end = now + 2 * USEC_SEC; now < end; now += 50 * USEC_MS)
		take(l, PHASE_TTFT, 400 * USEC_MS, now);
	f = forecast(l, now);
	assert_true(ttft_at(&f, 0.95) > 300e3);
	lessons_free(&l);
}

static void
evidence_fades_in_silence(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f;

	(void)state;
	for (int i = 0; i < 50; i++)
		take(l, PHASE_ITL, 1000, 0);
	f = forecast(l, 0);
	assert_true(f.itl.n > 60);
	f = forecast(l, 120 * USEC_SEC);
	assert_true(f.itl.n > 15 && f.itl.n < 21);
	f = forecast(l, 3600 * USEC_SEC);
	assert_false(curve_known(&f.itl));
	lessons_free(&l);
}

static void
prompt_size_does_not_blur_ttft(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f;
	struct rng rng;

	(void)state;
	rng_init(&rng, 9, 0);
	for (int i = 0; i < 400; i++) {
		double tokens = 10 + rng_below(&rng, 8000);

		lessons_take(l,
		    &(struct sample){ .phase = PHASE_TTFT,
			.value = (usec)(30000 + 100 * tokens),
			.tokens = tokens,
			.crowd = alone },
		    0);
	}
	f = forecast(l, 0);
	assert_true(curve_at(&f.ttft, 0.99) < 1.3);
	assert_true(fabs(sizing_at(&f.sizing, 4000) / 430e3 - 1) < 0.1);
	lessons_free(&l);
}

static void
what_is_late_holds_until_it_comes(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f;

	(void)state;
	for (int i = 0; i < 20; i++)
		take(l, PHASE_TTFT, 100 * USEC_MS, 0);
	for (int i = 0; i < 20; i++)
		lessons_take(l,
		    &(struct sample){ .phase = PHASE_TTFT,
			.kind = SAMPLE_LATE,
			.value = 3 * USEC_SEC,
			.tokens = 100,
			.crowd = alone },
		    0);
	f = forecast(l, 0);
	assert_true(ttft_at(&f, 0.95) > 2.5e6);
	f = forecast(l, 0);
	assert_true(ttft_at(&f, 0.95) < 110e3);
	lessons_free(&l);
}

static void
what_was_given_up_is_remembered_but_not_shown(void **state)
{
	struct lessons *l = lessons_new(0);
	struct forecast f;

	(void)state;
	for (int i = 0; i < 20; i++)
		take(l, PHASE_TTFT, 100 * USEC_MS, 0);
	for (int i = 0; i < 20; i++)
		lessons_take(l,
		    &(struct sample){ .phase = PHASE_TTFT,
			.kind = SAMPLE_GIVEN_UP,
			.value = 30 * USEC_SEC,
			.tokens = 100,
			.crowd = alone },
		    0);
	f = forecast(l, 0);
	f = forecast(l, 0);
	assert_true(ttft_at(&f, 0.95) > 25e6);
	assert_true(f.seen_ttft.p99 < 110 * USEC_MS);
	lessons_free(&l);
}

static void
a_full_notebook_drops_the_rest(void **state)
{
	struct samples s;

	(void)state;
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
		cmocka_unit_test(nothing_is_known_at_first),
		cmocka_unit_test(quantiles_are_within_a_few_percent),
		cmocka_unit_test(
		    a_slowdown_shows_within_two_seconds_of_traffic),
		cmocka_unit_test(evidence_fades_in_silence),
		cmocka_unit_test(prompt_size_does_not_blur_ttft),
		cmocka_unit_test(what_is_late_holds_until_it_comes),
		cmocka_unit_test(what_was_given_up_is_remembered_but_not_shown),
		cmocka_unit_test(a_full_notebook_drops_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
