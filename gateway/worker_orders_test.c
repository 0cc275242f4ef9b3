/* gateway/worker_orders_test.c - how long others wait for workers. */
#include <string.h>

#include "gateway/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define WORKERS 8

static usec
waited(struct worker *list)
{
	usec began = clock_now();

	workers_await_told(list, WORKERS);
	return clock_now() - began;
}

static void
hung_workers_are_waited_for_together(void **state)
{
	struct worker *list = test_calloc(WORKERS, sizeof(*list));
	usec span;

	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store(&list[i].gauges.over, 1);
	span = waited(list);
	assert_in_range(span, 100 * USEC_MS, 400 * USEC_MS);
	test_free(list);
}

static void
who_has_told_is_not_waited_for(void **state)
{
	struct worker *list = test_calloc(WORKERS, sizeof(*list));

	for (unsigned i = 0; i < WORKERS; i++) {
		/* the counts may have gone round */
		atomic_store(&list[i].gauges.over, i - 4);
		atomic_store(&list[i].gauges.told, i - 4);
	}
	assert_in_range(waited(list), 0, 50 * USEC_MS);
	test_free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hung_workers_are_waited_for_together),
		cmocka_unit_test(who_has_told_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
