/* gateway/front/abuse_test.c - requests that lie, or are too much. */
#include <microhttpd.h>

#include "gateway/front/testing.h"
#include "gateway/lib/count.h"

/* Later versions refuse some of it by themselves, in words of their own. */
#define OURS (MHD_VERSION < 0x00097701)

/* Sends, and wants that status with the connection closed after it. */
static void
expect_refusal_of(struct server *s, struct slice request, int status)
{
	struct client c = client_connect(s);
	struct reply r;

	assert_true(client_send(&c, request));
	r = client_reply(&c);
	assert_int_equal(r.status, status);
	assert_true(r.whole);
	assert_non_null(reply_header(&r, "connection: close"));
	if (OURS)
		assert_non_null(reply_header(&r, "x-request-id: req_1"));
	expect_end(&c);
	reply_free(&r);
	client_close(&c);
}

static void
expect_refusal(struct server *s, const char *request, int status)
{
	expect_refusal_of(s, slice_of(request), status);
}

#define OLD_POST "POST /echo HTTP/1.0\r\n"

static void
requests_with_two_readings_are_refused(void **state)
{
	static const char *const requests[] = {
		POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
		POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
		     "0\r\n\r\n",
		POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		POST "Transfer-Encoding: chunked\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /later HTTP/1.1\r\n\r\n",
		"GET /later HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET http://a/later HTTP/1.1\r\nHost: b\r\n\r\n",
		"GET http:///later HTTP/1.1\r\nHost: b\r\n\r\n",
		"GET http://a@b/later HTTP/1.1\r\nHost: b\r\n\r\n",
		"GET /later or not HTTP/1.1\r\nHost: a\r\n\r\n",
		OLD_POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		/* what a next server might take for the end of a line */
		POST "X: a\rEvil: b\r\nContent-Length: 0\r\n\r\n",
		/* a name that a next server might read in another way */
		POST "Content-Length : 5\r\n\r\nhello",
		POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
		POST "Content-\xe9: 5\r\n\r\nhello",
		"POST /echo HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\n"
		"hello",
		"GET: /hello HTTP/1.1\r\nHost: a\r\n\r\n",
		/* no name: the headers go on behind it */
		POST "Content-Length: 4\r\n: x\r\n\r\nhell",
		POST "Content-Length: 2\r\n:\r\n\r\nhe",
		POST ": x\r\nContent-Length: 5\r\n\r\nhello",
		POST "Content-Length: 2\n:\n\nhe",
		"GET /hello HTTP/1.1\r\n: x\r\nHost: a\r\n\r\n",
	};
	struct server *s = server_default();
	size_t n = sizeof(requests) / sizeof(requests[0]);

	for (size_t i = 0; i < n; i++)
		expect_refusal(s, requests[i], 400);
	if (OURS)
		assert_int_equal(atomic_load(&s->requests), n);
	server_stop(s);
}

/* A value that goes on behind it would end there for us alone. */
static void
a_nul_in_a_header_is_refused(void **state)
{
	const struct slice requests[] = {
		SLICE(POST "Content-Length: 5\0 0\r\nX: a\r\n\r\nhello"),
		SLICE(POST "Content-Length: 5\0\r\nX: a\r\n\r\nhello"),
		SLICE(POST "Transfer-Encoding: chunked\0x\r\nX: a\r\n\r\n"
			   "0\r\n\r\n"),
		SLICE(POST "X: a\0b\nContent-Length: 0\n\n"),
		SLICE(POST "X:\0\r\nContent-Length: 0\r\n\r\n"),
		SLICE(POST "Content-Length: 0\r\nX: a\0b\r\n\r\n"),
	};
	struct server *s;

	if (!OURS)
		skip(); /* later versions have words of their own */
	s = server_default();
	for (size_t i = 0; i < COUNT(requests); i++)
		expect_refusal_of(s, requests[i], 400);
	server_stop(s);
}

