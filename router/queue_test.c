/* router/queue_test.c - requests that wait for a serving. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/queue.h"

#define ORDERS 500
#define TENANTS 40

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
	h->order[i] = (struct order){ .req = &request,
		.eligible = { { eligible } },
		.priority = p,
		.due = due,
		.turn = due };
	assert_true(queue_add(&h->queue, &h->order[i], &h->account[tenant]));
	return &h->order[i];
}

static struct order *
join(struct hall *h, unsigned i, usec due, enum priority p, uint64_t eligible)
{
	return join_as(h, i, due, p, eligible, 0);
}

/* Its SLO is lost. */
static void
join_late(struct hall *h, unsigned i, usec due)
{
	struct order *o = join(h, i, due, PRIORITY_BATCH, 3);

	queue_remove(&h->queue, o);
	o->late = true;
	assert_true(queue_add(&h->queue, o, &h->account[0]));
}

static const struct round_bounds once = {
	.servings = 1, .every = 1, .kinds = QUEUE_ROUND
};

/* Whose turn it is of those who could go there. */
static struct order *
best(struct hall *h, uint32_t site)
{
	struct round r;
	struct order *o;

	round_begin(&r, &h->queue, site, &once);
	o = round_next(&r);
	round_end(&r);
	return o;
}

/* Whose turn it is, by its number; it leaves. -1: nobody waits. */
static int
call_next(struct hall *h)
{
	struct order *o = best(h, SITE_ANY);

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
	assert_ptr_equal(best(h, 70), &h->order[1]);
	assert_ptr_equal(best(h, 3), &h->order[0]);
	assert_null(best(h, 5));
	assert_int_equal(queue_waiting(&h->queue, 1), 1);
	assert_int_equal(queue_waiting(&h->queue, 2), 1);
	assert_true(queue_waits_for(&h->queue, 3, PRIORITY_BATCH));
	assert_false(queue_waits_for(&h->queue, 3, PRIORITY_PREMIUM));
	hall_close(h);
}

/* Asks until nobody is left; whom, by number. */
static unsigned
ask_in_vain(struct hall *h, unsigned asks, unsigned kinds, unsigned *asked)
{
	const struct round_bounds bounds = {
		.servings = asks, .others = asks / 2, .every = 1, .kinds = kinds
	};
	struct round r;
	struct order *o;
	unsigned n = 0;

	round_begin(&r, &h->queue, SITE_ANY, &bounds);
	while ((o = round_next(&r)) != NULL) {
		asked[n++] = (unsigned)(o - h->order);
		round_pass(&r);
	}
	round_end(&r);
	return n;
}

static void
a_lane_that_was_passed_over_is_not_asked_again(void **state)
{
	struct hall *h = hall();
	unsigned asked[ORDERS] = { 0 };

	join(h, 0, 10, PRIORITY_STANDARD, 1);
	join(h, 1, 20, PRIORITY_STANDARD, 2);
	join(h, 2, 30, PRIORITY_STANDARD, 2);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(ask_in_vain(h, 8, 9, asked), 2);
		assert_int_equal(asked[0], 0);
		assert_int_equal(asked[1], 1);
	}
	hall_close(h);
}

static void
a_kind_is_asked_in_vain_only_so_often(void **state)
{
	struct hall *h = hall();
	unsigned asked[ORDERS] = { 0 };

	for (unsigned i = 0; i < 40; i++) {
		h->account[i].served = 100 + i;
		join_as(h, i, 10, PRIORITY_BATCH, 3, i);
		join_as(h, 40 + i, 10, PRIORITY_BATCH, 1, i);
	}
	/* by turn: four looks at a serving are two at two of them */
	assert_int_equal(ask_in_vain(h, 4, 9, asked), 2 + 2 + 4 + 2);
	/* those by turn come first */
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(asked[i] % 40, 0, 1);
	hall_close(h);
}

static void
nobody_is_left_unasked_for_long(void **state)
{
	enum { LANES = 40 };
	struct hall *h = hall();
	unsigned asked[ORDERS], times[LANES] = { 0 };

	for (unsigned i = 0; i < LANES; i++) {
		h->account[i].served = 100 + i;
		join_as(h, i, 10 + i, PRIORITY_BATCH, 3, i);
	}
	for (unsigned i = 0; i < 2 * LANES; i++) {
		unsigned n = ask_in_vain(h, 2, 9, asked);

		while (n-- > 0)
			times[asked[n]]++;
	}
	for (unsigned i = 0; i < LANES; i++)
		assert_true(times[i] > 0);
	hall_close(h);
}

static void
who_is_due_first_is_asked_before_his_turn(void **state)
{
	struct hall *h = hall();
	unsigned asked[ORDERS] = { 0 };
	bool found = false;

	for (unsigned i = 0; i < 40; i++) {
		h->account[i].served = 100 + i;
		join_as(h, i, i == 30 ? 5 : 10, PRIORITY_BATCH, 3, i);
	}
	for (unsigned i = 0; i < 2; i++) {
		unsigned n = ask_in_vain(h, 2, 9, asked);

		while (n-- > 0)
			found = found || asked[n] == 30;
	}
	assert_true(found);
	hall_close(h);
}

