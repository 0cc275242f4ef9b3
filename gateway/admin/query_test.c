/* gateway/admin/query_test.c - parameters as they come, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/admin/query.h"
#include "gateway/lib/buf.h"

#include <cmocka.h>

struct seen {
	struct buf text;
	unsigned left; /* so many more */
};

static bool
note(void *arg, struct slice name, struct slice value)
{
	struct seen *s = arg;

	buf_addf(&s->text, "%.*s=%zu:", SLICE_ARG(name), value.n);
	buf_add(&s->text, value);
	buf_add_char(&s->text, ';');
	return s->left-- > 1;
}

static void
assert_seen(const char *query, unsigned left, enum err rc, const char *want)
{
	struct seen s = { .left = left };
	struct errmsg why;

	buf_init(&s.text, 65536);
	assert_int_equal(query_each(slice_of(query), note, &s, &why), rc);
	buf_add_char(&s.text, '\0');
	assert_string_equal(s.text.p, want);
	buf_fini(&s.text);
}

static void
each_is_told_with_its_value_undone(void **state)
{
	assert_seen("", 9, OK, "");
	assert_seen("a=1&b=x%20y&c=%26%3d", 9, OK, "a=1:1;b=3:x y;c=2:&=;");
	assert_seen("&&a&b=&=c&", 9, OK, "a=0:;b=0:;=1:c;");
	assert_seen("a==b&c=%zz%4", 9, OK, "a=2:=b;c=5:%zz%4;");
	/* a name stays as it is: what is escaped is no name of ours */
	assert_seen("%61=1", 9, OK, "%61=1:1;");
}

static void
whoever_has_heard_enough_is_not_told_more(void **state)
{
	assert_seen("a=1&b=2&c=3", 2, ERR_INVALID, "a=1:1;b=1:2;");
}

static void
a_value_has_a_longest(void **state)
{
	char query[4200] = "a=";
	struct errmsg why;

	memset(query + 2, 'x', 4096);
	assert_int_equal(
	    query_each(slice_of(query), note,
		&(struct seen){ .left = 9, .text = { .cap = 0 } }, &why),
	    OK);
	query[2 + 4096] = 'x';
	assert_seen(query, 9, ERR_LIMIT, "");
}

/* Which of the two was meant, nobody can say: a drill would be another's. */
static void
what_is_said_twice_is_refused(void **state)
{
	struct seen s = { .left = 9 };
	struct errmsg why = { "" };

	buf_init(&s.text, 64);
	assert_int_equal(
	    query_each(SLICE("fail=a&for=1s&fail=b"), note, &s, &why),
	    ERR_SYNTAX);
	assert_string_equal(
	    why.text, "want each parameter once, got a second \"fail\"");
	buf_fini(&s.text);
	assert_seen("a=1&a=1", 9, ERR_SYNTAX, "a=1:1;");
	assert_seen("a&b&&a", 9, ERR_SYNTAX, "a=0:;b=0:;");
	assert_seen("aa=1&a=2", 9, OK, "aa=1:1;a=1:2;");
}

static void
what_is_written_is_read_again(void **state)
{
	static const struct query_part list[] = { { "none", NULL },
		{ "a", "x y&=" }, { "b", "" }, { "neither", NULL },
		{ "c", "1" } };
	struct buf b;

	buf_init(&b, 64);
	query_write(list, sizeof(list) / sizeof(list[0]), &b);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, "a=x%20y%26%3D&b=&c=1");
	assert_seen(b.p, 9, OK, "a=5:x y&=;b=0:;c=1:1;");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_with_its_value_undone),
		cmocka_unit_test(whoever_has_heard_enough_is_not_told_more),
		cmocka_unit_test(a_value_has_a_longest),
		cmocka_unit_test(what_is_said_twice_is_refused),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
