/* router/lane_test.c - who leads, by turn and by date. */
#include "router/testing.h"

#include <stdlib.h>

#include "gateway/lib/rng.h"
#include "router/lane.h"

#define ORDERS 300
#define LANES 60

struct yard {
	struct order order[ORDERS];
	bool waits[ORDERS];
	struct account account[LANES];
	struct lane lane[LANES];
	struct lanes heap[LANE_HEAPS];
};

static struct yard *
yard(void)
{
	struct yard *y = calloc(1, sizeof(*y));

	assert_non_null(y);
	for (unsigned i = 0; i < ORDERS; i++)
		y->order[i].sequence = i;
	for (unsigned i = 0; i < LANES; i++) {
		y->lane[i].account = &y->account[i];
		for (unsigned h = 0; h < LANE_HEAPS; h++)
			y->lane[i].slot[h] = LANE_NOWHERE;
	}
	return y;
}

static void
yard_close(struct yard *y)
{
	for (unsigned h = 0; h < LANE_HEAPS; h++)
		free(y->heap[h].list);
	free(y);
}

/* --- a lane's orders --- */

static usec
key_of(const struct order *o, enum lane_heap by)
{
	return by == LANE_TURN ? o->turn : o->due;
}

static struct order *
earliest(struct yard *y, enum lane_heap by)
{
	struct order *first = NULL;

	for (unsigned i = 0; i < ORDERS; i++)
		if (y->waits[i] &&
		    (first == NULL ||
			key_of(&y->order[i], by) < key_of(first, by)))
			first = &y->order[i];
	return first;
}

static void
set_due(struct order *o, usec due)
{
	o->due = o->turn = due;
}

static void
whoever_is_due_first_leads(void **state)
{
	struct yard *y = yard();
	struct lane *l = &y->lane[0];

	(void)state;
	set_due(&y->order[0], 20);
	set_due(&y->order[1], 10);
	set_due(&y->order[2], 10);
	assert_true(lane_push(l, &y->order[0]));
	assert_true(lane_push(l, &y->order[1]));
	assert_false(lane_push(l, &y->order[2])); /* it came later */
	assert_ptr_equal(l->head[LANE_DUE], &y->order[1]);
	assert_false(lane_cut(l, &y->order[2]));
	assert_true(lane_cut(l, &y->order[1]));
	assert_ptr_equal(l->head[LANE_DUE], &y->order[0]);
	assert_true(lane_cut(l, &y->order[0]));
	assert_null(l->head[LANE_TURN]);
	assert_int_equal(l->n, 0);
	yard_close(y);
}

static void
one_may_lead_by_turn_and_another_be_due_first(void **state)
{
	struct yard *y = yard();
	struct lane *l = &y->lane[0];

	(void)state;
	y->order[0].due = 10;
	y->order[0].turn = 50;
	set_due(&y->order[1], 20);
	assert_true(lane_push(l, &y->order[0]));
	assert_true(lane_push(l, &y->order[1]));
	assert_ptr_equal(l->head[LANE_TURN], &y->order[1]);
	assert_ptr_equal(l->head[LANE_DUE], &y->order[0]);
	assert_true(lane_cut(l, &y->order[1]));
	assert_ptr_equal(l->head[LANE_TURN], &y->order[0]);
	yard_close(y);
}

/* Against a search through all of them; few dates, so that many are alike. */
static void
the_head_is_right_whoever_comes_and_goes(void **state)
{
	struct yard *y = yard();
	struct lane *l = &y->lane[0];
	struct order *before[LANE_HEAPS];
	struct rng rng;
	unsigned n = 0;

	(void)state;
	rng_init(&rng, 5, 0);
	for (int step = 0; step < 20000; step++) {
		unsigned i = rng_below(&rng, ORDERS);
		struct order *o = &y->order[i];
		bool changed;

		memcpy(before, l->head, sizeof(before));
		if (!y->waits[i]) {
			o->due = rng_below(&rng, 40);
			o->turn = rng_below(&rng, 40);
			changed = lane_push(l, o);
			n++;
		} else {
			changed = lane_cut(l, o);
			n--;
		}
		y->waits[i] = !y->waits[i];
		for (unsigned h = 0; h < LANE_HEAPS; h++)
			assert_ptr_equal(l->head[h], earliest(y, h));
		assert_int_equal(
		    changed, memcmp(before, l->head, sizeof(before)) != 0);
		assert_int_equal(l->n, n);
	}
	yard_close(y);
}

static void
all_leave_in_the_order_of_their_dates(void **state)
{
	struct yard *y = yard();
	struct lane *l = &y->lane[0];
	usec last = 0;

	(void)state;
	for (unsigned i = 0; i < ORDERS; i++) {
		set_due(&y->order[i], i * 7919 % ORDERS);
		lane_push(l, &y->order[i]);
	}
	for (unsigned i = 0; i < ORDERS; i++) {
		assert_true(l->head[LANE_DUE]->due >= last);
		last = l->head[LANE_DUE]->due;
		assert_true(lane_cut(l, l->head[LANE_TURN]));
	}
	assert_null(l->head[LANE_TURN]);
	yard_close(y);
}

