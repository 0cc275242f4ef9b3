/* router/queue_test.c - requests that wait for a serving. */
#include "router/testing.h"

#include "gateway/lib/rng.h"
#include "router/queue.h"

#define ORDERS 500

static const struct conf_backend backends[2] = { { .id = 3 }, { .id = 70 } };
static const struct conf_serving servings[2] = {
	{ .id = 1, .backend = &backends[0] },
	{ .id = 2, .backend = &backends[1] },
};
static const struct conf_model model = { .servings = servings,
	.n_servings = 2 };

struct crowdful {
	struct route_request req[ORDERS];
	struct order order[ORDERS];
};

static struct order *
join(struct queue *q, struct crowdful *c, unsigned i, usec deadline,
    enum priority p, uint64_t eligible)
{
	c->req[i] = (struct route_request){
		.model = &model, .deadline = deadline, .slo.priority = p
	};
	c->order[i] = (struct order){ .req = &c->req[i], .eligible = eligible };
	assert_true(queue_add(q, &c->order[i]));
	return &c->order[i];
}

static struct order *
leave_first(struct queue *q, uint64_t sites)
{
	struct order *o = queue_best(q, sites, 1);

	if (o != NULL)
		queue_remove(q, o);
	return o;
}

static void
priority_then_deadline_then_arrival(void **state)
{
	struct crowdful *c = calloc(1, sizeof(*c));
	struct queue q;

	(void)state;
	queue_init(&q);
	join(&q, c, 0, 10, PRIORITY_BATCH, 3);
	join(&q, c, 1, 90, PRIORITY_STANDARD, 3);
	join(&q, c, 2, 50, PRIORITY_STANDARD, 1);
	join(&q, c, 3, 50, PRIORITY_STANDARD, 3);
	join(&q, c, 4, 99, PRIORITY_PREMIUM, 3);
	assert_ptr_equal(leave_first(&q, SITES_ALL), &c->order[4]);
	assert_ptr_equal(leave_first(&q, SITES_ALL), &c->order[2]);
	assert_ptr_equal(leave_first(&q, SITES_ALL), &c->order[3]);
	assert_ptr_equal(leave_first(&q, SITES_ALL), &c->order[1]);
	assert_ptr_equal(leave_first(&q, SITES_ALL), &c->order[0]);
	assert_null(leave_first(&q, SITES_ALL));
	queue_fini(&q);
	free(c);
}

static void
only_those_who_could_go_there_are_asked(void **state)
{
	struct crowdful *c = calloc(1, sizeof(*c));
	struct queue q;

	(void)state;
	queue_init(&q);
	join(&q, c, 0, 10, PRIORITY_STANDARD, 1);
	join(&q, c, 1, 20, PRIORITY_STANDARD, 2);
	assert_ptr_equal(queue_best(&q, site_bit(70), 1), &c->order[1]);
	assert_ptr_equal(queue_best(&q, site_bit(3), 1), &c->order[0]);
	assert_null(queue_best(&q, site_bit(5), 1));
	assert_int_equal(queue_waiting(&q, 1), 1);
	assert_int_equal(queue_waiting(&q, 2), 1);
	assert_true(queue_waits_for(&q, site_bit(3), PRIORITY_BATCH));
	assert_false(queue_waits_for(&q, site_bit(3), PRIORITY_PREMIUM));
	queue_fini(&q);
	free(c);
}

static void
a_lane_that_was_passed_over_is_not_asked_again(void **state)
{
	struct crowdful *c = calloc(1, sizeof(*c));
	struct queue q;

	(void)state;
	queue_init(&q);
	join(&q, c, 0, 10, PRIORITY_STANDARD, 1)->lane->passed = 1;
	join(&q, c, 1, 20, PRIORITY_STANDARD, 2);
	assert_ptr_equal(queue_best(&q, SITES_ALL, 1), &c->order[1]);
	assert_ptr_equal(queue_best(&q, SITES_ALL, 2), &c->order[0]);
	queue_fini(&q);
	free(c);
}

/* Against the plainest possible queue. */
static struct order *
first_of(struct crowdful *c, const bool *in)
{
	struct order *best = NULL;

	for (unsigned i = 0; i < ORDERS; i++) {
		struct order *o = &c->order[i];

		if (!in[i])
			continue;
		if (best == NULL ||
		    o->req->slo.priority < best->req->slo.priority ||
		    (o->req->slo.priority == best->req->slo.priority &&
			(o->req->deadline < best->req->deadline ||
			    (o->req->deadline == best->req->deadline &&
				o->sequence < best->sequence))))
			best = o;
	}
	return best;
}

static void
any_order_of_joining_and_leaving_keeps_the_order(void **state)
{
	struct crowdful *c = calloc(1, sizeof(*c));
	bool in[ORDERS] = { false };
	struct queue q;
	struct rng rng;
	unsigned n = 0;

	(void)state;
	queue_init(&q);
	rng_init(&rng, 11, 0);
	for (int step = 0; step < 20000; step++) {
		unsigned i = rng_below(&rng, ORDERS);

		if (!in[i]) {
			join(&q, c, i, rng_below(&rng, 50),
			    (enum priority)rng_below(&rng, 3),
			    1 + rng_below(&rng, 3));
			in[i] = true;
			n++;
		} else {
			if (rng_below(&rng, 2) == 0) {
				struct order *o = first_of(c, in);

				assert_ptr_equal(
				    queue_best(&q, SITES_ALL, 1), o);
				i = (unsigned)(o - c->order);
			}
			queue_remove(&q, &c->order[i]);
			in[i] = false;
			n--;
		}
		assert_int_equal(q.n, n);
	}
	queue_fini(&q);
	free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priority_then_deadline_then_arrival),
		cmocka_unit_test(only_those_who_could_go_there_are_asked),
		cmocka_unit_test(
		    a_lane_that_was_passed_over_is_not_asked_again),
		cmocka_unit_test(
		    any_order_of_joining_and_leaving_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
