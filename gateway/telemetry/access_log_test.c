/* gateway/telemetry/access_log_test.c - every line arrives, or is counted. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct place {
	char dir[64], first[80], second[80];
};

static int
make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/access-log-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->first, sizeof(p->first), "%s/first", p->dir);
	snprintf(p->second, sizeof(p->second), "%s/second", p->dir);
	*state = p;
	return 0;
}

static int
remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->first);
	unlink(p->second);
	rmdir(p->dir);
	free(p);
	return 0;
}

static struct access_log *
log_to(const char *target)
{
	struct access_log *l;
	struct errmsg why;

	if (access_log_open(target, &l, &why) != OK)
		fail_msg("%s", why.text);
	return l;
}

static void
write_as(struct access_log *l, const char *id)
{
	struct outcome o = outcome_good();

	o.id = id;
	access_log_write(l, &o, clock_wall());
}

/* Lines of a file; each is checked to be whole. */
static unsigned
whole_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	unsigned n = 0;

	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		assert_int_equal(strncmp(line, "time=", 5), 0);
		assert_non_null(strstr(line, " cost=0.25\n"));
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

static bool
file_has(const char *path, const char *part)
{
	FILE *f = fopen(path, "r");
	char text[8192];
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return strstr(text, part) != NULL;
}

static void
closing_writes_what_is_queued(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);

	for (unsigned i = 0; i < 100; i++)
		write_as(l, "req-1");
	access_log_close(&l);
	assert_null(l);
	assert_int_equal(whole_lines(p->first), 100);
}

static void
an_old_log_is_appended_to(void **state)
{
	const struct place *p = *state;
	struct access_log *l;
	struct stat st;

	for (unsigned i = 0; i < 2; i++) {
		l = log_to(p->first);
		write_as(l, "req-1");
		access_log_close(&l);
	}
	assert_int_equal(whole_lines(p->first), 2);
	assert_int_equal(stat(p->first, &st), 0);
	assert_int_equal(st.st_mode & 07, 0); /* not for everyone */
}

static void
a_line_appears_without_closing(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);

	write_as(l, "req-1");
	while (whole_lines(p->first) == 0)
		usleep(1000);
	access_log_close(&l);
}

static void
a_place_that_cannot_be_opened_says_why(void **state)
{
	struct access_log *l = NULL;
	struct errmsg why;

	assert_int_equal(
	    access_log_open("/nonexistent/access.log", &l, &why), ERR_IO);
	assert_null(l);
	assert_non_null(strstr(why.text, "/nonexistent/access.log"));
	assert_non_null(strstr(why.text, strerror(ENOENT)));
	assert_int_equal(access_log_open("/tmp", &l, &why), ERR_IO);
}

static void
off_takes_lines_and_drops_none(void **state)
{
	struct access_log *l = log_to("off");

	for (unsigned i = 0; i < 10000; i++)
		write_as(l, "req-1");
	assert_int_equal(access_log_dropped(l), 0);
	access_log_close(&l);
}

/* As a reload does: on failure the old place stays. */
static enum err
reopen(struct access_log *l, const char *target, struct errmsg *why)
{
	int fd;
	enum err rc = access_log_target(target, &fd, why);

	if (rc == OK)
		access_log_turn(l, fd);
	return rc;
}

static void
after_reopening_lines_go_to_the_new_place(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);
	struct errmsg why;

	write_as(l, "before");
	assert_int_equal(reopen(l, p->second, &why), OK);
	write_as(l, "after");
	access_log_close(&l);
	assert_int_equal(whole_lines(p->first), 1);
	assert_true(file_has(p->first, "id=before"));
	assert_int_equal(whole_lines(p->second), 1);
	assert_true(file_has(p->second, "id=after"));
}

static void
a_rotated_log_is_followed(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);
	struct errmsg why;

	write_as(l, "before");
	assert_int_equal(rename(p->first, p->second), 0);
	write_as(l, "between");
	assert_int_equal(reopen(l, p->first, &why), OK);
	write_as(l, "after");
	access_log_close(&l);
	assert_int_equal(whole_lines(p->second), 2);
	assert_int_equal(whole_lines(p->first), 1);
}

