/* gateway/commands/explain_receipt.c - a receipt as text: who asked for what,
 * the candidates of each plan, and why. */
#include "gateway/commands/explain_receipt.h"
#include "gateway/commands/doc.h"
#include "gateway/lib/count.h"

#include <string.h>

/* --- the head --- */

static void
print_targets(const json_t *slo, FILE *f)
{
	static const char *const terms[] = { "ttft_ms", "itl_ms", "total_ms" };
	const char *sep = ": ";

	for (size_t i = 0; i < 3; i++) {
		if (!doc_has(slo, terms[i]))
			continue;
		fputs(sep, f);
		fprintf(f,
		    i == 0       ? "first token within %.10g ms"
			: i == 1 ? "%.10g ms a token"
				 : "all within %.10g ms",
		    doc_number(slo, terms[i]));
		sep = ", ";
	}
	if (*sep == ',' && doc_has(slo, "percentile"))
		fprintf(f, ", for %g %% of requests",
		    doc_number(slo, "percentile"));
	if (*sep == ':')
		fputs(", without targets", f);
}

/* Who has chat has the formats that are said in it. */
static bool
went_as_chat(const json_t *doc)
{
	const json_t *all = doc_get(doc_get(doc, "outcome"), "attempts"), *a;
	size_t i;

	json_array_foreach (all, i, a)
		if (json_is_true(doc_get(a, "translated")))
			return true;
	return false;
}

static void
print_head(const json_t *doc, FILE *f)
{
	const json_t *facts = doc_get(doc, "facts"), *slo = doc_get(doc, "slo"),
		     *need;
	size_t i;

	fprintf(f, "%s  %s\n", doc_text(doc, "id"), doc_text(doc, "time"));
	fprintf(f, "tenant   %s\nmodel    %s\nclass    %s (%s)",
	    doc_text(doc, "tenant"), doc_text(doc, "model"),
	    doc_text(slo, "class"), doc_text(slo, "priority"));
	print_targets(slo, f);
	fprintf(f, "\nrequest  %s, %s", doc_text(facts, "dialect"),
	    json_is_true(doc_get(facts, "stream")) ? "streamed"
						   : "not streamed");
	if (doc_number(facts, "tokens_in_estimated") > 0)
		fprintf(f, ", about %.0f tokens in",
		    doc_number(facts, "tokens_in_estimated"));
	if (doc_has(facts, "max_tokens"))
		fprintf(
		    f, ", at most %.0f out", doc_number(facts, "max_tokens"));
	fputs("; needs", f);
	json_array_foreach (doc_get(facts, "needs"), i, need)
		fprintf(f, " %s", json_string_value(need));
	if (went_as_chat(doc))
		fputs(", and was said as chat", f);
	fprintf(f, "\npolicy   %s\n", doc_text(doc, "policy"));
}

/* --- candidates --- */

static const char *
verdict_words(const char *verdict)
{
	static const struct {
		const char *name, *words;
	} table[] = { { "chosen", "chosen" },
		{ "dearer", "adequate, but scored worse" },
		{ "unlikely", "not likely enough" }, { "ailing", "ailing" },
		{ "crowded", "too full for its class" },
		{ "reserved", "rate kept for higher ones" },
		{ "tried", "tried before, and failed" },
		{ "late", "asked already, and late" },
		{ "drained", "drained by an operator" },
		{ "fallback", "a fallback, not needed" },
		{ "ineligible", "cannot or may not" }, { "out", "out of use" },
		{ "limited", "over its rate limit" },
		{ "cold", "model not loaded" }, { "busy", "no free slot" } };

	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(verdict, table[i].name) == 0)
			return table[i].words;
	return verdict;
}

static void
print_quantiles(const json_t *live, const char *phase, FILE *f)
{
	const json_t *o = doc_get(live, phase);

	doc_cell(f, o, "p50_ms", 7, 1);
	doc_cell(f, o, "p95_ms", 7, 1);
	doc_cell(f, o, "p99_ms", 7, 1);
}

static bool
same_serving(const json_t *a, const json_t *b)
{
	return strcmp(doc_text(a, "backend"), doc_text(b, "backend")) == 0 &&
	    strcmp(doc_text(a, "upstream_model"),
		doc_text(b, "upstream_model")) == 0;
}

/* Where the engine only watches, its choice may be another. */
static const char *
words_of(const json_t *plan, const json_t *c)
{
	if (!same_serving(plan, c) && same_serving(doc_get(plan, "engine"), c))
		return "the engine would choose it";
	return verdict_words(doc_text(c, "verdict"));
}

