/* gateway/front/abuse_test.c - clients that leave, stall, drip or lie. */
#include <microhttpd.h>
#include <sys/resource.h>
#include <time.h>

#include "gateway/front/testbed.h"

/* Later versions refuse some of it by themselves, in words of their own. */
#define OURS (MHD_VERSION < 0x00097701)

/* Sends, and wants that status with the connection closed after it. */
static void
expect_refusal(struct server *s, const char *request, int status)
{
	struct client c = client_connect(s);
	struct reply r;

	assert_true(client_text(&c, request));
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

#define POST "POST /echo HTTP/1.1\r\nHost: a\r\n"
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
		"GET /later or not HTTP/1.1\r\nHost: a\r\n\r\n",
		OLD_POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		/* what a next server might take for the end of a line */
		POST "X: a\rEvil: b\r\nContent-Length: 0\r\n\r\n",
	};
	struct server *s = server_default();
	size_t n = sizeof(requests) / sizeof(requests[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		expect_refusal(s, requests[i], 400);
	if (OURS)
		assert_int_equal(atomic_load(&s->requests), n);
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

	(void)state;
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

	(void)state;
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

	(void)state;
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

	(void)state;
	expect_refusal(s, POST "Content-Length: 99000000000\r\n\r\nx", 413);
	server_stop(s);
}

static void
an_endless_body_is_cut_off(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	char *bytes = calloc(1, 1 << 20);
	unsigned sent = 0;

	(void)state;
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

	(void)state;
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

	(void)state;
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

	(void)state;
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

	(void)state;
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

	(void)state;
	assert_true(client_text(&c, POST "Content-Length: 5\r\n\r\nhello"));
	assert_true(reaches(&s->heads, 1));
	client_close(&c);
	assert_true(reaches(&s->closed, 1));
	assert_int_equal(atomic_load(&s->budget.since), 0);
	assert_int_equal(atomic_load(&s->budget.coming), 0);
	server_stop(s);
}

static void
too_long_headers_are_refused(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	char *text = malloc(40000);
	struct slice line;

	(void)state;
	memset(text, 'x', 40000);
	assert_true(
	    client_text(&c, "GET /hello HTTP/1.1\r\nHost: a\r\nx-long: "));
	(void)client_send(&c, slice_make(text, 40000));
	line = client_until(&c, "\r\n");
	assert_true(line.n == 0 || slice_starts(line, SLICE("HTTP/1.1 431 ")));
	assert_int_equal(atomic_load(&s->heads), 0);
	free(text);
	client_close(&c);
	server_stop(s);
}

/* --- clients that leave --- */

/* The best of a few, since machines have bad moments; in milliseconds. */
static long long
time_to_notice(struct server *s, const char *target, bool half)
{
	long long best = 1000, took;
	unsigned gone = atomic_load(&s->gone), ready;
	struct client c;
	usec left;

	for (int i = 0; i < 5; i++) {
		ready = atomic_load(&s->requests) + 1;
		c = client_connect(s);
		client_get(&c, target);
		assert_true(reaches(&s->requests, ready));
		if (strcmp(target, "/mid") == 0)
			client_until(&c, "data: 1");
		client_text(&c, "unread"); /* must not hide the end */
		left = clock_now();
		if (half)
			shutdown(c.fd, SHUT_WR);
		else
			close(c.fd);
		assert_true(reaches(&s->gone, ++gone));
		took = (atomic_load(&s->gone_at) - left) / USEC_MS;
		best = took < best ? took : best;
		assert_true(reaches(&s->closed, gone));
		if (half)
			close(c.fd);
		c.fd = -1;
		client_close(&c);
	}
	return best;
}

static void
expect_noticed(struct server *s)
{
	assert_in_range(time_to_notice(s, "/hold", false), 0, 50);
	assert_in_range(time_to_notice(s, "/hold", true), 0, 50);
	assert_in_range(time_to_notice(s, "/mid", false), 0, 50);
	assert_in_range(time_to_notice(s, "/mid", true), 0, 50);
	assert_true(reaches(&s->connections, 0));
	assert_int_equal(atomic_load(&s->gone), atomic_load(&s->closed));
}

static void
a_client_that_leaves_is_noticed_at_once(void **state)
{
	struct server *s = server_default();

	(void)state;
	expect_noticed(s);
	server_stop(s);
}

static void
it_is_noticed_on_a_unix_socket_too(void **state)
{
	struct server *s = server_new(true);

	(void)state;
	server_start(s);
	expect_noticed(s);
	server_stop(s);
}

static void
a_reset_counts_as_gone(void **state)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	struct server *s = server_default();
	struct client c = client_connect(s);

	(void)state;
	client_get(&c, "/hold");
	assert_true(reaches(&s->requests, 1));
	setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	client_close(&c);
	assert_true(reaches(&s->gone, 1));
	assert_true(reaches(&s->closed, 1));
	server_stop(s);
}

