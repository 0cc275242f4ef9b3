/* gateway/upstream/sock_test.c - watchers come and go with their sockets. */
#include "gateway/upstream/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PEER 7

struct seen {
	unsigned n;
	int fd, bits;
};

struct fixture {
	uv_loop_t loop;
	struct sock_table table;
	struct sockaddr_in addr;
	int listen_fd;
	struct seen seen;
	bool closed;
	unsigned lost;
	usec idled;
};

static void
on_lost(void *arg, uint32_t peer, usec idled)
{
	struct fixture *f = arg;

	assert_int_equal(peer, PEER);
	f->lost++;
	f->idled = idled;
}

static void
on_ready(void *owner, curl_socket_t fd, int bits)
{
	struct seen *seen = owner;

	seen->n++;
	seen->fd = fd;
	seen->bits = bits;
}

static void
on_closed(void *arg)
{
	*(bool *)arg = true;
}

static void
start(struct fixture *f)
{
	socklen_t len = sizeof(f->addr);

	*f =
	    (struct fixture){ .addr = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	uv_loop_init(&f->loop);
	sock_table_init(&f->table, &f->loop, on_ready);
	f->table.on_lost = on_lost;
	f->table.lost_arg = f;
	f->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    bind(f->listen_fd, (struct sockaddr *)&f->addr, sizeof(f->addr)),
	    0);
	assert_int_equal(listen(f->listen_fd, 8), 0);
	getsockname(f->listen_fd, (struct sockaddr *)&f->addr, &len);
}

static void
stop(struct fixture *f)
{
	sock_table_fini(&f->table, on_closed, &f->closed);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(f->closed);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	close(f->listen_fd);
}

static curl_socket_t
open_tcp(struct fixture *f)
{
	const struct curl_sockaddr addr = { .family = AF_INET,
		.socktype = SOCK_STREAM,
		.protocol = IPPROTO_TCP };
	curl_socket_t fd = sock_open(&f->table, PEER, &addr);

	assert_true(fd >= 0);
	return fd;
}

static void
connect_it(struct fixture *f, int fd)
{
	if (connect(fd, (struct sockaddr *)&f->addr, sizeof(f->addr)) != 0)
		assert_int_equal(errno, EINPROGRESS);
}

/* What libcurl 7.88 does to a connection attempt that it gives up for another:
 * no word of the end of the first, nor of an interest in the second. */
static void
a_number_given_out_again_is_watched_as_before(void **state)
{
	struct fixture f;
	int first, second;

	start(&f);
	first = open_tcp(&f);
	sock_want(&f.table, &f.seen, PEER, first, CURL_POLL_OUT, SOCK_CONNECTS);
	close(first);
	second = open_tcp(&f);
	assert_int_equal(first, second);
	connect_it(&f, second);
	uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.seen.n, 1);
	assert_int_equal(f.seen.fd, second);
	assert_int_equal(f.seen.bits, CURL_CSELECT_OUT);
	sock_close(&f.table, second);
	stop(&f);
}

/* Nor of the end of one that it opened and gave up in the same turn. */
static void
an_attempt_that_nobody_told_of_holds_nothing_up(void **state)
{
	struct fixture f;
	int fd;

	start(&f);
	fd = open_tcp(&f);
	connect_it(&f, fd);
	close(fd);
	stop(&f);
}

/* The number may be somebody else's by the time that libcurl lets go. */
static void
an_attempt_given_up_leaves_no_watcher(void **state)
{
	struct fixture f;
	uv_poll_t other;
	int fd;

	start(&f);
	fd = open_tcp(&f);
	sock_want(&f.table, &f.seen, PEER, fd, CURL_POLL_OUT, SOCK_CONNECTS);
	close(fd);
	sock_want(&f.table, &f.seen, PEER, fd, CURL_POLL_REMOVE, SOCK_CONNECTS);
	assert_int_equal(socket(AF_INET, SOCK_STREAM, 0), fd);
	assert_int_equal(uv_poll_init(&f.loop, &other, fd), 0);
	uv_close((uv_handle_t *)&other, NULL);
	close(fd);
	stop(&f);
	assert_int_equal(f.seen.n, 0);
}

/* An idle connection that the far end closes must not keep the loop busy, and
 * is watched again when it is wanted again. */
