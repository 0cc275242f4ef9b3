/* router/set_test.c - sets of servings. */
#include "router/testing.h"

#include "gateway/lib/rng.h"
#include "router/set.h"

/* The members that a set ought to have, one by one. */
struct plain {
	bool has[SET_END];
	unsigned n;
};

static void
draw(struct rng *rng, struct set *s, struct plain *p)
{
	unsigned sparse = 1 + rng_below(rng, 40);

	*s = (struct set){ 0 };
	*p = (struct plain){ 0 };
	for (unsigned i = 0; i < SET_END; i++) {
		if (rng_below(rng, sparse) > 0)
			continue;
		set_add(s, i);
		p->has[i] = true;
		p->n++;
	}
}

static void
assert_holds(const struct set *s, const struct plain *p)
{
	unsigned n = 0, last = 0;

	SET_EACH (i, s) {
		assert_true(n == 0 || i > last);
		assert_true(p->has[i]);
		assert_int_equal(set_nth(s, n), i);
		last = i;
		n++;
	}
	assert_int_equal(n, p->n);
	assert_int_equal(set_count(s), n);
	assert_int_equal(set_is_empty(s), n == 0);
	for (unsigned i = 0; i < SET_END; i++)
		assert_int_equal(set_has(s, i), p->has[i]);
}

static void
it_has_what_was_added_in_order(void **state)
{
	struct rng rng;
	struct plain p;
	struct set s = { 0 };

	(void)state;
	rng_init(&rng, 1, 0);
	assert_holds(&s, &(struct plain){ 0 });
	for (int i = 0; i < 200; i++) {
		draw(&rng, &s, &p);
		assert_holds(&s, &p);
	}
}

static void
what_is_dropped_is_gone_also_on_the_way(void **state)
{
	struct set s = set_below(SET_END);
	unsigned seen = 0;

	(void)state;
	SET_EACH (i, &s) {
		seen++;
		set_drop(&s, i);
		assert_false(set_has(&s, i));
	}
	assert_int_equal(seen, SET_END);
	assert_true(set_is_empty(&s));
}

static void
two_sets_meet_join_and_part(void **state)
{
	struct rng rng;
	struct plain pa, pb;
	struct set a, b, both, any, only;

	(void)state;
	rng_init(&rng, 2, 0);
	for (int round = 0; round < 200; round++) {
		draw(&rng, &a, &pa);
		draw(&rng, &b, &pb);
		both = set_and(&a, &b);
		any = set_or(&a, &b);
		only = set_minus(&a, &b);
		for (unsigned i = 0; i < SET_END; i++) {
			assert_int_equal(
			    set_has(&both, i), pa.has[i] && pb.has[i]);
			assert_int_equal(
			    set_has(&any, i), pa.has[i] || pb.has[i]);
			assert_int_equal(
			    set_has(&only, i), pa.has[i] && !pb.has[i]);
		}
		any = set_minus(&any, &only);
		assert_true(set_equal(&any, &b));
	}
}

/* At the seams between words above all. */
static void
one_member_more_or_less_is_another_set(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= SET_END; n++) {
		struct set a = set_below(n), b = a;

		assert_int_equal(set_count(&a), n);
		assert_int_equal(set_next(&a, 0), n > 0 ? 0 : SET_END);
		assert_int_equal(set_next(&a, n), SET_END);
		if (n == 0)
			continue;
		assert_int_equal(set_next(&a, n - 1), n - 1);
		assert_true(set_equal(&a, &b));
		set_drop(&b, n - 1);
		assert_false(set_equal(&a, &b));
		set_add(&b, n - 1);
		assert_true(set_equal(&a, &b));
	}
}

static void
there_is_room_for_every_serving_of_a_model(void **state)
{
	(void)state;
	assert_true(SET_END >= CONF_SERVINGS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_what_was_added_in_order),
		cmocka_unit_test(what_is_dropped_is_gone_also_on_the_way),
		cmocka_unit_test(two_sets_meet_join_and_part),
		cmocka_unit_test(one_member_more_or_less_is_another_set),
		cmocka_unit_test(there_is_room_for_every_serving_of_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
