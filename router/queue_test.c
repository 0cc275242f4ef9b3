/* router/queue_test.c - requests that wait for a serving. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/queue.h"

#define ORDERS 500
#define TENANTS 4

static const struct conf_backend backends[2] = { { .id = 3 }, { .id = 70 } };
static const struct conf_serving servings[2] = {
	{ .id = 1, .backend = &backends[0] },
	{ .id = 2, .backend = &backends[1] },
};
static const struct conf_model model = { .servings = servings,
	.n_servings = 2 };
static const struct route_request request = { .model = &model };

struct hall {
	struct queue queue;
	struct order order[ORDERS];
	struct account account[TENANTS];
	unsigned tenant[ORDERS];
};

static struct hall *
hall(void)
{
	struct hall *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	queue_init(&h->queue);
	return h;
}

static void
hall_close(struct hall *h)
{
	queue_fini(&h->queue);
	free(h);
}

static struct order *
join_as(struct hall *h, unsigned i, usec due, enum priority p,
    uint64_t eligible, unsigned tenant)
{
	h->tenant[i] = tenant;
	h->order[i] = (struct order){
		.req = &request, .eligible = eligible, .priority = p, .due = due
	};
	assert_true(queue_add(&h->queue, &h->order[i], &h->account[tenant]));
	return &h->order[i];
}

static struct order *
join(struct hall *h, unsigned i, usec due, enum priority p, uint64_t eligible)
{
	return join_as(h, i, due, p, eligible, 0);
}

/* Whose turn it is, by its number; it leaves. -1: nobody waits. */
static int
call_next(struct hall *h)
{
	struct order *o = queue_best(&h->queue, SITES_ALL, 1);

	if (o == NULL)
		return -1;
	queue_remove(&h->queue, o);
	return (int)(o - h->order);
}

static void
priority_then_earliest_due_then_arrival(void **state)
{
	struct hall *h = hall();

	join(h, 0, 10, PRIORITY_BATCH, 3);
	join(h, 1, 90, PRIORITY_STANDARD, 3);
	join(h, 2, 50, PRIORITY_STANDARD, 1);
	join(h, 3, 50, PRIORITY_STANDARD, 3);
	join(h, 4, 99, PRIORITY_PREMIUM, 3);
	assert_int_equal(call_next(h), 4);
	assert_int_equal(call_next(h), 2);
	assert_int_equal(call_next(h), 3);
	assert_int_equal(call_next(h), 1);
	assert_int_equal(call_next(h), 0);
	assert_int_equal(call_next(h), -1);
	hall_close(h);
}

static void
who_was_served_least_goes_first_within_a_priority(void **state)
{
	struct hall *h = hall();

	join_as(h, 0, 10, PRIORITY_STANDARD, 3, 0);
	join_as(h, 1, 20, PRIORITY_STANDARD, 3, 1);
	join_as(h, 2, 30, PRIORITY_PREMIUM, 3, 0);
	h->account[0].served = 900;
	h->account[1].served = 100;
	assert_int_equal(call_next(h), 2);
	assert_int_equal(call_next(h), 1);
	assert_int_equal(call_next(h), 0);
	hall_close(h);
}

static void
tenants_served_alike_go_by_who_is_due(void **state)
{
	struct hall *h = hall();

	join_as(h, 0, 20, PRIORITY_STANDARD, 3, 0);
	join_as(h, 1, 10, PRIORITY_STANDARD, 3, 1);
	assert_int_equal(call_next(h), 1);
	hall_close(h);
}

static void
silence_saves_nothing_up(void **state)
{
	struct hall *h = hall();

	h->account[0].served = 5000;
	h->account[1].served = 7000;
	join_as(h, 0, 10, PRIORITY_STANDARD, 3, 0);
	join_as(h, 1, 10, PRIORITY_STANDARD, 3, 1);
	assert_true(queue_least_served(&h->queue) < 5001);
	join_as(h, 2, 10, PRIORITY_STANDARD, 3, 2);
	assert_true(h->account[2].served >= 5000);
	/* but what was saved up while waiting is kept */
	h->account[0].served = 6000;
	join_as(h, 3, 10, PRIORITY_STANDARD, 1, 2);
	assert_true(h->account[2].served < 6000);
	hall_close(h);
}

static void
an_empty_queue_lifts_nobody(void **state)
{
	struct hall *h = hall();

	assert_true(queue_least_served(&h->queue) >= HUGE_VAL);
	h->account[0].served = 3;
	join_as(h, 0, 10, PRIORITY_STANDARD, 3, 0);
	assert_true(h->account[0].served < 4);
	hall_close(h);
}

static void
only_those_who_could_go_there_are_asked(void **state)
{
	struct hall *h = hall();

	join(h, 0, 10, PRIORITY_STANDARD, 1);
	join(h, 1, 20, PRIORITY_STANDARD, 2);
	assert_ptr_equal(queue_best(&h->queue, site_bit(70), 1), &h->order[1]);
	assert_ptr_equal(queue_best(&h->queue, site_bit(3), 1), &h->order[0]);
	assert_null(queue_best(&h->queue, site_bit(5), 1));
	assert_int_equal(queue_waiting(&h->queue, 1), 1);
	assert_int_equal(queue_waiting(&h->queue, 2), 1);
	assert_true(queue_waits_for(&h->queue, site_bit(3), PRIORITY_BATCH));
	assert_false(queue_waits_for(&h->queue, site_bit(3), PRIORITY_PREMIUM));
	hall_close(h);
}

