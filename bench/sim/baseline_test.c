/* bench/sim/baseline_test.c - the routers that we are compared with. */
#include "router/testing.h"

#include "bench/sim/baseline.h"

extern const struct pilot_ops pilot_class_pinned, pilot_round_robin,
    pilot_least_connections, pilot_p2c_ewma, pilot_litellm_latency,
    pilot_openrouter, pilot_static_priority;

#define THREE(a, b, c)                                                         \
	CONF(BACKEND("a", PRICE(1, 1) a) ", " BACKEND(                         \
		 "b", PRICE(2, 2) b) ", " BACKEND("c", PRICE(4, 4) c),         \
	    SERVING("a", "") ", " SERVING("b", "") ", " SERVING("c", ""))

struct flight {
	struct fixture files;
	const struct pilot_ops *ops;
	void *pilot;
	usec now;
};

static void
flight_init(struct flight *f, const struct pilot_ops *ops, const char *text,
    const char *table)
{
	struct pilot_setup setup = { .seed = 7, .pinned_table = table };
	struct errmsg why = { "" };

	fixture_init(&f->files);
	fixture_load(&f->files, text, NULL);
	if (f->files.rc != OK)
		print_message("%s", f->files.text);
	assert_int_equal(f->files.rc, OK);
	setup.conf = f->files.conf;
	f->ops = ops;
	f->now = 1000 * USEC_SEC;
	f->pilot = ops->create(&setup, &why);
	if (f->pilot == NULL)
		print_message("%s\n", why.text);
	assert_non_null(f->pilot);
}

static void
flight_fini(struct flight *f)
{
	f->ops->destroy(f->pilot);
	fixture_fini(&f->files);
}

static struct ask
asked(const struct flight *f, enum priority priority)
{
	struct ask a = {
		.facts = { .dialect = DIALECT_CHAT,
		    .stream = true,
		    .needs = CAP_CHAT,
		    .prompt_bytes = 3999 },
		.req = { .model = &f->files.conf->models[0],
		    .slo = *f->files.conf->default_slo,
		    .arrived = f->now,
		    .deadline = f->now + 60 * USEC_SEC },
	};

	a.req.slo.priority = priority;
	return a;
}

static const char *
went(const struct flight *f, const struct ask *a)
{
	if (a->plan.kind == PLAN_WAIT)
		return "wait";
	if (a->plan.kind == PLAN_NO)
		return plan_reason_name(a->plan.reason);
	return conf_find_serving(f->files.conf, a->plan.serving)->backend->name;
}

static const char *
submit(struct flight *f, struct ask *a)
{
	a->req.facts = &a->facts;
	a->req.owner = a;
	f->ops->submit(f->pilot, &a->req, f->now, &a->ticket, &a->plan);
	return went(f, a);
}

static const char *
fails(struct flight *f, struct ask *a, enum fault_kind kind, usec after)
{
	struct fault fault = { .kind = kind, .retry_after = after };

	f->ops->retry(f->pilot, a->ticket, &fault, f->now, &a->plan);
	return went(f, a);
}

static void
finish(struct flight *f, struct ask *a, usec ttft, usec itl, unsigned tokens)
{
	struct route_result r = { .ttft = ttft,
		.itl = itl,
		.total = ttft + itl * ((usec)tokens - 1),
		.usage = { .known = true, .input = 1000, .output = tokens } };

	f->ops->first_token(f->pilot, a->ticket, f->now, ttft);
	f->now += r.total;
	f->ops->finished(f->pilot, a->ticket, &r, f->now);
}

/* Who may go now; NULL: nobody. */
static struct ask *
next(struct flight *f)
{
	struct ticket t;
	struct plan plan;
	void *owner;
	struct ask *a;

	if (!f->ops->next(f->pilot, f->now, &owner, &t, &plan))
		return NULL;
	a = owner;
	a->ticket = t;
	a->plan = plan;
	return a;
}

#define assert_submit(f, a, where) assert_string_equal(submit(f, a), where)

/* One whole answer; where it came from. */
static const char *
exchange(struct flight *f, usec ttft, usec itl, unsigned tokens)
{
	struct ask a = asked(f, PRIORITY_STANDARD);
	const char *where = submit(f, &a);

	assert_int_equal(a.plan.kind, PLAN_GO);
	finish(f, &a, ttft, itl, tokens);
	return where;
}

