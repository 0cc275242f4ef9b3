/* gateway/quota/share_test.c - what a quota tells others, and what it hears. */
#include "gateway/quota/testing.h"

#include <pthread.h>

#define RATED(rate)                                                            \
	TENANT(                                                                \
	    "requests_per_minute = " rate "; burst = \"1s\"; concurrent = 3; " \
	    "daily_budget = 1.0;")
#define REQUEST (100 * 1000000LL) /* ns that one of 600 takes of the rate */
#define QUICK 60 /* and one of 1,000,000,000 */

static bool
take(struct stage *s, struct quota_hold *h)
{
	return take_into(s, h, 1);
}

static void
settle(struct quota_hold *h, double cost)
{
	quota_settle(h, &(struct quota_use){ .input = 1, .cost = cost });
}

/* The only one's news; false: nothing has changed. */
static bool
tell(struct stage *s, struct quota_news *n)
{
	struct quota_news more;

	quotas_collect(s->table);
	if (!quotas_tell(s->table, n))
		return false;
	assert_string_equal(n->name, "t");
	assert_false(quotas_tell(s->table, &more));
	return true;
}

static void
alone_nothing_is_noted(void **state)
{
	struct quota_hold h;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	assert_true(take(&s, &h));
	settle(&h, 0.25);
	assert_false(tell(&s, &n));
	stage_fini(&s);
}

static void
what_changes_is_told_once(void **state)
{
	struct quota_hold a, b;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	quotas_restore(s.table, "t", NULL, 0.125, 0.125);
	assert_int_equal(quotas_share(s.table), OK);
	assert_false(tell(&s, &n));
	assert_true(take(&s, &a));
	assert_true(take(&s, &b));
	assert_true(tell(&s, &n));
	assert_int_equal(n.requests, 2 * REQUEST);
	assert_int_equal(n.open, 2);
	assert_int_equal(n.day_known, 125000000);
	assert_int_equal(n.day_more, 0);
	settle(&a, 0.25);
	quota_settle(&b, &(struct quota_use){ .refused = true });
	assert_true(tell(&s, &n));
	assert_int_equal(n.requests, -REQUEST); /* the refused one's */
	assert_int_equal(n.open, 0);
	assert_int_equal(n.day_known, 125000000);
	assert_int_equal(n.day_more, 250000000);
	assert_false(tell(&s, &n));
	stage_fini(&s);
}

static void
what_others_took_is_taken(void **state)
{
	struct quota_all all = { .requests = 10 * REQUEST,
		.others = 2,
		.day_spent = 750000000,
		.month_spent = 750000000 };
	struct quota_hold a, b;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	assert_int_equal(quotas_share(s.table), OK);
	assert_true(take(&s, &a));
	assert_true(tell(&s, &n));
	quota_hear(s.table, &n, &all, s.now);
	assert_true(view(&s).left_requests < 1);
	assert_int_equal(view(&s).open, 3);
	assert_true(view(&s).day == 0.75);
	assert_false(take(&s, &b));
	/* as long as anybody holds something, word goes to and fro */
	assert_true(tell(&s, &n));
	assert_int_equal(n.requests, 0);
	assert_int_equal(n.day_known, 750000000);
	s.now += USEC_SEC;
	all.requests = 0;
	quota_hear(s.table, &n, &all, s.now);
	assert_false(take(&s, &b)); /* three at a time */
	quotas_forget_others(s.table);
	assert_true(take(&s, &b));
	settle(&a, 0);
	settle(&b, 0.5);
	assert_false(take(&s, &a)); /* the budget */
	stage_fini(&s);
}

static void
what_is_taken_meanwhile_stays_taken(void **state)
{
	const struct quota_all all = { .requests = 5 * REQUEST };
	struct quota_hold h;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	assert_int_equal(quotas_share(s.table), OK);
	assert_true(take(&s, &h));
	assert_true(tell(&s, &n));
	settle(&h, 0);
	assert_true(take(&s, &h)); /* on the way there and back */
	quota_hear(s.table, &n, &all, s.now);
	assert_true(view(&s).left_requests > 3.9);
	assert_true(view(&s).left_requests < 4.1);
	settle(&h, 0);
	stage_fini(&s);
}

