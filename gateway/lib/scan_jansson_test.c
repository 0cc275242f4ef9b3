/* gateway/lib/scan_jansson_test.c - the scanner against jansson: both take the
 * same documents, and find the same in them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"
#include "gateway/lib/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MEMBERS 16

static char *
unescaped(struct slice string)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	scan_unescape(string, &b);
	assert_int_equal(b.n, scan_text_length(string));
	return buf_take(&b, NULL);
}

static void compare_value(struct slice, enum scan_type, const json_t *);

static void
compare_string(struct slice string, const json_t *want)
{
	char *got = unescaped(string);
	size_t n = scan_text_length(string);

	assert_true(json_is_string(want));
	assert_int_equal(n, json_string_length(want));
	assert_memory_equal(got, json_string_value(want), n);
	free(got);
}

/* jansson keeps the last of equal keys: only that one is compared. */
static bool
comes_again(struct slice rest, const char *key)
{
	struct scan_member m;

	while (scan_next_member(&rest, &m))
		if (scan_key_is(&m, key))
			return true;
	return false;
}

static void
compare_object(struct slice object, const json_t *want)
{
	struct slice rest = object, key;
	struct scan_member m;
	size_t kept = 0;
	char *name;

	while (scan_next_member(&rest, &m)) {
		key = slice_make(m.key.p - 1, m.key.n + 2);
		name = unescaped(key);
		assert_true(scan_key_is(&m, name));
		if (!comes_again(rest, name)) {
			kept++;
			compare_value(
			    m.value, m.type, json_object_get(want, name));
		}
		free(name);
	}
	assert_int_equal(kept, json_object_size(want));
}

static void
compare_array(struct slice array, const json_t *want)
{
	struct slice value;
	enum scan_type type;
	size_t n = 0;

	while (scan_next_element(&array, &value, &type))
		compare_value(value, type, json_array_get(want, n++));
	assert_int_equal(n, json_array_size(want));
}

static void
compare_value(struct slice value, enum scan_type type, const json_t *want)
{
	uint64_t u;

	switch (type) {
	case SCAN_STRING:
		compare_string(value, want);
		break;
	case SCAN_OBJECT:
		assert_true(json_is_object(want));
		compare_object(value, want);
		break;
	case SCAN_ARRAY:
		assert_true(json_is_array(want));
		compare_array(value, want);
		break;
	case SCAN_NUMBER:
		assert_true(json_is_number(want));
		if (scan_u64(value, &u))
			assert_true((double)u == json_number_value(want));
		break;
	case SCAN_TRUE:
		assert_true(json_is_true(want));
		break;
	case SCAN_FALSE:
		assert_true(json_is_false(want));
		break;
	case SCAN_NULL:
		assert_true(json_is_null(want));
		break;
	}
}

/* A few bytes at a time it is what it is as a whole. */
static void
compare_slices(struct slice doc, enum err want, const struct errmsg *want_why,
    const struct scan_member *members, size_t n_members)
{
	struct scan_member m[MEMBERS];
	struct errmsg why;
	struct scan *s;
	size_t n = 0;

	memset(m, 0, sizeof(m));
	for (size_t slice = 1; slice <= 3; slice++) {
		s = scan_new(doc, m, MEMBERS);
		assert_non_null(s);
		while (scan_more(s, slice))
			continue;
		assert_int_equal(scan_end(s, &n, &why), want);
		scan_free(&s);
		if (want == OK) {
			assert_int_equal(n, n_members);
			assert_memory_equal(m, members,
			    (n < MEMBERS ? n : MEMBERS) * sizeof(*m));
		} else {
			assert_string_equal(why.text, want_why->text);
		}
	}
}

/* True when both accept. */
static bool
compare_document(struct slice doc)
{
	struct scan_member m[MEMBERS];
	struct errmsg why;
	json_error_t jerr;
	json_t *want = json_loadb(doc.p, doc.n, JSON_ALLOW_NUL, &jerr);
	bool both = false;
	size_t n = 0;
	enum err rc;

	memset(m, 0, sizeof(m));
	rc = scan_object(doc, m, MEMBERS, &n, &why);
	compare_slices(doc, rc, &why, m, n);
	if (want == NULL && rc == OK) {
		if (json_error_code(&jerr) != json_error_numeric_overflow)
			fail_msg("only we accept: %.*s", SLICE_ARG(doc));
	} else if (json_is_array(want)) {
		assert_int_equal(rc, ERR_INVALID);
	} else if (want != NULL) {
		if (rc != OK)
			fail_msg("%s: %.*s", why.text, SLICE_ARG(doc));
		both = true;
		compare_object(slice_trim(doc), want);
	}
	json_decref(want);
	return both;
}

static const char *const seeds[] = {
	("{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
	 "\"content\":\"hi\"}],\"stream\":true}"),
	"{\"a\":[1,-2.5e-3,0,1E+2,null,true,false,\"\"],\"b\":{\"c\":{}}}",
	("{\"k\\u0041\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
	 "\"\":[[[]]]}"),
	" { \"\xc3\xa9\" : \"\xe2\x82\xac\xf0\x9f\x98\x80\" , \"x\" : [ ] } ",
	"{\"n\":9223372036854775807,\"m\":-9223372036854775808,\"r\":1e308}",
	"[{\"a\":1},\"\\u00ff\"]",
};
/* What mutations put in: bytes that mean something somewhere. */
static const char *const scraps[] = { "\"", "\\", "{", "}", "[", "]", ",", ":",
	"0", "1", "-", "+", ".", "e", "E", "\\u", "\\ud800", "\\udc00",
	"\\u0000", "true", "null", "\n", " ", "\t", "\x01", "\x7f", "\x80",
	"\xbf", "\xc2", "\xe0\xa0", "\xed\xa0\x80", "\xf4\x8f\xbf\xbf", "\xff",
	"\"a\":1", "{}", "[]", "99999999999999999999", "e999" };

static void
mutate(struct rng *r, char *doc, size_t *n)
{
	size_t at = rng_below(r, (uint32_t)*n + 1);
	const char *scrap = scraps[rng_below(r, COUNT(scraps))];
	size_t len = strlen(scrap);
	size_t gone = rng_below(r, 3) == 0 ? rng_below(r, 8) : rng_below(r, 2);

	if (rng_below(r, 4) == 0)
		len = 0;
	if (gone > *n - at)
		gone = *n - at;
	memmove(doc + at + len, doc + at + gone, *n - at - gone);
	memcpy(doc + at, scrap, len);
	*n += len - gone;
}

static void
agrees_with_jansson(void **state)
{
	const int rounds = 200000;
	int accepted = 0;
	struct rng r;

	rng_init(&r, 20261121, 1);
	for (size_t i = 0; i < COUNT(seeds); i++)
		compare_document(slice_of(seeds[i]));
	for (int i = 0; i < rounds; i++) {
		char doc[512], *exact;
		const char *seed = seeds[rng_below(&r, COUNT(seeds))];
		size_t n = strlen(seed);

		memcpy(doc, seed, n);
		for (uint32_t k = 1 + rng_below(&r, 3); k > 0; k--)
			mutate(&r, doc, &n);
		/* on the heap at its exact size: over-reads are seen */
		exact = malloc(n > 0 ? n : 1);
		assert_non_null(exact);
		memcpy(exact, doc, n);
		accepted += compare_document(slice_make(exact, n));
		free(exact);
	}
	/* a test in which hardly anything parses proves little */
	assert_true(accepted > rounds / 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