static void
an_idle_connection_that_ends_is_left_alone(void **state)
{
	struct fixture f;
	int fd, peer, turns = 0;

	start(&f);
	fd = open_tcp(&f);
	connect_it(&f, fd);
	sock_want(&f.table, &f.seen, PEER, fd, CURL_POLL_IN, SOCK_CONNECTS);
	sock_want(&f.table, &f.seen, PEER, fd, CURL_POLL_REMOVE, SOCK_IDLES);
	peer = accept(f.listen_fd, NULL, NULL);
	close(peer);
	while (uv_run(&f.loop, UV_RUN_ONCE) != 0 && turns < 100)
		turns++;
	assert_in_range(turns, 0, 3);
	assert_int_equal(f.seen.n, 0);
	assert_int_equal(f.lost, 1);
	assert_in_range(f.idled, 0, 10 * USEC_SEC);
	assert_int_equal(peer_find(&f.table.peers, PEER)->n_open, 0);
	sock_want(&f.table, &f.seen, PEER, fd, CURL_POLL_IN, SOCK_CONNECTS);
	uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.seen.n, 1);
	sock_close(&f.table, fd);
	stop(&f);
}

/* A refusal and then a reset, as a backend does that will not read a long
 * body. */
static void
what_came_before_an_error_is_to_be_read(void **state)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct fixture f;
	int fd, peer;
	char c;

	start(&f);
	fd = open_tcp(&f);
	connect_it(&f, fd);
	peer = accept(f.listen_fd, NULL, NULL);
	assert_int_equal(send(peer, "x", 1, 0), 1);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(peer);
	sock_want(&f.table, &f.seen, PEER, fd, CURL_POLL_INOUT, SOCK_CONNECTS);
	uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.seen.n, 1);
	assert_true((f.seen.bits & CURL_CSELECT_ERR) != 0);
	assert_true((f.seen.bits & CURL_CSELECT_IN) != 0);
	assert_int_equal(recv(fd, &c, 1, 0), 1);
	sock_close(&f.table, fd);
	stop(&f);
}

static bool
fits(const void *owner)
{
	return ((const struct seen *)owner)->fd != -1;
}

/* Each idle connection once in a turn, the one used last first, and none that
 * is in use, paused or of another peer. */
static void
idle_connections_are_claimed_in_turn(void **state)
{
	struct seen owners[3] = { { 0 } };
	struct fixture f;
	int fds[3];

	start(&f);
	assert_null(sock_claim(&f.table, PEER, fits));
	for (int i = 0; i < 3; i++) {
		fds[i] = open_tcp(&f);
		connect_it(&f, fds[i]);
		sock_want(&f.table, &owners[i], PEER, fds[i], CURL_POLL_IN,
		    SOCK_CONNECTS);
		sock_want(&f.table, &owners[i], PEER, fds[i], CURL_POLL_REMOVE,
		    i == 1 ? SOCK_PAUSES : SOCK_IDLES);
	}
	sock_next_turn(&f.table);
	assert_null(sock_claim(&f.table, PEER + 1, fits));
	assert_ptr_equal(sock_claim(&f.table, PEER, fits), &owners[2]);
	assert_ptr_equal(sock_claim(&f.table, PEER, fits), &owners[0]);
	assert_null(sock_claim(&f.table, PEER, fits));
	sock_next_turn(&f.table);
	sock_want(
	    &f.table, &owners[2], PEER, fds[2], CURL_POLL_IN, SOCK_CONNECTS);
	assert_ptr_equal(sock_claim(&f.table, PEER, fits), &owners[0]);
	sock_next_turn(&f.table);
	owners[0].fd = -1;
	assert_null(sock_claim(&f.table, PEER, fits));
	assert_int_equal(peer_find(&f.table.peers, PEER)->n_idle, 1);
	assert_int_equal(peer_find(&f.table.peers, PEER)->n_open, 3);
	for (int i = 0; i < 3; i++)
		sock_close(&f.table, fds[i]);
	assert_int_equal(peer_find(&f.table.peers, PEER)->n_open, 0);
	stop(&f);
}

static void
descriptors_beyond_the_table_are_watched(void **state)
{
	struct fixture f;
	int fd, high;

	start(&f);
	fd = open_tcp(&f);
	connect_it(&f, fd);
	high = dup2(fd, 700);
	assert_int_equal(high, 700);
	sock_want(&f.table, &f.seen, PEER, high, CURL_POLL_OUT, SOCK_CONNECTS);
	uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.seen.fd, high);
	sock_close(&f.table, high);
	sock_close(&f.table, fd);
	stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_given_out_again_is_watched_as_before),
		cmocka_unit_test(
		    an_attempt_that_nobody_told_of_holds_nothing_up),
		cmocka_unit_test(an_attempt_given_up_leaves_no_watcher),
		cmocka_unit_test(an_idle_connection_that_ends_is_left_alone),
		cmocka_unit_test(what_came_before_an_error_is_to_be_read),
		cmocka_unit_test(idle_connections_are_claimed_in_turn),
		cmocka_unit_test(descriptors_beyond_the_table_are_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
