/* gateway/viewers_test.c - all are sent the same; the slow catch up or go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/lib/list.h"
#include "gateway/viewers.h"

#include <cmocka.h>

#define START (100 * USEC_SEC)

/* A client that takes so many writes. */
struct reader {
	struct sink sink;
	unsigned takes, writes, ended;
	enum sink_end how;
	char last[16];
};

static struct reader *
of(struct sink *s)
{
	return CONTAINER_OF(s, struct reader, sink);
}

static bool
take(struct sink *s, struct slice bytes)
{
	struct reader *r = of(s);

	r->writes++;
	assert_true(bytes.n < sizeof(r->last));
	memcpy(r->last, bytes.p, bytes.n);
	r->last[bytes.n] = '\0';
	return r->writes < r->takes;
}

static void
end(struct sink *s, enum sink_end how)
{
	of(s)->ended++;
	of(s)->how = how;
}

static const struct sink_ops ops = { .write = take, .end = end };

static struct reader
reader(unsigned takes)
{
	return (struct reader){ .sink = { .ops = &ops }, .takes = takes };
}

static void
drain(struct reader *r)
{
	r->takes = r->writes + 100;
	r->sink.on_drain(r->sink.arg);
}

static void
there_is_room_for_so_many(void **state)
{
	struct viewers v = { .n = 0 };
	struct reader r[VIEWERS_MAX + 1];

	for (unsigned i = 0; i < VIEWERS_MAX; i++) {
		r[i] = reader(100);
		assert_true(viewers_add(&v, &r[i].sink));
	}
	r[VIEWERS_MAX] = reader(100);
	assert_false(viewers_add(&v, &r[VIEWERS_MAX].sink));
	viewers_forget(&v, &r[VIEWERS_MAX].sink); /* it never was one */
	assert_int_equal(v.n, VIEWERS_MAX);
	viewers_forget(&v, &r[3].sink);
	assert_true(viewers_add(&v, &r[VIEWERS_MAX].sink));
	viewers_send(&v, SLICE("one"), START);
	assert_int_equal(r[3].writes, 0);
	assert_string_equal(r[VIEWERS_MAX].last, "one");
	viewers_end(&v);
	assert_int_equal(v.n, 0);
	assert_int_equal(r[0].ended, 1);
	assert_int_equal(r[0].how, SINK_CLEAN);
	assert_int_equal(r[3].ended, 0);
}

static void
the_slow_begin_anew(void **state)
{
	struct viewers v = { .n = 0 };
	struct reader quick = reader(100), slow = reader(2);

	assert_true(viewers_add(&v, &quick.sink));
	assert_true(viewers_add(&v, &slow.sink));
	viewers_send(&v, SLICE("one"), START);
	viewers_send(&v, SLICE("two"), START + USEC_SEC); /* it is full now */
	assert_null(viewers_behind(&v)); /* and has missed nothing yet */
	viewers_send(&v, SLICE("three"), START + 2 * USEC_SEC);
	assert_string_equal(slow.last, "two");
	assert_string_equal(quick.last, "three");
	assert_null(viewers_behind(&v));

	drain(&slow);
	assert_ptr_equal(viewers_behind(&v), &slow.sink);
	/* nothing but a beginning will do */
	viewers_send(&v, SLICE("four"), START + 3 * USEC_SEC);
	assert_string_equal(slow.last, "two");
	viewers_begin(&v, &slow.sink, SLICE("all"), START + 3 * USEC_SEC);
	assert_string_equal(slow.last, "all");
	assert_null(viewers_behind(&v));
	viewers_send(&v, SLICE("five"), START + 4 * USEC_SEC);
	assert_string_equal(slow.last, "five");
	assert_int_equal(v.n, 2);
}

static void
who_does_not_read_is_cut_off(void **state)
{
	struct viewers v = { .n = 0 };
	struct reader r = reader(1);

	assert_true(viewers_add(&v, &r.sink));
	viewers_send(&v, SLICE("one"), START);
	viewers_send(&v, SLICE("two"), START + VIEWER_PATIENCE - 1);
	assert_int_equal(r.ended, 0);
	viewers_send(&v, SLICE("three"), START + VIEWER_PATIENCE);
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.how, SINK_ABORT);
	assert_int_equal(r.writes, 1);
	assert_int_equal(v.n, 0);
	viewers_forget(&v, &r.sink); /* as its front does, later */
	/* nor does a late callback reach whoever has the place now */
	r.sink.on_drain(r.sink.arg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(the_slow_begin_anew),
		cmocka_unit_test(who_does_not_read_is_cut_off),
	};

	return cmocka_run_group_tests_name("viewers", tests, NULL, NULL);
}
