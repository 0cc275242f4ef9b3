/* gateway/lib/scan_test.c - the scanner, by hand. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/rng.h"
#include "gateway/lib/scan.h"
#include "gateway/lib/scan_plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MEMBERS 16

static enum err
scan(struct slice json, struct errmsg *why)
{
	struct scan_member m[MEMBERS];
	size_t n;

	return scan_object(json, m, MEMBERS, &n, why);
}

static bool
accepts(const char *json)
{
	struct errmsg why;

	return scan(slice_of(json), &why) == OK;
}

/* Scans, wants a complaint, and wants it to be this. */
static void
complains(const char *json, const char *want)
{
	struct errmsg why;

	assert_int_equal(scan(slice_of(json), &why), ERR_SYNTAX);
	assert_string_equal(why.text, want);
}

static void
members_are_found_in_order(void **state)
{
	struct scan_member m[MEMBERS];
	struct errmsg why;
	size_t n;

	assert_int_equal(
	    scan_object(SLICE(" {\"a\" : \"x\\\"y\" ,\n\"b\":[{\"a\":1}],"
			      "\"c\":{},\"d\":-1.5e3,\"e\":true,\"f\":false,"
			      "\"g\":null,\"\":0 } \n"),
		m, MEMBERS, &n, &why),
	    OK);
	assert_int_equal(n, 8);
	assert_true(slice_is(m[0].key, "a"));
	assert_true(slice_is(m[0].value, "\"x\\\"y\""));
	assert_true(slice_is(m[0].whole, "\"a\" : \"x\\\"y\""));
	assert_true(slice_is(m[1].whole, "\"b\":[{\"a\":1}]"));
	assert_true(slice_is(m[3].value, "-1.5e3"));
	assert_true(slice_is(m[7].key, ""));
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(m[i].type,
		    ((enum scan_type[]){ SCAN_STRING, SCAN_ARRAY, SCAN_OBJECT,
			SCAN_NUMBER, SCAN_TRUE, SCAN_FALSE, SCAN_NULL })[i]);
}

static void
members_beyond_the_cap_are_counted(void **state)
{
	struct scan_member m[1];
	struct errmsg why;
	size_t n;

	assert_int_equal(
	    scan_object(SLICE("{\"a\":1,\"a\":2,\"b\":3}"), m, 1, &n, &why),
	    OK);
	assert_int_equal(n, 3);
	assert_true(slice_is(m[0].value, "1"));
}

static void
what_is_not_an_object_is_told_apart_from_bad_json(void **state)
{
	const char *others[] = { "[]", "[{}]", "\"x\"", "1", "true", " null " };
	struct errmsg why;

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(scan(slice_of(others[i]), &why), ERR_INVALID);
	assert_int_equal(scan(slice_make(NULL, 0), &why), ERR_SYNTAX);
	assert_int_equal(scan(SLICE("[1,]"), &why), ERR_SYNTAX);
}

static void
complaints_say_where(void **state)
{
	complains("", "line 1, column 1: the document ends too early");
	complains("{\"a\":1", "line 1, column 7: the document ends too early");
	complains("{\n \"a\" 1}", "line 2, column 6: expected ':' after a key");
	complains("{\"\xc3\xa9\":tru}", "line 1, column 6: expected a value");
	complains("{\"a\":[1}", "line 1, column 8: expected ',' or ']'");
	complains("{\"a\":1]", "line 1, column 7: expected ',' or '}'");
	complains(
	    "{\"a\":1,}", "line 1, column 8: expected a key in double quotes");
	complains("{}{}", "line 1, column 3: something follows the document");
	complains("{\"a\":\"\n\"}",
	    "line 1, column 7: control character in a string");
	complains("{\"a\":\"x\\u00g0\"}",
	    "line 1, column 8: \\u wants four hexadecimal digits");
	complains("{\"a\":\"x", "line 1, column 8: unterminated string");
	complains("{\"a\":-}", "line 1, column 7: expected a digit");
}