static void
a_client_that_leaves_in_its_body_is_let_go(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	(void)state;
	assert_true(client_text(&c, POST "Content-Length: 10\r\n\r\nabc"));
	assert_true(reaches(&s->heads, 1));
	client_close(&c);
	assert_true(reaches(&s->closed, 1));
	assert_int_equal(atomic_load(&s->gone), 1);
	assert_int_equal(atomic_load(&s->requests), 0);
	server_stop(s);
}

static void
leaving_before_the_headers_end_bothers_nobody(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);

	(void)state;
	assert_true(client_text(&c, "POST /echo HTTP/1.1\r\nHo"));
	client_close(&c);
	c = client_connect(s);
	client_get(&c, "/hello");
	expect_reply(&c, 200, "hello");
	assert_true(reaches(&s->connections, 1));
	assert_int_equal(atomic_load(&s->heads), 1);
	client_close(&c);
	server_stop(s);
}

/* --- clients that are slow --- */

static void
a_client_that_does_not_read_holds_the_source(void **state)
{
	struct server *s = server_default();
	struct client c = client_connect(s);
	unsigned long long before = 1, now = 0;

	(void)state;
	client_get(&c, "/flood");
	assert_true(reaches(&s->requests, 1));
	for (int i = 0; i < 50 && before != now; i++) { /* until it stands */
		before = now;
		usleep(100000);
		now = atomic_load(&s->accepted_bytes);
	}
	assert_in_range(now, 1, 16 << 20);
	assert_int_equal(before, now);
	for (int i = 0; i < 200; i++) /* it goes on once the client reads */
		assert_true(client_read(&c));
	assert_true(atomic_load(&s->accepted_bytes) > now);
	client_close(&c);
	assert_true(reaches(&s->gone, 1));
	server_stop(s);
}

static void
expect_stalled(const char *target)
{
	struct server *s = server_new(false);
	struct client c;
	struct reply r;

	s->settings.client_stall = 500 * USEC_MS;
	server_start(s);
	c = client_connect(s);
	client_get(&c, target);
	assert_true(reaches(&s->closed, 1));
	r = client_reply(&c);
	assert_false(r.whole);
	reply_free(&r);
	client_close(&c);
	server_stop(s);
}

static void
a_client_that_never_reads_is_disconnected(void **state)
{
	(void)state;
	expect_stalled("/flood");
	expect_stalled("/sized?60000000");
}

static void
a_quiet_stream_is_no_stalled_client(void **state)
{
	struct server *s = server_new(false);
	struct client c;

	(void)state;
	s->settings.client_stall = 300 * USEC_MS;
	s->settings.idle_timeout = 300 * USEC_MS;
	s->settings.body_timeout = 300 * USEC_MS;
	server_start(s);
	c = client_connect(s);
	client_get(&c, "/mid");
	client_until(&c, "data: 1");
	usleep(1000000);
	assert_int_equal(atomic_load(&s->gone), 0);
	assert_int_equal(atomic_load(&s->connections), 1);
	client_close(&c);
	server_stop(s);
}

/* Sends `drip` every 50 ms; how many went before the server closed. */
static int
drip(struct server *s, const char *begin, const char *piece)
{
	struct client c = client_connect(s);
	int n = 0;

	assert_true(client_text(&c, begin));
	while (n < 100 && client_text(&c, piece)) {
		usleep(50000);
		n++;
	}
	client_close(&c);
	return n;
}

static void
dripped_requests_are_cut_off(void **state)
{
	struct server *s = server_new(false);

	(void)state;
	s->settings.header_timeout = 400 * USEC_MS;
	s->settings.body_timeout = 400 * USEC_MS;
	s->settings.idle_timeout = 400 * USEC_MS;
	server_start(s);
	assert_in_range(drip(s, "G", "E"), 5, 40);
	assert_in_range(
	    drip(s, "GET / HTTP/1.1\r\nHost: a\r\n", "x: y\r\n"), 5, 40);
	assert_int_equal(atomic_load(&s->heads), 0);
	assert_in_range(
	    drip(s, POST "Content-Length: 1000\r\n\r\n", "x"), 5, 40);
	assert_true(reaches(&s->closed, 1));
	assert_int_equal(atomic_load(&s->last_refusal), 408);
	assert_int_equal(atomic_load(&s->requests), 0);
	server_stop(s);
}

