/* gateway/quota/quota_test.c - what tenants and keys take of their limits, and
 * give back. */
#include "gateway/quota/testing.h"

#include <pthread.h>

#include "gateway/lib/log.h"
#include "gateway/quota/state.h"

static bool
take(struct stage *s, uint32_t input)
{
	return take_into(s, &s->hold, input);
}

static void
settle(struct stage *s, double input, double cost)
{
	quota_settle(
	    &s->hold, &(struct quota_use){ .input = input, .cost = cost });
}

static void
places_are_taken_and_come_back(void **state)
{
	struct quota_hold a, b;
	struct stage s;

	stage_init(&s, TENANT("concurrent = 2;"));
	assert_true(take_into(&s, &a, 1));
	assert_true(take_into(&s, &b, 1));
	assert_false(take(&s, 1));
	assert_int_equal(s.why.limit, QUOTA_CONCURRENT);
	assert_int_equal(view(&s).open, 2);
	quota_settle(&a, &(struct quota_use){ .refused = true });
	quota_settle(&a, &(struct quota_use){ .refused = true }); /* nothing */
	assert_int_equal(view(&s).open, 1);
	assert_true(take(&s, 1));
	settle(&s, 1, 0);
	quota_settle(&b, &(struct quota_use){ .input = 1 });
	assert_int_equal(view(&s).open, 0);
	stage_fini(&s);
}

static void
what_is_refused_costs_nothing(void **state)
{
	struct stage s;

	stage_init(&s,
	    TENANT("requests_per_minute = 600; tokens_per_minute = 6000; "
		   "burst = \"10s\"; concurrent = 9;"));
	assert_true(take(&s, 900));
	for (int i = 0; i < 1000; i++) {
		struct quota_hold h;

		assert_false(take_into(&s, &h, 900));
		assert_int_equal(s.why.limit, QUOTA_TOKENS);
	}
	assert_int_equal(view(&s).open, 1);
	assert_int_equal((int)view(&s).left_requests, 99);
	assert_int_equal((int)view(&s).left_tokens, 99);
	/* no backend saw it */
	quota_settle(&s.hold, &(struct quota_use){ .refused = true });
	assert_int_equal((int)view(&s).left_requests, 100);
	assert_int_equal((int)view(&s).left_tokens, 1000);
	stage_fini(&s);
}

static void
tokens_are_settled_by_what_was_used(void **state)
{
	struct stage s;

	stage_init(&s, TENANT("tokens_per_minute = 6000; burst = \"10s\";"));
	assert_true(take(&s, 899)); /* and one out */
	assert_int_equal((int)view(&s).left_tokens, 100);
	settle(&s, 100, 0);
	assert_int_equal((int)view(&s).left_tokens, 900);
	assert_true(take(&s, 10));
	settle(&s, 5000, 0); /* more than was thought: a debt */
	assert_int_equal((int)view(&s).left_tokens, 0);
	assert_false(take(&s, 10));
	assert_true(s.why.wait > 30 * USEC_SEC);
	s.now += s.why.wait;
	assert_true(take(&s, 10));
	stage_fini(&s);
}

/* Sound, say: tokens are none of its limits, and its answer, where it has a
 * length, says nothing of how long the others are. */
static void
what_is_not_counted_in_tokens_takes_none(void **state)
{
	const struct quota_wish wish = { .silent = true };
	const struct quota_use use = { .output = 4000, .silent = true };
	struct stage s;
	uint32_t usual;

	stage_init(&s, TENANT("tokens_per_minute = 60;"));
	assert_true(take(&s, 59)); /* and one out: all there are */
	usual = s.hold.parts[QUOTA_TENANT].of->output;
	settle(&s, 60, 0);
	assert_false(take(&s, 1));
	take_into(&s, &s.hold, 0);
	assert_true(quota_take(s.table, &s.hold, &wish, s.now, &s.why));
	assert_int_equal((int)view(&s).left_tokens, 0);
	quota_settle(&s.hold, &use);
	assert_int_equal(s.hold.parts[QUOTA_TENANT].of->output, usual);
	stage_fini(&s);
}

/* What is reserved without max_tokens, once answers have that many tokens. */
static int
reserved_after(struct stage *s, unsigned tokens)
{
	const struct quota_wish wish = { 0 };
	int left;

	for (int i = 0; i < 200; i++) {
		assert_true(take(s, 0));
		quota_settle(&s->hold, &(struct quota_use){ .output = tokens });
	}
	assert_true(take(s, 0));
	quota_settle(&s->hold, &(struct quota_use){ .refused = true });
	left = (int)view(s).left_tokens;
	assert_true(quota_take(s->table, &s->hold, &wish, s->now, &s->why));
	left -= (int)view(s).left_tokens;
	quota_settle(&s->hold, &(struct quota_use){ .refused = true });
	return left;
}

