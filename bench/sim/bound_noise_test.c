/* bench/sim/bound_noise_test.c - no way to cut work into steps does more than
 * the noise allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include "bench/sim/bound.h"
#include "gateway/lib/rng.h"

#include <cmocka.h>

#define UNTIL (20 * USEC_SEC)
#define STEPS_MAX 20000
#define SEED 7

/* Steps of 5 to 34 ms, and of 25 to 348, which last over several slices. */
static const struct machine_facts facts[] = {
	{ 5000, 100, 50, 32, 512, 100000, 0.1 },
	{ 25000, 2000, 600, 8, 512, 100000, 0.1 },
};

static const struct bound_span spans[] = { { 0, 1, true },
	{ 5 * USEC_SEC + 20 * USEC_MS, 3, true },
	{ 12 * USEC_SEC + 7, 1, true } };

struct step {
	double begin, end, work;
};

enum rule {
	SHORT,
	LONG,
	ANY,
	SLY, /* a long one where the next slice is slower, else short ones */
	RULES
};

static double
slow_at(const struct bound_backend *b, double t)
{
	size_t i = b->n_spans - 1;

	while ((double)b->spans[i].from > t)
		i--;
	return b->spans[i].slow;
}

static double
noise_at(const struct bound_backend *b, double t)
{
	return machine_noise(SEED, b->facts.noise, (usec)t);
}

static double
length(const struct bound_backend *b, enum rule rule, double t, struct rng *r)
{
	double least = b->facts.step, most = bound_longest(&b->facts);
	double now = noise_at(b, t), next;

	if (rule == SHORT)
		return least;
	if (rule == LONG)
		return most;
	if (rule == ANY)
		return least + (most - least) * rng_unit(r);
	next = noise_at(b, t + MACHINE_NOISE_SLICE);
	return now < next &&
		fmod(t, MACHINE_NOISE_SLICE) + 1.2 * least * now >=
		    MACHINE_NOISE_SLICE
	    ? most
	    : least;
}

static size_t
work(const struct bound_backend *b, enum rule rule, struct step *out)
{
	struct rng r;
	size_t n = 0;

	rng_init(&r, 1, 2);
	for (double t = 0; t < (double)UNTIL && n < STEPS_MAX; n++) {
		out[n].begin = t;
		out[n].work = length(b, rule, t, &r);
		t += out[n].work * slow_at(b, t) * noise_at(b, t);
		out[n].end = t;
	}
	return n;
}

static double
done(const struct step *s, size_t n, usec from, usec to)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i].begin >= (double)from && s[i].end <= (double)to)
			sum += s[i].work;
	return sum;
}

static void
no_steps_do_more(void **state)
{
	static struct step s[STEPS_MAX];
	double closest = 0;

	for (unsigned k = 0; k < 4 * RULES; k++) {
		struct bound_backend b = { .facts = facts[k / RULES % 2],
			.spans = spans,
			.n_spans = k / RULES / 2 ? 3 : 1 };
		struct bound_noise noise;
		struct rng r;
		size_t n = work(&b, k % RULES, s);

		rng_init(&r, k, 0);
		assert_int_equal(bound_noise_init(&noise, &b, SEED, UNTIL), OK);
		b.noise = &noise;
		for (unsigned i = 0; i < 300; i++) {
			usec from = rng_below(&r, UNTIL - 1);
			usec to =
			    from + rng_below(&r, (uint32_t)(UNTIL - from));
			double most = bound_capacity(&b, from, to);

			assert_true(done(s, n, from, to) <= most);
		}
		closest = fmax(closest,
		    done(s, n, 0, UNTIL) / bound_capacity(&b, 0, UNTIL));
		bound_noise_fini(&noise);
	}
	/* nor is there much that nobody can do */
	assert_true(closest > 0.97);
}

static void
it_is_far_from_the_luckiest(void **state)
{
	struct bound_backend b = {
		.facts = facts[0], .spans = spans, .n_spans = 1
	};
	struct bound_noise noise;
	double most;

	assert_int_equal(bound_noise_init(&noise, &b, SEED, UNTIL), OK);
	b.noise = &noise;
	most = bound_capacity(&b, 0, UNTIL);
	assert_true(noise.least < 0.8);
	assert_true(most < 1.1 * (double)UNTIL);
	/* beyond what is known, the luckiest */
	assert_true(
	    fabs(bound_capacity(&b, 2 * UNTIL, 3 * UNTIL) * noise.least -
		(double)UNTIL) < 1e-3 * (double)UNTIL);
	bound_noise_fini(&noise);
}

static void
without_noise_time_is_work(void **state)
{
	struct bound_backend b = {
		.facts = facts[0], .spans = spans, .n_spans = 1
	};
	struct bound_noise noise;

	b.facts.noise = 0;
	assert_int_equal(bound_noise_init(&noise, &b, SEED, UNTIL), OK);
	assert_true(fabs(bound_noise_work(&noise, 123, UNTIL) -
			(double)(UNTIL - 123)) < 1e-3);
	assert_true(bound_noise_beyond(&noise, 0, UNTIL) == 0);
	bound_noise_fini(&noise);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_steps_do_more),
		cmocka_unit_test(it_is_far_from_the_luckiest),
		cmocka_unit_test(without_noise_time_is_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
