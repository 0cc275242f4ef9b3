/* gateway/telemetry/metrics_test.c - the table, and its page in docs/.
 *
 * Run from the top of the tree. With UPDATE_DOCS=1 the page is written
 * instead of compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DOCS "docs/metrics.md"

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void
every_metric_has_a_row(void **state)
{
	const struct metric *m;

	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		m = metric_row(id);
		assert_non_null(m->name);
		assert_non_null(m->help);
		assert_true(ends_with(m->help, "."));
		assert_null(strpbrk(m->help, "\n\\|"));
		assert_int_equal(
		    m->type == METRIC_COUNTER, ends_with(m->name, "_total"));
		assert_int_equal(
		    m->type == METRIC_HISTOGRAM, m->bounds != NULL);
		assert_int_equal(m->of == OF_GROUP, m->by != 0);
		for (enum metric_id other = 0; other < id; other++)
			assert_string_not_equal(
			    m->name, metric_row(other)->name);
	}
}

static void
bounds_ascend(void **state)
{
	const struct bounds *b;

	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		b = metric_row(id)->bounds;
		for (unsigned i = 1; b != NULL && i < b->n; i++)
			assert_true(b->le[i] > b->le[i - 1]);
		assert_true(b == NULL || (b->n > 0 && b->n <= BOUNDS_MAX));
	}
}

static void
a_bound_belongs_to_its_bucket(void **state)
{
	static const struct bounds b = { 1, 3, { 1, 10, 100 } };
	static const int64_t values[] = { -5, 1, 2, 10, 11, 100, 101, 1 << 30 };
	static const uint64_t want[] = { 2, 2, 2, 2 };
	struct cumul c = { 0 };

	for (unsigned i = 0; i < 8; i++)
		cumul_record(&c, &b, values[i]);
	assert_memory_equal(c.count, want, sizeof(want));
	assert_int_equal(c.n, 8);
}

static void
the_docs_are_those_of_the_table(void **state)
{
	char *want = NULL, *got = NULL;
	size_t n_want = 0, n_got = 0;
	FILE *f = open_memstream(&want, &n_want);

	assert_non_null(f);
	telemetry_write_docs(f);
	assert_int_equal(fclose(f), 0);
	if (getenv("UPDATE_DOCS") != NULL) {
		f = fopen(DOCS, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(want, 1, n_want, f), n_want);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(DOCS, "r");
	if (f == NULL || getdelim(&got, &n_got, '\0', f) < 0 ||
	    strcmp(got, want) != 0)
		fail_msg(DOCS " has drifted from gateway/telemetry/metrics.c: "
			      "run this test with UPDATE_DOCS=1");
	fclose(f);
	free(want);
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_metric_has_a_row),
		cmocka_unit_test(bounds_ascend),
		cmocka_unit_test(a_bound_belongs_to_its_bucket),
		cmocka_unit_test(the_docs_are_those_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