static void
as_much_is_reserved_as_answers_mostly_have(void **state)
{
	struct stage s;

	stage_init(&s, TENANT("tokens_per_minute = 1000000; burst = \"60s\";"));
	assert_int_equal(reserved_after(&s, 300), 300);
	assert_int_equal(reserved_after(&s, 20), 20);
	assert_int_equal(reserved_after(&s, 34), 34);
	stage_fini(&s);
}

/* An hour after whoever came before. */
static void
take_silently(struct stage *s)
{
	const struct quota_wish wish = { .silent = true };

	assert_true(take(s, 0));
	quota_settle(&s->hold, &(struct quota_use){ .refused = true });
	s->now += 3600 * USEC_SEC;
	assert_true(quota_take(s->table, &s->hold, &wish, s->now, &s->why));
}

/* Nothing was reserved, as nobody knew that there would be tokens. */
static void
what_turns_out_to_be_tokens_counts(void **state)
{
	const struct quota_use use = { .input = 60, .silent = true };
	struct stage s;

	stage_init(&s, TENANT("tokens_per_minute = 60;"));
	take_silently(&s);
	quota_settle(&s.hold, &use);
	assert_int_equal((int)view(&s).left_tokens, 0);
	stage_fini(&s);
}

static bool
charge(struct stage *s, double tokens, double cost, struct quota_paid *paid)
{
	return quota_charge(s->table, &s->hold,
	    &(struct quota_use){ .input = tokens, .cost = cost }, paid, s->now,
	    &s->why);
}

/* As often as it likes, and in the end no more than once. */
static void
what_lasts_is_charged_as_it_comes(void **state)
{
	struct quota_paid paid = { 0 };
	struct stage s;

	log_set_level(LOG_ERROR);
	stage_init(&s,
	    TENANT("daily_budget = 1; monthly_budget = 9; concurrent = 1; "
		   "tokens_per_minute = 600; burst = \"60s\";"));
	take_silently(&s);
	s.now += 3600 * USEC_SEC;
	assert_true(charge(&s, 100, 0.3333333333, &paid));
	assert_int_equal((int)view(&s).left_tokens, 500);
	assert_int_equal(view(&s).open, 1);
	assert_true(charge(&s, 100, 0.3333333333, &paid));
	assert_int_equal((int)view(&s).left_tokens, 500);
	assert_false(charge(&s, 200, 1.1111111111, &paid));
	assert_int_equal((int)view(&s).left_tokens, 400);
	assert_int_equal(s.why.limit, QUOTA_DAILY);
	assert_int_equal(s.why.part, QUOTA_TENANT);
	assert_false(charge(&s, 250, 1.2222222226, &paid));
	settle(&s, 0, 0);
	assert_int_equal(view(&s).open, 0);
	assert_int_equal((int)view(&s).left_tokens, 350);
	assert_float_equal(view(&s).day, 1.222222223, 1e-15);
	assert_float_equal(view(&s).month, 1.222222223, 1e-15);
	stage_fini(&s);
}

static void
what_no_minute_has_is_never_let_through(void **state)
{
	struct stage s;

	stage_init(&s, TENANT("tokens_per_minute = 1000;"));
	assert_false(take(&s, 1001));
	assert_int_equal(s.why.limit, QUOTA_TOO_LARGE);
	assert_int_equal(s.why.wait, 0);
	assert_true(take(&s, 1000));
	stage_fini(&s);
}

static void
a_key_has_limits_of_its_own(void **state)
{
	struct stage s;

	stage_init(&s,
	    BASE "tenants = ( { name = \"t\"; keys = [ \"" KEY "\" ];\n"
		 "limits = { concurrent = 9; };"
		 "key_limits = { concurrent = 1; }; } );");
	assert_string_equal(s.f.conf->keys[0].name, "ba7816bf");
	assert_true(take(&s, 1));
	{
		struct quota_hold h;

		assert_false(take_into(&s, &h, 1));
		assert_int_equal(s.why.part, QUOTA_KEY);
	}
	assert_int_equal(view(&s).open, 1);
	stage_fini(&s);
}

