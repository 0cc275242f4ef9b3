/* gateway/lib/uri_test.c - parts of a URL, and percent-encoding. */
#include "gateway/lib/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, slice_of(want).n);
	assert_memory_equal(s.p, want, s.n);
}

static void
a_scheme_is_cut_off_whatever_its_case(void **state)
{
	struct slice rest;
	bool tls;

	assert_true(uri_after_scheme(SLICE("http://a:1/b"), &rest, &tls));
	assert_slice(rest, "a:1/b");
	assert_false(tls);
	assert_true(uri_after_scheme(SLICE("HTTPS://a"), &rest, &tls));
	assert_slice(rest, "a");
	assert_true(tls);
	assert_true(uri_after_scheme(SLICE("https://"), &rest, NULL));
	assert_int_equal(rest.n, 0);
}

static void
what_has_another_scheme_stays_whole(void **state)
{
	struct slice rest;
	bool tls = true;

	assert_false(uri_after_scheme(SLICE("/v1/models"), &rest, &tls));
	assert_slice(rest, "/v1/models");
	assert_false(tls);
	assert_false(uri_after_scheme(SLICE("unix:/http://"), &rest, &tls));
	assert_false(uri_after_scheme(slice_of(NULL), &rest, &tls));
	assert_int_equal(rest.n, 0);
}

static void
a_host_is_known_without_its_port(void **state)
{
	assert_slice(uri_host(SLICE("localhost:7070")), "localhost");
	assert_slice(uri_host(SLICE("localhost")), "localhost");
	assert_slice(uri_host(SLICE("[::1]:7070")), "[::1]");
	assert_slice(uri_host(SLICE("[::1]")), "[::1]");
	assert_int_equal(uri_host(SLICE(":7070")).n, 0);
	assert_int_equal(uri_host(slice_of(NULL)).n, 0);
}

static void
what_is_escaped_reads_the_same(void **state)
{
	const struct slice text = SLICE("a/b c%41\xc3\xa4~\0.");
	struct buf out, again;

	buf_init(&out, 256);
	buf_init(&again, 256);
	uri_escape(text, &out);
	assert_slice(buf_slice(&out), "a%2Fb%20c%2541%C3%A4~%00.");
	uri_unescape(buf_slice(&out), &again);
	assert_true(slice_eq(buf_slice(&again), text));
	buf_reset(&again);
	uri_unescape(SLICE("%2g%4"), &again);
	assert_slice(buf_slice(&again), "%2g%4");
	buf_fini(&out);
	buf_fini(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scheme_is_cut_off_whatever_its_case),
		cmocka_unit_test(what_has_another_scheme_stays_whole),
		cmocka_unit_test(a_host_is_known_without_its_port),
		cmocka_unit_test(what_is_escaped_reads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