static void
turns_are_taken(void **state)
{
	struct flight f;
	struct ask a[4];

	flight_init(&f, &pilot_round_robin, THREE("", "slots = 1;", ""), NULL);
	for (unsigned i = 0; i < 4; i++)
		a[i] = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a[0], "a");
	assert_submit(&f, &a[1], "b");
	assert_submit(&f, &a[2], "c");
	assert_submit(&f, &a[3], "a");
	a[0] = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a[0], "c"); /* b is full */
	flight_fini(&f);
}

static void
the_fewest_in_flight(void **state)
{
	struct flight f;
	struct ask a[4];

	flight_init(&f, &pilot_least_connections, THREE("", "", ""), NULL);
	for (unsigned i = 0; i < 4; i++) {
		a[i] = asked(&f, PRIORITY_STANDARD);
		submit(&f, &a[i]);
	}
	assert_string_equal(went(&f, &a[0]), "a");
	assert_string_equal(went(&f, &a[1]), "b");
	assert_string_equal(went(&f, &a[2]), "c");
	finish(&f, &a[1], 1000, 10, 10);
	a[1] = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a[1], "b");
	flight_fini(&f);
}

static void
the_cheapest_spills_and_then_waits_in_turn(void **state)
{
	struct flight f;
	struct ask a[5];

	flight_init(&f, &pilot_static_priority,
	    THREE("slots = 1;", "slots = 1;", "slots = 1;"), NULL);
	for (unsigned i = 0; i < 5; i++)
		a[i] = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a[0], "a");
	assert_submit(&f, &a[1], "b");
	assert_submit(&f, &a[2], "c");
	assert_submit(&f, &a[3], "wait");
	assert_submit(&f, &a[4], "wait");
	assert_null(next(&f));
	finish(&f, &a[2], 1000, 10, 10);
	assert_ptr_equal(next(&f), &a[3]);
	assert_string_equal(went(&f, &a[3]), "c");
	assert_null(next(&f));
	f.ops->cancel(f.pilot, a[0].ticket, f.now);
	assert_ptr_equal(next(&f), &a[4]);
	assert_string_equal(went(&f, &a[4]), "a");
	flight_fini(&f);
}

static void
who_waits_past_the_deadline_is_told(void **state)
{
	struct flight f;
	struct ask a[2];

	flight_init(&f, &pilot_least_connections,
	    CONF(BACKEND("a", FREE_OF_CHARGE "slots = 1;"), SERVING("a", "")),
	    NULL);
	for (unsigned i = 0; i < 2; i++) {
		a[i] = asked(&f, PRIORITY_STANDARD);
		submit(&f, &a[i]);
	}
	f.now += 61 * USEC_SEC;
	assert_ptr_equal(next(&f), &a[1]);
	assert_string_equal(went(&f, &a[1]), "deadline");
	assert_null(next(&f));
	flight_fini(&f);
}

static void
a_failure_goes_elsewhere_until_nothing_is_left(void **state)
{
	struct flight f;
	struct ask a;

	flight_init(&f, &pilot_static_priority, THREE("", "", ""), NULL);
	a = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a, "a");
	assert_string_equal(fails(&f, &a, FAULT_SERVER_ERROR, 0), "b");
	assert_string_equal(fails(&f, &a, FAULT_RESET, 0), "c");
	assert_string_equal(fails(&f, &a, FAULT_RESET, 0), "exhausted");
	a = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a, "a");
	assert_string_equal(fails(&f, &a, FAULT_REQUEST, 0), "exhausted");
	flight_fini(&f);
}

static void
three_failures_take_it_out_for_ten_seconds(void **state)
{
	struct flight f;
	struct ask a;

	flight_init(&f, &pilot_static_priority, THREE("", "", ""), NULL);
	for (unsigned i = 0; i < 3; i++) {
		a = asked(&f, PRIORITY_STANDARD);
		assert_submit(&f, &a, "a");
		fails(&f, &a, FAULT_SERVER_ERROR, 0);
	}
	a = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a, "b");
	f.now += 10 * USEC_SEC;
	a = asked(&f, PRIORITY_STANDARD);
	assert_submit(&f, &a, "a");
	flight_fini(&f);
}

