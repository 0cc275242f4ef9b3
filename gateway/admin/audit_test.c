/* gateway/admin/audit_test.c - what is written is found whole, and any edit is
 * found. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/admin/audit.h"

#include <cmocka.h>

#define WALL (1763712000 * USEC_SEC)

struct bench {
	char path[64];
	char *text;
	size_t n;
};

static void
write_text(const struct bench *b, const char *text, size_t n)
{
	FILE *f = fopen(b->path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void
write_acts(const char *path, int n)
{
	struct audit *a = audit_new(path);
	struct errmsg why = { "" };

	assert_non_null(a);
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    audit_write(a,
			&(struct audit_entry){ i % 2 ? "ci" : NULL, "reload",
			    SLICE("for=\"1s\"\n"), 200 + i },
			WALL, &why),
		    OK);
	audit_free(&a);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	FILE *f;
	int fd;

	assert_non_null(b);
	snprintf(b->path, sizeof(b->path), "/tmp/pointsman-audit-XXXXXX");
	fd = mkstemp(b->path);
	assert_true(fd >= 0);
	close(fd);
	write_acts(b->path, 2);
	write_acts(b->path, 1); /* a start later */
	b->text = calloc(1, 8192);
	f = fopen(b->path, "r");
	assert_non_null(f);
	b->n = fread(b->text, 1, 8191, f);
	fclose(f);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	unlink(b->path);
	free(b->text);
	free(b);
	return 0;
}

static enum err
verify(const struct bench *b, struct errmsg *why)
{
	struct audit_state s;

	return audit_verify(b->path, &s, why);
}

static void
what_was_written_is_whole(void **state)
{
	struct bench *b = *state;
	struct audit_state s;
	struct errmsg why = { "" };

	assert_int_equal(audit_verify(b->path, &s, &why), OK);
	assert_int_equal(s.n, 3);
	assert_non_null(strstr(b->text, s.hash));
	assert_non_null(strstr(b->text,
	    "\"time\":\"2025-11-21T08:00:00.000Z\",\"who\":\"ci\","
	    "\"act\":\"reload\",\"target\":\"for=\\\"1s\\\"\\n\","
	    "\"result\":201,"));
}

/* Every byte, in each class that another could be of: a bit, a digit, a letter,
 * the ends of lines and strings. */
static void
no_byte_can_be_changed(void **state)
{
	static const char others[] = "0a9fF \"\n\r}{,\\";
	struct bench *b = *state;
	struct errmsg why;
	char was;

	for (size_t i = 0; i < b->n; i++) {
		was = b->text[i];
		for (size_t k = 0; k <= sizeof(others); k++) {
			/* also a NUL, and the lowest bit turned */
			b->text[i] =
			    k < sizeof(others) ? others[k] : (char)(was ^ 1);
			if (b->text[i] == was)
				continue;
			write_text(b, b->text, b->n);
			if (verify(b, &why) != ERR_INVALID)
				fail_msg("byte %zu, %d to %d: not found", i,
				    was, b->text[i]);
		}
		b->text[i] = was;
	}
}

static void
no_byte_can_be_put_in_or_taken_out(void **state)
{
	struct bench *b = *state;
	struct errmsg why;
	char *other = calloc(1, b->n + 1);

	assert_non_null(other);
	for (size_t i = 0; i <= b->n; i++) {
		memcpy(other, b->text, i);
		other[i] = ' ';
		memcpy(other + i + 1, b->text + i, b->n - i);
		write_text(b, other, b->n + 1);
		assert_int_equal(verify(b, &why), ERR_INVALID);
	}
	for (size_t i = 0; i < b->n; i++) {
		memcpy(other, b->text, i);
		memcpy(other + i, b->text + i + 1, b->n - i - 1);
		write_text(b, other, b->n - 1);
		assert_int_equal(verify(b, &why), ERR_INVALID);
	}
	free(other);
}

static void
lines_stay_where_they_are(void **state)
{
	struct bench *b = *state;
	char *second = strchr(b->text, '\n') + 1;
	char *third = strchr(second, '\n') + 1;
	size_t n1 = (size_t)(second - b->text), n2 = (size_t)(third - second);
	char *other = calloc(1, 2 * b->n);
	struct errmsg why = { "" };

	assert_non_null(other);
	/* without the first, without the second */
	write_text(b, second, b->n - n1);
	assert_int_equal(verify(b, &why), ERR_INVALID);
	memcpy(other, b->text, n1);
	memcpy(other + n1, third, b->n - n1 - n2);
	write_text(b, other, b->n - n2);
	assert_int_equal(verify(b, &why), ERR_INVALID);
	assert_non_null(strstr(why.text, ":2: want the line that follows"));
	/* twice; the other way round */
	memcpy(other, b->text, n1 + n2);
	memcpy(other + n1 + n2, second, b->n - n1);
	write_text(b, other, b->n + n2);
	assert_int_equal(verify(b, &why), ERR_INVALID);
	memcpy(other, second, n2);
	memcpy(other + n2, b->text, n1);
	write_text(b, other, n1 + n2);
	assert_int_equal(verify(b, &why), ERR_INVALID);
	free(other);
}

