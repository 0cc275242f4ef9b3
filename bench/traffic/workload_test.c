/* bench/traffic/workload_test.c - who asks for what, and when. */
#include "bench/traffic/workload.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define N 20000

static const char fleet[] =
    "slo = ( { name = \"p\"; ttft = \"250ms\"; priority = \"premium\"; },\n"
    "  { name = \"s\"; ttft = \"1s\"; }, { name = \"b\"; total = \"60s\";\n"
    "  priority = \"batch\"; } );\n"
    "backends = ( { name = \"x\"; adapter = \"any\"; url = \"http://x/v1\";\n"
    "  price = { input = 1; output = 1; }; } );\n"
    "models = ( { name = \"m\"; serve = ( { backend = \"x\"; } ); },\n"
    "  { name = \"ears\"; serve = ( { backend = \"x\";\n"
    "    caps = [ \"transcription\" ]; } ); } );\n"
    "tenants = (\n"
    "  { name = \"one\"; slo = \"p\"; keys = [ \"sha256:"
    "0000000000000000000000000000000000000000000000000000000000000001\" ]; },"
    "  { name = \"two\"; slo = \"b\"; keys = [ \"sha256:"
    "0000000000000000000000000000000000000000000000000000000000000002\" ]; },"
    "  { name = \"three\"; slo = \"b\"; keys = [ \"sha256:"
    "0000000000000000000000000000000000000000000000000000000000000003\" ]; }"
    ");\n";

static struct conf *conf;
static struct workload_request got[N + 4096];
static size_t n_got;

static int
load_conf(void **state)
{
	static const struct conf_adapter any = { .name = "any" };
	static const struct conf_env env = { .adapters = &any,
		.n_adapters = 1 };
	char path[] = "/tmp/workload-XXXXXX";
	struct complaints c;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(
	    write(fd, fleet, sizeof(fleet) - 1), sizeof(fleet) - 1);
	close(fd);
	complaints_init(&c);
	assert_int_equal(conf_load(path, &env, NULL, &conf, &c), OK);
	complaints_fini(&c);
	return unlink(path);
}

static int
drop_conf(void **state)
{
	conf_unref(&conf);
	return 0;
}

static struct workload_options
options(void)
{
	return (struct workload_options){ .speed = 1.8,
		.cv = 1,
		.requests = N,
		.mix = { 0.2, 0.5, 0.3 },
		.seed = 7 };
}

static usec
collect(const struct workload_options *o)
{
	struct workload w;
	struct errmsg why;
	usec span;

	assert_int_equal(workload_init(&w, o, conf, &why), OK);
	span = workload_span(&w);
	for (n_got = 0; workload_next(&w, &got[n_got]); n_got++)
		assert_true(n_got + 1 < COUNT(got));
	workload_fini(&w);
	return span;
}

static int
by_size(const void *a, const void *b)
{
	return (int)*(const unsigned *)a - (int)*(const unsigned *)b;
}

static void
lengths_and_rate_are_those_of_the_trace(void **state)
{
	static unsigned prompt[N], output[N];
	struct workload_options o = options();
	double sum = 0, out = 0;
	usec span = collect(&o);

	assert_int_equal(n_got, N);
	for (size_t i = 0; i < N; i++) {
		prompt[i] = got[i].prompt;
		output[i] = got[i].output;
		sum += got[i].prompt;
		out += got[i].output;
	}
	qsort(prompt, N, sizeof(*prompt), by_size);
	qsort(output, N, sizeof(*output), by_size);
	assert_in_range(prompt[N / 2], 990, 1050);
	assert_in_range(prompt[N / 100 * 95], 4070, 4090);
	assert_in_range(output[N / 2], 124, 135);
	assert_in_range(output[N / 100 * 99], 570, 640);
	assert_in_range((int)(sum / N), 1120, 1190);
	assert_in_range((int)(out / N), 205, 217);
	/* 5.53 x 1.8 a second, give or take four deviations */
	assert_in_range(got[N - 1].due, 1952e6, 2066e6);
	assert_in_range(span, 2009e6, 2010e6);
}

/* 20 % premium, and all of the rest batch: no tenant is standard. */
static void
shares_go_to_tenants(void **state)
{
	struct workload_options o = options();
	unsigned n[3] = { 0 };

	collect(&o);
	for (size_t i = 0; i < n_got; i++)
		n[got[i].tenant - conf->tenants]++;
	assert_in_range(n[0], N * 0.385, N * 0.415); /* 0.2 of 0.5 */
	assert_in_range(n[1], N * 0.285, N * 0.315);
	assert_in_range(n[2], N * 0.285, N * 0.315);
}