static void
a_lane_that_was_passed_over_is_not_asked_again(void **state)
{
	struct hall *h = hall();

	join(h, 0, 10, PRIORITY_STANDARD, 1)->lane->passed = 1;
	join(h, 1, 20, PRIORITY_STANDARD, 2);
	assert_ptr_equal(queue_best(&h->queue, SITES_ALL, 1), &h->order[1]);
	assert_ptr_equal(queue_best(&h->queue, SITES_ALL, 2), &h->order[0]);
	hall_close(h);
}

static void
the_lowest_priority_gives_way_where_most_wait(void **state)
{
	struct hall *h = hall();

	join_as(h, 0, 10, PRIORITY_STANDARD, 3, 0);
	join_as(h, 1, 10, PRIORITY_STANDARD, 3, 0);
	join_as(h, 2, 10, PRIORITY_BATCH, 3, 1);
	join_as(h, 3, 10, PRIORITY_BATCH, 3, 2);
	join_as(h, 4, 20, PRIORITY_BATCH, 3, 2);
	assert_in_range(
	    queue_victim(&h->queue, PRIORITY_PREMIUM) - h->order, 3, 4);
	queue_remove(&h->queue, &h->order[3]);
	queue_remove(&h->queue, &h->order[4]);
	assert_ptr_equal(
	    queue_victim(&h->queue, PRIORITY_PREMIUM), &h->order[2]);
	queue_remove(&h->queue, &h->order[2]);
	assert_in_range(
	    queue_victim(&h->queue, PRIORITY_PREMIUM) - h->order, 0, 1);
	hall_close(h);
}

static void
nobody_gives_way_to_his_own_kind(void **state)
{
	struct hall *h = hall();

	join(h, 0, 10, PRIORITY_STANDARD, 3);
	assert_null(queue_victim(&h->queue, PRIORITY_STANDARD));
	assert_null(queue_victim(&h->queue, PRIORITY_BATCH));
	hall_close(h);
}

static void
who_is_past_due_is_found_unless_already_batch(void **state)
{
	struct hall *h = hall();

	join(h, 0, 10, PRIORITY_BATCH, 3);
	join(h, 1, 50, PRIORITY_STANDARD, 3);
	join(h, 2, 60, PRIORITY_PREMIUM, 1);
	assert_null(queue_late(&h->queue, 49));
	assert_ptr_equal(queue_late(&h->queue, 50), &h->order[1]);
	queue_remove(&h->queue, &h->order[1]);
	assert_null(queue_late(&h->queue, 50));
	assert_ptr_equal(queue_late(&h->queue, 99), &h->order[2]);
	hall_close(h);
}

/* --- against the plainest possible queue --- */

static bool
goes_before(const struct hall *h, const struct order *a, const struct order *b)
{
	double served_a = h->account[h->tenant[a - h->order]].served;
	double served_b = h->account[h->tenant[b - h->order]].served;

	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (served_a < served_b || served_a > served_b)
		return served_a < served_b;
	if (a->due != b->due)
		return a->due < b->due;
	return a->sequence < b->sequence;
}

static struct order *
first_of(struct hall *h, const bool *in)
{
	struct order *best = NULL;

	for (unsigned i = 0; i < ORDERS; i++)
		if (in[i] &&
		    (best == NULL || goes_before(h, &h->order[i], best)))
			best = &h->order[i];
	return best;
}

static void
any_way_of_joining_and_leaving_keeps_the_order(void **state)
{
	struct hall *h = hall();
	bool in[ORDERS] = { false };
	struct rng rng;
	unsigned n = 0;

	rng_init(&rng, 11, 0);
	for (int step = 0; step < 20000; step++) {
		unsigned i = rng_below(&rng, ORDERS);

		if (!in[i]) {
			join_as(h, i, rng_below(&rng, 50),
			    (enum priority)rng_below(&rng, 3),
			    1 + rng_below(&rng, 3), rng_below(&rng, TENANTS));
			in[i] = true;
			n++;
			continue;
		}
		if (rng_below(&rng, 2) == 0) {
			struct order *o = first_of(h, in);

			assert_ptr_equal(
			    queue_best(&h->queue, SITES_ALL, 1), o);
			i = (unsigned)(o - h->order);
			h->account[h->tenant[i]].served += rng_below(&rng, 9);
		}
		queue_remove(&h->queue, &h->order[i]);
		in[i] = false;
		assert_int_equal(h->queue.n, --n);
	}
	hall_close(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priority_then_earliest_due_then_arrival),
		cmocka_unit_test(
		    who_was_served_least_goes_first_within_a_priority),
		cmocka_unit_test(tenants_served_alike_go_by_who_is_due),
		cmocka_unit_test(silence_saves_nothing_up),
		cmocka_unit_test(an_empty_queue_lifts_nobody),
		cmocka_unit_test(only_those_who_could_go_there_are_asked),
		cmocka_unit_test(
		    a_lane_that_was_passed_over_is_not_asked_again),
		cmocka_unit_test(the_lowest_priority_gives_way_where_most_wait),
		cmocka_unit_test(nobody_gives_way_to_his_own_kind),
		cmocka_unit_test(who_is_past_due_is_found_unless_already_batch),
		cmocka_unit_test(
		    any_way_of_joining_and_leaving_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
