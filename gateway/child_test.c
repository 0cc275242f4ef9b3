/* gateway/child_test.c - children start, crash, come back and end. */
#include "gateway/child.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE (10 * USEC_SEC)

struct fixture {
	uv_loop_t loop;
	uv_timer_t tick; /* so that the loop turns */
	struct child *child;
	unsigned ups, downs;
	bool stopped;
	char url[64];
	char log_path[64]; /* what went to stderr */
	int stderr_fd;
};

static void
on_up(void *arg, const char *url)
{
	struct fixture *f = arg;

	f->ups++;
	snprintf(f->url, sizeof(f->url), "%s", url);
}

static void
on_down(void *arg)
{
	struct fixture *f = arg;

	f->downs++;
}

static bool
withholds(void *arg, struct slice variable)
{
	return slice_is(variable, "CHILD_TEST_KEY");
}

static const struct child_ops ops = {
	.on_up = on_up, .on_down = on_down, .withholds = withholds
};

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

static void
on_tick(uv_timer_t *t)
{
	(void)t;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	uv_loop_init(&f->loop);
	uv_timer_init(&f->loop, &f->tick);
	uv_timer_start(&f->tick, on_tick, 5, 5);
	snprintf(f->log_path, sizeof(f->log_path), "/tmp/child-test-XXXXXX");
	fd = mkstemp(f->log_path);
	assert_true(fd >= 0);
	f->stderr_fd = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dup2(f->stderr_fd, STDERR_FILENO);
	close(f->stderr_fd);
	unlink(f->log_path);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

/* Runs `sh -c script`, impatiently. */
static void
start_script(struct fixture *f, const char *script)
{
	const char *const command[] = { "/bin/sh", "-c", script, "sh", "{port}",
		NULL };
	const struct child_timing quick = { .restart_first = 20 * USEC_MS,
		.restart_max = 80 * USEC_MS,
		.restart_forget = 60 * USEC_SEC,
		.grace = 150 * USEC_MS };

	f->child = child_new(&f->loop, "local", command, &ops, f);
	assert_non_null(f->child);
	child_set_timing(f->child, &quick);
}

static void
stop(struct fixture *f)
{
	usec end = clock_now() + PATIENCE;

	child_stop(&f->child, on_stopped, &f->stopped);
	assert_null(f->child);
	while (!f->stopped && clock_now() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_true(f->stopped);
}

static char *
read_log(const struct fixture *f)
{
	char *text = calloc(1, 65536);
	int fd = open(f->log_path, O_RDONLY);

	assert_true(read(fd, text, 65535) >= 0);
	close(fd);
	return text;
}

static bool
logged(const struct fixture *f, const char *want)
{
	char *text = read_log(f);
	bool found = strstr(text, want) != NULL;

	free(text);
	return found;
}

static void
await_log(struct fixture *f, const char *want)
{
	usec end = clock_now() + PATIENCE;

	while (!logged(f, want) && clock_now() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	if (!logged(f, want))
		fail_msg("\"%s\" is not in the log: %s", want, read_log(f));
}

static void
await_ups(struct fixture *f, unsigned n)
{
	usec end = clock_now() + PATIENCE;

	while (f->ups < n && clock_now() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->ups, n);
}

/* The number that the log has after `label`. */
static int
logged_number(struct fixture *f, const char *label)
{
	char *text = read_log(f), *at = strstr(text, label);
	int n;

	assert_non_null(at);
	n = (int)strtol(at + strlen(label), NULL, 10);
	free(text);
	return n;
}

/* Gone, or dead and not yet collected by whoever inherited it. */
static bool
is_dead(int pid)
{
	char path[64], stat[256] = "", *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return true;
	(void)!fread(stat, 1, sizeof(stat) - 1, file);
	fclose(file);
	state = strrchr(stat, ')');
	return state == NULL || state[2] == 'Z';
}

static void
assert_dies(int pid)
{
	usec end = clock_now() + PATIENCE;

	while (!is_dead(pid) && clock_now() < end)
		usleep(1000);
	assert_true(is_dead(pid));
}

static void
a_child_that_crashes_thrice_lives_in_the_end(void **state)
{
	struct fixture *f = *state;
	char counter[] = "/tmp/child-count-XXXXXX", script[256];
	usec began = clock_now();

	close(mkstemp(counter));
	snprintf(script, sizeof(script),
	    "echo x >> %s; [ $(wc -l < %s) -gt 3 ] || exit 7; "
	    "echo well; exec sleep 1000",
	    counter, counter);
	start_script(f, script);
	await_log(f, "child=local text=\"well\"");
	assert_int_equal(f->ups, 4);
	assert_int_equal(f->downs, 3);
	assert_true(clock_now() - began >= (20 + 40 + 80) * USEC_MS);
	assert_true(logged(f, "child=local event=exit status=7 signal=0"));
	assert_true(logged(f, "restart_in_ms=20"));
	assert_true(logged(f, "restart_in_ms=80"));
	stop(f);
	assert_int_equal(f->downs, 3);
	unlink(counter);
}

static void
what_is_withheld_is_not_in_its_environment(void **state)
{
	struct fixture *f = *state;

	setenv("CHILD_TEST_KEY", "sk-hunter2", 1);
	setenv("CHILD_TEST_KEY_TOO", "plain", 1);
	start_script(f,
	    "env | grep CHILD_TEST; echo key=$CHILD_TEST_KEY.; "
	    "exec sleep 60");
	await_log(f, "key=.");
	assert_true(logged(f, "CHILD_TEST_KEY_TOO=plain"));
	assert_false(logged(f, "hunter2"));
	stop(f);
	unsetenv("CHILD_TEST_KEY");
	unsetenv("CHILD_TEST_KEY_TOO");
}

static void
a_missing_program_is_named_and_tried_again(void **state)
{
	struct fixture *f = *state;
	const char *const command[] = { "tools/no-such-model", "{port}", NULL };
	const struct child_timing quick = { .restart_first = 10 * USEC_MS,
		.restart_max = 10 * USEC_MS,
		.grace = 10 * USEC_MS };
	usec end = clock_now() + 3 * USEC_SEC;

	f->child = child_new(&f->loop, "local", command, &ops, f);
	assert_non_null(f->child);
	child_set_timing(f->child, &quick);
	assert_int_equal(f->downs, 1);
	assert_true(logged(f,
	    "level=error child=local command=tools/no-such-model "
	    "reason=\"no such file or directory\""));
	while (f->downs < 3 && clock_now() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->downs, 3);
	assert_int_equal(f->ups, 0);
	stop(f);
}

static void
the_port_is_told_to_the_child_and_to_us(void **state)
{
	struct fixture *f = *state;
	char want[128];
	int port;

	start_script(f, "echo on $1 or {port}=$(({port})); exec sleep 1000");
	await_ups(f, 1);
	assert_int_equal(sscanf(f->url, "http://127.0.0.1:%d/v1", &port), 1);
	assert_in_range(port, 1024, 65535);
	snprintf(
	    want, sizeof(want), "text=\"on %d or %d=%d\"", port, port, port);
	await_log(f, want);
	stop(f);
}

static void
output_is_logged_line_by_line_and_bounded(void **state)
{
	struct fixture *f = *state;

	start_script(f,
	    "echo out; echo 'say \"hi\"' >&2; printf 'a\\n\\nb\\n'; "
	    "head -c 100000 /dev/zero | tr '\\0' z; echo; echo last; "
	    "printf unfinished; exec sleep 1000 >/dev/null 2>&1");
	await_log(f, "child=local text=\"last\"");
	await_log(f, "child=local text=\"unfinished\"");
	assert_true(logged(f, "child=local text=\"out\""));
	assert_true(logged(f, "child=local text=\"say 'hi'\""));
	assert_true(logged(f, "text=\"a\""));
	assert_true(logged(f, "text=\"b\""));
	assert_true(logged(f, "zzzz\"\n"));
	assert_false(logged(f, "text=\"\""));
	stop(f);
}

static void
stopping_ends_a_willing_child_at_once(void **state)
{
	struct fixture *f = *state;
	struct child_timing patient = CHILD_TIMING;
	usec began;

	start_script(f,
	    "trap 'echo bye; exit 0' TERM; echo ready; "
	    "while :; do sleep 0.01; done");
	child_set_timing(f->child, &patient);
	await_log(f, "text=\"ready\"");
	began = clock_now();
	stop(f);
	assert_true(clock_now() - began < patient.grace / 2);
	assert_true(logged(f, "text=\"bye\""));
	assert_false(logged(f, "event=kill"));
	assert_int_equal(f->downs, 0);
}

static void
stopping_kills_an_unwilling_child(void **state)
{
	struct fixture *f = *state;
	usec began;

	start_script(
	    f, "trap '' TERM; echo ready; while :; do sleep 0.01; done");
	await_log(f, "text=\"ready\"");
	began = clock_now();
	stop(f);
	/* the loop counts whole milliseconds */
	assert_in_range(clock_now() - began, 148 * USEC_MS, 3 * USEC_SEC);
	assert_true(logged(f, "child=local event=kill"));
	assert_dies(logged_number(f, "event=start pid="));
}

static void
what_a_child_has_started_ends_with_it(void **state)
{
	struct fixture *f = *state;

	start_script(f, "sleep 1000 & echo grandchild $! of mine; wait");
	await_log(f, "of mine");
	stop(f);
	assert_dies(logged_number(f, "grandchild "));
}

/* The shell goes, what it started holds on to the output. */
static void
a_child_that_leaves_others_behind_is_started_again(void **state)
{
	struct fixture *f = *state;

	start_script(f, "sleep 1000 & echo grandchild $! of mine; exit 1");
	await_ups(f, 2);
	assert_dies(logged_number(f, "grandchild "));
	stop(f);
}

/* Out of reach in a session of its own, with our pipe in its hands. */
static void
a_daemon_left_behind_holds_up_nothing(void **state)
{
	struct fixture *f = *state;

	start_script(f, "setsid sh -c 'sleep 5 & echo daemon $! runs'; exit 1");
	await_ups(f, 2);
	kill(logged_number(f, "daemon "), SIGKILL);
	stop(f);
}

/* Instead of a gateway that is killed. */
static void
keep_until_killed(struct fixture *f, const char *script)
{
	uv_loop_fork(&f->loop);
	start_script(f, script);
	for (;;)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void
a_child_ends_when_the_gateway_is_killed(void **state)
{
	struct fixture *f = *state;
	pid_t gateway = fork();

	if (gateway == 0)
		keep_until_killed(
		    f, "sleep 1000 & echo grandchild $! of mine; wait");
	await_log(f, "of mine");
	kill(gateway, SIGKILL);
	assert_int_equal(waitpid(gateway, NULL, 0), gateway);
	assert_dies(logged_number(f, "event=start pid="));
	assert_dies(logged_number(f, "grandchild "));
}

static void
stopping_between_two_starts_starts_no_more(void **state)
{
	struct fixture *f = *state;
	unsigned ups;

	start_script(f, "exit 3");
	await_ups(f, 2);
	await_log(f, "restart_in_ms=40");
	stop(f);
	ups = f->ups;
	for (int i = 0; i < 30; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->ups, ups);
}

static void
stopping_nobody_is_done_at_once(void **state)
{
	struct fixture *f = *state;

	child_stop(&f->child, on_stopped, &f->stopped);
	assert_true(f->stopped);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_child_that_crashes_thrice_lives_in_the_end),
		TEST(what_is_withheld_is_not_in_its_environment),
		TEST(a_missing_program_is_named_and_tried_again),
		TEST(the_port_is_told_to_the_child_and_to_us),
		TEST(output_is_logged_line_by_line_and_bounded),
		TEST(stopping_ends_a_willing_child_at_once),
		TEST(stopping_kills_an_unwilling_child),
		TEST(what_a_child_has_started_ends_with_it),
		TEST(a_child_that_leaves_others_behind_is_started_again),
		TEST(a_daemon_left_behind_holds_up_nothing),
		TEST(a_child_ends_when_the_gateway_is_killed),
		TEST(stopping_between_two_starts_starts_no_more),
		TEST(stopping_nobody_is_done_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
