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
};

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
	f->table.loop = &f->loop;
	f->table.on_ready = on_ready;
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
	curl_socket_t fd = sock_open(&f->table, &addr);

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

	(void)state;
	start(&f);
	first = open_tcp(&f);
	sock_want(&f.table, &f.seen, first, CURL_POLL_OUT, false);
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

/* The number may be somebody else's by the time that libcurl lets go. */
static void
an_attempt_given_up_leaves_no_watcher(void **state)
{
	struct fixture f;
	uv_poll_t other;
	int fd;

	(void)state;
	start(&f);
	fd = open_tcp(&f);
	sock_want(&f.table, &f.seen, fd, CURL_POLL_OUT, false);
	close(fd);
	sock_want(&f.table, &f.seen, fd, CURL_POLL_REMOVE, false);
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

	(void)state;
	start(&f);
	fd = open_tcp(&f);
	connect_it(&f, fd);
	sock_want(&f.table, &f.seen, fd, CURL_POLL_IN, false);
	sock_want(&f.table, &f.seen, fd, CURL_POLL_REMOVE, true);
	peer = accept(f.listen_fd, NULL, NULL);
	close(peer);
	while (uv_run(&f.loop, UV_RUN_ONCE) != 0 && turns < 100)
		turns++;
	assert_in_range(turns, 0, 2);
	assert_int_equal(f.seen.n, 0);
	sock_want(&f.table, &f.seen, fd, CURL_POLL_IN, false);
	uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.seen.n, 1);
	sock_close(&f.table, fd);
	stop(&f);
}

static void
descriptors_beyond_the_table_are_watched(void **state)
{
	struct fixture f;
	int fd, high;

	(void)state;
	start(&f);
	fd = open_tcp(&f);
	connect_it(&f, fd);
	high = dup2(fd, 700);
	assert_int_equal(high, 700);
	sock_want(&f.table, &f.seen, high, CURL_POLL_OUT, false);
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
		cmocka_unit_test(an_attempt_given_up_leaves_no_watcher),
		cmocka_unit_test(an_idle_connection_that_ends_is_left_alone),
		cmocka_unit_test(descriptors_beyond_the_table_are_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
