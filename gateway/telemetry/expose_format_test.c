/* gateway/telemetry/expose_format_test.c - the page as a whole is as a
 * Prometheus wants it. */
#include <regex.h>

#include "gateway/telemetry/expose_testing.h"

#define LINES_MAX 4096

struct reader {
	regex_t head, sample;
	char family[128], type[16];
	char *series[LINES_MAX];
	size_t n_series;
	double last_bucket;
};

static void
read_head(struct reader *r, const char *line)
{
	char family[128];

	if (sscanf(line, "# TYPE %127s %15s", family, r->type) == 2) {
		assert_string_equal(family, r->family);
		return;
	}
	assert_int_equal(sscanf(line, "# HELP %127s", family), 1);
	assert_string_not_equal(family, r->family);
	memcpy(r->family, family, sizeof(family));
}

/* Buckets grow, and +Inf, which is last, equals _count. */
static void
read_histogram(struct reader *r, const char *suffix, double value)
{
	if (strncmp(suffix, "_bucket{", 8) == 0) {
		assert_true(value >= r->last_bucket);
		r->last_bucket = value;
		return;
	}
	if (strncmp(suffix, "_count", 6) == 0) {
		assert_true(value == r->last_bucket);
		r->last_bucket = 0;
		return;
	}
	assert_int_equal(strncmp(suffix, "_sum", 4), 0);
}

static void
read_sample(struct reader *r, char *line)
{
	size_t n = strlen(r->family);
	char *space = strrchr(line, ' ');
	double value = strtod(space, NULL);

	assert_int_equal(strncmp(line, r->family, n), 0);
	if (strcmp(r->type, "histogram") == 0)
		read_histogram(r, line + n, value);
	else if (strcmp(r->type, "summary") != 0)
		assert_true(line[n] == '{' || line[n] == ' ');
	if (strcmp(r->type, "counter") == 0)
		assert_string_equal(r->family + n - 6, "_total");
	*space = '\0';
	assert_in_range(r->n_series, 0, LINES_MAX - 1);
	r->series[r->n_series++] = line;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

#define NAME "[a-z_]+"
#define LABEL NAME "=\"([^\"\\\\]|\\\\[\\\\\"n])*\""

static void
the_whole_page_is_well_formed(void **state)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct outcome o[] = { outcome_good(), outcome_after(FAULT_RESET),
		outcome_refused(401), outcome_good(),
		outcome_after(FAULT_CLIENT_GONE) };
	const struct telemetry_serving now[] = { { .serving = 1 },
		{ .serving = 2, .load.has = ~0u } };
	char *text, *line, *rest;

	(void)state;
	o[3].dialect = DIALECT_EMBEDDINGS;
	o[3].model = "quote\"back\\slash\nline";
	text = page_of(o, 5, now, 2);
	assert_int_equal(regcomp(&r->head,
			     "^# (HELP " NAME " .*[.]|TYPE " NAME
			     " (counter|gauge|histogram|"
			     "summary))$",
			     REG_EXTENDED),
	    0);
	assert_int_equal(
	    regcomp(&r->sample,
		"^" NAME "(\\{" LABEL "(," LABEL ")*\\})? [-+0-9.e]+$",
		REG_EXTENDED),
	    0);
	for (line = text; *line != '\0'; line = rest) {
		rest = strchr(line, '\n');
		assert_non_null(rest); /* the last line ends, too */
		*rest++ = '\0';
		if (regexec(&r->head, line, 0, NULL, 0) == 0)
			read_head(r, line);
		else if (regexec(&r->sample, line, 0, NULL, 0) == 0)
			read_sample(r, line);
		else
			fail_msg("malformed: %s", line);
	}
	qsort(r->series, r->n_series, sizeof(r->series[0]), compare);
	for (size_t i = 1; i < r->n_series; i++)
		assert_string_not_equal(r->series[i - 1], r->series[i]);
	regfree(&r->head);
	regfree(&r->sample);
	free(text);
	free(r);
}

static void
a_page_that_does_not_fit_is_an_error(void **state)
{
	const struct outcome o = outcome_good();
	struct telemetry *t = telemetry_of(&o, 1);
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	telemetry_expose(t, &gauges, NULL, 0, NOW, &b);
	assert_int_equal(buf_err(&b), ERR_LIMIT);
	buf_fini(&b);
	telemetry_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_page_is_well_formed),
		cmocka_unit_test(a_page_that_does_not_fit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
