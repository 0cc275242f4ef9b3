/* bench/micro_metrics.c - what telemetry costs: per finished request, and per
 * scrape, with 1,000 tenants and 16 servings.
 *
 * And what a trace costs: its header read and written, as each request with a
 * collector has it done, and the spans of one that is sampled. Prints the best
 * of several rounds, so that a busy machine shows little. The longest that a
 * request may be held up is the time for which a shard is locked: one group's
 * or one serving's sum, not the page. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/otlp.h"
#include "gateway/telemetry/telemetry.h"

#define TENANTS 1000
#define SERVINGS 16
#define SHARDS 4
#define ROUNDS 15
#define REQUESTS 200000
#define PAGE_MAX ((size_t)64 << 20)

static char tenants[TENANTS][16], backends[SERVINGS][16];

static bool
add_servings(struct telemetry *t, struct telemetry_serving *now)
{
	struct telemetry_label labels[SERVINGS];

	for (unsigned i = 0; i < SERVINGS; i++) {
		snprintf(backends[i], sizeof(backends[i]), "backend-%u", i);
		labels[i] = (struct telemetry_label){ i + 1, "gemma",
			backends[i], "google/gemma", "vllm", "eu" };
		now[i] = (struct telemetry_serving){ .serving = i + 1,
			.usable = true,
			.warm = true,
			.slots = 64 };
	}
	return telemetry_configure(t, labels, SERVINGS) == OK;
}

/* Spans that spread over all buckets, on all servings and shards. */
static double
finish_all(struct telemetry *t, unsigned n)
{
	struct outcome o = outcome_good();
	usec began = clock_now();

	for (unsigned i = 0; i < n; i++) {
		o.tenant = tenants[i % TENANTS];
		o.attempts[0].serving = i % SERVINGS + 1;
		o.attempts[0].ttft = (usec)(i % 997) * 331;
		o.slo_met = i % 20 != 0;
		telemetry_finish(t, i / TENANTS % SHARDS, &o, began);
	}
	return (double)(clock_now() - began) * 1e3 / n;
}

static usec
scrape(struct telemetry *t, const struct telemetry_serving *now, size_t *bytes)
{
	const struct telemetry_gauges gauges = { 0 };
	usec began = clock_now();
	struct buf b;

	buf_init(&b, PAGE_MAX);
	telemetry_expose(t, &gauges, now, SERVINGS, began, &b);
	*bytes = b.n;
	buf_fini(&b);
	return clock_now() - began;
}

static void
trace_header(struct buf *b, unsigned i)
{
	static const char header[] =
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct trace_context c;
	unsigned char span[SPAN_ID];

	if (!trace_parse(slice_of(header), &c))
		abort();
	trace_begin(&c, SLICE("0123456789abcdef01234567"), 1);
	trace_attempt(&c, i, span);
	buf_reset(b);
	trace_write(&c, span, b);
}

static void
trace_spans(struct buf *b, unsigned i)
{
	struct trace_context c = { .trace = { (unsigned char)(i % 255 + 1) },
		.span = { 1 } };
	struct outcome o = outcome_good();
	struct trace_record r = { .context = &c, .outcome = &o };

	buf_reset(b);
	if (buf_reserve(b, OTLP_REQUEST_MAX))
		b->n = otlp_spans(b->p, &r);
}

/* Nanoseconds, the best of some rounds. */
static double
best_of(void (*act)(struct buf *, unsigned), unsigned n)
{
	double best = 1e9, took;
	struct buf b;
	usec began;

	buf_init(&b, PAGE_MAX);
	for (unsigned round = 0; round < ROUNDS; round++) {
		began = clock_now();
		for (unsigned i = 0; i < n; i++)
			act(&b, i);
		took = (double)(clock_now() - began) * 1e3 / n;
		best = took < best ? took : best;
	}
	buf_fini(&b);
	return best;
}

int
main(void)
{
	struct telemetry *t = telemetry_new(SHARDS);
	struct telemetry_serving now[SERVINGS];
	double finish = 1e9, took;
	usec best = USEC_NEVER, span;
	size_t bytes = 0;

	for (unsigned i = 0; i < TENANTS; i++)
		snprintf(tenants[i], sizeof(tenants[i]), "tenant-%u", i);
	if (t == NULL || !add_servings(t, now))
		return EXIT_FAILURE;
	finish_all(t, SHARDS * TENANTS * SERVINGS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		took = finish_all(t, REQUESTS);
		finish = took < finish ? took : finish;
		span = scrape(t, now, &bytes);
		best = span < best ? span : best;
	}
	printf("telemetry: %.0f ns a request, %d tenants in turn\n"
	       "scrape: %.1f ms, %.1f MB, %d tenants, %d servings, %d shards\n",
	    finish, TENANTS, (double)best / 1e3, (double)bytes / 1e6, TENANTS,
	    SERVINGS, SHARDS);
	printf("trace: %.0f ns a header, %.0f ns the spans of a request\n",
	    best_of(trace_header, 20000), best_of(trace_spans, 20000));
	telemetry_free(&t);
	return EXIT_SUCCESS;
}
