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

	buf_init(&s.text, 65536);
	assert_int_equal(query_each(slice_of(query), note, &s), rc);
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
	assert_seen("a==b&a=%zz%4", 9, OK, "a=2:=b;a=5:%zz%4;");
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

	memset(query + 2, 'x', 4096);
	assert_int_equal(query_each(slice_of(query), note,
			     &(struct seen){ .left = 9, .text = { .cap = 0 } }),
	    OK);
	query[2 + 4096] = 'x';
	assert_seen(query, 9, ERR_LIMIT, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_with_its_value_undone),
		cmocka_unit_test(whoever_has_heard_enough_is_not_told_more),
		cmocka_unit_test(a_value_has_a_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