static bool
same(const struct workload_request *a, const struct workload_request *b)
{
	return a->due == b->due && a->prompt == b->prompt &&
	    a->output == b->output && a->tenant == b->tenant;
}

static void
what_is_dropped_changes_nothing_else(void **state)
{
	static struct workload_request all[N];
	struct workload_options o = options();
	size_t k = 0;

	collect(&o);
	memcpy(all, got, sizeof(all));
	o.drop[PRIORITY_BATCH] = true;
	collect(&o);
	assert_true(n_got > 0 && n_got < N);
	for (size_t i = 0; i < N; i++) {
		if (all[i].slo->priority == PRIORITY_BATCH)
			continue;
		assert_true(same(&all[i], &got[k]));
		assert_int_equal(all[i].id, got[k].id);
		k++;
	}
	assert_int_equal(k, n_got);
}

/* Nobody is sent to chat where he can only be heard. */
static void
what_chats_is_asked(void **state)
{
	struct workload_options o = options();

	collect(&o);
	for (size_t i = 0; i < n_got; i++)
		assert_string_equal(got[i].model->name, "m");
}

static void
a_flood_comes_beside(void **state)
{
	static struct workload_request all[N];
	struct workload_options o = options();
	size_t k = 0, flood = 0;
	usec span;

	collect(&o);
	memcpy(all, got, sizeof(all));
	o.flood = "three";
	o.flood_rate = 20;
	o.flood_at = 0.4;
	o.flood_for = 0.1;
	span = collect(&o);
	for (size_t i = 0; i < n_got; i++) {
		if (i > 0)
			assert_true(got[i].due >= got[i - 1].due);
		if (!got[i].flood) {
			assert_true(same(&got[i], &all[k++]));
			continue;
		}
		flood++;
		assert_string_equal(got[i].tenant->name, "three");
		assert_true(got[i].due >= 0.4 * (double)span);
		assert_true(got[i].due <= 0.5 * (double)span);
	}
	assert_int_equal(k, N);
	assert_in_range(flood, 3700, 4300); /* 20 a second for 201 s */
}

static void
bursts_are_as_dense_as_told(void **state)
{
	struct workload_options o = options();
	size_t inside = 0, outside = 0;

	o.burst = 4;
	o.burst_length = 12 * USEC_SEC;
	o.burst_every = 120 * USEC_SEC;
	collect(&o);
	for (size_t i = 0; i < n_got; i++) {
		usec t = got[i].due % o.burst_every;

		if (i > 0)
			assert_true(got[i].due >= got[i - 1].due);
		if (t >= 54 * USEC_SEC && t < 66 * USEC_SEC)
			inside++;
		else
			outside++;
	}
	/* 4 x 12 of 4 x 12 + 108 */
	assert_in_range(inside, N * 0.29, N * 0.325);
	assert_int_equal(inside + outside, N);
}

static double
cv_of_gaps(double cv)
{
	struct workload_options o = options();
	double sum = 0, squares = 0, mean;

	o.cv = cv;
	collect(&o);
	for (size_t i = 1; i < N; i++) {
		double gap = (double)(got[i].due - got[i - 1].due);

		sum += gap;
		squares += gap * gap;
	}
	mean = sum / (N - 1);
	assert_in_range((int)mean, 90000, 111000);
	return (squares / (N - 1) - mean * mean) / (mean * mean);
}

static void
gaps_vary_as_told(void **state)
{
	assert_in_range((int)(100 * cv_of_gaps(1)), 92, 108);
	assert_in_range((int)(100 * cv_of_gaps(3)), 780, 1020);
	assert_in_range((int)(100 * cv_of_gaps(0.5)), 23, 27);
}

static void
heavy_tails_have_the_same_mean(void **state)
{
	struct workload_options o = options();
	double sum = 0;
	unsigned most = 0;

	o.pareto = 1.5;
	collect(&o);
	for (size_t i = 0; i < N; i++) {
		sum += got[i].output;
		if (got[i].output > most)
			most = got[i].output;
	}
	assert_in_range((int)(sum / N), 170, 215); /* cut off at 8192 */
	assert_in_range(most, 5000, 8192);
}

static void
a_duration_cuts(void **state)
{
	struct workload_options o = options();

	o.duration = 60 * USEC_SEC;
	assert_int_equal(collect(&o), 60 * USEC_SEC);
	assert_in_range(n_got, 500, 700);
	assert_true(got[n_got - 1].due < 60 * USEC_SEC);
}

