/* gateway/front/front_test.c - requests and answers, as a client sees them. */
#include "gateway/front/testing.h"

static void
expect_pattern(const struct reply *r, size_t n)
{
	assert_int_equal(r->status, 200);
	assert_true(r->whole);
	assert_int_equal(r->body.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(r->body.p[i], pattern(i));
}

static void
expect_stream(struct client *c, const char *target, size_t n)
{
	struct reply r;

	client_get(c, target);
	r = client_reply(c);
	expect_pattern(&r, n);
	reply_free(&r);
}

static void
one_connection_carries_many_requests(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	for (int i = 0; i < 20; i++) {
		client_get(&c, i % 2 ? "/hello" : "/later");
		expect_reply(&c, 200, "hello");
	}
	assert_true(reaches(&s->closed, 20));
	assert_int_equal(atomic_load(&s->gone), 0);
	assert_int_equal(atomic_load(&s->connections), 1);
	client_close(&c);
	assert_true(reaches(&s->connections, 0));
	server_stop(s);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(client_text(&c,
	    POST "Content-Length: 3\r\n\r\none"
		 "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" POST
		 "Content-Length: "
		 "5\r\n\r\nthree"));
	expect_reply(&c, 200, "one");
	expect_reply(&c, 200, "hello");
	expect_reply(&c, 200, "three");
	client_close(&c);
	server_stop(s);
}

static void
a_chunked_body_is_put_together(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(client_text(
	    &c, POST "Transfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5\r\n"));
	usleep(20000); /* in two pieces */
	assert_true(client_text(&c, "pedia\r\n0\r\n\r\n"));
	expect_reply(&c, 200, "Wikipedia");
	client_get(&c, "/hello");
	expect_reply(&c, 200, "hello");
	client_close(&c);
	server_stop(s);
}

static void
a_post_without_length_has_an_empty_body(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(client_text(&c, POST "\r\n"));
	expect_reply(&c, 200, "");
	client_close(&c);
	server_stop(s);
}

static void
a_body_up_to_the_limit_comes_back_whole(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	size_t n = 1 << 20;
	char *body = malloc(n), head[128];
	struct reply r;

	for (size_t i = 0; i < n; i++)
		body[i] = pattern(i);
	snprintf(head, sizeof(head), POST "Content-Length: %zu\r\n\r\n", n);
	assert_true(client_text(&c, head));
	assert_true(client_send(&c, slice_make(body, n)));
	r = client_reply(&c);
	expect_pattern(&r, n);
	reply_free(&r);
	client_close(&c);
	free(body);
	server_stop(s);
}

static void
target_and_headers_reach_the_core_as_sent(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(client_text(&c,
	    "DELETE /v1/models/a%2Fb/c+d?x=1%20&y=?z HTTP/1.1\r\n"
	    "Host: a\r\nx-test:  some value \r\n\r\n"));
	expect_reply(
	    &c, 200, "DELETE|/v1/models/a%2Fb/c+d|x=1%20&y=?z|some value");
	client_close(&c);
	server_stop(s);
}

/* As a proxy is sent it. */
static void
a_target_may_name_its_host(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	assert_true(client_text(&c,
	    "GET http://a:1/seen?q=/v1 HTTP/1.1\r\nHost: A:1\r\n\r\n"
	    "GET HTTPS://a/seen HTTP/1.1\r\nHost: a\r\n\r\n"
	    "GET http://a/seen HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	    "GET http://a?seen HTTP/1.1\r\nHost: a\r\n\r\n"
	    "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"));
	expect_reply(&c, 200, "GET|/seen|q=/v1|");
	expect_reply(&c, 200, "GET|/seen||");
	expect_reply(&c, 200, "GET|/seen||");
	expect_reply(&c, 200, "GET|/|seen|");
	expect_reply(&c, 200, "GET|/||");
	client_close(&c);
	server_stop(s);
}

static void
a_waiting_client_gets_its_100(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	struct slice line;

	assert_true(client_text(&c,
	    POST "Content-Length: 2\r\n"
		 "Expect: 100-continue\r\n\r\n"));
	line = client_until(&c, "\r\n\r\n");
	assert_true(slice_starts(line, SLICE("HTTP/1.1 100 ")));
	buf_consume(&c.in, line.n);
	assert_true(client_text(&c, "ok"));
	expect_reply(&c, 200, "ok");
	client_close(&c);
	server_stop(s);
}

static void
a_refused_client_that_waits_is_told_before_it_sends(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	struct slice line;

	assert_true(client_text(&c,
	    "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n"
	    "Expect: 100-continue\r\n\r\n"));
	line = client_until(&c, "\r\n");
	assert_true(slice_starts(line, SLICE("HTTP/1.1 401 ")));
	expect_reply(&c, 401, "who?");
	expect_end(&c);
	client_close(&c);
	server_stop(s);
}

static void
a_refused_body_is_drained_and_the_connection_stays(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	char body[50000] = { 0 };

	assert_true(client_text(&c,
	    "POST /refused HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 50000\r\n\r\n"));
	assert_true(client_send(&c, slice_make(body, sizeof(body))));
	expect_reply(&c, 401, "who?");
	client_get(&c, "/hello");
	expect_reply(&c, 200, "hello");
	client_close(&c);
	server_stop(s);
}

static void
streams_arrive_whole_and_in_order(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	expect_stream(&c, "/stream?3", 3);
	expect_stream(&c, "/stream?70000", 70000);
	expect_stream(&c, "/stream?9000000", 9000000);
	expect_stream(&c, "/sized?70000", 70000);
	expect_stream(&c, "/sized?3000000", 3000000);
	expect_stream(&c, "/stream?0", 0);
	assert_true(atomic_load(&s->drains) > 0);
	client_close(&c);
	server_stop(s);
}

static void
old_clients_get_a_body_that_ends_with_the_connection(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	struct reply r;

	assert_true(client_text(&c, "GET /stream?200000 HTTP/1.0\r\n\r\n"));
	r = client_reply(&c);
	assert_null(reply_header(&r, "transfer-encoding"));
	r.whole = true;
	expect_pattern(&r, 200000);
	reply_free(&r);
	expect_end(&c);
	client_close(&c);
	server_stop(s);
}

static void
head_has_the_headers_and_no_body(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	struct reply r;

	assert_true(client_text(&c, "HEAD /later HTTP/1.1\r\nHost: a\r\n\r\n"));
	r = client_reply_to(&c, true);
	assert_int_equal(r.status, 200);
	assert_int_equal(
	    strtol(reply_header(&r, "content-length: "), NULL, 10), 5);
	reply_free(&r);
	client_get(&c, "/hello");
	expect_reply(&c, 200, "hello");
	client_close(&c);
	server_stop(s);
}

static void
an_aborted_stream_fails_for_the_client(void **state)
{
	static const char *const requests[] = {
		"GET /abort HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /die HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /short HTTP/1.1\r\nHost: a\r\n\r\n",
	};
	struct server *s = server_default();
	struct client c;
	struct reply r;

	for (size_t i = 0; i < 3; i++) {
		c = client_connect(s);
		assert_true(client_text(&c, requests[i]));
		r = client_reply(&c);
		assert_false(r.whole);
		reply_free(&r);
		client_close(&c);
	}
	server_stop(s);
}

static void
an_aborted_stream_resets_an_old_client(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	char bytes[4096];
	ssize_t n;

	assert_true(client_text(&c, "GET /die HTTP/1.0\r\n\r\n"));
	do
		n = recv(c.fd, bytes, sizeof(bytes), 0);
	while (n > 0);
	assert_int_equal(n, -1); /* no clean end */
	client_close(&c);
	server_stop(s);
}

/* libmicrohttpd looks at its oldest connection first, and no further if that
 * one is well. */
static void
ended_connections_are_let_go_while_an_older_one_idles(void **state)
{
	static const char *const requests[] = {
		"GET /die HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /short HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /die HTTP/1.0\r\n\r\n",
		"GET /stream?200000 HTTP/1.0\r\n\r\n",
	};
	struct server *s = server_default();
	struct client older = client_connect(s), c;
	char bytes[4096];

	assert_true(reaches(&s->connections, 1));
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		c = client_connect(s);
		assert_true(client_text(&c, requests[i]));
		while (recv(c.fd, bytes, sizeof(bytes), 0) > 0)
			continue;
		assert_true(reaches(&s->connections, 1));
		client_close(&c);
	}
	client_close(&older);
	server_stop(s);
}

