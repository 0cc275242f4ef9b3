/* gateway/front/stall_test.c - clients that leave, do not read, drip or stand
 * about; and more of them than may come. */
#include <sys/resource.h>

#include "gateway/front/testing.h"

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

	expect_noticed(s);
	server_stop(s);
}

static void
it_is_noticed_on_a_unix_socket_too(void **state)
{
	struct server *s = server_new(true);

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
	expect_stalled("/flood");
	expect_stalled("/sized?60000000");
}

static void
a_quiet_stream_is_no_stalled_client(void **state)
{
	struct server *s = server_new(false);
	struct client c;

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

/* Sends `piece` every 50 ms; how long it took until the server closed. */
static usec
drip(struct server *s, const char *begin, const char *piece)
{
	struct client c = client_connect(s);
	usec began = clock_now(), took = 0;

	assert_true(client_text(&c, begin));
	while (took < 5 * USEC_SEC && client_text(&c, piece)) {
		usleep(50000);
		took = clock_now() - began;
	}
	client_close(&c);
	return took;
}

/* After 400 ms, not at once, and whatever it still sends. */
static void
expect_cut_off(struct server *s, const char *begin, const char *piece)
{
	assert_in_range(drip(s, begin, piece), 250 * USEC_MS, 4 * USEC_SEC);
}

static void
dripped_requests_are_cut_off(void **state)
{
	struct server *s = server_new(false);

	s->settings.header_timeout = 400 * USEC_MS;
	s->settings.body_timeout = 400 * USEC_MS;
	s->settings.idle_timeout = 400 * USEC_MS;
	server_start(s);
	expect_cut_off(s, "G", "E");
	expect_cut_off(s, "GET / HTTP/1.1\r\nHost: a\r\n", "x: y\r\n");
	assert_int_equal(atomic_load(&s->heads), 0);
	expect_cut_off(s, POST "Content-Length: 1000\r\n\r\n", "x");
	assert_true(reaches(&s->closed, 1));
	assert_int_equal(atomic_load(&s->last_refusal), 408);
	assert_int_equal(atomic_load(&s->requests), 0);
	server_stop(s);
}

/* As a process that was stopped, or a machine that was suspended. */
static void
what_comes_while_we_stand_still_is_in_time(void **state)
{
	struct server *s = server_new(false);
	struct client c, other;

	s->settings.body_timeout = 400 * USEC_MS;
	server_start(s);
	c = client_connect(s);
	other = client_connect(s);
	assert_true(client_text(&c,
	    "POST /echo HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 11\r\n\r\nhello "));
	assert_true(reaches(&s->heads, 1));
	client_get(&other, "/asleep");
	assert_true(reaches(&s->requests, 1));
	assert_true(client_text(&c, "world"));
	expect_reply(&c, 200, "hello world");
	client_close(&c);
	client_close(&other);
	server_stop(s);
}

static void
idle_connections_are_closed(void **state)
{
	struct server *s = server_new(false);
	struct client fresh, used;

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

/* In a stream that goes on: it does not idle, however long a test takes. */
static struct client
client_at_work(struct server *s)
{
	struct client c = client_connect(s);

	client_get(&c, "/mid");
	client_until(&c, "data: 1");
	return c;
}

static void
connections_over_the_limit_are_closed(void **state)
{
	struct server *s = server_new(false);
	struct client c[4];

	s->settings.limits.connections = 3;
	server_start(s);
	for (int i = 0; i < 3; i++)
		c[i] = client_at_work(s);
	c[3] = client_connect(s);
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

static void
over_the_limit_who_idles_makes_room(void **state)
{
	struct server *s = server_new(false);
	struct client c[3];

	s->settings.limits.connections = 2;
	server_start(s);
	c[0] = client_connect(s);
	c[1] = client_connect(s);
	client_get(&c[1], "/hello");
	expect_reply(&c[1], 200, "hello");
	client_get(&c[1], "/mid"); /* at work: it is left alone */
	client_until(&c[1], "data: 1");
	usleep(1100000); /* long enough for who says nothing */
	c[2] = client_at_work(s);
	expect_end(&c[0]);
	client_close(&c[0]);
	assert_true(reaches(&s->connections, 2));
	c[0] = client_connect(s);
	expect_end(&c[0]); /* nobody idles */
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
	server_stop(s);
}

static bool
is_let_in(struct server *s)
{
	struct client c = client_connect(s);
	bool in = client_text(&c, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") &&
	    client_read(&c);

	client_close(&c);
	return in;
}

static void
over_the_limit_who_was_just_served_stays(void **state)
{
	struct server *s = server_new(false);
	struct client c;
	usec began, took = USEC_SEC;
	bool in = false;

	s->settings.limits.connections = 1;
	server_start(s);
	/* once more where the machine stood still for so long */
	for (int i = 0; i < 10 && took >= USEC_SEC; i++) {
		began = clock_now();
		c = client_connect(s);
		client_get(&c, "/hello");
		expect_reply(&c, 200, "hello");
		in = is_let_in(s);
		took = clock_now() - began;
		client_close(&c);
		assert_true(reaches(&s->budget.connections, 0));
	}
	assert_true(!in || took >= USEC_SEC);
	server_stop(s);
}

static void
over_the_limit_who_lingers_makes_room(void **state)
{
	struct server *s = server_new(false);
	struct client c[2];

	s->settings.limits.connections = 2;
	server_start(s);
	for (int i = 0; i < 2; i++) {
		c[i] = client_connect(s);
		assert_true(client_text(
		    &c[i], POST "Content-Length: 99000000000\r\n\r\nx"));
		assert_true(reaches(&s->closed, (unsigned)i + 1));
	}
	assert_int_equal(atomic_load(&s->budget.connections), 2);
	assert_true(is_let_in(s));
	assert_true(reaches(&s->budget.connections, 1)); /* the younger one */
	assert_true(client_text(&c[1], "x"));
	expect_reply(&c[1], 413, "request_too_large");
	expect_end(&c[1]);
	for (int i = 0; i < 2; i++)
		client_close(&c[i]);
	server_stop(s);
}

static void
over_the_limit_who_is_refused_makes_room(void **state)
{
	struct server *s = server_new(false);
	struct client refused, other;

	s->settings.limits.connections = 2;
	server_start(s);
	refused = client_connect(s);
	assert_true(client_text(&refused,
	    "POST /refused HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 2\r\n\r\n"));
	other = client_connect(s);
	assert_true(client_text(&other, POST "Content-Length: 2\r\n\r\n"));
	assert_true(reaches(&s->heads, 2));
	assert_true(is_let_in(s));
	expect_end(&refused);
	assert_true(client_text(&other, "ab"));
	expect_reply(&other, 200, "ab");
	client_close(&refused);
	client_close(&other);
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
		cmocka_unit_test(a_client_that_leaves_is_noticed_at_once),
		cmocka_unit_test(it_is_noticed_on_a_unix_socket_too),
		cmocka_unit_test(a_reset_counts_as_gone),
		cmocka_unit_test(a_client_that_leaves_in_its_body_is_let_go),
		cmocka_unit_test(leaving_before_the_headers_end_bothers_nobody),
		cmocka_unit_test(a_client_that_does_not_read_holds_the_source),
		cmocka_unit_test(a_client_that_never_reads_is_disconnected),
		cmocka_unit_test(a_quiet_stream_is_no_stalled_client),
		cmocka_unit_test(dripped_requests_are_cut_off),
		cmocka_unit_test(what_comes_while_we_stand_still_is_in_time),
		cmocka_unit_test(idle_connections_are_closed),
		cmocka_unit_test(connections_over_the_limit_are_closed),
		cmocka_unit_test(over_the_limit_who_idles_makes_room),
		cmocka_unit_test(over_the_limit_who_was_just_served_stays),
		cmocka_unit_test(over_the_limit_who_lingers_makes_room),
		cmocka_unit_test(over_the_limit_who_is_refused_makes_room),
		cmocka_unit_test(
		    without_descriptors_accepting_pauses_and_comes_back),
		cmocka_unit_test(new_settings_hold_for_later_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