static void
retry_after_is_honoured(void **state)
{
	static const struct pilot_ops *const all[] = { &pilot_round_robin,
		&pilot_least_connections, &pilot_p2c_ewma,
		&pilot_litellm_latency, &pilot_openrouter,
		&pilot_static_priority };
	struct flight f;
	struct ask a;

	for (unsigned i = 0; i < COUNT(all); i++) {
		flight_init(&f, all[i],
		    CONF(BACKEND("a", FREE_OF_CHARGE), SERVING("a", "")), NULL);
		a = asked(&f, PRIORITY_STANDARD);
		assert_submit(&f, &a, "a");
		fails(&f, &a, FAULT_RATE_LIMITED, 20 * USEC_SEC);
		f.now += 15 * USEC_SEC;
		a = asked(&f, PRIORITY_STANDARD);
		assert_submit(&f, &a, "rate_limited");
		assert_int_equal(a.plan.retry_after, 5 * USEC_SEC);
		f.now += 5 * USEC_SEC;
		assert_submit(&f, &a, "a");
		flight_fini(&f);
	}
}

static void
a_probe_that_fails_takes_it_out(void **state)
{
	struct fault down = { .kind = FAULT_REFUSED }, well = { 0 };
	struct load cold = { .has = LOAD_WARM };
	struct flight f;
	struct ask a;

	flight_init(&f, &pilot_static_priority, THREE("", "", ""), NULL);
	a = asked(&f, PRIORITY_STANDARD);
	f.ops->load(f.pilot, f.files.conf->backends[0].id, NULL, &down, f.now);
	assert_submit(&f, &a, "b");
	f.now += 10 * USEC_SEC;
	assert_submit(&f, &a, "a");
	f.ops->load(f.pilot, f.files.conf->backends[0].id, &cold, NULL, f.now);
	assert_submit(&f, &a, "b");
	f.ops->load(f.pilot, f.files.conf->backends[0].id, NULL, &well, f.now);
	assert_submit(&f, &a, "a");
	flight_fini(&f);
}

static void
ewma_prefers_the_quick_and_fears_the_unknown(void **state)
{
	struct flight f;
	struct ask a, held;
	unsigned quick = 0;

	flight_init(&f, &pilot_p2c_ewma,
	    CONF(BACKEND("a", FREE_OF_CHARGE) ", " BACKEND("b", FREE_OF_CHARGE),
		SERVING("a", "") ", " SERVING("b", "")),
	    NULL);
	held = asked(&f, PRIORITY_STANDARD);
	submit(&f, &held);
	a = asked(&f, PRIORITY_STANDARD);
	submit(&f, &a); /* the other one: a pending unknown is dreaded */
	assert_string_not_equal(went(&f, &a), went(&f, &held));
	finish(&f, &a, 1000, 1000, 10);
	finish(&f, &held, 1000000, 1000, 10);
	for (unsigned i = 0; i < 20; i++) {
		struct ask b = asked(&f, PRIORITY_STANDARD);

		quick += strcmp(submit(&f, &b), went(&f, &a)) == 0;
		finish(&f, &b, 1000, 1000, 10);
	}
	assert_int_equal(quick, 20);
	flight_fini(&f);
}

static void
litellm_keeps_the_oldest_nine(void **state)
{
	struct flight f;
	const char *first;

	flight_init(&f, &pilot_litellm_latency,
	    CONF(BACKEND("a", FREE_OF_CHARGE) ", " BACKEND("b", FREE_OF_CHARGE),
		SERVING("a", "") ", " SERVING("b", "")),
	    NULL);
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

	flight_init(&f, &pilot_litellm_latency,
	    CONF(BACKEND("a", FREE_OF_CHARGE) ", " BACKEND("b", FREE_OF_CHARGE),
		SERVING("a", "") ", " SERVING("b", "")),
	    NULL);
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
		cmocka_unit_test(turns_are_taken),
		cmocka_unit_test(the_fewest_in_flight),
		cmocka_unit_test(the_cheapest_spills_and_then_waits_in_turn),
		cmocka_unit_test(who_waits_past_the_deadline_is_told),
		cmocka_unit_test(
		    a_failure_goes_elsewhere_until_nothing_is_left),
		cmocka_unit_test(three_failures_take_it_out_for_ten_seconds),
		cmocka_unit_test(retry_after_is_honoured),
		cmocka_unit_test(a_probe_that_fails_takes_it_out),
		cmocka_unit_test(ewma_prefers_the_quick_and_fears_the_unknown),
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
