/* gateway/front/tunnel_test.c - connections that change protocols. */
#include "gateway/front/testing.h"

#define ASK(path)                                                              \
	"GET " path " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"          \
	"Upgrade: x\r\n\r\n"

static struct server *
server_with_stall(usec stall)
{
	struct server *s = server_new(false);

	s->settings.client_stall = stall;
	s->settings.idle_timeout = 300 * USEC_MS;
	server_start(s);
	return s;
}

/* The head of a 101, taken off. */
static void
expect_101(struct client *c)
{
	struct slice head = client_until(c, "\r\n\r\n");

	assert_true(slice_starts(head, SLICE("HTTP/1.1 101 ")));
	assert_non_null(memmem(head.p, head.n, "Connection: Upgrade\r\n", 21));
	assert_null(memmem(head.p, head.n, "close", 5));
	assert_null(memmem(head.p, head.n, "ontent-", 7));
	buf_consume(&c->in, head.n);
}

static void
expect_bytes(struct client *c, const char *want)
{
	struct buf got;

	buf_init(&got, 1000);
	assert_true(client_take(c, &got, strlen(want)));
	assert_true(slice_is(buf_slice(&got), want));
	buf_fini(&got);
}

static void
bytes_go_both_ways(void **state)
{
	struct server *s = server_with_stall(USEC_SEC);
	struct client c = client_connect(s);

	assert_true(client_text(&c, ASK("/tunnel")));
	expect_101(&c);
	expect_bytes(&c, "hi ");
	for (int i = 0; i < 3; i++) {
		assert_true(client_text(&c, "again "));
		expect_bytes(&c, "again ");
	}
	usleep(700000); /* it is nobody's idle connection */
	assert_true(client_text(&c, "bye."));
	expect_bytes(&c, "bye.");
	expect_end(&c);
	assert_true(reaches(&s->closed, 1));
	assert_true(reaches(&s->connections, 0));
	assert_int_equal(atomic_load(&s->gone), 0);
	client_close(&c);
	server_stop(s);
}

static void
what_comes_with_the_head_is_not_lost(void **state)
{
	struct server *s = server_with_stall(USEC_SEC);
	struct client c = client_connect(s);

	assert_true(client_text(&c, ASK("/tunnel") "early."));
	expect_101(&c);
	expect_bytes(&c, "hi early.");
	expect_end(&c);
	client_close(&c);
	server_stop(s);
}

static void
a_client_that_leaves_is_told_of(void **state)
{
	struct server *s = server_with_stall(USEC_SEC);
	struct client c;

	for (unsigned i = 1; i <= 2; i++) {
		c = client_connect(s);
		assert_true(client_text(
		    &c, i == 1 ? ASK("/tunnel") "some" : ASK("/deaf") "some"));
		expect_101(&c);
		expect_bytes(&c, "hi ");
		assert_true(reaches(&s->tunnelled, 4 * i));
		client_close(&c);
		assert_true(reaches(&s->gone, i));
		assert_true(reaches(&s->closed, i));
		assert_true(reaches(&s->connections, 0));
	}
	server_stop(s);
}

static void
who_is_not_read_has_to_wait(void **state)
{
	static const char piece[65536];
	struct server *s = server_with_stall(USEC_SEC);
	struct client c = client_connect(s);
	size_t sent = 0;
	ssize_t n;

	assert_true(client_text(&c, ASK("/deaf")));
	expect_101(&c);
	for (int quiet = 0; quiet < 10;) {
		n = send(
		    c.fd, piece, sizeof(piece), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		else
			usleep(20000);
		quiet = n > 0 ? 0 : quiet + 1;
		assert_true(sent < (size_t)64 << 20);
	}
	assert_true(atomic_load(&s->tunnelled) <= 16384);
	client_close(&c);
	server_stop(s);
}

static void
what_is_written_waits_for_its_reader(void **state)
{
	struct server *s = server_with_stall(10 * USEC_SEC);
	struct client c = client_connect(s);
	size_t n = (size_t)64 << 20, at = 0;
	struct buf got;

	assert_true(client_text(&c, ASK("/gush")));
	expect_101(&c);
	expect_bytes(&c, "hi ");
	usleep(200000);
	assert_true(atomic_load(&s->accepted_bytes) < n / 2);
	buf_init(&got, n);
	while (at < n) {
		assert_true(client_take(&c, &got, 1 << 16));
		for (size_t i = 0; i < got.n; i += 997)
			assert_int_equal(got.p[i], pattern(at + i));
		at += got.n;
		buf_reset(&got);
	}
	buf_fini(&got);
	expect_end(&c);
	client_close(&c);
	server_stop(s);
}

/* What it says after the end must not destroy what it has not read. */
static void
what_was_written_is_read_by_who_still_speaks(void **state)
{
	const int small = 64 << 10;
	struct server *s = server_with_stall(10 * USEC_SEC);
	struct client c = client_connect(s);
	size_t n = (size_t)64 << 20, last = (size_t)256 << 10;
	struct buf got;

	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_true(client_text(&c, ASK("/gush")));
	expect_101(&c);
	expect_bytes(&c, "hi ");
	buf_init(&got, n);
	assert_true(client_take(&c, &got, n - last));
	assert_true(reaches(&s->closed, 1));
	assert_true(client_text(&c, "and "));
	usleep(20000);
	assert_true(client_take(&c, &got, last));
	buf_fini(&got);
	expect_end(&c);
	client_close(&c);
	assert_true(reaches(&s->connections, 0));
	server_stop(s);
}

static void
who_reads_nothing_is_let_go(void **state)
{
	struct server *s = server_with_stall(300 * USEC_MS);
	struct client c = client_connect(s);

	assert_true(client_text(&c, ASK("/gush")));
	assert_true(reaches(&s->gone, 1));
	assert_true(reaches(&s->connections, 0));
	client_close(&c);
	server_stop(s);
}

static void
closing_ends_those_that_are_open(void **state)
{
	static const char *const asks[] = { ASK("/tunnel"), ASK("/deaf") "x",
		ASK("/gush") };
	struct server *s = server_with_stall(USEC_SEC);
	struct client c[3];

	for (int i = 0; i < 3; i++) {
		c[i] = client_connect(s);
		assert_true(client_text(&c[i], asks[i]));
		expect_101(&c[i]);
	}
	server_stop(s);
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(what_comes_with_the_head_is_not_lost),
		cmocka_unit_test(a_client_that_leaves_is_told_of),
		cmocka_unit_test(who_is_not_read_has_to_wait),
		cmocka_unit_test(what_is_written_waits_for_its_reader),
		cmocka_unit_test(what_was_written_is_read_by_who_still_speaks),
		cmocka_unit_test(who_reads_nothing_is_let_go),
		cmocka_unit_test(closing_ends_those_that_are_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