static void
what_was_not_heard_is_not_told_twice(void **state)
{
	struct quota_hold h;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	assert_int_equal(quotas_share(s.table), OK);
	assert_true(take(&s, &h));
	settle(&h, 0.25);
	assert_true(tell(&s, &n));
	quota_unheard(&n);
	assert_true(tell(&s, &n));
	assert_int_equal(n.requests, 0);
	assert_int_equal(n.day_more, 0);
	assert_int_equal(n.day_known, 250000000); /* the server learns of it */
	stage_fini(&s);
}

/* A request each 100 ms for a minute in which nobody could be told, and then
 * three at once. */
static void
what_is_earned_back_is_no_news(void **state)
{
	struct quota_hold h;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	assert_int_equal(quotas_share(s.table), OK);
	for (int i = 0; i < 602; i++) {
		s.now += i < 600 ? REQUEST / 1000 : 0;
		assert_true(take(&s, &h));
		settle(&h, 0.001);
	}
	quotas_resume(s.table, s.now);
	assert_true(tell(&s, &n));
	assert_int_equal(n.requests, 3 * REQUEST);
	assert_int_equal(n.day_more, 602000000);
	/* and what is given back is always */
	assert_true(take(&s, &h));
	assert_true(tell(&s, &n));
	quota_settle(&h, &(struct quota_use){ .refused = true });
	quotas_resume(s.table, s.now + 10 * USEC_SEC);
	assert_true(tell(&s, &n));
	assert_int_equal(n.requests, -REQUEST);
	stage_fini(&s);
}

static void
a_new_day_forgets_what_is_known(void **state)
{
	const struct quota_all all = { .day_spent = 500000000,
		.month_spent = 500000000 };
	struct quota_hold h;
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("600"));
	assert_int_equal(quotas_share(s.table), OK);
	assert_true(take(&s, &h));
	settle(&h, 0.25);
	assert_true(tell(&s, &n));
	quotas_tick(s.table, WALL + DAY);
	quota_hear(s.table, &n, &all, s.now); /* of yesterday */
	assert_true(view(&s).day == 0);
	assert_true(view(&s).month == 0.5);
	assert_true(take(&s, &h));
	settle(&h, 0.25);
	assert_true(tell(&s, &n));
	assert_int_equal(n.day_known, 0);
	assert_int_equal(n.day_more, 250000000);
	assert_int_equal(n.month_known, 500000000);
	stage_fini(&s);
}

#define THREADS 4
#define TURNS 20000

static void *
spend(void *arg)
{
	struct stage s = *(const struct stage *)arg; /* its own refusals */
	struct quota_hold h;

	for (int i = 0; i < TURNS; i++)
		if (take(&s, &h))
			settle(&h, 1e-6);
	return NULL;
}

/* Whatever threads do meanwhile, sums of what is told are what was done. */
static void
nothing_is_lost_on_the_way(void **state)
{
	int64_t requests = 0, day = 0;
	pthread_t threads[THREADS];
	struct quota_news n;
	struct stage s;

	stage_init(&s, RATED("1000000000"));
	assert_int_equal(quotas_share(s.table), OK);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, spend, &s), 0);
	for (int i = 0; i < 1000; i++)
		if (tell(&s, &n)) {
			requests += n.requests;
			day += n.day_more;
		}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (tell(&s, &n)) {
		requests += n.requests;
		day += n.day_more;
	}
	assert_int_equal(n.open, 0);
	assert_int_equal(day / 1000, requests / QUICK);
	assert_true(requests / QUICK > TURNS);
	assert_true(view(&s).day * 1e9 - (double)day < 1);
	assert_false(tell(&s, &n));
	stage_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_nothing_is_noted),
		cmocka_unit_test(what_changes_is_told_once),
		cmocka_unit_test(what_others_took_is_taken),
		cmocka_unit_test(what_is_taken_meanwhile_stays_taken),
		cmocka_unit_test(what_was_not_heard_is_not_told_twice),
		cmocka_unit_test(what_is_earned_back_is_no_news),
		cmocka_unit_test(a_new_day_forgets_what_is_known),
		cmocka_unit_test(nothing_is_lost_on_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
