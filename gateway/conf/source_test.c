/* gateway/conf/source_test.c - numbers that do not wrap, and syntax errors. */
#include "gateway/conf/source.h"
#include "gateway/conf/testing.h"

static void
assert_prepared(const char *raw, const char *want)
{
	struct source s;

	source_init(&s);
	assert_int_equal(source_prepare(slice_of(raw), &s), OK);
	assert_string_equal(s.text.p, want);
	source_fini(&s);
}

static void
integers_become_64_bits(void **state)
{
	assert_prepared("a = 1;", "a = 1L;");
	assert_prepared("a=-5;b=+7", "a=-5L;b=+7L");
	assert_prepared("a = 5L; b = 5LL;", "a = 5L; b = 5L;");
	assert_prepared("a = 0xFF; b = 0xffL;", "a = 0xFFL; b = 0xffL;");
	assert_prepared("a = [1,2 , 3]", "a = [1L,2L , 3L]");
}

static void
what_64_bits_do_not_hold_becomes_floating_point(void **state)
{
	assert_prepared(
	    "a = 9223372036854775807;", "a = 9223372036854775807L;");
	assert_prepared(
	    "a = 9223372036854775808;", "a = 9223372036854775808.0;");
	assert_prepared(
	    "a = -99999999999999999999L;", "a = -99999999999999999999.0;");
	assert_prepared("a = 0xffffffffffffffff;", "a = 1e999;");
}

static void
all_else_stays_as_it_is(void **state)
{
	static const char *const same[] = { "", "a = 1.5; b = .5; c = 1.;",
		"a = 1e9; b = 2.5E-3; c = 1e+3;",
		"a = \"5\"; # 6\n// 7\nb = /* 8 */ \"\\\"9\";",
		"name1 = \"x\";", "a-1 = \"x\"; b_2 = true;", "a = \"1\n2\";",
		"a = -;", "/* 5", "\"5" };

	for (size_t i = 0; i < COUNT(same); i++)
		assert_prepared(same[i], same[i]);
}

static void
a_byte_order_mark_is_dropped(void **state)
{
	assert_prepared("\xef\xbb\xbf# x", "# x");
}

/* --- what is said where libconfig gives up --- */

static void
assert_syntax(const char *text, const char *complaint)
{
	struct fixture f;

	fixture_init(&f);
	fixture_load(&f, text, NULL);
	assert_int_equal(f.rc, ERR_SYNTAX);
	assert_true(fixture_says(&f, complaint));
	assert_int_equal(f.complaints.errors, 1);
	fixture_fini(&f);
}

static void
syntax_errors_say_where_and_what(void **state)
{
	assert_syntax("\n\nlisten = { port = 7070;\n",
	    "gateway.conf:3: syntax error: this \"{\" is never closed");
	assert_syntax("slo = (\n { name = \"a\"; )\n);",
	    "gateway.conf:2: syntax error: \")\" meets the \"{\" of line 2");
	assert_syntax("a = 1;\n}\n",
	    "gateway.conf:2: syntax error: \"}\" closes nothing");
	assert_syntax("slo = (\n { name = \"a\"; },\n);",
	    "gateway.conf:3: syntax error: want no \",\" after the last "
	    "element");
	assert_syntax("policy = slo;",
	    "gateway.conf:1: syntax error: want a value after \"=\", and "
	    "strings in double quotes");
	assert_syntax("policy = 'slo';",
	    "gateway.conf:1: syntax error: strings take double quotes");
	assert_syntax("policy = \"slo;\n\nlog_level = \"info\";\n",
	    "gateway.conf:1: syntax error: a string goes on past the end of "
	    "the line: is its closing quote missing?");
	assert_syntax("policy = \"slo",
	    "gateway.conf:1: syntax error: this string has no closing quote");
	assert_syntax("\nslo = ( { name = \"a\\x00b\"; } );",
	    "gateway.conf:2: syntax error: there is a NUL byte in this string");
	assert_syntax(
	    "\n/* x", "gateway.conf:2: syntax error: this comment has no end");
	assert_syntax("workers = 1;\n\nworkers = 2;",
	    "gateway.conf:3: syntax error: want one \"workers\" here, got a "
	    "second after that of line 1");
	assert_syntax("= 5;",
	    "gateway.conf:1: syntax error: want settings such as name = "
	    "\"value\";, got something else here or just before");
}