/* What is near to the above, and fine. */
static void
spaces_and_short_lines_are_taken(void **state)
{
	static const char *const requests[] = {
		POST "X: a \t\r\nY:\r\nZ: \r\nContent-Length: 5\r\n\r\nhello",
		POST "X: a\nY:\nZ: b\r\nContent-Length: 5\r\n\r\nhello",
		POST "X:a\r\nCookie: a=b; c=d\r\nX:a\r\n"
		     "Content-Length: 5\r\n\r\nhello",
	};
	struct server *s = server_default();

	for (size_t i = 0; i < COUNT(requests); i++) {
		struct client c = client_connect(s);
		struct reply r;

		assert_true(client_text(&c, requests[i]));
		r = client_reply(&c);
		assert_int_equal(r.status, 200);
		reply_free(&r);
		client_close(&c);
	}
	server_stop(s);
}

/* A proxy puts such lines together, and sends on what they say. */
static void
folded_headers_are_refused(void **state)
{
	static const char *const requests[] = {
		POST "X-Long: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
		POST "Content-Length:\r\n 5\r\n\r\nhello",
		POST "Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n",
		POST "Content-: 5\r\n Length\r\n\r\nhello",
	};
	struct server *s;
	size_t n = sizeof(requests) / sizeof(requests[0]);

	if (!OURS)
		skip(); /* later versions put them together themselves */
	s = server_default();
	for (size_t i = 0; i < n; i++)
		expect_refusal(s, requests[i], 400);
	server_stop(s);
}

static void
lengths_that_are_no_numbers_never_reach_the_core(void **state)
{
	static const char *const lengths[] = { "abc", "-1", "+5", "5,5", "0x5",
		"99999999999999999999999", "" };
	struct server *s = server_default();
	struct client c;
	struct slice line;
	char text[256];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		c = client_connect(s);
		snprintf(text, sizeof(text),
		    POST "Content-Length: %s\r\n\r\nhello", lengths[i]);
		assert_true(client_text(&c, text));
		line = client_until(&c, "\r\n");
		assert_true(slice_starts(line, SLICE("HTTP/1.1 4")));
		client_close(&c);
	}
	server_stop(s);
}

static void
unknown_expectations_and_methods_are_refused(void **state)
{
	struct server *s = server_default();

	expect_refusal(
	    s, POST "Expect: a-miracle\r\nContent-Length: 2\r\n\r\nab", 417);
	expect_refusal(s,
	    "AVERYLONGMETHODTHATNOBODYKNOWS / HTTP/1.1\r\nHost: a\r\n\r\n",
	    501);
	server_stop(s);
}

/* The body must be sendable to its end, and the answer readable after it. */
static void
send_large(struct server *s, size_t n, bool chunked, bool length_fits)
{
	struct client c = client_connect(s);
	char head[160], *bytes = calloc(1, 65536);
	size_t part;

	snprintf(head, sizeof(head), POST "%s%zu\r\n\r\n",
	    chunked ? "Transfer-Encoding: chunked\r\nx-size: "
		    : "Content-Length: ",
	    n);
	assert_true(client_text(&c, head));
	for (size_t sent = 0; sent < n; sent += part) {
		part = n - sent < 65536 ? n - sent : 65536;
		snprintf(head, sizeof(head), "%zx\r\n", part);
		if (chunked)
			assert_true(client_text(&c, head));
		assert_true(client_send(&c, slice_make(bytes, part)));
		if (chunked)
			assert_true(client_text(&c, "\r\n"));
	}
	if (chunked)
		assert_true(client_text(&c, "0\r\n\r\n"));
	free(bytes);
	if (!length_fits)
		expect_reply(&c, 413, "request_too_large");
	client_close(&c);
}