static void
a_budget_is_spent_and_begins_anew(void **state)
{
	struct stage s;

	log_set_level(LOG_ERROR);
	stage_init(&s, TENANT("daily_budget = 1; monthly_budget = 2.5;"));
	assert_true(take(&s, 1));
	settle(&s, 1, 0.85);
	assert_int_equal(view(&s).budget, BUDGET_SOFT);
	assert_true(take(&s, 1));
	settle(&s, 1, 0.85);
	assert_false(take(&s, 1));
	assert_int_equal(s.why.limit, QUOTA_DAILY);
	assert_in_range(s.why.wait, DAY / 2 - USEC_SEC, DAY / 2 + USEC_SEC);
	quotas_tick(s.table, WALL + DAY);
	assert_true(take(&s, 1));
	settle(&s, 1, 0.85);
	assert_false(take(&s, 1));
	assert_int_equal(s.why.limit, QUOTA_MONTHLY);
	quotas_tick(s.table, WALL + 32 * DAY);
	assert_true(take(&s, 1));
	settle(&s, 1, -1); /* an unknown price */
	assert_true(view(&s).day <= 0);
	for (int i = 0; i < 3; i++) { /* prices and counts that nobody has */
		take(&s, 1);
		settle(&s, 1, 9e9);
	}
	assert_int_equal(view(&s).budget, BUDGET_SPENT);
	stage_fini(&s);
}

static void
what_costs_nothing_needs_no_budget(void **state)
{
	const struct quota_wish wish = { .free = true };
	const struct quota_use use = { .cost = 0 };
	struct stage s;

	log_set_level(LOG_ERROR);
	stage_init(&s, TENANT("daily_budget = 1; requests_per_minute = 12;"));
	assert_true(take(&s, 1));
	settle(&s, 1, 1);
	s.now += 5 * USEC_SEC;
	assert_false(take_into(&s, &s.hold, 1));
	assert_int_equal(s.why.limit, QUOTA_DAILY);
	assert_true(quota_take(s.table, &s.hold, &wish, s.now, &s.why));
	quota_settle(&s.hold, &use);
	take_into(&s, &s.hold, 1);
	assert_false(quota_take(s.table, &s.hold, &wish, s.now, &s.why));
	assert_int_equal(s.why.limit, QUOTA_REQUESTS);
	stage_fini(&s);
}

static void
what_was_spent_before_counts(void **state)
{
	struct stage s;

	stage_init(&s, TENANT("daily_budget = 1;"));
	quotas_restore(s.table, "t", "ba7816bf", 0.6, 3);
	assert_true(take(&s, 1));
	settle(&s, 1, 0);
	quotas_restore(s.table, "t", "another", 0.4, 3);
	quotas_restore(s.table, "nobody", NULL, 1, 1);
	assert_false(take(&s, 1));
	assert_int_equal((int)view(&s).month, 6);
	stage_fini(&s);
}

/* A sum that no budget reaches is spent, whatever number a file has. */
static void
no_sum_is_too_large_to_count(void **state)
{
	struct stage s;

	stage_init(&s, TENANT("daily_budget = 1e9; monthly_budget = 1e9;"));
	quotas_restore(s.table, "t", "ba7816bf", 1e300, 1e300);
	quotas_restore(s.table, "t", "another", 1e300, 1e300);
	assert_int_equal(view(&s).budget, BUDGET_SPENT);
	assert_false(take(&s, 1));
	stage_fini(&s);
}

/* Around midnight, as by NTP; or by an hour. */
static void
a_clock_set_back_gives_nothing_anew(void **state)
{
	struct stage s;

	log_set_level(LOG_ERROR);
	stage_init(&s, TENANT("daily_budget = 1;"));
	quotas_tick(s.table, WALL + DAY / 2);
	assert_true(take(&s, 1));
	settle(&s, 1, 1.5);
	quotas_tick(s.table, WALL + DAY / 2 - USEC_SEC);
	assert_false(take(&s, 1));
	quotas_tick(s.table, WALL + DAY / 2);
	assert_false(take(&s, 1));
	quotas_tick(s.table, WALL - 40 * DAY); /* it was wrong before */
	assert_false(take(&s, 1));
	quotas_tick(s.table, WALL - 39 * DAY);
	assert_true(take(&s, 1));
	settle(&s, 1, 1.5);
	quotas_tick(s.table, WALL + 3 * DAY); /* a jump, and back: once anew */
	assert_true(take(&s, 1));
	settle(&s, 1, 1.5);
	quotas_tick(s.table, WALL - 39 * DAY);
	assert_false(take(&s, 1));
	stage_fini(&s);
}

/* 65 micro-dollars are a hair less than that as a double. */
static void
nothing_is_cut_off_what_is_spent(void **state)
{
	struct stage s;

	stage_init(&s, TENANT("daily_budget = 1;"));
	quotas_restore(s.table, "t", NULL, 0.000065, 0.000065);
	for (int i = 0; i < 999; i++) {
		assert_true(take(&s, 1));
		settle(&s, 1, 0.000065);
	}
	assert_float_equal(view(&s).day, 0.065, 1e-15);
	stage_fini(&s);
}

