/* router/converge_test.c - a wrong profile puts itself right.
 *
 * A serving that behaves as one profile says, with some luck, while the
 * configuration says another. After a hundred requests, a tick for every five,
 * what is predicted must be what happens. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/learn.h"

#define REQUESTS 100
#define LUCK 0.1 /* deviation of the logarithm */
#define ERROR 0.15
#define SEEDS 5

static const struct conf_profile truth = { 20000, 10000, 200, 50 };

static struct profile
plain(const struct conf_profile *p)
{
	double sigma;
	struct conf_backend b = { .hardware = "gpu", .profile = *p };

	return profile_of(&b, &sigma);
}

static double
luck(struct rng *rng)
{
	return exp(LUCK * rng_normal(rng));
}

/* One request at a random moment: its TTFT and its ITL. */
static void
measure(struct lessons *l, struct rng *rng, usec now)
{
	struct profile p = plain(&truth);
	struct crowd c = { .sequences = rng_below(rng, 20),
		.tokens = exp(4 + 4 * rng_unit(rng)) };
	struct sample s = { .streamed = true, .crowd = c };

	s.phase = PHASE_TTFT;
	s.value = (usec)(profile_ttft(&p, &c) * luck(rng));
	lessons_take(l, &s, now);
	s.phase = PHASE_ITL;
	s.value = (usec)(profile_itl(&p, &c) * luck(rng));
	lessons_take(l, &s, now);
}

static struct forecast
after_requests(const struct conf_backend *told, uint64_t seed)
{
	struct lessons *l = lessons_new(told, 0);
	struct forecast f;
	struct rng rng;

	rng_init(&rng, seed, 0);
	forecast_init(&f, told);
	for (unsigned i = 0; i < REQUESTS; i++) {
		usec now = i * 100 * USEC_MS;

		measure(l, &rng, now);
		if (i % 5 == 4)
			lessons_forecast(l, now, &f);
	}
	lessons_free(&l);
	return f;
}

static bool
about(const char *what, double tokens, double n, double got, double want)
{
	if (fabs(got / want - 1) <= ERROR)
		return true;
	print_message("%s of %g tokens among %g: predicted %g, is %g\n", what,
	    tokens, n, got, want);
	return false;
}

static bool
is_right(const struct forecast *f)
{
	static const double tokens[] = { 60, 500, 2500 };
	static const double sequences[] = { 2, 16 };
	struct profile p = plain(&truth);
	bool right = true;

	for (size_t i = 0; i < COUNT(tokens); i++)
		for (size_t k = 0; k < COUNT(sequences); k++) {
			struct crowd c = { .sequences = sequences[k],
				.tokens = tokens[i] };

			right &= about("TTFT", c.tokens, c.sequences,
			    profile_ttft(&f->profile, &c) * f->ttft_typical,
			    profile_ttft(&p, &c));
			right &= about("ITL", c.tokens, c.sequences,
			    profile_itl(&f->profile, &c) * f->itl_typical,
			    profile_itl(&p, &c));
		}
	return right;
}

static void
assert_converges(struct conf_profile told)
{
	struct conf_backend b = { .hardware = "gpu", .profile = told };
	bool right = true;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct forecast f = after_requests(&b, seed);

		right &= is_right(&f);
	}
	assert_true(right);
}

static struct conf_profile
times(double rtt, double step, double per_sequence, double per_token)
{
	return (struct conf_profile){ (usec)(rtt * (double)truth.rtt),
		(usec)(step * (double)truth.step),
		(usec)(per_sequence * (double)truth.per_sequence),
		per_token * truth.per_token };
}

static void
a_right_profile_stays_right(void **state)
{
	assert_converges(truth);
}

static void
ten_times_too_fast_in_all(void **state)
{
	assert_converges(times(0.1, 0.1, 0.1, 0.1));
}

static void
ten_times_too_slow_in_all(void **state)
{
	assert_converges(times(10, 10, 10, 10));
}

static void
a_wrong_way_there(void **state)
{
	assert_converges(times(10, 1, 1, 1));
	assert_converges(times(0.1, 1, 1, 1));
}

static void
a_wrong_step(void **state)
{
	assert_converges(times(1, 10, 1, 1));
	assert_converges(times(1, 0.1, 1, 1));
}

static void
a_wrong_price_of_company(void **state)
{
	assert_converges(times(1, 1, 10, 1));
	assert_converges(times(1, 1, 0.1, 1));
}

static void
a_wrong_price_of_a_prompt(void **state)
{
	assert_converges(times(1, 1, 1, 10));
	assert_converges(times(1, 1, 1, 0.1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_profile_stays_right),
		cmocka_unit_test(ten_times_too_fast_in_all),
		cmocka_unit_test(ten_times_too_slow_in_all),
		cmocka_unit_test(a_wrong_way_there),
		cmocka_unit_test(a_wrong_step),
		cmocka_unit_test(a_wrong_price_of_company),
		cmocka_unit_test(a_wrong_price_of_a_prompt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
