/* gateway/shared/redis_test.c - the connection to a server: its end. */
#include "gateway/shared/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
note_up(void *arg)
{
	(void)arg;
}

static void
note_down(void *arg, const char *why)
{
	unsigned *downs = arg;

	(void)why;
	++*downs;
}

static void
note_reply(void *arg, void *call, const struct redis_reply *reply)
{
	(void)arg;
	(void)call;
	(void)reply;
}

static void
no_lookup_connects_after_the_end(void **state)
{
	static const struct redis_ops ops = { note_up, note_down, note_reply };
	const struct conf_shared_limits to = { .address = "localhost",
		.port = 1 };
	unsigned downs = 0;
	struct redis *r;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	r = redis_new(&loop, "return {}", &ops, &downs);
	assert_non_null(r);
	redis_configure(r, &to);
	redis_tick(r, clock_now());
	clock_pause(50 * USEC_MS); /* it is at work, and not to be cancelled */
	redis_stop(r);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(downs, 0);
	redis_free(&r);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_lookup_connects_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