/* Whoever comes after a key goes on with what was spent under its name, also
 * where that was before this process began. */
static void
what_is_spent_is_of_the_name(void **state)
{
	struct quota *gone, *next;
	struct quota_view v;
	struct stage s;

	stage_init(&s, TENANT("daily_budget = 1;"));
	quotas_restore(s.table, "t", "ci", 0.25, 2);
	gone = quotas_of_key(s.table, "t", "ci");
	assert_non_null(gone);
	s.hold.parts[QUOTA_KEY] = (struct quota_part){ .of = gone,
		.limits = &s.f.conf->tenants[0].key_limits };
	settle(&s, 1, 0.5);
	next = quotas_of_key(s.table, "t", "ci");
	quota_view(next, &s.f.conf->tenants[0].limits, s.now, &v);
	assert_int_equal((int)(v.day * 100 + 0.5), 75);
	assert_int_equal((int)(v.month * 100 + 0.5), 250);
	quota_view(quotas_of_key(s.table, "other", "ci"),
	    &s.f.conf->tenants[0].limits, s.now, &v);
	assert_true(v.day <= 0);
	stage_fini(&s);
}

static void
a_reload_forgives_nothing(void **state)
{
	struct fixture next;
	struct stage s;

	stage_init(&s, TENANT("requests_per_minute = 60; burst = \"1s\";"));
	assert_true(take(&s, 1));
	fixture_init(&next);
	fixture_load(&next, TENANT("requests_per_minute = 30;"), s.f.conf);
	assert_int_equal(quotas_configure(s.table, next.conf), OK);
	assert_ptr_equal(conf_tenant_quota(next.conf, next.conf->tenants),
	    conf_tenant_quota(s.f.conf, s.f.conf->tenants));
	assert_false(take(&s, 1));
	fixture_fini(&next);
	stage_fini(&s);
}

/* --- from many threads --- */

#define THREADS 4
#define TRIES 20000

struct crowd {
	struct stage *s;
	unsigned taken;
};

static void *
crowd_run(void *arg)
{
	struct crowd *c = arg;
	struct stage mine = *c->s;

	for (int i = 0; i < TRIES; i++) {
		if (!take(&mine, 10))
			continue;
		c->taken++;
		settle(&mine, 11, 1e-6);
	}
	return NULL;
}

static void
many_at_a_time_lose_nothing(void **state)
{
	struct crowd crowds[THREADS];
	pthread_t threads[THREADS];
	unsigned taken = 0;
	struct stage s;

	stage_init(&s,
	    TENANT("requests_per_minute = 60000; burst = \"10s\"; "
		   "concurrent = 3; daily_budget = 1000;"));
	for (int i = 0; i < THREADS; i++) {
		crowds[i] = (struct crowd){ .s = &s };
		pthread_create(&threads[i], NULL, crowd_run, &crowds[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		taken += crowds[i].taken;
	}
	assert_in_range(taken, 3, 10000);
	assert_int_equal((int)view(&s).left_requests, 10000 - (int)taken);
	assert_int_equal(view(&s).open, 0);
	assert_int_equal((int)(view(&s).day * 1e6 + 0.5), taken);
	stage_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_taken_and_come_back),
		cmocka_unit_test(what_is_refused_costs_nothing),
		cmocka_unit_test(tokens_are_settled_by_what_was_used),
		cmocka_unit_test(what_is_not_counted_in_tokens_takes_none),
		cmocka_unit_test(as_much_is_reserved_as_answers_mostly_have),
		cmocka_unit_test(what_turns_out_to_be_tokens_counts),
		cmocka_unit_test(what_lasts_is_charged_as_it_comes),
		cmocka_unit_test(what_no_minute_has_is_never_let_through),
		cmocka_unit_test(a_key_has_limits_of_its_own),
		cmocka_unit_test(a_budget_is_spent_and_begins_anew),
		cmocka_unit_test(what_costs_nothing_needs_no_budget),
		cmocka_unit_test(what_was_spent_before_counts),
		cmocka_unit_test(no_sum_is_too_large_to_count),
		cmocka_unit_test(a_clock_set_back_gives_nothing_anew),
		cmocka_unit_test(nothing_is_cut_off_what_is_spent),
		cmocka_unit_test(what_is_spent_is_of_the_name),
		cmocka_unit_test(a_reload_forgives_nothing),
		cmocka_unit_test(many_at_a_time_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