static void
a_spoilt_file_is_not_added_to(void **state)
{
	struct bench *b = *state;
	struct audit *a = audit_new(b->path);
	struct errmsg why = { "" };
	const struct audit_entry e = { "ci", "reload", SLICE(""), 200 };

	write_text(b, b->text, b->n - 1);
	assert_int_equal(audit_ready(a, &why), ERR_INVALID);
	assert_int_equal(audit_write(a, &e, WALL, &why), ERR_INVALID);
	assert_non_null(strstr(why.text, ":3: want the line"));
	/* once it is mended, it is */
	write_text(b, b->text, b->n);
	assert_int_equal(audit_write(a, &e, WALL, &why), OK);
	assert_int_equal(verify(b, &why), OK);
	audit_free(&a);
}

static bool full;

/* libc's, with a disk that can be full. */
int
fallocate(int fd, int mode, off_t at, off_t n)
{
	(void)fd, (void)mode, (void)at, (void)n;
	errno = full ? ENOSPC : EOPNOTSUPP;
	return -1;
}

/* Or a backend would be drained, and no line say by whom. */
static void
a_full_disk_is_known_before_the_act(void **state)
{
	struct bench *b = *state;
	struct audit *a = audit_new(b->path);
	struct errmsg why = { "" };

	full = true;
	assert_int_equal(audit_ready(a, &why), ERR_IO); /* as it is opened */
	assert_int_equal(audit_ready(a, &why), ERR_IO); /* and once it is */
	assert_non_null(strstr(why.text, "No space left"));
	full = false;
	assert_int_equal(audit_ready(a, &why), OK);
	audit_free(&a);
}

static bool spoilt;
static unsigned folders; /* that were synced */

/* libc's, with a disk that can fail. */
int
fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	folders += S_ISDIR(st.st_mode);
	errno = EIO;
	return spoilt ? -1 : 0;
}

/* A crash must not take a new file's name, and with it the line. */
static void
a_new_file_is_in_its_folder(void **state)
{
	struct bench *b = *state;

	folders = 0;
	write_acts(b->path, 2);
	assert_int_equal(folders, 0);
	unlink(b->path);
	write_acts(b->path, 2);
	assert_int_equal(folders, 1);
}

static void
a_disk_that_fails_is_not_called_full(void **state)
{
	struct bench *b = *state;
	struct audit *a = audit_new(b->path);
	const struct audit_entry e = { "ci", "reload", SLICE(""), 200 };
	struct errmsg why = { "" };

	spoilt = true;
	assert_int_equal(audit_write(a, &e, WALL, &why), ERR_IO);
	assert_non_null(strstr(why.text, "Input/output error"));
	spoilt = false;
	assert_int_equal(audit_write(a, &e, WALL, &why), OK);
	audit_free(&a);
}

/* An act with a query as long and as odd as may be must leave its line. */
static void
nothing_is_too_long_to_be_written(void **state)
{
	struct bench *b = *state;
	struct audit *a = audit_new(b->path);
	struct errmsg why = { "" };
	char *query = malloc(16 << 10);
	const struct audit_entry e = { "ci", "reload",
		slice_make(query, 16 << 10), 200 };

	assert_non_null(query);
	memset(query, 0xff, 16 << 10);
	assert_int_equal(audit_write(a, &e, WALL, &why), OK);
	assert_int_equal(verify(b, &why), OK);
	audit_free(&a);
	free(query);
}

/* One that was moved is not added to; neither is one that somebody else has
 * added to, or taken from, behind our back. */
static void
another_file_is_noticed(void **state)
{
	struct bench *b = *state;
	struct audit *a = audit_new(b->path);
	const struct audit_entry e = { "ci", "reload", SLICE(""), 200 };
	struct errmsg why = { "" };
	struct audit_state s;
	char moved[80];

	assert_int_equal(audit_write(a, &e, WALL, &why), OK);
	snprintf(moved, sizeof(moved), "%s.1", b->path);
	assert_int_equal(rename(b->path, moved), 0);
	assert_int_equal(audit_write(a, &e, WALL, &why), OK);
	assert_int_equal(audit_verify(moved, &s, &why), OK);
	assert_int_equal(s.n, 4);
	unlink(moved);
	assert_int_equal(audit_verify(b->path, &s, &why), OK);
	assert_int_equal(s.n, 1);
	write_text(b, b->text, b->n - 3);
	assert_int_equal(audit_ready(a, &why), ERR_INVALID);
	audit_free(&a);
}

static void
one_process_at_a_time(void **state)
{
	struct bench *b = *state;
	struct audit *a = audit_new(b->path), *other = audit_new(b->path);
	struct errmsg why = { "" };

	assert_int_equal(audit_ready(a, &why), OK);
	assert_int_equal(audit_ready(other, &why), ERR_IO);
	assert_non_null(strstr(why.text, "another process writes to it"));
	audit_free(&a);
	assert_int_equal(audit_ready(other, &why), OK);
	audit_free(&other);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_whole),
		TEST(no_byte_can_be_changed),
		TEST(no_byte_can_be_put_in_or_taken_out),
		TEST(lines_stay_where_they_are),
		TEST(a_spoilt_file_is_not_added_to),
		TEST(a_full_disk_is_known_before_the_act),
		TEST(a_new_file_is_in_its_folder),
		TEST(a_disk_that_fails_is_not_called_full),
		TEST(nothing_is_too_long_to_be_written),
		TEST(another_file_is_noticed),
		TEST(one_process_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
