/* bench/sim/baseline_peers_test.c - routers as others have built them: of
 * gateways, and the table that an operator pins classes by. */
#include "bench/sim/flight.h"

#define FREE_PAIR                                                              \
	CONF(BACKEND("a", FREE_OF_CHARGE) ", " BACKEND("b", FREE_OF_CHARGE),   \
	    SERVING("a", "") ", " SERVING("b", ""))

static void
litellm_keeps_the_oldest_nine(void **state)
{
	struct flight f;
	const char *first;

	flight_init(&f, &pilot_litellm_latency, FREE_PAIR, NULL);
	/* one quick and one slow; then the quick one becomes far slower */
	first = exchange(&f, 10 * USEC_MS, 1000, 10);
	assert_string_not_equal(exchange(&f, 500 * USEC_MS, 1000, 10), first);
	for (unsigned i = 0; i < 20; i++)
		assert_string_equal(
		    exchange(&f, 10 * USEC_MS, 1000, 10), first);
	for (unsigned i = 0; i < 20; i++)
		assert_string_equal(
		    exchange(&f, 2000 * USEC_MS, 1000, 10), first);
	flight_fini(&f);
}

static void
litellm_divides_by_the_answers_length(void **state)
{
	struct flight f;
	const char *first;

	flight_init(&f, &pilot_litellm_latency, FREE_PAIR, NULL);
	/* a long answer makes a slow first token look quick */
	first = exchange(&f, 400 * USEC_MS, 1000, 100);
	exchange(&f, 100 * USEC_MS, 1000, 2);
	assert_string_equal(exchange(&f, 400 * USEC_MS, 1000, 100), first);
	flight_fini(&f);
}

static void
litellm_tries_thrice(void **state)
{
	struct flight f;
	struct ask a;

	flight_init(&f, &pilot_litellm_latency,
	    CONF(BACKEND("a", FREE_OF_CHARGE) ", " BACKEND(
		     "b", FREE_OF_CHARGE) ", " BACKEND("c",
		     FREE_OF_CHARGE) ", " BACKEND("d", FREE_OF_CHARGE),
		SERVING("a", "") ", " SERVING("b", "") ", " SERVING(
		    "c", "") ", " SERVING("d", "")),
	    NULL);
	a = asked(&f, PRIORITY_STANDARD);
	submit(&f, &a);
	fails(&f, &a, FAULT_SERVER_ERROR, 0);
	assert_int_equal(a.plan.kind, PLAN_GO);
	fails(&f, &a, FAULT_SERVER_ERROR, 0);
	assert_int_equal(a.plan.kind, PLAN_GO);
	assert_string_equal(fails(&f, &a, FAULT_SERVER_ERROR, 0), "exhausted");
	flight_fini(&f);
}

static unsigned
share_of(struct flight *f, const char *name, unsigned n)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < n; i++)
		hits += strcmp(exchange(f, 1000, 10, 10), name) == 0;
	return hits;
}

static void
openrouter_weighs_by_the_inverse_square(void **state)
{
	struct flight f;
	unsigned a, b;

	/* prices 1, 2, 4: weights 16, 4, 1 */
	flight_init(&f, &pilot_openrouter, THREE("", "", ""), NULL);
	a = share_of(&f, "a", 2100);
	b = share_of(&f, "b", 2100);
	assert_in_range(a, 1500, 1700);
	assert_in_range(b, 340, 460);
	flight_fini(&f);
}

#define TWO                                                                    \
	CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND("b", PRICE(9, 9)),         \
	    SERVING("a", "") ", " SERVING("b", ""))

static void
openrouter_puts_outages_last(void **state)
{
	struct flight f;
	struct ask a;

	flight_init(&f, &pilot_openrouter, TWO, NULL);
	for (unsigned n = 0; n < 2; f.now++) {
		a = asked(&f, PRIORITY_STANDARD);
		if (strcmp(submit(&f, &a), "a") == 0) {
			fails(&f, &a, FAULT_SERVER_ERROR, 0);
			n++;
		}
		f.ops->cancel(f.pilot, a.ticket, f.now);
	}
	assert_int_equal(share_of(&f, "a", 100), 0);
	f.now += 31 * USEC_SEC;
	assert_in_range(share_of(&f, "a", 100), 90, 100);
	flight_fini(&f);
}

