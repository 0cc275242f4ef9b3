/* gateway/front/listen_test.c - listening, and what stands in its way. */
#include <poll.h>
#include <sys/stat.h>

#include "gateway/front/testing.h"

static uint16_t
port_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void
unix_path(char *out, size_t n)
{
	snprintf(out, n, "/tmp/listen-test-%d.sock", (int)getpid());
	(void)unlink(out);
}

static void
a_port_in_use_is_named(void **state)
{
	struct conf_listen l = { .address = "127.0.0.1" };
	struct errmsg why;
	char want[64];
	int first, second;

	assert_int_equal(front_listen(&l, &first, &why), OK);
	l.port = port_of(first);
	assert_int_equal(front_listen(&l, &second, &why), ERR_IO);
	snprintf(want, sizeof(want), "port %u on 127.0.0.1 is in use", l.port);
	assert_string_equal(why.text, want);
	front_unlisten(&l, first);
	assert_int_equal(front_listen(&l, &second, &why), OK);
	front_unlisten(&l, second);
}

static int
begin_to_connect(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static int
answer_to(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof(int);
	int error;

	if (poll(&p, 1, 10000) != 1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return ETIMEDOUT;
	return error;
}

static void
who_comes_too_late_is_refused_and_not_reset(void **state)
{
	struct conf_listen l = { .address = "127.0.0.1" };
	struct errmsg why;
	int fd, early, late, let_in;

	assert_int_equal(front_listen(&l, &fd, &why), OK);
	early = begin_to_connect(port_of(fd));
	assert_int_equal(answer_to(early), 0);
	front_bar(fd);
	late = begin_to_connect(port_of(fd));
	let_in = accept(fd, NULL, NULL);
	assert_true(let_in >= 0);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	front_unlisten(&l, fd);
	assert_int_equal(answer_to(late), ECONNREFUSED);
	close(early);
	close(late);
	close(let_in);
}

static void
names_and_brackets_are_addresses(void **state)
{
	static const char *const good[] = { "localhost", "0.0.0.0" };
	struct conf_listen l = { .port = 0 };
	struct errmsg why;
	int fd;

	for (size_t i = 0; i < 2; i++) {
		l.address = good[i];
		assert_int_equal(front_listen(&l, &fd, &why), OK);
		front_unlisten(&l, fd);
	}
	l.address = "[::1]";
	if (access("/proc/net/if_inet6", R_OK) == 0 &&
	    front_listen(&l, &fd, &why) == OK)
		front_unlisten(&l, fd);
	l.address = "no such host";
	assert_int_equal(front_listen(&l, &fd, &why), ERR_IO);
	l.address = "192.0.2.1"; /* for documentation: nobody's */
	assert_int_equal(front_listen(&l, &fd, &why), ERR_IO);
	assert_string_equal(
	    why.text, "192.0.2.1 is no address of this machine");
}

static void
a_stale_socket_is_replaced(void **state)
{
	struct conf_listen l = { .path = NULL };
	struct errmsg why;
	char path[64];
	int fd;

	unix_path(path, sizeof(path));
	l.path = path;
	assert_int_equal(front_listen(&l, &fd, &why), OK);
	close(fd); /* as a process that is killed would */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(front_listen(&l, &fd, &why), OK);
	front_unlisten(&l, fd);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_living_socket_is_left_alone(void **state)
{
	struct conf_listen l = { .path = NULL };
	struct errmsg why;
	char path[64], want[96];
	int first, second;

	unix_path(path, sizeof(path));
	l.path = path;
	assert_int_equal(front_listen(&l, &first, &why), OK);
	assert_int_equal(front_listen(&l, &second, &why), ERR_IO);
	snprintf(want, sizeof(want), "socket %s is in use", path);
	assert_string_equal(why.text, want);
	front_unlisten(&l, first);
}

static void
a_file_in_the_way_is_left_alone(void **state)
{
	struct conf_listen l = { .path = NULL };
	struct errmsg why;
	struct stat st;
	char path[64];
	FILE *file;
	int fd;

	unix_path(path, sizeof(path));
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("precious", file);
	fclose(file);
	l.path = path;
	assert_int_equal(front_listen(&l, &fd, &why), ERR_IO);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	unlink(path);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
	struct conf_listen l = { .path = NULL };
	struct errmsg why;
	char path[200];
	int fd;

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	l.path = path;
	assert_int_equal(front_listen(&l, &fd, &why), ERR_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_in_use_is_named),
		cmocka_unit_test(who_comes_too_late_is_refused_and_not_reset),
		cmocka_unit_test(names_and_brackets_are_addresses),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(a_living_socket_is_left_alone),
		cmocka_unit_test(a_file_in_the_way_is_left_alone),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