static void
kinds_beyond_a_rounds_limit_are_seen_by_the_next(void **state)
{
	static struct conf_model models[40];
	static struct route_request requests[40];
	struct hall *h = hall();
	unsigned asked[ORDERS] = { 0 };
	bool seen[40] = { false };

	for (unsigned i = 0; i < 40; i++) {
		models[i] = model;
		requests[i].model = &models[i];
		h->order[i] = (struct order){ .req = &requests[i],
			.eligible = { { 1 } },
			.priority = PRIORITY_STANDARD };
		assert_true(queue_add(&h->queue, &h->order[i], &h->account[0]));
	}
	for (unsigned i = 0; i < 10; i++) {
		unsigned n = ask_in_vain(h, 2, 4, asked);

		assert_int_equal(n, 4);
		while (n-- > 0)
			seen[asked[n]] = true;
	}
	for (unsigned i = 0; i < 40; i++)
		assert_true(seen[i]);
	hall_close(h);
}

static void
whose_tenant_was_served_meanwhile_stands_back(void **state)
{
	struct hall *h = hall();

	for (unsigned i = 0; i < 40; i++)
		join_as(h, i, 10 + i, PRIORITY_STANDARD, 3, i);
	/* elsewhere, unseen by the queue */
	for (unsigned i = 0; i < 40; i++)
		h->account[i].served += (i * 7) % 40;
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(call_next(h) * 7 % 40, i);
	hall_close(h);
}

static void
a_place_that_was_promised_is_not_taken_away(void **state)
{
	struct hall *h = hall();

	h->order[0] = (struct order){ .req = &request,
		.eligible = { { 3 } },
		.priority = PRIORITY_BATCH,
		.promised = true };
	assert_true(queue_add(&h->queue, &h->order[0], &h->account[0]));
	assert_null(queue_victim(&h->queue, PRIORITY_PREMIUM));
	join(h, 1, 10, PRIORITY_BATCH, 3);
	assert_ptr_equal(
	    queue_victim(&h->queue, PRIORITY_PREMIUM), &h->order[1]);
	assert_int_equal(h->queue.promised, 1);
	queue_remove(&h->queue, &h->order[0]);
	assert_int_equal(h->queue.promised, 0);
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
who_is_past_due_is_found_once(void **state)
{
	struct hall *h = hall();

	join_late(h, 0, 10);
	join(h, 1, 50, PRIORITY_STANDARD, 3);
	join(h, 2, 60, PRIORITY_BATCH, 1);
	assert_null(queue_late(&h->queue, 49));
	assert_ptr_equal(queue_late(&h->queue, 50), &h->order[1]);
	queue_remove(&h->queue, &h->order[1]);
	assert_null(queue_late(&h->queue, 59));
	assert_ptr_equal(queue_late(&h->queue, 99), &h->order[2]);
	hall_close(h);
}

static void
who_is_late_stands_behind_all_who_are_not(void **state)
{
	static const struct round_bounds all = {
		.servings = 64, .every = 1, .kinds = 8
	};
	struct hall *h = hall();
	struct round round;

	join_late(h, 0, 10); /* due first of all */
	join(h, 1, 90, PRIORITY_BATCH, 3);
	round_begin(&round, &h->queue, SITE_ANY, &all);
	assert_ptr_equal(round_next(&round), &h->order[1]);
	round_pass(&round);
	assert_ptr_equal(round_next(&round), &h->order[0]);
	round_end(&round);
	/* and makes room for them */
	assert_ptr_equal(queue_victim(&h->queue, PRIORITY_BATCH), &h->order[0]);
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
			    1 + rng_below(&rng, 3), rng_below(&rng, 4));
			in[i] = true;
			n++;
			continue;
		}
		if (rng_below(&rng, 2) == 0) {
			struct order *o = first_of(h, in);

			assert_ptr_equal(best(h, SITE_ANY), o);
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
		cmocka_unit_test(a_kind_is_asked_in_vain_only_so_often),
		cmocka_unit_test(nobody_is_left_unasked_for_long),
		cmocka_unit_test(who_is_due_first_is_asked_before_his_turn),
		cmocka_unit_test(
		    kinds_beyond_a_rounds_limit_are_seen_by_the_next),
		cmocka_unit_test(whose_tenant_was_served_meanwhile_stands_back),
		cmocka_unit_test(a_place_that_was_promised_is_not_taken_away),
		cmocka_unit_test(the_lowest_priority_gives_way_where_most_wait),
		cmocka_unit_test(nobody_gives_way_to_his_own_kind),
		cmocka_unit_test(who_is_past_due_is_found_once),
		cmocka_unit_test(who_is_late_stands_behind_all_who_are_not),
		cmocka_unit_test(
		    any_way_of_joining_and_leaving_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
