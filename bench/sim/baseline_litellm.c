/* bench/sim/baseline_litellm.c - LiteLLM's latency-based routing, by default.
 *
 * After its router_strategy/lowest_latency.py (commit 015b945), with what it
 * does in fact: seconds per completion token, and for streams the time to the
 * first token divided by the number of completion tokens as well; lists of ten
 * that keep the first nine for good and overwrite the tenth; a list begins with
 * a zero that counts in the divisor; the divisor is the length of the other
 * list for streams; a timeout is entered as 1000 s, but not for streams; a
 * buffer of 0, so always the least; nothing of what is in flight.
 *
 * Its router's defaults: two retries, on deployments that have not failed the
 * request; a cool-down of 5 s for a 429 (or what retry-after says), a refused
 * key, a missing model, and for more than half of at least five requests in a
 * minute failing; no health checks, no limits, no queue. */
#include "bench/sim/baseline.h"

#define LIST 10
#define TIMEOUT_AS 1000.0 /* s */
#define MINUTE (60 * USEC_SEC)
#define AT_LEAST 5

struct list_of {
	double v[LIST];
	unsigned n;
};

struct litellm {
	struct list_of latency, ttft; /* s per token */
	int64_t minute;
	unsigned failures, successes; /* in it */
};

static void
append(struct list_of *l, double v)
{
	if (l->n < LIST)
		l->v[l->n++] = v;
	else
		l->v[LIST - 1] = v;
}

static double
mean_of(struct litellm *own, bool stream)
{
	const struct list_of *l =
	    stream && own->ttft.n > 0 ? &own->ttft : &own->latency;
	double sum = 0;

	if (own->latency.n == 0)
		append(&own->latency, 0);
	for (unsigned i = 0; i < l->n; i++)
		sum += l->v[i];
	return sum / own->latency.n;
}

static uint32_t
pick(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	double least = 0;
	uint32_t best = BASE_NONE;
	uint32_t ties = 0;

	(void)now;
	SET_EACH (i, set) {
		double v =
		    mean_of(base_site(b, o, i)->own, o->req->facts->stream);

		if (best != BASE_NONE && v > least)
			continue;
		ties = best != BASE_NONE && v == least ? ties + 1 : 1;
		if (ties == 1 || rng_below(&b->rng, ties) == 0)
			best = i;
		least = v;
	}
	return best;
}

static void
in_minute(struct litellm *own, usec now)
{
	if (own->minute == now / MINUTE)
		return;
	own->minute = now / MINUTE;
	own->failures = own->successes = 0;
}

static void
ended(struct base_site *s, const struct base_order *o,
    const struct route_result *r, enum fault_kind fault, usec now)
{
	struct litellm *own = s->own;
	double tokens;

	in_minute(own, now);
	if (fault == FAULT_TTFT_TIMEOUT || fault == FAULT_TOTAL_TIMEOUT ||
	    fault == FAULT_GAP_TIMEOUT)
		append(&own->latency, TIMEOUT_AS);
	if (r == NULL || fault != FAULT_NONE)
		return;
	own->successes++;
	tokens = r->usage.output > 0 ? r->usage.output : 1;
	append(
	    &own->latency, (double)(now - o->sent) / (double)USEC_SEC / tokens);
	if (o->req->facts->stream && r->ttft >= 0)
		append(&own->ttft, (double)r->ttft / (double)USEC_SEC / tokens);
}

static void
failed(struct base *b, struct base_site *s, const struct fault *f, usec now)
{
	struct litellm *own = s->own;
	unsigned n;

	/* a 429 blocks by itself; connection errors cool nothing down */
	in_minute(own, now);
	own->failures++;
	n = own->failures + own->successes;
	if (fault_rule(f->kind)->blame == BLAME_OPEN ||
	    f->kind == FAULT_RATE_LIMITED)
		return;
	if (f->kind == FAULT_MODEL || (n >= AT_LEAST && 2 * own->failures > n))
		base_take_out(b, s, now);
}

static const struct base_kind litellm = {
	.retries = 2,
	.out_first = 5 * USEC_SEC,
	.out_most = 5 * USEC_SEC,
	.block = 5 * USEC_SEC,
	.site_size = sizeof(struct litellm),
	.pick = pick,
	.ended = ended,
	.failed = failed,
};

BASELINE(litellm_latency, "litellm-latency",
    "LiteLLM's latency-based routing with its defaults", litellm);
