/* router/filter_test.c - which servings may take a request at all. */
#include "router/testing.h"

#include "router/filter.h"

#define ABC(a, b, c)                                                           \
	CONF(BACKEND("a", "region = \"us\"; " FREE_OF_CHARGE) ", " BACKEND(    \
		 "b", "region = \"eu\"; " FREE_OF_CHARGE) ", " BACKEND("c",    \
		 FREE_OF_CHARGE),                                              \
	    SERVING("a", a) ", " SERVING("b", b) ", " SERVING("c", c))

/* Names of the eligible, fallbacks in capitals; or the reason why not. */
static void
assert_eligible(const struct rig *g, struct ask *a, const char *want)
{
	const struct conf_model *m = a->req.model;
	struct sieve sieve;
	struct set left;
	char got[64] = "";
	size_t n = 0;

	a->req.facts = &a->facts;
	filter(&a->req, &sieve);
	for (size_t i = 0; i < m->n_servings; i++) {
		char name = m->servings[i].backend->name[0];

		if (!set_has(&sieve.eligible, (unsigned)i))
			continue;
		if (set_has(&sieve.fallbacks, (unsigned)i))
			name = (char)(name - 'a' + 'A');
		got[n++] = name;
	}
	left = set_minus(&sieve.fallbacks, &sieve.eligible);
	assert_true(set_is_empty(&left));
	assert_string_equal(
	    n > 0 ? got : plan_reason_name(sieve.why_none), want);
	(void)g;
}

/* Of each that is not eligible. */
static void
assert_why(struct ask *a, enum cause want_a, enum cause want_b)
{
	a->req.facts = &a->facts;
	assert_string_equal(
	    cause_name(filter_why(&a->req, 0).cause), cause_name(want_a));
	assert_string_equal(
	    cause_name(filter_why(&a->req, 1).cause), cause_name(want_b));
}

static void
each_is_told_why_it_is_out(void **state)
{
	static const char *const eu[] = { "eu", NULL };
	struct conf_tenant t = { .name = "t", .regions = eu, .min_quality = 9 };
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    ABC("caps = [ \"chat\" ];", "context = 500; quality = 8;",
		"model = \"other\"; fallback = true;"));
	a = ask_for(&g);
	a.req.facts = &a.facts;
	a.facts.needs = CAP_CHAT | CAP_TOOLS;
	assert_why(&a, CAUSE_ABILITY, CAUSE_CONTEXT);
	assert_int_equal(filter_why(&a.req, 0).lacks, CAP_TOOLS);
	a.facts.needs = CAP_CHAT;
	a.req.tenant = &t;
	assert_why(&a, CAUSE_BOUNDARY, CAUSE_QUALITY);
	a.req.pin = rig_backend(&g, "b");
	assert_why(&a, CAUSE_PIN, CAUSE_QUALITY);
	a = ask_for(&g);
	a.facts.dialect = DIALECT_EMBEDDINGS;
	a.facts.needs = CAP_EMBEDDINGS;
	a.req.facts = &a.facts;
	assert_int_equal(filter_why(&a.req, 2).cause, CAUSE_STAND_IN);
	rig_fini(&g);
}

static void
unknown_abilities_count_as_able(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, ABC("", "caps = [ \"chat\" ];", "context = 500;"));
	a = ask_for(&g);
	a.facts.needs = CAP_CHAT | CAP_TOOLS;
	a.facts.prompt_bytes = 10;
	assert_eligible(&g, &a, "ac");
	rig_fini(&g);
}

static void
who_is_asked_in_chat_counts_no_tokens(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    ABC("caps = [ \"chat\" ];", "caps = [ \"embeddings\" ];",
		"caps = [ \"chat\", \"messages\" ];"));
	a = ask_for(&g);
	a.facts.dialect = DIALECT_MESSAGES;
	assert_eligible(&g, &a, "ac");
	a.facts.dialect = DIALECT_COUNTING;
	assert_eligible(&g, &a, "c");
	assert_int_equal(filter_why(&a.req, 0).lacks, CAP_MESSAGES);
	rig_fini(&g);
}

static void
nobody_able_is_another_matter_than_nobody_allowed(void **state)
{
	static const char *const asia[] = { "asia", NULL };
	struct conf_tenant t = { .name = "t", .regions = asia };
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    ABC("caps = [ \"chat\" ];", "caps = [ \"chat\" ];",
		"caps = [ \"chat\" ];"));
	a = ask_for(&g);
	a.facts.needs = CAP_CHAT | CAP_IMAGES;
	assert_eligible(&g, &a, "no_serving");
	a.facts.needs = CAP_CHAT;
	a.req.tenant = &t;
	assert_eligible(&g, &a, "boundary");
	rig_fini(&g);
}

static void
regions_and_quality_are_hard(void **state)
{
	static const char *const us[] = { "us", NULL };
	struct conf_tenant t = { .name = "t", .regions = us };
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, ABC("quality = 5;", "quality = 9;", "quality = 1;"));
	a = ask_for(&g);
	a.req.slo.min_quality = 5;
	assert_eligible(&g, &a, "ab");
	a.req.tenant = &t;
	assert_eligible(&g, &a, "a");
	t.min_quality = 6;
	assert_eligible(&g, &a, "boundary");
	rig_fini(&g);
}

static void
a_pin_leaves_one_backend(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, ABC("", "fallback = true;", ""));
	a = ask_for(&g);
	a.req.pin = rig_backend(&g, "b");
	assert_eligible(&g, &a, "B");
	rig_fini(&g);
}

static void
a_context_too_short_is_avoided_where_it_can_be(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(
	    &g, ABC("context = 2000;", "context = 999;", "context = 1000;"));
	a = ask_for(&g); /* 1000 tokens */
	assert_eligible(&g, &a, "ac");
	a.facts.max_tokens = 1;
	assert_eligible(&g, &a, "a");
	/* our count is a guess: let a backend say it */
	a.facts.max_tokens = 5000;
	assert_eligible(&g, &a, "abc");
	rig_fini(&g);
}

static void
embeddings_fall_back_only_on_the_same_model(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    ABC("model = \"bge\";", "model = \"bge\"; fallback = true;",
		"model = \"nomic\"; fallback = true;"));
	a = ask_for(&g);
	assert_eligible(&g, &a, "aBC");
	a.facts.dialect = DIALECT_EMBEDDINGS;
	a.facts.needs = CAP_EMBEDDINGS;
	assert_eligible(&g, &a, "aB");
	rig_fini(&g);
}

static void
a_fallback_may_stand_alone(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    ABC("caps = [ \"chat\" ];", "caps = [ \"chat\" ];",
		"model = \"nomic\"; fallback = true;"));
	a = ask_for(&g);
	a.facts.dialect = DIALECT_EMBEDDINGS;
	a.facts.needs = CAP_EMBEDDINGS;
	assert_eligible(&g, &a, "C");
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_why_it_is_out),
		cmocka_unit_test(unknown_abilities_count_as_able),
		cmocka_unit_test(who_is_asked_in_chat_counts_no_tokens),
		cmocka_unit_test(
		    nobody_able_is_another_matter_than_nobody_allowed),
		cmocka_unit_test(regions_and_quality_are_hard),
		cmocka_unit_test(a_pin_leaves_one_backend),
		cmocka_unit_test(
		    a_context_too_short_is_avoided_where_it_can_be),
		cmocka_unit_test(embeddings_fall_back_only_on_the_same_model),
		cmocka_unit_test(a_fallback_may_stand_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
