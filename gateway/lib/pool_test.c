/* gateway/lib/pool_test.c - blocks come back, as many as may be kept. */
#include "gateway/lib/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
blocks_are_each_ones_own(void **state)
{
	struct pool p;
	char *a, *b;

	pool_init(&p, 100, 8);
	a = pool_take(&p);
	b = pool_take(&p);
	memset(a, 1, 100);
	memset(b, 2, 100);
	assert_int_equal(a[99], 1);
	pool_give(&p, a);
	assert_int_equal(b[0], 2);
	pool_give(&p, b);
	pool_give(&p, NULL);
	pool_fini(&p);
}

/* Nothing may be kept where a sanitizer watches. */
static void
no_more_are_kept_than_may_be(void **state)
{
	void *blocks[5];
	struct pool p;

	pool_init(&p, 1, 3);
	for (int i = 0; i < 5; i++)
		blocks[i] = pool_take(&p);
	for (int i = 0; i < 5; i++)
		pool_give(&p, blocks[i]);
	assert_int_equal(p.n, p.max);
	/* the last one first */
	for (unsigned i = p.max; i > 0; i--)
		assert_ptr_equal(blocks[i - 1], pool_take(&p));
	assert_int_equal(p.n, 0);
	assert_null(p.first);
	for (unsigned i = 0; i < p.max; i++)
		pool_give(&p, blocks[i]);
	pool_fini(&p);
	assert_null(p.first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_each_ones_own),
		cmocka_unit_test(no_more_are_kept_than_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
