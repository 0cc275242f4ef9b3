/* gateway/translation/schema_test.c */
#include "gateway/translation/schema.h"

#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Single quotes stand for double ones. */
static bool
is_strict(const char *text, size_t *budget)
{
	struct buf json;
	struct errmsg why;
	size_t n;
	bool strict;

	buf_init(&json, 4096);
	buf_add_str(&json, text);
	for (size_t i = 0; i < json.n; i++)
		if (json.p[i] == '\'')
			json.p[i] = '"';
	assert_int_equal(scan_object(buf_slice(&json), NULL, 0, &n, &why), OK);
	strict = schema_is_strict(buf_slice(&json), budget);
	buf_fini(&json);
	return strict;
}

#define OBJECT(properties, required)                                           \
	"{'type':'object','properties':{" properties "},'required':[" required \
	"],'additionalProperties':false}"

static void
all_is_required_and_nothing_else_allowed(void **state)
{
	static const struct {
		const char *schema;
		bool strict;
	} rows[] = {
		{ OBJECT("'a':{'type':'string'},'b':{}", "'b','a'"), true },
		{ OBJECT("'a':{'type':'string'},'b':{}", "'a'"), false },
		{ OBJECT("", ""), true },
		{ "{'type':'object','additionalProperties':false}", true },
		{ "{'type':'object'}", false },
		{ "{'type':'object','properties':{'a':{}},'required':['a']}",
		    false },
		{ "{'type':'object','properties':{'a':{}},"
		  "'additionalProperties':false}",
		    false },
		{ "{'type':'object','properties':{},'additionalProperties':"
		  "{'type':'string'}}",
		    false },
		{ "{'type':'string'}", true },
		/* further in */
		{ OBJECT("'a':{'type':'array','items':" OBJECT(
			     "'b':{}", "'b'") "}",
		      "'a'"),
		    true },
		{ OBJECT(
		      "'a':{'type':'array','items':" OBJECT("'b':{}", "") "}",
		      "'a'"),
		    false },
		{ OBJECT("'a':{'anyOf':[{'type':'null'},{'$ref':'#/$defs/x'}]}",
		      "'a'"),
		    true },
		{ "{'$defs':{'x':" OBJECT("'b':{}", "") "},'$ref':'#/$defs/x'}",
		    false },
		{ OBJECT("'a':{'allOf':[{'type':'string'}]}", "'a'"), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t budget = 4096;

		if (is_strict(rows[i].schema, &budget) != rows[i].strict)
			fail_msg("%s", rows[i].schema);
	}
}

static void
no_schema_is_looked_at_for_long(void **state)
{
	static const char schema[] =
	    OBJECT("'a':{'type':'string'},'b':{}", "'b','a'");
	size_t budget = 200, before;

	(void)state;
	assert_true(is_strict(schema, &budget));
	before = budget;
	assert_in_range(before, 1, 100);
	assert_false(is_strict(schema, &budget));
	assert_int_equal(budget, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_required_and_nothing_else_allowed),
		cmocka_unit_test(no_schema_is_looked_at_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