/* --- heaps of lanes --- */

/* A lane with one order, into both heaps. */
static void
open_lane(struct yard *y, unsigned i, double served, usec due)
{
	struct lane *l = &y->lane[i];

	y->account[i].served = served;
	set_due(&y->order[i], due);
	lane_push(l, &y->order[i]);
	for (unsigned h = 0; h < LANE_HEAPS; h++) {
		assert_true(lanes_reserve(&y->heap[h], LANES));
		lanes_push(&y->heap[h], h, l);
	}
}

static void
close_lane(struct yard *y, unsigned i)
{
	struct lane *l = &y->lane[i];

	for (unsigned h = 0; h < LANE_HEAPS; h++) {
		lanes_remove(&y->heap[h], h, l);
		assert_int_equal(l->slot[h], LANE_NOWHERE);
	}
	lane_cut(l, l->head[LANE_TURN]);
}

static void
one_heap_is_by_turn_and_one_by_date(void **state)
{
	struct yard *y = yard();

	(void)state;
	assert_null(lanes_top(&y->heap[LANE_TURN], LANE_TURN));
	open_lane(y, 0, 5, 30);
	open_lane(y, 1, 9, 10);
	open_lane(y, 2, 5, 20);
	assert_ptr_equal(
	    lanes_top(&y->heap[LANE_TURN], LANE_TURN), &y->lane[2]);
	assert_ptr_equal(lanes_top(&y->heap[LANE_DUE], LANE_DUE), &y->lane[1]);
	assert_true(lane_before(&y->lane[2], &y->lane[0]));
	assert_true(lane_before(&y->lane[0], &y->lane[1]));
	yard_close(y);
}

static void
who_was_served_meanwhile_stands_back_without_being_told(void **state)
{
	struct yard *y = yard();

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		open_lane(y, i, i, 10);
	for (unsigned i = 0; i < 7; i++)
		y->account[i].served = 100 - i;
	assert_ptr_equal(
	    lanes_top(&y->heap[LANE_TURN], LANE_TURN), &y->lane[7]);
	close_lane(y, 7);
	assert_ptr_equal(
	    lanes_top(&y->heap[LANE_TURN], LANE_TURN), &y->lane[6]);
	yard_close(y);
}

static void
assert_top(struct yard *y, const bool *in)
{
	struct lane *turn = lanes_top(&y->heap[LANE_TURN], LANE_TURN);
	struct lane *due = lanes_top(&y->heap[LANE_DUE], LANE_DUE);

	for (unsigned i = 0; i < LANES; i++) {
		struct lane *l = &y->lane[i];

		if (!in[i])
			continue;
		assert_true(l == turn || !lane_before(l, turn));
		assert_true(due->head[LANE_DUE]->due <= l->head[LANE_DUE]->due);
		for (unsigned h = 0; h < LANE_HEAPS; h++)
			assert_ptr_equal(y->heap[h].list[l->slot[h]], l);
	}
}

/* Lanes come and go from anywhere, are served, and get other heads. */
static void
the_tops_are_right_whatever_happens_to_the_lanes(void **state)
{
	struct yard *y = yard();
	bool in[LANES] = { false };
	struct rng rng;

	(void)state;
	rng_init(&rng, 6, 0);
	for (int step = 0; step < 10000; step++) {
		unsigned i = rng_below(&rng, LANES);

		if (!in[i]) {
			open_lane(
			    y, i, y->account[i].served, rng_below(&rng, 50));
			in[i] = true;
		} else if (rng_below(&rng, 3) == 0) {
			close_lane(y, i);
			in[i] = false;
		} else if (rng_below(&rng, 2) == 0) {
			y->account[i].served += rng_below(&rng, 20);
		} else {
			set_due(&y->order[i], rng_below(&rng, 50));
			lanes_move(&y->heap[LANE_TURN], LANE_TURN, &y->lane[i]);
			lanes_move(&y->heap[LANE_DUE], LANE_DUE, &y->lane[i]);
		}
		assert_int_equal(y->heap[LANE_TURN].n, y->heap[LANE_DUE].n);
		if (y->heap[LANE_DUE].n > 0)
			assert_top(y, in);
	}
	yard_close(y);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_is_due_first_leads),
		cmocka_unit_test(one_may_lead_by_turn_and_another_be_due_first),
		cmocka_unit_test(the_head_is_right_whoever_comes_and_goes),
		cmocka_unit_test(all_leave_in_the_order_of_their_dates),
		cmocka_unit_test(one_heap_is_by_turn_and_one_by_date),
		cmocka_unit_test(
		    who_was_served_meanwhile_stands_back_without_being_told),
		cmocka_unit_test(
		    the_tops_are_right_whatever_happens_to_the_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