static void
print_candidate(const json_t *plan, const json_t *c, FILE *f)
{
	const json_t *expected = doc_get(c, "expected");

	fprintf(f, "  %-14.14s %-26.26s", doc_text(c, "backend"),
	    words_of(plan, c));
	if (doc_has(c, "confidence"))
		fprintf(f, " %6.1f", doc_number(c, "confidence") * 100);
	else
		fprintf(f, " %6s", "-");
	doc_cell(f, c, "price_usd", 10, 7);
	doc_cell(f, c, "score", 10, 7);
	doc_cell(f, c, "in_flight", 4, 0);
	doc_cell(f, expected, "ttft_ms", 8, 1);
	doc_cell(f, expected, "itl_ms", 6, 1);
	doc_cell(f, expected, "total_ms", 9, 1);
	fputs("  ", f);
	print_quantiles(doc_get(c, "live"), "ttft", f);
	fputs("  ", f);
	print_quantiles(doc_get(c, "live"), "itl", f);
	fputc('\n', f);
	if (doc_cause(c) != NULL)
		fprintf(f, "  %-14s %s\n", "", doc_cause(c));
}

static void
print_candidates(const json_t *plan, FILE *f)
{
	const json_t *list = doc_get(plan, "candidates"), *c;
	size_t i;

	if (json_array_size(list) == 0) {
		fputs("  no candidates were recorded\n", f);
		return;
	}
	fprintf(f, "  %-14s %-26s %6s %10s %10s %4s %25s  %24s  %24s\n", "", "",
	    "CHANCE", "PRICE", "", "IN", "EXPECTED ms          ",
	    "TTFT OF LATE, ms     ", "ITL OF LATE, ms     ");
	fprintf(f,
	    "  %-14s %-26s %6s %10s %10s %4s %8s %6s %9s   %7s %7s %7s   %7s "
	    "%7s %7s\n",
	    "CANDIDATE", "WHY IN OR OUT", "%", "USD", "SCORE", "USE", "TTFT",
	    "ITL", "TOTAL", "p50", "p95", "p99", "p50", "p95", "p99");
	json_array_foreach (list, i, c)
		print_candidate(plan, c, f);
}

static void
print_plans(const json_t *doc, FILE *f)
{
	const json_t *plans = doc_get(doc, "plans"), *p;
	char words[EXPLAIN_WORDS];
	size_t i, kept = json_array_size(plans);
	double made = doc_number(doc, "plans_made");

	json_array_foreach (plans, i, p) {
		explain_plan(p, words, sizeof(words));
		fprintf(f, "\nplan %g of %g, at %.3f ms: %s",
		    i + 1 == kept ? made : (double)i + 1, made,
		    doc_number(p, "at_ms"), words);
		if (doc_has(p, "required"))
			fprintf(f, ", %.1f %% required",
			    doc_number(p, "required") * 100);
		fputc('\n', f);
		print_candidates(p, f);
	}
}

/* --- what came of it --- */

static void
print_missed(const json_t *outcome, FILE *f)
{
	const json_t *m;
	size_t i;

	if (json_is_null(doc_get(outcome, "slo_met"))) {
		fputs(strcmp(doc_text(outcome, "result"), "client_gone") == 0
			? "\nslo      the client left, and nothing was late "
			  "yet\n"
			: "\nslo      had no targets, or asked no backend\n",
		    f);
		return;
	}
	if (json_is_true(doc_get(outcome, "slo_met"))) {
		fputs("\nslo      met\n", f);
		return;
	}
	fputs("\nslo      missed", f);
	json_array_foreach (doc_get(outcome, "missed"), i, m) {
		if (doc_has(m, "by_ms"))
			fprintf(f, "%s %s %.3f ms, %.3f ms over %.10g ms",
			    i == 0 ? ":" : ";", doc_text(m, "term"),
			    doc_number(m, "took_ms"), doc_number(m, "by_ms"),
			    doc_number(m, "target_ms"));
		else
			fprintf(f, "%s %s was never reached",
			    i == 0 ? ":" : ";", doc_text(m, "term"));
	}
	fputc('\n', f);
}

static void
print_cost(const json_t *outcome, FILE *f)
{
	const json_t *usage = doc_get(outcome, "usage");

	fputs("cost     ", f);
	if (doc_has(outcome, "cost_usd"))
		fprintf(f, "%.7f USD", doc_number(outcome, "cost_usd"));
	else
		fputs("not known", f);
	if (json_is_object(usage))
		fprintf(f, ", %.0f tokens in, %.0f out (%s)",
		    doc_number(usage, "input"), doc_number(usage, "output"),
		    json_is_true(doc_get(usage, "reported")) ? "reported"
							     : "estimated");
	fputc('\n', f);
}

void
explain_print(const json_t *doc, FILE *f)
{
	const json_t *outcome = doc_get(doc, "outcome");

	print_head(doc, f);
	print_plans(doc, f);
	explain_time_line(doc, f);
	print_missed(outcome, f);
	print_cost(outcome, f);
	fprintf(f, "why      %s.\n", doc_text(doc, "why"));
}