static void
a_body_over_the_limit_gets_a_readable_413(void **state)
{
	struct server *s = server_new(false);

	s->settings.limits.body = 4 << 20;
	server_start(s);
	send_large(s, (5 << 20) + 1, false, false);
	send_large(s, (5 << 20) + 1, true, false);
	send_large(s, 12 << 20, false, false);
	assert_int_equal(atomic_load(&s->budget.held), 0);
	server_stop(s);
}

static void
a_body_beyond_draining_is_refused_before_it_comes(void **state)
{
	struct server *s = server_default();

	expect_refusal(s, POST "Content-Length: 99000000000\r\n\r\nx", 413);
	server_stop(s);
}

static bool
send_zeroes(struct client *c, size_t n)
{
	static const char zeroes[65536];

	for (; n >= sizeof(zeroes); n -= sizeof(zeroes))
		if (!client_send(c, slice_make(zeroes, sizeof(zeroes))))
			return false;
	return client_send(c, slice_make(zeroes, n));
}

/* It is thrown away then: a reset would take the answer with it. */
static void
who_is_refused_before_the_body_may_send_it(void **state)
{
	struct server *s = server_new(false);
	struct client c;
	char head[16];

	s->settings.limits.body = 4 << 20;
	server_start(s);
	c = client_connect(s);
	assert_true(client_text(&c, POST "Content-Length: 40000000\r\n\r\n"));
	assert_true(reaches(&s->closed, 1));
	assert_true(send_zeroes(&c, 40000000));
	expect_reply(&c, 413, "request_too_large");
	assert_int_equal(recv(c.fd, head, sizeof(head), 0), 0); /* no reset */
	client_close(&c);
	assert_true(reaches(&s->budget.connections, 0));
	server_stop(s);
}

static void
who_sends_without_end_is_let_go(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(
	    client_text(&c, POST "Content-Length: 99000000000\r\n\r\n"));
	assert_true(reaches(&s->closed, 1));
	assert_false(send_zeroes(&c, (size_t)256 << 20));
	client_close(&c);
	assert_true(reaches(&s->budget.connections, 0));
	server_stop(s);
}

static void
who_lingers_at_the_end_is_let_go(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(
	    client_text(&c, POST "Content-Length: 99000000000\r\n\r\n"));
	assert_true(reaches(&s->closed, 1));
	assert_true(send_zeroes(&c, 1 << 20));
	expect_reply(&c, 413, "request_too_large");
	server_stop(s);
	client_close(&c);
}

static void
an_endless_body_is_cut_off(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	char *bytes = calloc(1, 1 << 20);
	unsigned sent = 0;

	assert_true(client_text(&c, POST "Transfer-Encoding: chunked\r\n\r\n"));
	while (sent < 100 && client_text(&c, "100000\r\n") &&
	    client_send(&c, slice_make(bytes, 1 << 20)) &&
	    client_text(&c, "\r\n"))
		sent++;
	assert_in_range(sent, 9, 40);
	assert_true(reaches(&s->closed, 1));
	assert_int_equal(atomic_load(&s->requests), 0);
	free(bytes);
	client_close(&c);
	server_stop(s);
}

static void
bodies_of_all_together_are_bounded(void **state)
{
	struct server *s = server_new(false);
	struct client a, b;

	s->settings.limits.bodies = 150000;
	server_start(s);
	a = client_connect(s);
	b = client_connect(s);
	assert_true(client_text(&a, POST "Content-Length: 100000\r\n\r\n"));
	assert_true(reaches(&s->heads, 1));
	assert_true(client_text(&b, POST "Content-Length: 60000\r\n\r\n"));
	for (int i = 0; i < 60; i++)
		assert_true(
		    client_send(&b, slice_make((char[1000]){ 0 }, 1000)));
	expect_reply(&b, 503, "overloaded");
	client_close(&a);
	assert_true(reaches(&s->closed, 2));
	assert_int_equal(atomic_load(&s->budget.held), 0);
	client_close(&b);
	server_stop(s);
}

