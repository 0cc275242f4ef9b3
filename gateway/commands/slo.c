/* gateway/commands/slo.c - `pointsman slo suggest`: what each tenant got, what
 * the fleet could hold and at which price, and what the engine would have
 * changed.
 *
 * Says of every figure whether it was measured or is predicted. */
#include <stdio.h>
#include <string.h>

#include "gateway/commands/admin_client.h"
#include "gateway/commands/command.h"
#include "gateway/commands/doc.h"

#define FEW 100 /* samples that a 99th percentile wants at least */

static void
print_title(const json_t *g)
{
	const json_t *slo = doc_get(g, "slo");
	const char *sep = ":";

	printf("\n%s for %s, class %s (%s)", doc_text(g, "model"),
	    doc_text(g, "tenant"), doc_text(slo, "class"),
	    doc_text(slo, "priority"));
	if (doc_has(slo, "ttft_ms")) {
		printf("%s ttft %.10g ms", sep, doc_number(slo, "ttft_ms"));
		sep = ",";
	}
	if (doc_has(slo, "itl_ms")) {
		printf("%s itl %.10g ms", sep, doc_number(slo, "itl_ms"));
		sep = ",";
	}
	if (doc_has(slo, "total_ms")) {
		printf("%s total %.10g ms", sep, doc_number(slo, "total_ms"));
		sep = ",";
	}
	if (*sep == ':')
		fputs(": no targets", stdout);
	else if (doc_has(slo, "percentile"))
		printf(" at p%g", doc_number(slo, "percentile"));
	putchar('\n');
}

static void
print_measured(const json_t *m)
{
	printf("  measured   %.0f requests", doc_number(m, "requests"));
	if (doc_has(m, "attainment"))
		printf(
		    ", %.2f %% met their targets (missed: ttft %.0f, itl %.0f, "
		    "total %.0f)",
		    doc_number(m, "attainment") * 100,
		    doc_number(m, "missed_ttft"), doc_number(m, "missed_itl"),
		    doc_number(m, "missed_total"));
	if (doc_number(m, "refused") + doc_number(m, "failed") > 0)
		printf(", %.0f refused, %.0f failed", doc_number(m, "refused"),
		    doc_number(m, "failed"));
	if (doc_number(m, "left") > 0)
		printf(", %.0f more left before anything was due",
		    doc_number(m, "left"));
	if (doc_has(m, "cost_usd_per_request"))
		printf(
		    "; %.7f USD each", doc_number(m, "cost_usd_per_request"));
	if (doc_has(m, "tokens_in_mean"))
		printf("; %.0f tokens in, %.0f out on average",
		    doc_number(m, "tokens_in_mean"),
		    doc_number(m, "tokens_out_mean"));
	putchar('\n');
}

/* NULL where nothing is left of what was measured, which fades: its quantiles
 * would be of no sample. */
static const json_t *
sampled(const json_t *o, const char *phase)
{
	const json_t *p = doc_get(o, phase);

	return doc_number(p, "n") >= 0.5 ? p : NULL;
}

static void
print_row(const char *name, const json_t *ttft, const json_t *itl)
{
	printf("    %-20.20s", name);
	doc_cell(stdout, ttft, "p95_ms", 9, 1);
	doc_cell(stdout, ttft, "p99_ms", 9, 1);
	doc_cell(stdout, itl, "p95_ms", 9, 1);
	doc_cell(stdout, itl, "p99_ms", 9, 1);
}

static void
print_option(const json_t *o)
{
	const json_t *ttft = sampled(o, "ttft");

	print_row(doc_text(o, "backend"), ttft, sampled(o, "itl"));
	doc_cell(stdout, o, "price_usd_per_request", 12, 7);
	doc_cell(stdout, doc_get(o, "ttft"), "n", 8, 0);
	if (doc_has(o, "hourly_usd"))
		printf(
		    "  and %g USD an hour anyway", doc_number(o, "hourly_usd"));
	if (json_is_true(doc_get(o, "fallback")))
		fputs("  fallback", stdout);
	if (!doc_has(ttft, "p95_ms"))
		fputs("  nothing measured of late", stdout);
	else if (doc_number(ttft, "n") < FEW)
		fputs("  few samples: its p99 is a guess", stdout);
	if (json_is_true(doc_get(o, "outdone")))
		fputs("  a cheaper one is as fast", stdout);
	putchar('\n');
}

