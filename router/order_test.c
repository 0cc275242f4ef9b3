/* router/order_test.c - tickets and what they name. */
#include "router/testing.h"

#include "router/order.h"

#define ANY ~0u

static void
a_ticket_finds_its_order_in_the_asked_states(void **state)
{
	struct orders os;
	struct order *o;

	assert_true(orders_init(&os));
	o = orders_take(&os, NULL);
	o->state = ORDER_WAITING;
	assert_ptr_equal(orders_find(&os, o->ticket, ANY), o);
	assert_ptr_equal(orders_find(&os, o->ticket, 1u << ORDER_WAITING), o);
	assert_null(orders_find(&os, o->ticket, 1u << ORDER_AT_WORK));
	orders_fini(&os);
}

static void
an_old_ticket_does_not_find_the_next_tenant_of_its_place(void **state)
{
	struct orders os;
	struct ticket old;
	struct order *o = NULL;

	assert_true(orders_init(&os));
	o = orders_take(&os, NULL);
	old = o->ticket;
	orders_drop(&os, o);
	for (unsigned i = 0; i < ORDERS_BLOCK; i++)
		o = orders_take(&os, NULL);
	assert_int_equal(o->ticket.index, old.index);
	assert_null(orders_find(&os, old, ANY));
	assert_ptr_equal(orders_find(&os, o->ticket, ANY), o);
	orders_fini(&os);
}

static void
made_up_tickets_find_nothing(void **state)
{
	struct orders os;

	assert_true(orders_init(&os));
	assert_null(orders_find(&os, (struct ticket){ 0, 0 }, ANY));
	assert_null(orders_find(&os, (struct ticket){ 5, 77 }, ANY));
	assert_null(orders_find(&os, (struct ticket){ UINT32_MAX, 1 }, ANY));
	orders_fini(&os);
}

static void
orders_stay_in_place_as_more_are_taken(void **state)
{
	struct orders os;
	struct order *first;
	struct ticket t;

	assert_true(orders_init(&os));
	first = orders_take(&os, NULL);
	t = first->ticket;
	for (unsigned i = 0; i < 10 * ORDERS_BLOCK; i++)
		assert_non_null(orders_take(&os, NULL));
	assert_ptr_equal(orders_find(&os, t, ANY), first);
	assert_int_equal(os.n, 10 * ORDERS_BLOCK + 1);
	orders_fini(&os);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_finds_its_order_in_the_asked_states),
		cmocka_unit_test(
		    an_old_ticket_does_not_find_the_next_tenant_of_its_place),
		cmocka_unit_test(made_up_tickets_find_nothing),
		cmocka_unit_test(orders_stay_in_place_as_more_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