static void
idle_connections_are_closed(void **state)
{
	struct server *s = server_new(false);
	struct client fresh, used;

	(void)state;
	s->settings.idle_timeout = 300 * USEC_MS;
	server_start(s);
	fresh = client_connect(s);
	used = client_connect(s);
	client_get(&used, "/hello");
	expect_reply(&used, 200, "hello");
	expect_end(&fresh);
	expect_end(&used);
	assert_true(reaches(&s->connections, 0));
	client_close(&fresh);
	client_close(&used);
	server_stop(s);
}

static void
connections_over_the_limit_are_closed(void **state)
{
	struct server *s = server_new(false);
	struct client c[4];

	(void)state;
	s->settings.limits.connections = 3;
	server_start(s);
	for (int i = 0; i < 4; i++) {
		c[i] = client_connect(s);
		if (i < 3)
			assert_true(reaches(&s->connections, (unsigned)i + 1));
	}
	expect_end(&c[3]);
	client_close(&c[0]);
	assert_true(reaches(&s->connections, 2));
	client_close(&c[3]);
	c[3] = client_connect(s);
	client_get(&c[3], "/hello");
	expect_reply(&c[3], 200, "hello");
	for (int i = 1; i < 4; i++)
		client_close(&c[i]);
	server_stop(s);
}

/* The soft limit becomes the lowest free descriptor. */
static void
forbid_descriptors(struct rlimit *before)
{
	struct rlimit now;
	int lowest = dup(0);

	assert_true(lowest >= 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
	now = *before;
	now.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void
without_descriptors_accepting_pauses_and_comes_back(void **state)
{
	struct server *s = server_default();
	struct client a = client_connect(s), b;
	struct rlimit before;
	clock_t cpu;

	(void)state;
	client_get(&a, "/hello");
	expect_reply(&a, 200, "hello");
	b = client_socket(s);
	forbid_descriptors(&before);
	client_join(&b, s);
	cpu = clock();
	usleep(600000);
	assert_true(clock() - cpu < CLOCKS_PER_SEC / 5); /* no busy loop */
	client_get(&a, "/hello"); /* those inside are served */
	expect_reply(&a, 200, "hello");
	assert_int_equal(atomic_load(&s->connections), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	client_get(&b, "/hello");
	expect_reply(&b, 200, "hello");
	client_close(&a);
	client_close(&b);
	server_stop(s);
}

static void
new_settings_hold_for_later_requests(void **state)
{
	struct server *s = server_default();
	struct client old = client_connect(s), later;

	(void)state;
	client_get(&old, "/hello");
	expect_reply(&old, 200, "hello");
	s->settings.limits.body = 10;
	s->settings.limits.header = 8 << 10;
	atomic_store(&s->configure, true);
	uv_async_send(&s->async);
	while (atomic_load(&s->configure))
		usleep(1000);
	later = client_connect(s);
	for (int i = 0; i < 2; i++) {
		struct client *c = i ? &old : &later;

		assert_true(client_text(
		    c, POST "Content-Length: 11\r\n\r\nhello world"));
		expect_reply(c, 413, "request_too_large");
		client_close(c);
	}
	server_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_with_two_readings_are_refused),
		cmocka_unit_test(
		    lengths_that_are_no_numbers_never_reach_the_core),
		cmocka_unit_test(unknown_expectations_and_methods_are_refused),
		cmocka_unit_test(a_body_over_the_limit_gets_a_readable_413),
		cmocka_unit_test(
		    a_body_beyond_draining_is_refused_before_it_comes),
		cmocka_unit_test(an_endless_body_is_cut_off),
		cmocka_unit_test(bodies_of_all_together_are_bounded),
		cmocka_unit_test(without_memory_only_what_is_new_is_refused),
		cmocka_unit_test(announced_bodies_take_memory_before_they_come),
		cmocka_unit_test(unannounced_bodies_take_memory_as_they_come),
		cmocka_unit_test(without_a_limit_nothing_adds_up),
		cmocka_unit_test(too_long_headers_are_refused),
		cmocka_unit_test(a_client_that_leaves_is_noticed_at_once),
		cmocka_unit_test(it_is_noticed_on_a_unix_socket_too),
		cmocka_unit_test(a_reset_counts_as_gone),
		cmocka_unit_test(a_client_that_leaves_in_its_body_is_let_go),
		cmocka_unit_test(leaving_before_the_headers_end_bothers_nobody),
		cmocka_unit_test(a_client_that_does_not_read_holds_the_source),
		cmocka_unit_test(a_client_that_never_reads_is_disconnected),
		cmocka_unit_test(a_quiet_stream_is_no_stalled_client),
		cmocka_unit_test(dripped_requests_are_cut_off),
		cmocka_unit_test(idle_connections_are_closed),
		cmocka_unit_test(connections_over_the_limit_are_closed),
		cmocka_unit_test(
		    without_descriptors_accepting_pauses_and_comes_back),
		cmocka_unit_test(new_settings_hold_for_later_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