#define LIMIT ((uint64_t)64 << 20)
#define FULL (LIMIT - LIMIT / 16)

static struct server *
server_with_memory(uint64_t left)
{
	struct server *s = server_new(false);

	s->settings.limits.memory = LIMIT;
	s->settings.limits.body = 8 << 20;
	front_memory_read(&s->budget, FULL - left);
	server_start(s);
	return s;
}

static void
without_memory_only_what_is_new_is_refused(void **state)
{
	struct server *s = server_with_memory(1 << 20);
	struct client c = client_connect(s), other = client_connect(s);

	client_get(&c, "/mid");
	client_until(&c, "data: 1");
	front_memory_read(&s->budget, FULL);
	client_get(&other, "/hello");
	expect_reply(&other, 503, "overloaded");
	assert_int_equal(atomic_load(&s->budget.shed), 1);
	assert_int_equal(atomic_load(&s->gone), 0);
	client_close(&other);
	for (int i = 0; i < 2; i++) /* until it is in no reading any more */
		front_memory_read(&s->budget, FULL - (1 << 20));
	other = client_connect(s);
	client_get(&other, "/hello");
	expect_reply(&other, 200, "hello");
	client_close(&other);
	client_close(&c);
	server_stop(s);
}

static void
announced_bodies_take_memory_before_they_come(void **state)
{
	struct server *s = server_with_memory(3 << 20);
	struct client a = client_connect(s), b = client_connect(s);

	assert_true(client_text(&a, POST "Content-Length: 2000000\r\n\r\n"));
	assert_true(reaches(&s->heads, 1));
	assert_int_equal(atomic_load(&s->budget.coming), 2000000);
	assert_true(client_text(&b, POST "Content-Length: 2000000\r\n\r\n"));
	for (int i = 0; i < 2000; i++)
		assert_true(
		    client_send(&b, slice_make((char[1000]){ 0 }, 1000)));
	expect_reply(&b, 503, "overloaded");
	client_close(&b);
	client_close(&a);
	assert_true(reaches(&s->closed, 2));
	assert_int_equal(atomic_load(&s->budget.coming), 0);
	server_stop(s);
}