static void
a_unix_socket_serves_too(void **state)
{
	struct server *s = server_new(true);
	struct client c;

	server_start(s);
	c = client_connect(s);
	client_get(&c, "/later");
	expect_reply(&c, 200, "hello");
	expect_stream(&c, "/stream?500000", 500000);
	client_close(&c);
	server_stop(s);
}

static void
draining_answers_and_closes(void **state)
{
	struct server *s = server_default();
	struct client busy = client_connect(s), late;
	struct reply r;

	client_get(&busy, "/hello");
	expect_reply(&busy, 200, "hello");
	atomic_store(&s->drain, true);
	uv_async_send(&s->async);
	while (atomic_load(&s->drain))
		usleep(1000);
	late = client_connect(s); /* into the backlog, and no further */
	client_get(&late, "/hello");
	client_get(&busy, "/later");
	r = client_reply(&busy);
	assert_int_equal(r.status, 200);
	assert_non_null(reply_header(&r, "connection: close"));
	reply_free(&r);
	expect_end(&busy);
	assert_int_equal(recv(late.fd, &r, 1, MSG_DONTWAIT), -1);
	client_close(&busy);
	client_close(&late);
	server_stop(s);
}

static void
draining_waits_for_no_refused_body(void **state)
{
	struct server *s = server_default();
	struct client refused = client_connect(s), other = client_connect(s);

	assert_true(client_text(&refused,
	    "POST /refused HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 9\r\n\r\n"));
	assert_true(client_text(&other, POST "Content-Length: 2\r\n\r\n"));
	assert_true(reaches(&s->heads, 2));
	atomic_store(&s->drain, true);
	uv_async_send(&s->async);
	expect_end(&refused);
	assert_true(reaches(&s->closed, 1));
	assert_true(client_text(&other, "ab"));
	expect_reply(&other, 200, "ab");
	client_close(&refused);
	client_close(&other);
	server_stop(s);
}

