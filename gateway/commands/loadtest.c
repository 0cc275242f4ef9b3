/* gateway/commands/loadtest.c - `pointsman loadtest`: what clients get of a
 * server, judged by their SLOs. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/options_set.h"
#include "gateway/commands/command.h"
#include "gateway/commands/loadtest_run.h"
#include "gateway/lib/count.h"
#include "gateway/lib/descriptors.h"

#define REPORT_MAX ((size_t)1 << 20)
#define LATE_MS 5.0 /* late p99 beyond which figures are in doubt */

static void
print_score(const struct loadtest_options *o, const struct loadtest_result *r)
{
	struct score_named named[LOADTEST_CLASSES];
	const struct score_run run = { .scenario = "loadtest",
		.router = o->host,
		.seed = o->offer.seed,
		.seconds = r->seconds,
		.detect_s = -1,
		.hedges = SCORE_UNKNOWN,
		.probes = SCORE_UNKNOWN,
		.decisions = SCORE_UNKNOWN,
		.named = named,
		.n_named = o->offer.n_classes };
	struct buf b;

	for (unsigned i = 0; i < o->offer.n_classes; i++)
		named[i] =
		    (struct score_named){ o->classes[i].name, &r->of[i] };
	buf_init(&b, REPORT_MAX);
	if (o->json)
		score_json(&r->score, &run, &b);
	else
		score_table(&r->score, &run, &b);
	fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
}

/* A name that was mistyped would be a column of dashes; "*" is none, and may be
 * there for the case. */
static void
print_prices(const struct loadtest_options *o, const struct loadtest_result *r)
{
	for (unsigned i = 0; i < o->n_prices; i++)
		if (r->priced[i] == 0 && !slice_is(o->prices[i].backend, "*"))
			fprintf(stderr,
			    "--price %.*s: is for no answer: none came from a "
			    "backend of that name\n",
			    SLICE_ARG(o->prices[i].backend));
	if (r->unpriced > 0)
		fprintf(stderr,
		    "%" PRIu64 " requests have no --price, so cost/met is not "
		    "known; \"*\" is for any backend\n",
		    r->unpriced);
}

/* What the table does not say: why, and how far to trust it. */
static void
print_notes(const struct loadtest_options *o, const struct loadtest_result *r)
{
	const double late = (double)hist_quantile(&r->late, 0.99) / 1e3;

	for (int i = FAULT_NONE + 1; i < FAULT_COUNT; i++)
		if (r->faults[i] > 0)
			fprintf(stderr, "%s: %" PRIu64 "\n",
			    fault_rule((enum fault_kind)i)->name, r->faults[i]);
	for (int i = 100; i < 600; i++)
		if (i / 100 != 2 && r->statuses[i] > 0)
			fprintf(stderr, "status %d: %" PRIu64 "\n", i,
			    r->statuses[i]);
	if (r->first_flaw[0] != '\0')
		fprintf(stderr, "the first that was not whole: %s\n",
		    r->first_flaw);
	if (r->abandoned > 0)
		fprintf(stderr,
		    "%" PRIu64 " were not waited for and are not scored\n",
		    r->abandoned);
	if (r->unsent > 0)
		fprintf(stderr,
		    "%" PRIu64 " were due, but not sent for want of a place "
		    "(--limit), and are not scored\n",
		    r->unsent);
	print_prices(o, r);
	if (late > LATE_MS)
		fprintf(stderr,
		    "late: one in a hundred was sent %.1f ms or more after it "
		    "was due; raise --limit, or use more client machines\n",
		    late);
}

static int
judge(const struct loadtest_options *o, const struct loadtest_result *r)
{
	int code = EXIT_GOOD;
	uint64_t whole = 0;

	for (unsigned i = 0; i < o->offer.n_classes; i++) {
		const struct score_class *c = &r->of[i];
		const double want = o->classes[i].slo.percentile;

		whole += c->total.n;
		if (want <= 0 || c->requests == 0 ||
		    100 * (double)c->met >= want * (double)c->requests)
			continue;
		fprintf(stderr, "%s: %.2f %% met, want %g %%\n",
		    o->classes[i].name,
		    100 * (double)c->met / (double)c->requests, want);
		code = EXIT_BAD;
	}
	return r->failed > 0 || whole == 0 ? EXIT_BAD : code;
}

static int
test(const struct loadtest_options *o, FILE *csv, struct loadtest_result *r)
{
	struct errmsg why = { "" };

	if (loadtest_run(o, csv, r, &why) != OK) {
		fprintf(stderr, "pointsman loadtest: %s\n", why.text);
		return EXIT_USAGE;
	}
	print_score(o, r);
	print_notes(o, r);
	return judge(o, r);
}

static int
run(const struct loadtest_options *o)
{
	struct loadtest_result *r = calloc(1, sizeof(*r));
	FILE *csv = NULL;
	int code = EXIT_USAGE;

	if (o->requests_out != NULL)
		csv = fopen(o->requests_out, "w");
	if (o->requests_out != NULL && csv == NULL)
		fprintf(stderr, "pointsman loadtest: %s: %s\n", o->requests_out,
		    strerror(errno));
	else if (r != NULL)
		code = test(o, csv, r);
	if (csv != NULL && !command_close("loadtest", csv, o->requests_out))
		code = EXIT_BAD;
	free(r);
	return code;
}

/* Its options have a table of their own: some may be repeated. */
static bool
is_asked(void)
{
	struct command_option options[OPTIONS_MAX];
	struct command_form form = {
		.usage = "pointsman loadtest --url URL [OPTION]...",
		.options = options,
	};

	for (size_t i = 0; i < n_option_rows && i < COUNT(options); i++)
		options[form.n_options++] = (struct command_option){
			.name = option_rows[i].name,
			.value = option_rows[i].value,
			.help = option_rows[i].help,
		};
	return command_answers(&form);
}

int
command_loadtest(int argc, char **argv)
{
	struct loadtest_options o;
	int code = EXIT_GOOD;

	if (is_asked())
		return EXIT_GOOD;
	signal(SIGPIPE, SIG_IGN);
	switch (loadtest_options_read(&o, argc, argv)) {
	case OPTIONS_HELP:
		break;
	case OPTIONS_WRONG:
		code = EXIT_USAGE;
		break;
	case OPTIONS_GO:
		(void)descriptors_raise();
		code = run(&o);
		break;
	}
	loadtest_options_fini(&o);
	return code;
}
