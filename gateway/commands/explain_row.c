/* gateway/commands/explain_row.c - a request's row of the ledger as text, in
 * the lines that a receipt has. */
#include "gateway/commands/doc.h"
#include "gateway/commands/explain_receipt.h"
#include "gateway/lib/clock.h"

static double
ms(const json_t *row, const char *span)
{
	return doc_number(row, span) / 1e3;
}

static void
print_result(const json_t *row, FILE *f)
{
	fprintf(f, "\nresult   %s", doc_text(row, "result"));
	if (doc_has(row, "status"))
		fprintf(f, ", status %.0f", doc_number(row, "status"));
	if (json_is_string(doc_get(row, "fault")))
		fprintf(f, ", fault %s", doc_text(row, "fault"));
	fputs("\nslo      ", f);
	if (json_is_string(doc_get(row, "missed")))
		fprintf(f, "missed (%s)", doc_text(row, "missed"));
	else
		fputs(doc_has(row, "slo_met") ? "met" : "none", f);
}

static void
print_times(const json_t *row, FILE *f)
{
	fprintf(f, "\ntook     %.1f ms, %.1f of them in the queue",
	    ms(row, "total_us"), ms(row, "queue_us"));
	if (doc_has(row, "ttft_us"))
		fprintf(f, "; first token after %.1f ms", ms(row, "ttft_us"));
	if (doc_has(row, "itl_us"))
		fprintf(f, ", then %.1f ms a token", ms(row, "itl_us"));
}

static void
print_usage(const json_t *row, FILE *f)
{
	fprintf(f, "\nusage    %.0f tokens in, %.0f of them cached, %.0f out%s",
	    doc_number(row, "tokens_in"), doc_number(row, "tokens_cached"),
	    doc_number(row, "tokens_out"),
	    doc_number(row, "estimated") > 0 ? " (estimated)" : "");
	if (doc_has(row, "cost_usd"))
		fprintf(f, "; %.7f USD", doc_number(row, "cost_usd"));
}

void
explain_print_row(const json_t *row, FILE *f)
{
	double attempts = doc_number(row, "attempts");
	char time[CLOCK_TEXT];
	size_t n =
	    clock_text(time, (usec)json_integer_value(doc_get(row, "time")), 3);

	fprintf(f, "%s  ended %.*s\n", doc_text(row, "receipt"), (int)n, time);
	fprintf(f, "tenant   %s (key %s)\nmodel    %s\nclass    %s\n",
	    doc_text(row, "tenant"), doc_text(row, "key"),
	    doc_text(row, "model"), doc_text(row, "slo"));
	fprintf(f, "request  %s, %s\n", doc_text(row, "dialect"),
	    doc_number(row, "stream") > 0 ? "streamed" : "not streamed");
	fprintf(f, "backend  %s (%s), %.0f attempt%s", doc_text(row, "backend"),
	    doc_text(row, "upstream"), attempts, attempts == 1 ? "" : "s");
	print_result(row, f);
	print_times(row, f);
	print_usage(row, f);
	fputs("\nThere is no receipt of it any more: this is its row in the "
	      "ledger, without the candidates.\n",
	    f);
}