static void
a_failed_reopening_keeps_the_old_place(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);
	struct errmsg why;

	assert_int_equal(reopen(l, "/nonexistent/access.log", &why), ERR_IO);
	write_as(l, "req-1");
	access_log_close(&l);
	assert_int_equal(whole_lines(p->first), 1);
}

static void
it_can_be_turned_off_and_on(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to("off");
	struct errmsg why;

	write_as(l, "unseen");
	assert_int_equal(reopen(l, p->first, &why), OK);
	write_as(l, "seen");
	assert_int_equal(reopen(l, "off", &why), OK);
	write_as(l, "unseen");
	access_log_close(&l);
	assert_int_equal(whole_lines(p->first), 1);
	assert_true(file_has(p->first, "id=seen"));
}

#define THREADS 4
#define LINES 5000

static void *
write_many(void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		write_as(arg, "req-1");
	return NULL;
}

static void
lines_of_many_threads_are_whole(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);
	pthread_t threads[THREADS];
	struct errmsg why;
	unsigned n;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, write_many, l), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
		    reopen(l, i % 2 ? p->first : p->second, &why), OK);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	n = (unsigned)access_log_dropped(l);
	access_log_close(&l);
	n += whole_lines(p->first) + whole_lines(p->second);
	assert_int_equal(n, THREADS * LINES);
}

/* A pipe that nobody reads: the queue fills, callers go on, closing ends. */
static void
a_stuck_reader_stops_nobody(void **state)
{
	const struct place *p = *state;
	struct access_log *l;
	usec began, took;
	int reader;

	assert_int_equal(mkfifo(p->first, 0600), 0);
	reader = open(p->first, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	l = log_to(p->first);
	for (unsigned i = 0; i < 10000; i++)
		write_as(l, "req-1");
	assert_true(access_log_dropped(l) > 0);
	began = clock_now();
	access_log_close(&l);
	took = clock_now() - began;
	assert_true(took < 5 * USEC_SEC);
	close(reader);
}

static void
a_full_disk_is_counted(void **state)
{
	struct access_log *l = log_to("/dev/full");
	usec until = clock_now() + 10 * USEC_SEC;

	for (unsigned i = 0; i < 10; i++)
		write_as(l, "req-1");
	while (access_log_dropped(l) < 10 && clock_now() < until)
		usleep(1000);
	assert_int_equal(access_log_dropped(l), 10);
	access_log_close(&l);
}

/* Every line begins as one, though one has no proper end. */
static bool
cut_line_is_alone(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL, *again;
	bool alone = true;
	size_t cap = 0;

	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		again = strstr(line + 1, "time=");
		alone =
		    alone && strncmp(line, "time=", 5) == 0 && again == NULL;
	}
	free(line);
	fclose(f);
	return alone;
}

/* A file that may not grow cuts a line; when it may again, the next is whole
 * and on a line of its own. */
static void
a_cut_line_does_not_swallow_the_next(void **state)
{
	const struct place *p = *state;
	struct access_log *l = log_to(p->first);
	struct rlimit before, tight;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = before;
	tight.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (unsigned i = 0; i < 5; i++)
		write_as(l, "first");
	while (access_log_dropped(l) == 0)
		usleep(1000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	write_as(l, "second");
	access_log_close(&l);
	assert_true(file_has(p->first, "id=first"));
	assert_true(file_has(p->first, "Z id=second"));
	assert_true(cut_line_is_alone(p->first));
}

#define IN_A_PLACE(test)                                                       \
	cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_PLACE(closing_writes_what_is_queued),
		IN_A_PLACE(an_old_log_is_appended_to),
		IN_A_PLACE(a_line_appears_without_closing),
		cmocka_unit_test(a_place_that_cannot_be_opened_says_why),
		cmocka_unit_test(off_takes_lines_and_drops_none),
		IN_A_PLACE(after_reopening_lines_go_to_the_new_place),
		IN_A_PLACE(a_rotated_log_is_followed),
		IN_A_PLACE(a_failed_reopening_keeps_the_old_place),
		IN_A_PLACE(it_can_be_turned_off_and_on),
		IN_A_PLACE(lines_of_many_threads_are_whole),
		IN_A_PLACE(a_stuck_reader_stops_nobody),
		cmocka_unit_test(a_full_disk_is_counted),
		IN_A_PLACE(a_cut_line_does_not_swallow_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