/* To count lines through 64 MB would keep a worker for 100 ms. */
static void
far_on_it_is_a_byte(void **state)
{
	const size_t n = (1 << 20) + 100;
	char *doc = malloc(n);
	struct errmsg why = { "" };

	assert_non_null(doc);
	memset(doc, '\n', n);
	doc[0] = '{';
	doc[1 << 20] = ']';
	assert_int_equal(scan(slice_make(doc, n), &why), ERR_SYNTAX);
	assert_string_equal(why.text,
	    "line 1048576, column 1: expected a key in double quotes");
	doc[1 << 20] = '\n';
	doc[(1 << 20) + 1] = ']';
	assert_int_equal(scan(slice_make(doc, n), &why), ERR_SYNTAX);
	assert_string_equal(
	    why.text, "byte 1048578: expected a key in double quotes");
	free(doc);
}

static void
strictness_is_that_of_the_standard(void **state)
{
	static const char *const bad[] = { "{a:1}", "{'a':1}", "{\"a\":01}",
		"{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}",
		"{\"a\":0x1}", "{\"a\":NaN}", "{\"a\":True}", "{\"a\":truer}",
		"{\"a\":[,]}", "{\"a\":[1,,2]}", "{,}", "{\"a\"}", "{\"a\":}",
		"{/**/}", "\xef\xbb\xbf{}", "{\"a\":\"\\x\"}", "{}\f",
		"{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\ud800\\ud800\"}", "{\"a\":\"\\u000\"}",
		"{\"\\u0000\":1}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}",
		"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xe2\x82\"}",
		"{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\xc3" };
	static const char *const good[] = { "{}", "\r\n\t {} ", "{\"a\":0}",
		"{\"a\":-0}", "{\"a\":0.0e-0}", "{\"a\":[]}", "{\"a\":[[],{}]}",
		"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\x7f\"}",
		"{\"a\":\"b\\u0000c\"}", "{\"a\":[\"\\u0000\"]}",
		"{\"a\":\"\xf0\x9f\x98\x80\"}",
		"{\"a\":123456789012345678901234567890}", "{\"a\":1e999}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (accepts(bad[i]))
			fail_msg("accepted %s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!accepts(good[i]))
			fail_msg("refused %s", good[i]);
	/* jansson overlooks the second of these */
	assert_int_equal(
	    scan(SLICE("{}\0"), &(struct errmsg){ "" }), ERR_SYNTAX);
	assert_int_equal(
	    scan(SLICE("{\"a\":1\0}"), &(struct errmsg){ "" }), ERR_SYNTAX);
}

static void
depth_is_bounded(void **state)
{
	char doc[2 * SCAN_DEPTH_MAX + 16];
	size_t inner = SCAN_DEPTH_MAX - 1; /* beside the outer object */
	struct errmsg why;

	memcpy(doc, "{\"a\":", 5);
	memset(doc + 5, '[', inner);
	memset(doc + 5 + inner, ']', inner);
	doc[5 + 2 * inner] = '}';
	assert_int_equal(scan(slice_make(doc, 2 * inner + 6), &why), OK);

	inner++;
	memset(doc + 5, '[', inner);
	memset(doc + 5 + inner, ']', inner);
	doc[5 + 2 * inner] = '}';
	assert_int_equal(
	    scan(slice_make(doc, 2 * inner + 6), &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "nested too deep"));
}

static void
escaped_keys_are_recognised(void **state)
{
	struct scan_member m[MEMBERS];
	struct errmsg why;
	size_t n;

	assert_int_equal(
	    scan_object(SLICE("{\"mod\\u0065l\":1,\"\\u00e9\":2,"
			      "\"\\ud83d\\ude00/\":3,\"\\\\n\":4,\"\\n\":5}"),
		m, MEMBERS, &n, &why),
	    OK);
	assert_ptr_equal(scan_find(m, n, "model"), &m[0]);
	assert_ptr_equal(scan_find(m, n, "\xc3\xa9"), &m[1]);
	assert_ptr_equal(scan_find(m, n, "\xf0\x9f\x98\x80/"), &m[2]);
	assert_ptr_equal(scan_find(m, n, "\\n"), &m[3]);
	assert_ptr_equal(scan_find(m, n, "\n"), &m[4]);
	assert_null(scan_find(m, n, "mode"));
	assert_null(scan_find(m, n, "models"));
	assert_null(scan_find(m, n, "mod\\u0065l"));
}

static void
cursors_walk_nested_values(void **state)
{
	struct slice rest =
	    SLICE("[ [1,[2]] , {\"k\" : [\"]\"]},\"\\\\\", 7 ]");
	struct slice v;
	enum scan_type type;
	struct scan_member m;

	assert_true(scan_next_element(&rest, &v, &type));
	assert_true(slice_is(v, "[1,[2]]"));
	assert_true(scan_next_element(&rest, &v, &type));
	assert_int_equal(type, SCAN_OBJECT);
	assert_true(scan_get(v, "k", &m));
	assert_true(slice_is(m.value, "[\"]\"]"));
	assert_true(slice_is(m.whole, "\"k\" : [\"]\"]"));
	assert_false(scan_get(v, "kk", &m));
	assert_true(scan_next_element(&rest, &v, &type));
	assert_true(slice_is(v, "\"\\\\\""));
	assert_true(scan_next_element(&rest, &v, &type));
	assert_true(slice_is(v, "7"));
	assert_false(scan_next_element(&rest, &v, &type));
	assert_false(scan_next_element(&rest, &v, &type));
}

static void
a_walk_enters_and_leaves(void **state)
{
	struct scan_walk w = scan_walk_at(
	    SLICE("{\"a\" : [ \"x\\n\\u00e9\", {} ,7] , \"b\":{\"c\":null}}"));
	struct scan_member m;
	enum scan_type type;

	scan_walk_enter(&w);
	assert_true(scan_walk_member(&w, &m) && scan_key_is(&m, "a"));
	assert_int_equal(m.type, SCAN_ARRAY);
	scan_walk_enter(&w);
	assert_true(scan_walk_element(&w, &type) && type == SCAN_STRING);
	assert_int_equal(scan_walk_text(&w), 4);
	assert_true(scan_walk_element(&w, &type) && type == SCAN_OBJECT);
	scan_walk_enter(&w);
	assert_false(scan_walk_member(&w, &m));
	assert_true(scan_walk_element(&w, &type) && type == SCAN_NUMBER);
	assert_true(slice_is(scan_walk_skip(&w), "7"));
	assert_false(scan_walk_element(&w, &type));
	assert_true(scan_walk_member(&w, &m) && scan_key_is(&m, "b"));
	assert_true(slice_is(scan_walk_skip(&w), "{\"c\":null}"));
	assert_false(scan_walk_member(&w, &m));
	assert_ptr_equal(w.p, w.end);
}

static void
unescapes(struct slice string, const char *want)
{
	struct buf b;

	buf_init(&b, 256);
	scan_unescape(string, &b);
	assert_true(slice_is(buf_slice(&b), want));
	assert_int_equal(b.n, scan_text_length(string));
	buf_fini(&b);
}

static void
strings_are_unescaped(void **state)
{
	static const char want[] =
	    "a\n\t\b\f\r\"\\/A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	struct slice s = SLICE("\"a\\n\\t\\b\\f\\r\\\"\\\\\\/\\u0041"
			       "\\u00E9\\u20ac\\ud83d\\ude00z\"");
	struct scan_member m = { .type = SCAN_STRING };

	unescapes(s, want);
	assert_int_equal(scan_characters(s), 14);
	assert_int_equal(scan_characters(SLICE("\"\"")), 0);
	assert_int_equal(scan_characters(SLICE("\"\xc3\xa9\xe2\x82\xac\"")), 2);
	m.value = SLICE("\"\"");
	assert_false(scan_nonempty_string(&m));
	assert_true(scan_string_is(&m, ""));
	m.value = SLICE("\"t\\u0065xt\"");
	assert_true(scan_nonempty_string(&m));
	assert_true(scan_string_is(&m, "text"));
	m.type = SCAN_NUMBER;
	assert_false(scan_nonempty_string(&m));
}

/* Of memory that ends where they do. */
static void
half_a_pair_is_no_character(void **state)
{
	static const struct {
		const char *string, *meaning;
	} rows[] = {
		{ "\"\\ud83d\"", "\xef\xbf\xbd" },
		{ "\"\\ude00a\"",
		    "\xef\xbf\xbd"
		    "a" },
		{ "\"\\ud83d\\u0041\"",
		    "\xef\xbf\xbd"
		    "A" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].string);
		char *tight = malloc(n);

		assert_non_null(tight);
		memcpy(tight, rows[i].string, n);
		unescapes(slice_make(tight, n), rows[i].meaning);
		free(tight);
	}
}

