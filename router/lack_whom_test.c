/* router/lack_whom_test.c - which of those that are out is missed: a plan made
 * by hand. */
#include "router/testing.h"

#include <math.h>

#include "policies/price.h"
#include "router/engine.h"

#define VOICE                                                                  \
	"slo = ( { name = \"voice\"; ttft = \"100ms\"; percentile = 95; "      \
	"priority = \"premium\"; } );\n"                                       \
	"default_slo = \"voice\";\n"
#define THREE_OF(second, third)                                                \
	CONF(BACKEND("used", PRICE(1, 1)) ", " BACKEND(                        \
		 "second", second) ", " BACKEND("third", third),               \
	    SERVING("used", "") ", " SERVING("second", "") ", " SERVING(       \
		"third", ""))                                                  \
	VOICE
#define THREE THREE_OF(PRICE(2, 2), PRICE(9, 9))

#define NEARLY(x) (0.999 * (x))
#define HARDLY_MORE(x) (1.001 * (x))

enum { USED, SECOND, THIRD, SERVINGS };

/* A plan for `order` that leads to "used", which is sure to miss. */
struct scene {
	struct rig g;
	struct ask ask;
	struct order order;
	struct demand demand;
	struct candidate to;
	double stake;
};

static struct cell *
cell_of(const struct scene *s, unsigned at)
{
	return fleet_cell(
	    &s->g.router->fleet, s->ask.req.model->servings[at].id);
}

static void
scene_init(struct scene *s, const char *conf)
{
	*s = (struct scene){ .to = { .at = USED, .score = INFINITY } };
	rig_init(&s->g, conf);
	s->ask = ask_for(&s->g);
	s->ask.req.facts = &s->ask.facts;
	s->order = (struct order){ .req = &s->ask.req,
		.priority = s->ask.req.slo.priority,
		.wanted = set_below(SERVINGS),
		.eligible = set_below(SERVINGS) };
	demand_of(s->g.router, &s->order, s->g.now, &s->demand);
	s->to.cell = cell_of(s, USED);
}

static double
chance_of(const struct scene *s, unsigned at)
{
	return predict_well(cell_of(s, at), &s->demand, s->g.now);
}

/* Times that are in time with that chance. */
static void
make_likely(struct scene *s, unsigned at, double chance)
{
	struct spread *ttft = &cell_of(s, at)->forecast->ttft;
	double low = 1e-3, high = 1e3;

	for (unsigned i = 0; i < 50; i++) {
		double mid = sqrt(low * high);

		spread_prior(ttft, mid, 0.5);
		if (chance_of(s, at) > chance)
			low = mid;
		else
			high = mid;
	}
	assert_true(fabs(chance_of(s, at) - chance) < 0.001);
}

static void
make_out(struct scene *s, unsigned at, double chance)
{
	struct ask a = ask_for(&s->g);

	a.req.pin = s->ask.req.model->servings[at].backend;
	assert_int_equal(ask_submit(&s->g, &a), PLAN_GO);
	ask_fail(&s->g, &a, FAULT_REFUSED);
	make_likely(s, at, chance);
}

static struct lack
lack(const struct scene *s)
{
	return lack_of(
	    s->g.router, &s->order, &s->demand, &s->to, s->stake, s->g.now);
}

static void
assert_missed(const struct scene *s, unsigned at, enum cause cause)
{
	struct lack l = lack(s);

	assert_string_equal(cause_name((enum cause)l.cause), cause_name(cause));
	assert_int_equal(l.at, at);
}

static void
assert_nobody(const struct scene *s)
{
	assert_int_equal(lack(s).cause, CAUSE_NONE);
}

/* --- whether it would have been chosen instead --- */

static void
nobody_is_missed_by_what_is_likely_enough(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_out(&s, SECOND, 0.99);
	s.to.outlook.chance = 0.95;
	assert_nobody(&s);
	s.to.outlook.chance = NEARLY(0.95);
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	/* nor by who asked for something else than to be in time */
	s.to.outlook.chance = 0;
	s.ask.req.prefer = PREFER_CHEAPEST;
	assert_nobody(&s);
	rig_fini(&s.g);
}

static void
who_is_missed_is_adequate(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_out(&s, SECOND, 0.8);
	s.demand.required = chance_of(&s, SECOND);
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	s.demand.required = HARDLY_MORE(s.demand.required);
	assert_nobody(&s);
	rig_fini(&s.g);
}

/* What costs more but is in time less often has made nobody late. */
static void
who_is_missed_is_likelier(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_out(&s, SECOND, 0.8);
	s.to.outlook.chance = NEARLY(chance_of(&s, SECOND));
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	s.to.outlook.chance = chance_of(&s, SECOND);
	assert_nobody(&s);
	rig_fini(&s.g);
}

static void
instead_of_what_is_adequate_it_would_have_cost_less(void **state)
{
	struct scene s;
	double price;

	scene_init(&s, THREE);
	make_out(&s, SECOND, 0.9);
	price = price_of_request(&cell_of(&s, SECOND)->conf->price,
	    s.demand.input, s.demand.output, &s.demand.units);
	s.stake = 5 * price;
	s.to.outlook.chance = s.demand.required;
	s.to.score = NEARLY(price + s.stake * (1 - chance_of(&s, SECOND)));
	assert_nobody(&s);
	s.to.score = HARDLY_MORE(s.to.score / NEARLY(1));
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	/* else it is better whatever it costs */
	s.to.score = 0;
	s.to.outlook.chance = NEARLY(s.demand.required);
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	rig_fini(&s.g);
}