static void
a_speed_that_takes_for_ever_is_refused(void **state)
{
	struct workload_options o = options();
	struct workload w;
	struct errmsg why;

	for (double speed = 1e-6; speed > 1e-300; speed *= 1e-21) {
		o.speed = speed;
		o.duration = 0;
		assert_int_equal(
		    workload_init(&w, &o, conf, &why), ERR_INVALID);
		o.duration = USEC_SEC;
		assert_int_equal(collect(&o), USEC_SEC);
		assert_int_equal(n_got, 0);
	}
}

static void
a_flood_of_nobody_is_refused(void **state)
{
	struct workload_options o = options();
	struct workload w;
	struct errmsg why;

	o.flood = "four";
	o.flood_rate = 1;
	assert_int_equal(workload_init(&w, &o, conf, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "four"));
}

/* The rows of a trace, played. */
static enum err
play(const char *rows, struct errmsg *why)
{
	char path[] = "/tmp/workload-XXXXXX";
	struct workload_options o = options();
	struct workload w;
	int fd = mkstemp(path);
	enum err rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, rows, strlen(rows)), strlen(rows));
	close(fd);
	o.trace = path;
	rc = workload_init(&w, &o, conf, why);
	for (n_got = 0; rc == OK && workload_next(&w, &got[n_got]);)
		n_got++;
	if (rc == OK)
		workload_fini(&w);
	unlink(path);
	return rc;
}

static void
who_the_trace_names_is_asked_for(void **state)
{
	const struct slo *p = conf_find_slo(conf, SLICE("p"));
	struct errmsg why;
	unsigned others = 0;

	assert_int_equal(play("2026-11-22 08:00:00,5,6,two,m,\n"
			      "2026-11-22 08:00:01,5,6,two,,p\n"
			      "2026-11-22 08:00:02,5,6,,,p\n",
			     &why),
	    OK);
	assert_int_equal(n_got, 3);
	assert_string_equal(got[0].tenant->name, "two");
	assert_ptr_equal(got[0].model, conf_find_model(conf, SLICE("m")));
	assert_string_equal(got[0].slo->name, "b"); /* the tenant's */
	assert_string_equal(got[1].tenant->name, "two");
	assert_ptr_equal(got[1].slo, p);
	assert_ptr_equal(got[2].slo, p); /* whoever it is */
	assert_int_equal(got[2].prompt, 5);
	assert_int_equal(play("2026-11-22 08:00:00,5,6\n"
			      "2026-11-22 08:00:00,5,6,,m,\n"
			      "2026-11-22 08:00:00,5,6\n"
			      "2026-11-22 08:00:00,5,6\n",
			     &why),
	    OK);
	for (size_t i = 0; i < n_got; i++)
		others += strcmp(got[i].tenant->name, "two") != 0;
	assert_true(others > 0);
}

static void
a_name_that_the_fleet_lacks_is_told_with_its_line(void **state)
{
	static const struct {
		const char *rows, *says;
	} cases[] = {
		{ "2026-11-22 08:00:00,5,6,two,,\n"
		  "2026-11-22 08:00:00,5,6,four,,\n",
		    ":2: no tenant \"four\" in " },
		{ "2026-11-22 08:00:00,5,6,,n,\n", ":1: no model \"n\" in " },
		{ "2026-11-22 08:00:00,5,6,,,q\n", ":1: no class \"q\" in " },
	};
	struct errmsg why;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(play(cases[i].rows, &why), ERR_NOT_FOUND);
		assert_non_null(strstr(why.text, cases[i].says));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_and_rate_are_those_of_the_trace),
		cmocka_unit_test(shares_go_to_tenants),
		cmocka_unit_test(what_is_dropped_changes_nothing_else),
		cmocka_unit_test(what_chats_is_asked),
		cmocka_unit_test(a_flood_comes_beside),
		cmocka_unit_test(bursts_are_as_dense_as_told),
		cmocka_unit_test(gaps_vary_as_told),
		cmocka_unit_test(heavy_tails_have_the_same_mean),
		cmocka_unit_test(a_duration_cuts),
		cmocka_unit_test(a_speed_that_takes_for_ever_is_refused),
		cmocka_unit_test(a_flood_of_nobody_is_refused),
		cmocka_unit_test(who_the_trace_names_is_asked_for),
		cmocka_unit_test(
		    a_name_that_the_fleet_lacks_is_told_with_its_line),
	};
	return cmocka_run_group_tests(tests, load_conf, drop_conf);
}