static void
five_hundred_connections_are_served(void **state)
{
	enum { MANY = 500 };
	struct server *s = server_default();
	struct client *c = calloc(MANY, sizeof(*c));

	for (int i = 0; i < MANY; i++) {
		c[i] = client_connect(s);
		client_get(&c[i], i % 5 ? "/later" : "/hold");
	}
	for (int i = 0; i < MANY; i++)
		if (i % 5)
			expect_reply(&c[i], 200, "hello");
	assert_true(reaches(&s->connections, MANY));
	assert_true(reaches(&s->exchanges, MANY / 5));
	for (int i = 0; i < MANY; i++)
		client_close(&c[i]);
	assert_true(reaches(&s->gone, MANY / 5));
	assert_true(reaches(&s->connections, 0));
	free(c);
	server_stop(s);
}

static void
closing_ends_what_is_under_way(void **state)
{
	struct server *s = server_default();
	struct client held = client_connect(s), mid = client_connect(s),
		      body = client_connect(s), idle = client_connect(s);
	struct reply r;

	client_get(&held, "/hold");
	client_get(&mid, "/mid");
	assert_true(client_text(&body, POST "Content-Length: 9\r\n\r\nabc"));
	assert_true(reaches(&s->exchanges, 3));
	assert_true(reaches(&s->requests, 2));
	server_stop(s); /* asserts that each on_headers met its on_closed */
	r = client_reply(&mid);
	assert_false(r.whole);
	reply_free(&r);
	expect_end(&held);
	expect_end(&idle);
	client_close(&held);
	client_close(&mid);
	client_close(&body);
	client_close(&idle);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_connection_carries_many_requests),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(a_chunked_body_is_put_together),
		cmocka_unit_test(a_post_without_length_has_an_empty_body),
		cmocka_unit_test(a_body_up_to_the_limit_comes_back_whole),
		cmocka_unit_test(target_and_headers_reach_the_core_as_sent),
		cmocka_unit_test(a_target_may_name_its_host),
		cmocka_unit_test(a_waiting_client_gets_its_100),
		cmocka_unit_test(
		    a_refused_client_that_waits_is_told_before_it_sends),
		cmocka_unit_test(
		    a_refused_body_is_drained_and_the_connection_stays),
		cmocka_unit_test(streams_arrive_whole_and_in_order),
		cmocka_unit_test(
		    old_clients_get_a_body_that_ends_with_the_connection),
		cmocka_unit_test(head_has_the_headers_and_no_body),
		cmocka_unit_test(an_aborted_stream_fails_for_the_client),
		cmocka_unit_test(an_aborted_stream_resets_an_old_client),
		cmocka_unit_test(
		    ended_connections_are_let_go_while_an_older_one_idles),
		cmocka_unit_test(a_unix_socket_serves_too),
		cmocka_unit_test(draining_answers_and_closes),
		cmocka_unit_test(draining_waits_for_no_refused_body),
		cmocka_unit_test(five_hundred_connections_are_served),
		cmocka_unit_test(closing_ends_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
