/* bench/traffic/arrivals_test.c - traces and random arrivals. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "bench/traffic/arrivals.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define HEAD "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"

#define PATH_SIZE 64

static void
write_file(char path[PATH_SIZE], const void *bytes, size_t n)
{
	int fd;

	snprintf(path, PATH_SIZE, "/tmp/arrivals-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static enum err
read_text(
    struct arrivals *a, const char *text, double speed, struct errmsg *why)
{
	char path[PATH_SIZE];
	enum err rc;

	write_file(path, text, strlen(text));
	rc = arrivals_trace(a, path, speed, why);
	unlink(path);
	return rc;
}

static void
a_trace_is_read_in_its_own_time(void **state)
{
	struct arrivals a;
	struct errmsg why;

	assert_int_equal(read_text(&a,
			     HEAD "2023-11-16 23:59:59.9805900,374,44\r\n"
				  "2023-11-17 00:00:01,396,109\r\n",
			     2, &why),
	    OK);
	assert_int_equal(a.next.due, 0);
	assert_int_equal(a.next.prompt, 374);
	assert_int_equal(a.next.output, 44);
	arrivals_step(&a);
	assert_int_equal(a.next.due, 1019410 / 2);
	assert_false(a.over);
	arrivals_step(&a);
	assert_true(a.over);
	arrivals_fini(&a);
}

static void
a_trace_may_say_who_asked(void **state)
{
	static const unsigned askers[] = { 1, 0, 2, 1 };
	struct arrivals a;
	struct errmsg why;

	assert_int_equal(read_text(&a,
			     HEAD "2023-11-16 18:15:46,1,2,acme,m,voice\n"
				  "2023-11-16 18:15:47,1,2\n"
				  "2023-11-16 18:15:48,1,2,,m,\n"
				  "2023-11-16 18:15:49,1,2,acme,m,voice\n",
			     1, &why),
	    OK);
	assert_int_equal(a.n_askers, 2);
	assert_true(slice_is(a.askers[0].tenant, "acme"));
	assert_true(slice_is(a.askers[0].model, "m"));
	assert_true(slice_is(a.askers[0].slo, "voice"));
	assert_int_equal(a.askers[0].line, 2);
	assert_int_equal(a.askers[1].tenant.n, 0);
	assert_true(slice_is(a.askers[1].model, "m"));
	assert_int_equal(a.askers[1].slo.n, 0);
	for (size_t i = 0; i < COUNT(askers); i++) {
		assert_int_equal(a.next.asker, askers[i]);
		arrivals_step(&a);
	}
	arrivals_fini(&a);
}

static void
a_bad_row_is_named(void **state)
{
	static const char *const bad[] = {
		HEAD "2023-11-16 18:15:46,374,44\nyesterday,1,1\n",
		HEAD "2023-11-16 18:15:46,374,44\n2023-11-16 18:15:47,1\n",
		HEAD "2023-11-16 18:15:46,374,44\n2023-11-16 18:15:47,1,2,3\n",
		HEAD "2023-11-16 18:15:46,3,4\n2023-11-16 18:15:47,1,2,a,b\n",
		HEAD
		"2023-11-16 18:15:46,3,4\n2023-11-16 18:15:47,1,2,a,b,c,\n",
		HEAD "2023-11-16 18:15:46,374,44\n2023-11-16 18:15:45,1,2\n",
		HEAD "2023-11-16 18:15:46,374,44\n2023-11-16 18:15:47x,1,2\n",
		HEAD "2023-11-16 18:15:46,3,4\n2023-11-16 18:15:47.1e1,1,2\n",
	};
	struct arrivals a;
	struct errmsg why;

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_not_equal(read_text(&a, bad[i], 1, &why), OK);
		assert_non_null(strstr(why.text, ":3: "));
	}
	assert_int_equal(read_text(&a, HEAD, 1, &why), ERR_INVALID);
	assert_int_equal(arrivals_trace(&a, "/none", 1, &why), ERR_IO);
}

static void
a_compressed_trace_reads_alike_and_a_cut_one_is_refused(void **state)
{
	struct arrivals a;
	struct errmsg why;
	char path[PATH_SIZE];
	gzFile z;
	char bytes[4096];
	FILE *in;
	size_t n;

	write_file(path, "", 0);
	z = gzopen(path, "wb");
	gzputs(z, HEAD);
	for (int i = 0; i < 60; i++)
		gzprintf(z, "2023-11-16 18:15:%02d.%d,%d,7\n", i, rand(), i);
	gzclose(z);
	assert_int_equal(arrivals_trace(&a, path, 1, &why), OK);
	assert_int_equal(a.n, 60);
	arrivals_fini(&a);
	in = fopen(path, "rb");
	n = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	unlink(path);
	write_file(path, bytes, n / 2);
	assert_int_not_equal(arrivals_trace(&a, path, 1, &why), OK);
	unlink(path);
}

static void
random_arrivals_keep_their_rate_and_seed(void **state)
{
	struct arrivals a, b;

	arrivals_random(&a, 1000, 7);
	arrivals_random(&b, 1000, 7);
	for (int i = 0; i < 20000; i++) {
		usec before = a.next.due;

		assert_int_equal(a.next.due, b.next.due);
		arrivals_step(&a);
		arrivals_step(&b);
		assert_true(a.next.due >= before);
	}
	/* 20,000 arrivals in 20 s, give or take four deviations */
	assert_in_range(a.next.due, 19430000, 20570000);
}

/* Of gaps that are cut to whole microseconds half of one is lost each time. */
static void
a_high_rate_is_kept(void **state)
{
	struct arrivals a;

	arrivals_random(&a, 200000, 7);
	for (int i = 0; i < 200000; i++)
		arrivals_step(&a);
	/* give or take four deviations */
	assert_in_range(a.next.due, 991000, 1009000);
}

static void
a_gap_of_more_than_a_day_is_refused(void **state)
{
	const char *far = HEAD "2023-11-16 18:15:46,374,44\n"
			       "2024-11-16 18:15:46,374,44\n";
	struct arrivals a;
	struct errmsg why;

	assert_int_equal(read_text(&a,
			     HEAD "2023-11-16 18:15:46,1,1\n"
				  "2023-11-17 18:15:46,1,1\n",
			     1, &why),
	    OK);
	arrivals_fini(&a);
	assert_int_equal(read_text(&a, far, 1, &why), ERR_INVALID);
	assert_non_null(strstr(why.text,
	    ":3: want at most 24 hours after the line before, got 8784 at "
	    "--speed 1"));
	assert_int_equal(read_text(&a, far, 366, &why), OK);
	arrivals_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_is_read_in_its_own_time),
		cmocka_unit_test(a_trace_may_say_who_asked),
		cmocka_unit_test(a_bad_row_is_named),
		cmocka_unit_test(
		    a_compressed_trace_reads_alike_and_a_cut_one_is_refused),
		cmocka_unit_test(a_gap_of_more_than_a_day_is_refused),
		cmocka_unit_test(random_arrivals_keep_their_rate_and_seed),
		cmocka_unit_test(a_high_rate_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