static void
an_array_may_be_empty(void **state)
{
	struct scan_member m = { .type = SCAN_ARRAY, .value = SLICE("[ ]") };

	assert_false(scan_has_elements(&m));
	m.value = SLICE("[ null]");
	assert_true(scan_has_elements(&m));
	m.type = SCAN_STRING;
	assert_false(scan_has_elements(&m));
}

static void
numbers_are_read_as_integers(void **state)
{
	uint64_t v = 1;

	assert_true(scan_u64(SLICE("0"), &v) && v == 0);
	assert_true(scan_u64(SLICE("9007199254740992"), &v));
	assert_true(v == UINT64_C(1) << 53);
	assert_true(scan_u64(SLICE("1e3"), &v) && v == 1000);
	assert_true(scan_u64(SLICE("16.0"), &v) && v == 16);
	assert_false(scan_u64(SLICE("9007199254740993"), &v));
	assert_false(scan_u64(SLICE("1e300"), &v));
	assert_false(scan_u64(SLICE("1e999"), &v));
	assert_false(scan_u64(SLICE("-1"), &v));
	assert_false(scan_u64(SLICE("0.5"), &v));
	assert_int_equal(v, 16);
}

static void
both_ways_through_a_string_agree(void **state)
{
	static const unsigned char edge[] = { 0x00, 0x1f, 0x20, 0x21, 0x22,
		0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xff };
	unsigned char text[80];
	struct rng r;

	rng_init(&r, 1, 1);
	for (int round = 0; round < 20000; round++) {
		const unsigned char *p, *end, *want, *stop;
		size_t from = rng_below(&r, 20), n = rng_below(&r, 60);

		memset(text, 'a' + (int)rng_below(&r, 26), sizeof(text));
		for (uint32_t i = rng_below(&r, 4); i > 0; i--)
			text[rng_below(&r, sizeof(text))] =
			    edge[rng_below(&r, sizeof(edge))];
		p = want = text + from;
		end = p + n;
		while (want < end && *want >= 0x20 && *want < 0x80 &&
		    *want != '"' && *want != '\\')
			want++;
		assert_ptr_equal(scan_plain_portable(p, end), want);
		assert_ptr_equal(scan_plain(p, end), want);
		for (stop = want; stop < end && *stop != '"' && *stop != '\\';)
			stop++;
		assert_ptr_equal(scan_either_portable(p, end, '"', '\\'), stop);
		assert_ptr_equal(scan_stop(p, end), stop);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_in_order),
		cmocka_unit_test(members_beyond_the_cap_are_counted),
		cmocka_unit_test(
		    what_is_not_an_object_is_told_apart_from_bad_json),
		cmocka_unit_test(complaints_say_where),
		cmocka_unit_test(far_on_it_is_a_byte),
		cmocka_unit_test(strictness_is_that_of_the_standard),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(escaped_keys_are_recognised),
		cmocka_unit_test(cursors_walk_nested_values),
		cmocka_unit_test(a_walk_enters_and_leaves),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(half_a_pair_is_no_character),
		cmocka_unit_test(an_array_may_be_empty),
		cmocka_unit_test(numbers_are_read_as_integers),
		cmocka_unit_test(both_ways_through_a_string_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
