/* bench/sim/baseline_openrouter.c - weighted by price, as OpenRouter does.
 *
 * After its documented default for providers (openrouter.ai/docs, "Provider
 * routing"): those without significant outages in the last 30 s first; among
 * them a random one, weighted by the inverse square of its price; the others
 * as fallbacks. A request's TTFT and ITL targets are its
 * preferred_max_latency and preferred_min_throughput at the strictest of
 * p50, p75, p90 and p99 that its class does not exceed, over the last five
 * minutes: a provider beyond one comes later, and is never left out. Two
 * failures within 30 s are an outage. A total time cannot be asked for. */
#include <math.h>
#include <string.h>

#include "bench/sim/baseline.h"
#include "gateway/telemetry/hist.h"
#include "policies/price.h"

#define OUTAGE (30 * USEC_SEC)
#define HALF ((usec)150 * USEC_SEC) /* of the five minutes */
#define SAMPLES 20 /* before a percentile is believed */
#define FREE_AS 0.01 /* of the dearest: a price of 0 has no inverse */
#define OUTPUT_USUAL 256

/* Two halves take turns, so a percentile spans 2.5 to 5 minutes. */
struct halves {
	struct hist h[2];
	usec began;
};

struct openrouter {
	struct halves ttft, itl;
};

static void
record(struct halves *w, usec value, usec now)
{
	if (now - w->began >= HALF) {
		w->h[1] = w->h[0];
		memset(&w->h[0], 0, sizeof(w->h[0]));
		w->began = now;
	}
	hist_record(&w->h[0], value);
}

static bool
within(const struct halves *w, double share, usec target)
{
	uint64_t n = w->h[0].n + w->h[1].n;
	uint64_t good;

	if (target == 0 || n < SAMPLES)
		return true;
	good = hist_count_below(&w->h[0], target) +
	    hist_count_below(&w->h[1], target);
	return (double)good >= share * (double)n;
}

static double
offered(double percentile)
{
	static const double steps[] = { 0.99, 0.9, 0.75 };

	for (unsigned i = 0; i < 3; i++)
		if (percentile / 100 >= steps[i])
			return steps[i];
	return 0.5;
}

/* 0: stable and preferred; 1: stable; 2: neither need be. */
static unsigned
rank(const struct base_site *s, const struct slo *slo, usec now)
{
	const struct openrouter *own = s->own;
	double share = offered(slo->percentile);

	if (s->outage[1] != 0 && now - s->outage[1] < OUTAGE)
		return 2;
	return within(&own->ttft, share, slo->ttft) &&
		within(&own->itl, share, slo->itl)
	    ? 0
	    : 1;
}

static double
price_at(const struct base_order *o, uint32_t at)
{
	double input = tokens_of_bytes(o->req->facts->prompt_bytes);

	return price_rank(price_expected(
	    &o->req->model->servings[at].price, input, OUTPUT_USUAL));
}

static uint32_t
draw(struct base *b, const struct base_order *o, const struct set *set)
{
	double weight[CONF_SERVINGS_MAX] = { 0 };
	double most = 0, sum = 0, ticket;
	uint32_t last = set_next(set, 0);

	SET_EACH (i, set) {
		double p = price_at(o, i);

		if (p < INFINITY)
			most = fmax(most, p);
	}
	most = most > 0 ? most : 1;
	SET_EACH (i, set) {
		double p = fmax(price_at(o, i) / most, FREE_AS);

		weight[i] = 1 / (p * p);
		sum += weight[i];
	}
	ticket = rng_unit(&b->rng) * sum;
	SET_EACH (i, set) {
		last = i;
		ticket -= weight[last];
		if (ticket < 0)
			break;
	}
	return last;
}

static uint32_t
pick(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	struct set by_rank[3] = { 0 };

	SET_EACH (i, set) {
		set_add(
		    &by_rank[rank(base_site(b, o, i), &o->req->slo, now)], i);
	}
	for (unsigned r = 0; r < 2; r++)
		if (!set_is_empty(&by_rank[r]))
			return draw(b, o, &by_rank[r]);
	return draw(b, o, &by_rank[2]);
}

static void
first_token(
    struct base_site *s, const struct base_order *o, usec now, usec ttft)
{
	struct openrouter *own = s->own;

	(void)o;
	record(&own->ttft, ttft, now);
}

static void
ended(struct base_site *s, const struct base_order *o,
    const struct route_result *r, enum fault_kind fault, usec now)
{
	struct openrouter *own = s->own;

	(void)o;
	if (r != NULL && fault == FAULT_NONE && r->itl >= 0)
		record(&own->itl, r->itl, now);
}

static const struct base_kind openrouter = {
	.retries = UINT32_MAX,
	.block = USEC_SEC,
	.site_size = sizeof(struct openrouter),
	.pick = pick,
	.first_token = first_token,
	.ended = ended,
};

BASELINE(openrouter, "openrouter",
    "OpenRouter's: by inverse square of price, soft on latency", openrouter);
