/* router/profile_test.c - how fast a serving is, as physics would have it. */
#include "router/testing.h"

#include <math.h>

#include "router/profile.h"

static const struct profile gpu = { 30e3, 12e3, 150, 50 };

static struct conf_backend
made_of(const char *hardware)
{
	return (struct conf_backend){ .hardware = hardware };
}

static bool
about(double got, double want)
{
	return fabs(got / want - 1) < 1e-9;
}

static void
a_first_token_takes_the_way_the_prompt_and_its_steps(void **state)
{
	struct crowd c = { .sequences = 9, .tokens = 1000 };
	double step = 12e3 + 10 * 150;

	/* two chunks, and half a step until the first one begins */
	assert_true(
	    about(profile_ttft(&gpu, &c), 30e3 + 1000 * 50 + 2.5 * step));
	c.wait = 7e6;
	assert_true(
	    about(profile_ttft(&gpu, &c), 30e3 + 1000 * 50 + 2.5 * step + 7e6));
}

static void
tokens_come_a_step_apart(void **state)
{
	struct crowd c = { .sequences = 9, .tokens = 1000 };

	assert_true(about(profile_itl(&gpu, &c), 12e3 + 10 * 150));
	/* a quarter of the time goes to others' prompts */
	c.prefill = 0.25 / 50;
	assert_true(about(profile_itl(&gpu, &c), (12e3 + 10 * 150) / 0.75));
}

static void
however_many_prompts_arrive_tokens_still_come(void **state)
{
	struct crowd c = { .sequences = 1, .prefill = 1 };

	assert_true(profile_itl(&gpu, &c) > 0);
	assert_true(profile_itl(&gpu, &c) < 1e6);
	assert_true(profile_prefill_share(&gpu, &c) < 1);
}

static void
more_of_anything_is_slower(void **state)
{
	struct crowd c = { 4, 700, 0.002, 1000 };
	double ttft = profile_ttft(&gpu, &c), itl = profile_itl(&gpu, &c);
	struct crowd more[] = { c, c, c, c };

	more[0].sequences++;
	more[1].tokens++;
	more[2].wait++;
	for (int i = 0; i < 3; i++)
		assert_true(profile_ttft(&gpu, &more[i]) > ttft);
	more[3].prefill *= 1.1;
	assert_true(profile_itl(&gpu, &more[0]) > itl);
	assert_true(profile_itl(&gpu, &more[3]) > itl);
}

static void
hardware_is_known_by_its_name(void **state)
{
	static const char *const by_speed[] = { "wafer", "lpu", "gpu", "cpu" };
	struct crowd c = { .sequences = 4, .tokens = 1000 };
	double last = 0, sigma;

	for (size_t i = 0; i < COUNT(by_speed); i++) {
		struct conf_backend b = made_of(by_speed[i]);
		struct profile p = profile_of(&b, &sigma);

		assert_true(profile_itl(&p, &c) > last);
		last = profile_itl(&p, &c);
	}
}

static void
what_the_operator_says_holds(void **state)
{
	struct conf_backend b = made_of("cpu");
	struct profile kind, told;
	double sigma;

	kind = profile_of(&b, &sigma);
	b.profile = (struct conf_profile){ .rtt = 5, .per_token = 0.25 };
	told = profile_of(&b, &sigma);
	assert_true(about(told.rtt, 5) && about(told.per_token, 0.25));
	assert_true(about(told.step, kind.step));
	assert_true(about(told.per_sequence, kind.per_sequence));
}

static void
what_is_guessed_is_less_sure_than_what_is_told(void **state)
{
	struct conf_backend named = made_of("gpu"), unknown = made_of("");
	struct conf_backend told = made_of("");
	double sure, unsure, sigma;

	told.profile.step = 9000;
	profile_of(&named, &sure);
	profile_of(&unknown, &unsure);
	assert_true(unsure > sure && sure > 0);
	profile_of(&told, &sigma);
	assert_true(sigma < unsure);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_first_token_takes_the_way_the_prompt_and_its_steps),
		cmocka_unit_test(tokens_come_a_step_apart),
		cmocka_unit_test(however_many_prompts_arrive_tokens_still_come),
		cmocka_unit_test(more_of_anything_is_slower),
		cmocka_unit_test(hardware_is_known_by_its_name),
		cmocka_unit_test(what_the_operator_says_holds),
		cmocka_unit_test(
		    what_is_guessed_is_less_sure_than_what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