static void
a_fallback_is_missed_by_a_fallback_alone(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_out(&s, SECOND, 0.9);
	set_add(&s.order.fallbacks, SECOND);
	assert_nobody(&s);
	set_add(&s.order.fallbacks, USED);
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	rig_fini(&s.g);
}

/* --- of several --- */

static void
of_several_it_is_the_likelier_and_then_the_cheaper(void **state)
{
	static const char dear_first[] = THREE_OF(PRICE(9, 9), PRICE(2, 2));
	static const char alike[] = THREE_OF(PRICE(2, 2), PRICE(2, 2));
	static const struct {
		const char *conf;
		double second, third;
		unsigned missed;
	} cases[] = {
		{ THREE, 0.9, 0.95, THIRD },
		{ THREE, 0.9, 0.915, SECOND }, /* as likely */
		{ dear_first, 0.9, 0.9, THIRD },
		{ dear_first, 0.9, 0.885, THIRD }, /* as likely */
		{ dear_first, 0.9, 0.85, SECOND },
		{ alike, 0.9, 0.9, SECOND },
	};
	struct scene s;

	for (size_t i = 0; i < COUNT(cases); i++) {
		scene_init(&s, cases[i].conf);
		make_out(&s, SECOND, cases[i].second);
		make_out(&s, THIRD, cases[i].third);
		assert_missed(&s, cases[i].missed, CAUSE_BREAKER);
		rig_fini(&s.g);
	}
}

/* --- who is out --- */

static void
who_could_have_been_used_is_not_missed(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_likely(&s, SECOND, 0.99);
	assert_nobody(&s);
	/* nor in place of one that could not */
	make_out(&s, THIRD, 0.9);
	assert_missed(&s, THIRD, CAUSE_BREAKER);
	rig_fini(&s.g);
}

/* It is slower than usual, and was chosen all the same. */
static void
nobody_is_missed_by_himself(void **state)
{
	struct scene s;
	struct forecast *f;

	scene_init(&s, THREE);
	f = cell_of(&s, USED)->forecast;
	f->ailing = true;
	f->ttft_usual = 1e-3;
	assert_true(chance_of(&s, USED) > 0.9);
	assert_nobody(&s);
	rig_fini(&s.g);
}

static void
what_is_off_is_not_missed(void **state)
{
	struct scene s;

	unsetenv("TEST_KEY");
	scene_init(&s, THREE_OF("api_key = \"env:TEST_KEY\"; ", PRICE(9, 9)));
	make_likely(&s, SECOND, 0.99);
	assert_nobody(&s);
	rig_fini(&s.g);
}

/* Somebody is there who came before the reload. */
static void
what_is_gone_from_the_file_is_not_missed(void **state)
{
	struct scene s;
	struct ask there;
	struct conf *old;

	scene_init(&s, THREE);
	there = ask_for(&s.g);
	there.req.pin = rig_backend(&s.g, "second");
	assert_goes(&s.g, &there, "second");
	old = rig_reload(&s.g,
	    CONF(BACKEND("used", PRICE(1, 1)), SERVING("used", "")) VOICE);
	assert_null(cell_of(&s, SECOND)->conf);
	make_likely(&s, SECOND, 0.99);
	assert_nobody(&s);
	ask_cancel(&s.g, &there);
	conf_unref(&old);
	rig_fini(&s.g);
}

/* --- one that has failed this request --- */

static void
only_who_has_failed_it_and_is_not_tried_again_is_missed(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_likely(&s, SECOND, 0.99);
	s.order.failed.backend = rig_backend(&s.g, "second")->id;
	s.order.failed.kind = FAULT_LOADING;
	assert_nobody(&s);
	set_drop(&s.order.eligible, SECOND);
	assert_missed(&s, SECOND, CAUSE_FAILING);
	assert_int_equal(lack(&s).fault, FAULT_LOADING);
	s.order.failed.backend = rig_backend(&s.g, "third")->id;
	assert_nobody(&s);
	rig_fini(&s.g);
}

static void
what_keeps_everybody_away_says_more_than_one_failure(void **state)
{
	struct scene s;

	scene_init(&s, THREE);
	make_out(&s, SECOND, 0.99);
	set_drop(&s.order.eligible, SECOND);
	s.order.failed.backend = rig_backend(&s.g, "second")->id;
	s.order.failed.kind = FAULT_SERVER_ERROR;
	assert_missed(&s, SECOND, CAUSE_BREAKER);
	assert_int_equal(lack(&s).fault, FAULT_REFUSED);
	rig_fini(&s.g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_missed_by_what_is_likely_enough),
		cmocka_unit_test(who_is_missed_is_adequate),
		cmocka_unit_test(who_is_missed_is_likelier),
		cmocka_unit_test(
		    instead_of_what_is_adequate_it_would_have_cost_less),
		cmocka_unit_test(a_fallback_is_missed_by_a_fallback_alone),
		cmocka_unit_test(
		    of_several_it_is_the_likelier_and_then_the_cheaper),
		cmocka_unit_test(who_could_have_been_used_is_not_missed),
		cmocka_unit_test(nobody_is_missed_by_himself),
		cmocka_unit_test(what_is_off_is_not_missed),
		cmocka_unit_test(what_is_gone_from_the_file_is_not_missed),
		cmocka_unit_test(
		    only_who_has_failed_it_and_is_not_tried_again_is_missed),
		cmocka_unit_test(
		    what_keeps_everybody_away_says_more_than_one_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
