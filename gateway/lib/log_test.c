/* gateway/lib/log_test.c - lines that nothing can forge. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* What has been written to stderr since capture_begin(). */
struct capture {
	FILE *file;
	int real;
	char text[8192];
};

static void
capture_begin(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->real = dup(STDERR_FILENO);
	assert_int_equal(dup2(fileno(c->file), STDERR_FILENO), STDERR_FILENO);
}

static void
capture_end(struct capture *c)
{
	size_t n;

	assert_int_equal(dup2(c->real, STDERR_FILENO), STDERR_FILENO);
	close(c->real);
	rewind(c->file);
	n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	fclose(c->file);
}

static void
a_line_has_time_level_and_pairs(void **state)
{
	struct capture c;
	int year, n = 0;

	capture_begin(&c);
	log_warn("retry reason=%s n=%d", "reset", 2);
	capture_end(&c);
	sscanf(c.text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ%n", &year, &n);
	assert_int_equal(n, 27);
	assert_string_equal(c.text + n, " level=warn retry reason=reset n=2\n");
}

static void
values_cannot_forge_lines(void **state)
{
	struct capture c;

	capture_begin(&c);
	log_error("x name=%s",
	    "a\nlevel=info b\r\x1b[31m\x7f\xc2\x9b"
	    "31m\xc2\xa0\xc2");
	capture_end(&c);
	assert_non_null(
	    strstr(c.text, "name=a?level=info b??[31m???31m\xc2\xa0?\n"));
	assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
}

static void
what_is_not_utf8_is_no_part_of_a_line(void **state)
{
	struct capture c;

	capture_begin(&c);
	log_error("x name=%s cut=\"%.3s\"", "\xff\xc3\xa9\xe2\x82",
	    "\xc3\xa9\xc3\xa9");
	capture_end(&c);
	assert_non_null(strstr(c.text, "name=?\xc3\xa9?? cut=\"\xc3\xa9?\"\n"));
}

static void
long_lines_are_cut_and_still_end(void **state)
{
	struct capture c;

	capture_begin(&c);
	log_error("x pad=%05000d", 7);
	capture_end(&c);
	assert_int_equal(c.text[strlen(c.text) - 1], '\n');
	assert_in_range(strlen(c.text), 1000, 2048);
}

static void
levels_above_the_set_one_are_silent(void **state)
{
	struct capture c;
	enum log_level l;

	assert_true(log_level_parse("warn", &l));
	assert_false(log_level_parse("loud", &l));
	log_set_level(l);
	assert_true(log_wants(LOG_ERROR) && !log_wants(LOG_INFO));
	capture_begin(&c);
	log_info("quiet");
	log_debug("quiet");
	log_warn("heard");
	capture_end(&c);
	assert_null(strstr(c.text, "quiet"));
	assert_non_null(strstr(c.text, "heard"));
	log_set_level(LOG_INFO);
}

static void
lines_beyond_the_limit_are_counted_not_written(void **state)
{
	struct log_limit l = { .event = "refuse", .most = 3 };
	unsigned passed = 0;
	struct capture c;

	capture_begin(&c);
	for (int i = 0; i < 10; i++)
		passed += log_limit_pass(&l, 5 * USEC_SEC + i);
	assert_int_equal(passed, 3);
	/* A thread whose turn began earlier opens no new second. */
	assert_false(log_limit_pass(&l, 5 * USEC_SEC - 1));
	assert_true(log_limit_pass(&l, 6 * USEC_SEC));
	assert_true(log_limit_pass(&l, 9 * USEC_SEC));
	capture_end(&c);
	assert_non_null(
	    strstr(c.text, " level=info suppressed event=refuse lines=8\n"));
	assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
}

/* Nobody reads it, and it takes no more. */
static void
fill(int pipe_end)
{
	static const char zeros[4096];

	assert_int_equal(fcntl(pipe_end, F_SETFL, O_NONBLOCK), 0);
	while (write(pipe_end, zeros, sizeof(zeros)) > 0)
		continue;
	assert_int_equal(fcntl(pipe_end, F_SETFL, 0), 0);
}

static void
a_full_pipe_is_not_waited_for(void **state)
{
	uint64_t before = log_dropped();
	int real = dup(STDERR_FILENO), ends[2];
	ssize_t n, last = 0;
	char text[4096];

	assert_int_equal(pipe(ends), 0);
	fill(ends[1]);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	alarm(20); /* it would wait for ever */
	log_info("lost n=%d", 1);
	log_info("lost n=%d", 2);
	assert_int_equal(log_dropped() - before, 2);

	assert_int_equal(read(ends[0], text, sizeof(text)), sizeof(text));
	log_info("kept");
	alarm(0);
	assert_int_equal(dup2(real, STDERR_FILENO), STDERR_FILENO);
	close(real);
	close(ends[1]);
	while ((n = read(ends[0], text, sizeof(text) - 1)) > 0)
		last = n;
	close(ends[0]);
	assert_int_equal(log_dropped() - before, 2);
	assert_memory_equal(text + last - 6, " kept\n", 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_and_pairs),
		cmocka_unit_test(values_cannot_forge_lines),
		cmocka_unit_test(what_is_not_utf8_is_no_part_of_a_line),
		cmocka_unit_test(long_lines_are_cut_and_still_end),
		cmocka_unit_test(levels_above_the_set_one_are_silent),
		cmocka_unit_test(
		    lines_beyond_the_limit_are_counted_not_written),
		cmocka_unit_test(a_full_pipe_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