static void
print_could_hold(const json_t *g)
{
	const json_t *list = doc_get(g, "could_hold"),
		     *m = doc_get(g, "measured"), *o;
	size_t i;

	printf("    %-20s %9s %9s %9s %9s %12s %8s\n", "milliseconds",
	    "TTFT p95", "p99", "ITL p95", "p99", "USD/request", "SAMPLES");
	print_row("as served", sampled(m, "ttft"), sampled(m, "itl"));
	doc_cell(stdout, m, "cost_usd_per_request", 12, 7);
	doc_cell(stdout, doc_get(m, "ttft"), "n", 8, 0);
	fputs("  measured\n", stdout);
	json_array_foreach (list, i, o)
		print_option(o);
	if (json_array_size(list) == 0)
		fputs("    no serving is configured for it now\n", stdout);
}

static void
print_savings(const json_t *e)
{
	double used = doc_number(e, "price_usd_of_used");
	double its = doc_number(e, "price_usd_of_engine");

	if (doc_number(e, "compared_by_price") > 0)
		printf("             price, both predicted, of %.0f requests: "
		       "%.7f USD as used, %.7f by the engine (%+.1f %%)\n",
		    doc_number(e, "compared_by_price"), used, its,
		    used > 0 ? (its / used - 1) * 100 : 0.0);
	if (doc_number(e, "compared_by_misses") > 0)
		printf("             misses, both predicted, of %.0f requests: "
		       "%.1f as used, %.1f by the engine\n",
		    doc_number(e, "compared_by_misses"),
		    doc_number(e, "misses_of_used"),
		    doc_number(e, "misses_of_engine"));
	if (doc_number(e, "missed_where_it_differed") > 0)
		printf(
		    "             of %.0f measured misses where it would have "
		    "gone elsewhere, %.1f are predicted to be met there\n",
		    doc_number(e, "missed_where_it_differed"),
		    doc_number(e, "of_these_likely_met"));
	if (doc_number(e, "met_where_it_differed") > 0)
		printf("             of %.0f that were met where it would have "
		       "gone elsewhere, %.1f are predicted to miss there\n",
		    doc_number(e, "met_where_it_differed"),
		    doc_number(e, "of_these_likely_missed"));
}

static void
print_predicted(const json_t *p)
{
	const json_t *e = doc_get(p, "engine"), *c = doc_get(p, "calibration");

	printf("  predicted  the engine chose as was served %.0f times, "
	       "otherwise %.0f, none %.0f\n",
	    doc_number(e, "same_choice"), doc_number(e, "other_choice"),
	    doc_number(e, "no_choice"));
	if (doc_number(e, "other_choice") > 0)
		print_savings(e);
	if (doc_number(c, "n") > 0)
		printf("  trust      of %.0f requests it foresaw %.2f %% to "
		       "meet their targets as served; measured: %.2f %%\n",
		    doc_number(c, "n"), doc_number(c, "predicted_met") * 100,
		    doc_number(c, "measured_met") * 100);
}

static void
print_doc(const json_t *doc)
{
	const json_t *groups = doc_get(doc, "groups"), *g;
	size_t i;

	printf("policy %s, since %.0f s. A serving's figures are measured of "
	       "late, by whoever asked,\nat the load it had: sent more, it is "
	       "slower. Its price is for this tenant's mean request.\n",
	    doc_text(doc, "policy"), doc_number(doc, "since_s"));
	if (json_array_size(groups) == 0)
		puts("no request has been planned yet");
	json_array_foreach (groups, i, g) {
		print_title(g);
		print_measured(doc_get(g, "measured"));
		print_could_hold(g);
		print_predicted(doc_get(g, "predicted"));
	}
}

struct wish {
	struct admin_where where;
	bool raw;
};

static int
suggest(void *wish, int n, char **operands)
{
	struct wish *w = wish;
	json_t *doc;

	if (n > 1) {
		fprintf(stderr,
		    "pointsman slo: want nothing after \"suggest\", got "
		    "\"%s\"\n",
		    operands[1]);
		return EXIT_USAGE;
	}
	doc = admin_get(&w->where, "/admin/v1/slo");
	if (doc == NULL)
		return EXIT_BAD;
	if (w->raw)
		doc_print(doc);
	else
		print_doc(doc);
	json_decref(doc);
	return EXIT_GOOD;
}

int
command_slo(int argc, char **argv)
{
	static const struct command_word words[] = { { "suggest", suggest } };
	struct wish w = { .raw = false };
	const struct command_option options[] = {
		ADMIN_WHERE_OPTIONS(w.where),
		{ "json", 0, NULL, "as JSON", NULL, &w.raw },
	};

	return command_words(argc, argv,
	    "pointsman slo suggest [-c FILE | --admin URL] [--json]",
	    COMMAND_OPTIONS(options), COMMAND_WORDS(words), &w);
}
