/* bench/load/report.c - what a load run found, as one line of JSON. */
#include <inttypes.h>

#include "bench/load/load.h"

static void
quantiles(FILE *f, const char *name, const struct hist *h)
{
	if (h->n == 0)
		return;
	fprintf(f,
	    ",\"%s\":{\"n\":%" PRIu64 ",\"mean\":%.1f,\"p50\":%" PRId64
	    ",\"p99\":%" PRId64 ",\"p999\":%" PRId64 ",\"max\":%" PRId64 "}",
	    name, h->n, h->sum / (double)h->n, hist_quantile(h, 0.5),
	    hist_quantile(h, 0.99), hist_quantile(h, 0.999),
	    hist_quantile(h, 1));
}

void
load_report(FILE *f, const struct load_options *o, const struct load_result *r)
{
	static const char *const modes[] = { "closed", "open", "held" };
	static const char *const faults[LOAD_FAULT_COUNT] = { "connect",
		"status", "broken", "answer", "timeout" };
	double seconds = (double)(r->to - r->from) / 1e6;
	uint64_t bad = 0;

	for (int i = 0; i < LOAD_FAULT_COUNT; i++)
		bad += r->faults[i];
	fprintf(f,
	    "{\"mode\":\"%s\",\"seconds\":%.3f,\"count\":%" PRIu64
	    ",\"per_second\":%.1f,\"errors\":%" PRIu64,
	    modes[o->mode], seconds, r->ok,
	    seconds > 0 ? (double)r->ok / seconds : 0, bad);
	for (int i = 0; i < LOAD_FAULT_COUNT; i++)
		if (r->faults[i] > 0)
			fprintf(f, ",\"errors_%s\":%" PRIu64, faults[i],
			    r->faults[i]);
	fprintf(f, ",\"bytes\":%" PRIu64 ",\"chunks\":%" PRIu64, r->bytes,
	    r->tokens);
	quantiles(f, "latency_us", &r->latency);
	quantiles(f, "ttft_us", &r->ttft);
	if (o->mode == LOAD_OPEN)
		quantiles(f, "late_us", &r->late);
	quantiles(f, "gap_us", &r->gap);
	quantiles(f, "jitter_us", &r->jitter);
	quantiles(f, "lag_us", &r->lag);
	fputs("}\n", f);
	fflush(f);
}
