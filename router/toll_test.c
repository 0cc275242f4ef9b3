/* router/toll_test.c - who is kept out for the sake of others gets its turn. */
#include "router/testing.h"

#include <string.h>

#define CLASSES                                                                \
	"slo = ( { name = \"voice\"; priority = \"premium\"; ttft = "          \
	"\"150ms\";"                                                           \
	" itl = \"30ms\"; percentile = 99; },\n"                               \
	"{ name = \"chat\"; ttft = \"2s\"; itl = \"60ms\"; },\n"               \
	"{ name = \"night\"; priority = \"batch\"; ttft = \"5s\"; } );\n"

static const char paid[] =
    CLASSES CONF(BACKEND("only", PRICE(1, 2)), SERVING("only", ));
static const char unpaid[] =
    CLASSES CONF(BACKEND("only", FREE_OF_CHARGE), SERVING("only", ));

static struct ask
ask_in_class(const struct rig *g, const char *class)
{
	struct ask a = ask_for(g);

	a.req.slo = *conf_find_slo(g->conf, slice_of(class));
	return a;
}

/* One after the other, for a minute; half of the time nobody is there. */
static void
premium_comes(struct rig *g, usec each)
{
	for (usec t = 0; t < 60 * USEC_SEC; t += each) {
		struct ask a = ask_in_class(g, "voice");

		assert_goes(g, &a, "only");
		rig_pass(g, each / 2);
		rig_tick(g);
		ask_finish(g, &a, 60 * USEC_MS, 10 * USEC_MS, 51);
		rig_pass(g, each / 2);
		rig_tick(g);
	}
}

static void
a_long_prompt_goes_where_nobody_is(void **state)
{
	struct ask a;
	struct rig g;

	rig_init(&g, paid);
	premium_comes(&g, 100 * USEC_MS);
	a = ask_in_class(&g, "chat");
	a.facts.prompt_bytes = 40000; /* more than a moment of reading */
	assert_goes(&g, &a, "wait");
	rig_pass(&g, 3 * USEC_SEC / 2);
	rig_tick(&g); /* more than half of its time has gone */
	assert_ptr_equal(rig_next(&g, 0), &a);
	assert_string_equal(ask_went(&g, &a), "only");
	ask_cancel(&g, &a);
	rig_fini(&g);
}

static void
nothing_is_kept_for_premium_that_has_left(void **state)
{
	struct ask a, beside;
	struct rig g;

	rig_init(&g, unpaid);
	premium_comes(&g, USEC_SEC);
	for (unsigned i = 0; i < 6000; i++) {
		rig_pass(&g, USEC_SEC / 10);
		rig_tick(&g);
	}
	beside = ask_in_class(&g, "night");
	assert_goes(&g, &beside, "only");
	a = ask_in_class(&g, "night");
	a.req.arrived -= 10 * USEC_SEC; /* too late anyway */
	assert_goes(&g, &a, "only");
	ask_cancel(&g, &a);
	ask_cancel(&g, &beside);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_prompt_goes_where_nobody_is),
		cmocka_unit_test(nothing_is_kept_for_premium_that_has_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