static void
includes_are_refused(void **state)
{
	assert_syntax("# x\n@include \"other.conf\"\n",
	    "gateway.conf:2: syntax error: @include is not supported: the "
	    "configuration is one file");
}

static void
a_maze_of_brackets_is_refused(void **state)
{
	char text[1024] = "a = ";

	memset(text + 4, '(', 900);
	assert_syntax(
	    text, "gateway.conf:1: syntax error: brackets nest too deeply");
}

static void
an_unquoted_secret_is_not_shown(void **state)
{
	struct fixture f;

	fixture_init(&f);
	fixture_load(&f, "backends = ( { api_key = sk-hunter2; } );", NULL);
	assert_int_equal(f.rc, ERR_SYNTAX);
	assert_null(strstr(f.text, "hunter2"));
	fixture_fini(&f);
}

static void
a_file_that_is_not_there_is_an_error(void **state)
{
	struct complaints c;
	struct conf *conf = NULL;

	complaints_init(&c);
	assert_int_equal(
	    conf_load("/nonexistent/gateway.conf", &test_env, NULL, &conf, &c),
	    ERR_IO);
	assert_null(conf);
	assert_int_equal(c.errors, 1);
	assert_true(slice_is(buf_slice(&c.text),
	    "/nonexistent/gateway.conf: cannot open: No such file or "
	    "directory\n"));
	complaints_fini(&c);
}

static void
what_was_probably_meant_is_said(void **state)
{
	assert_syntax("slo = (\n { name = \"a\"; itl = 20ms; } );",
	    "gateway.conf:2: syntax error: want durations and sizes in double "
	    "quotes, such as \"100ms\"");
	assert_syntax("slo = ( { name = \"a\"; }\n { name = \"b\"; } );",
	    "gateway.conf:2: syntax error: want \",\" between two groups");
	assert_syntax("slo = [\n { name = \"a\"; } ];",
	    "gateway.conf:2: syntax error: want groups in ( ... ), not in [ "
	    "... ]");
	assert_syntax("workers = 1;;",
	    "gateway.conf:1: syntax error: want one \";\", got two");
	assert_syntax("explore = 0,5;",
	    "gateway.conf:1: syntax error: want a setting after \",\": numbers "
	    "take a point, as in 0.5");
	assert_syntax("policy = \xe2\x80\x9cslo\xe2\x80\x9d;",
	    "gateway.conf:1: syntax error: want ASCII outside of strings and "
	    "comments, got another character: strings take straight double "
	    "quotes");
	assert_syntax("workers\xc2\xa0= 1;",
	    "gateway.conf:1: syntax error: want ASCII outside of strings and "
	    "comments, got another character: a blank that does not break "
	    "is none");
}

static void
a_second_setting_is_named_with_the_first(void **state)
{
	assert_syntax("backends = ( { name = \"a\"; slots = 1;\n"
		      "  price = { input = 0; }; slots = 2; } );",
	    "gateway.conf:2: syntax error: want one \"slots\" here, got a "
	    "second after that of line 1");
	/* each group has its own */
	assert_syntax("a = { x = 1; }; b = { x = 1; y = { x = 1; }; };\nx = ;",
	    "gateway.conf:2: syntax error: want settings such as name = "
	    "\"value\";, got something else here or just before");
}

static void
strings_are_not_joined(void **state)
{
	assert_syntax("cors_origins = [ \"https://a.example\"\n"
		      "  \"https://b.example\" ];",
	    "gateway.conf:2: syntax error: want \",\" or \";\" between two "
	    "strings");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_become_64_bits),
		cmocka_unit_test(
		    what_64_bits_do_not_hold_becomes_floating_point),
		cmocka_unit_test(all_else_stays_as_it_is),
		cmocka_unit_test(a_byte_order_mark_is_dropped),
		cmocka_unit_test(syntax_errors_say_where_and_what),
		cmocka_unit_test(what_was_probably_meant_is_said),
		cmocka_unit_test(a_second_setting_is_named_with_the_first),
		cmocka_unit_test(strings_are_not_joined),
		cmocka_unit_test(includes_are_refused),
		cmocka_unit_test(a_maze_of_brackets_is_refused),
		cmocka_unit_test(an_unquoted_secret_is_not_shown),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
