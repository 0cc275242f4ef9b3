/* router/doubt_test.c - who finds out how a serving is that is left alone. */
#include "router/testing.h"

#define USUAL (100 * USEC_MS)
#define WITH_TARGETS                                                           \
	CHEAP_OR_DEAR                                                          \
	"slo = ( { name = \"chat\"; ttft = \"1s\"; percentile = 95; } );\n"    \
	"default_slo = \"chat\";\n"

/* "a" is known, and says nothing for a second and a half: it ails. */
static void
falls_silent(struct rig *g)
{
	struct ask silent[4];

	rig_teach(g, "a", USUAL, 10 * USEC_MS, 80);
	for (unsigned i = 0; i < 30; i++) {
		rig_pass(g, USEC_SEC / 10);
		rig_teach(g, "a", USUAL, 10 * USEC_MS, 1);
	}
	for (unsigned i = 0; i < COUNT(silent); i++) {
		silent[i] = ask_for(g);
		assert_goes(g, &silent[i], "a");
	}
	for (unsigned i = 0; i < 15; i++) {
		rig_pass(g, USEC_SEC / 10);
		rig_tick(g);
	}
	for (unsigned i = 0; i < COUNT(silent); i++)
		ask_cancel(g, &silent[i]);
	assert_true(rig_view(g, "a").measured.ailing);
}

/* Seconds until it is used as before, with ten requests a second that are
 * answered as ever. */
static unsigned
is_back_after(struct rig *g)
{
	unsigned in_a_row = 0, n;

	for (n = 0; in_a_row < 10 && n < 6100; n++) {
		struct ask a = ask_for(g);

		assert_int_equal(ask_submit(g, &a), PLAN_GO);
		in_a_row = strcmp(ask_went(g, &a), "a") == 0 ? in_a_row + 1 : 0;
		rig_pass(g, USUAL);
		ask_finish(g, &a, USUAL, 10 * USEC_MS, 10);
		rig_tick(g);
	}
	return n / 10;
}

/* It is left alone also by those who ask for no target; so they find out. */
static void
what_ails_is_found_well_with_targets_or_without(void **state)
{
	static const char *const texts[] = { WITH_TARGETS, CHEAP_OR_DEAR };
	struct rig g;

	for (size_t i = 0; i < COUNT(texts); i++) {
		rig_init(&g, texts[i]);
		falls_silent(&g);
		assert_in_range(is_back_after(&g), 1, 60);
		rig_fini(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_ails_is_found_well_with_targets_or_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