static void
openrouter_puts_the_slow_last_but_never_out(void **state)
{
	struct flight f;
	unsigned at_b = 0;

	flight_init(&f, &pilot_openrouter, TWO, NULL);
	for (unsigned i = 0; i < 200; i++) {
		struct ask a = asked(&f, PRIORITY_PREMIUM);
		bool fast;

		a.req.slo.ttft = 500;
		a.req.slo.percentile = 99;
		fast = strcmp(submit(&f, &a), "b") == 0;
		at_b += i >= 100 && fast;
		finish(&f, &a, fast ? 100 : 1000, 10, 10);
	}
	assert_int_equal(at_b, 100);
	for (unsigned i = 0; i < 200; i++) {
		struct ask a = asked(&f, PRIORITY_PREMIUM);

		a.req.slo.ttft = 500;
		a.req.slo.percentile = 99;
		at_b += strcmp(submit(&f, &a), "b") == 0;
		finish(&f, &a, 1000, 10, 10); /* now both are slow */
	}
	assert_in_range(at_b, 100, 150);
	flight_fini(&f);
}

#define TABLE                                                                  \
	"tables = ( { backends = [ \"c\", \"b\", \"a\" ];\n"                   \
	"premium = ( { use = [ \"c\" ]; cap = 2; },"                           \
	" { use = [ \"b\" ]; cap = 1; } );\n"                                  \
	"standard = ( { use = [ \"a\", \"b\" ]; cap = 1; },"                   \
	" { use = [ \"c\" ]; cap = 1; } );\n"                                  \
	"batch = ( { use = [ \"a\" ]; cap = 1; } ); } );\n"

static void
pinned_follows_its_table(void **state)
{
	struct flight f;
	struct fixture table;
	struct ask p[4], s[3], late;
	char path[128];

	fixture_init(&table);
	fixture_write(&table, "pinned.conf", TABLE);
	snprintf(path, sizeof(path), "%s/pinned.conf", table.folder);
	flight_init(&f, &pilot_class_pinned, THREE("", "", ""), path);
	for (unsigned i = 0; i < 4; i++)
		p[i] = asked(&f, PRIORITY_PREMIUM);
	for (unsigned i = 0; i < 3; i++)
		s[i] = asked(&f, PRIORITY_STANDARD);
	late = asked(&f, PRIORITY_BATCH);
	assert_submit(&f, &s[0], "a");
	assert_submit(&f, &s[1], "b");
	assert_submit(&f, &late, "wait");
	assert_submit(&f, &p[0], "c");
	assert_submit(&f, &s[2], "wait"); /* c is at the cap of standard */
	assert_submit(&f, &p[1], "c");
	assert_submit(&f, &p[2], "wait");
	finish(&f, &s[1], 1000, 10, 10);
	assert_ptr_equal(next(&f), &p[2]); /* premium first, though later */
	assert_string_equal(went(&f, &p[2]), "b");
	assert_null(next(&f));
	finish(&f, &s[0], 1000, 10, 10);
	assert_ptr_equal(next(&f), &s[2]);
	finish(&f, &s[2], 1000, 10, 10);
	assert_ptr_equal(next(&f), &late);
	flight_fini(&f);
	fixture_fini(&table);
}

static void
pinned_says_what_is_wrong_and_where(void **state)
{
	struct errmsg why = { "" };
	struct pilot_setup setup = { .seed = 7 };
	struct fixture table, files;
	char path[128];

	fixture_init(&files);
	fixture_load(&files, THREE("", "", ""), NULL);
	assert_int_equal(files.rc, OK);
	fixture_init(&table);
	snprintf(path, sizeof(path), "%s/pinned.conf", table.folder);
	setup.conf = files.conf;
	setup.pinned_table = path;
	assert_null(pilot_class_pinned.create(&setup, &why));
	assert_non_null(strstr(why.text, "cannot be read"));
	fixture_write(
	    &table, "pinned.conf", "tables = ( { backends = [ \"a\" ]; } );\n");
	assert_null(pilot_class_pinned.create(&setup, &why));
	assert_non_null(strstr(why.text, "no table for this fleet"));
	fixture_write(&table, "pinned.conf",
	    "tables = ( { backends = [ \"a\", \"b\", \"c\" ];\n"
	    "premium = ( { use = [ \"d\" ]; cap = 1; } ); } );\n");
	assert_null(pilot_class_pinned.create(&setup, &why));
	assert_non_null(strstr(why.text, "pinned.conf:2: use: want names"));
	fixture_fini(&table);
	fixture_fini(&files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(litellm_keeps_the_oldest_nine),
		cmocka_unit_test(litellm_divides_by_the_answers_length),
		cmocka_unit_test(litellm_tries_thrice),
		cmocka_unit_test(openrouter_weighs_by_the_inverse_square),
		cmocka_unit_test(openrouter_puts_outages_last),
		cmocka_unit_test(openrouter_puts_the_slow_last_but_never_out),
		cmocka_unit_test(pinned_follows_its_table),
		cmocka_unit_test(pinned_says_what_is_wrong_and_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