static void
unannounced_bodies_take_memory_as_they_come(void **state)
{
	struct server *s = server_with_memory(1 << 20);
	struct client c = client_connect(s);

	assert_true(client_text(&c, POST "Transfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 2000; i++)
		assert_true(client_text(&c, "3e8\r\n") &&
		    client_send(&c, slice_make((char[1000]){ 0 }, 1000)) &&
		    client_text(&c, "\r\n"));
	assert_true(client_text(&c, "0\r\n\r\n"));
	expect_reply(&c, 503, "overloaded");
	assert_int_equal(atomic_load(&s->budget.held), 0);
	client_close(&c);
	server_stop(s);
}

/* A reload may set one: what came before it must not be held against what
 * comes then. */
static void
without_a_limit_nothing_adds_up(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(client_text(&c, POST "Content-Length: 5\r\n\r\nhello"));
	assert_true(reaches(&s->heads, 1));
	client_close(&c);
	assert_true(reaches(&s->closed, 1));
	assert_int_equal(atomic_load(&s->budget.since), 0);
	assert_int_equal(atomic_load(&s->budget.coming), 0);
	server_stop(s);
}

#define LONG ((size_t)4 << 20) /* more than sockets hold */

static void
too_long_headers_are_refused(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	char *text = malloc(LONG);
	struct slice line;

	memset(text, 'x', LONG);
	assert_true(
	    client_text(&c, "GET /hello HTTP/1.1\r\nHost: a\r\nx-long: "));
	assert_true(client_send(&c, slice_make(text, LONG)));
	line = client_until(&c, "\r\n");
	assert_true(slice_starts(line, SLICE("HTTP/1.1 431 ")));
	assert_int_equal(atomic_load(&s->heads), 0);
	free(text);
	client_close(&c);
	server_stop(s);
}

/* What libmicrohttpd keeps of them counts as well. */
static void
headers_that_leave_no_room_for_an_answers_are_refused(void **state)
{
	static const struct {
		const char *first, *again;
		unsigned times;
		int status;
	} rows[] = {
		{ "Cookie: a=", "x", 7200, 431 },
		{ "Cookie: a=", "x", 6900, 200 },
		{ "Cookie: a=1", "; b=2", 200, 431 },
		{ "Cookie: a=1", "; b=2", 170, 200 },
		{ "x: y", "\r\nx: y", 210, 431 },
		{ "x: y", "\r\nx: y", 190, 200 },
		{ "x: ", "y", 14300, 431 },
		{ "x: ", "y", 13900, 200 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server *s = server_default();
		struct client c = client_connect(s);
		struct buf head;

		buf_init(&head, 16 << 10);
		buf_add(&head, SLICE("GET /hello HTTP/1.1\r\nHost: a\r\n"));
		buf_add(&head, slice_of(rows[i].first));
		for (unsigned n = 0; n < rows[i].times; n++)
			buf_add(&head, slice_of(rows[i].again));
		buf_add(&head, SLICE("\r\n\r\n"));
		assert_int_equal(buf_err(&head), OK);
		assert_true(client_send(&c, buf_slice(&head)));
		expect_reply(&c, rows[i].status,
		    rows[i].status == 200 ? "hello" : "header_too_large");
		buf_fini(&head);
		client_close(&c);
		server_stop(s);
	}
}

/* As the SDK of OpenAI sends, with a key and a trace. */
static void
what_sdks_send_fits_into_the_least_limit(void **state)
{
	struct server *s = server_new(false);
	struct client c;
	struct buf head;

	s->settings.limits.header = 4 << 10;
	server_start(s);
	c = client_connect(s);
	buf_init(&head, 4 << 10);
	buf_add(&head, SLICE("GET /hello HTTP/1.1\r\nHost: a\r\n"));
	for (unsigned i = 0; i < 20; i++)
		buf_addf(&head, "x-stainless-header-%u: %030u\r\n", i, i);
	buf_add(&head, SLICE("\r\n"));
	assert_true(client_send(&c, buf_slice(&head)));
	expect_reply(&c, 200, "hello");
	buf_fini(&head);
	client_close(&c);
	server_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_with_two_readings_are_refused),
		cmocka_unit_test(a_nul_in_a_header_is_refused),
		cmocka_unit_test(spaces_and_short_lines_are_taken),
		cmocka_unit_test(folded_headers_are_refused),
		cmocka_unit_test(
		    lengths_that_are_no_numbers_never_reach_the_core),
		cmocka_unit_test(unknown_expectations_and_methods_are_refused),
		cmocka_unit_test(a_body_over_the_limit_gets_a_readable_413),
		cmocka_unit_test(
		    a_body_beyond_draining_is_refused_before_it_comes),
		cmocka_unit_test(who_is_refused_before_the_body_may_send_it),
		cmocka_unit_test(who_sends_without_end_is_let_go),
		cmocka_unit_test(who_lingers_at_the_end_is_let_go),
		cmocka_unit_test(an_endless_body_is_cut_off),
		cmocka_unit_test(bodies_of_all_together_are_bounded),
		cmocka_unit_test(without_memory_only_what_is_new_is_refused),
		cmocka_unit_test(announced_bodies_take_memory_before_they_come),
		cmocka_unit_test(unannounced_bodies_take_memory_as_they_come),
		cmocka_unit_test(without_a_limit_nothing_adds_up),
		cmocka_unit_test(too_long_headers_are_refused),
		cmocka_unit_test(
		    headers_that_leave_no_room_for_an_answers_are_refused),
		cmocka_unit_test(what_sdks_send_fits_into_the_least_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
