/* bench/sim/baseline_site.c - a backend's standing, as baselines keep it. */
#include "bench/sim/baseline_parts.h"

#define BLOCK_MOST (60 * USEC_SEC)

enum base_standing
base_stands(
    const struct base *b, const struct base_site *s, usec now, usec *until)
{
	*until = USEC_NEVER;
	if (s->conf == NULL || s->conf->off != NULL || s->key_off)
		return BASE_OFF;
	if (s->out_until > now) {
		*until = s->out_until;
		return BASE_OUT;
	}
	if (s->blocked_until > now) {
		*until = s->blocked_until;
		return BASE_BLOCKED;
	}
	if (s->cold_until > now)
		return BASE_COLD;
	if (b->kind->slots && s->conf->slots > 0 &&
	    s->in_flight >= s->conf->slots)
		return BASE_FULL;
	return BASE_FREE;
}

void
base_take_out(struct base *b, struct base_site *s, usec now)
{
	const struct base_kind *k = b->kind;

	s->out_for = s->out_for == 0 ? k->out_first : 2 * s->out_for;
	if (s->out_for > k->out_most)
		s->out_for = k->out_most;
	s->out_until = now + s->out_for;
	s->failures = 0;
}

static void
count_failure(struct base *b, struct base_site *s, usec now)
{
	const struct base_kind *k = b->kind;

	if (k->failures == 0)
		return;
	if (s->failures == 0 ||
	    (k->window > 0 && now - s->failures_since > k->window)) {
		s->failures = 0;
		s->failures_since = now;
	}
	if (++s->failures >= k->failures)
		base_take_out(b, s, now);
}

static void
block(const struct base *b, struct base_site *s, usec after, usec now)
{
	usec span = after > 0 ? after : b->kind->block;

	if (span > BLOCK_MOST)
		span = BLOCK_MOST;
	if (s->blocked_until < now + span)
		s->blocked_until = now + span;
}

void
base_failed(
    struct base *b, struct base_site *s, const struct fault *f, usec now)
{
	switch (fault_rule(f->kind)->blame) {
	case BLAME_NONE:
		return;
	case BLAME_CAPACITY:
		block(b, s, f->retry_after, now);
		break;
	case BLAME_KEY:
		s->key_off = true;
		return;
	case BLAME_COLD:
		/* nobody waits for a load that no probe will tell the end of */
		s->cold_until = now + b->kind->block;
		return;
	case BLAME_SERVING:
	case BLAME_BACKEND:
	case BLAME_OPEN:
		s->outage[1] = s->outage[0];
		s->outage[0] = now;
		if (b->kind->failed == NULL)
			count_failure(b, s, now);
		break;
	}
	if (b->kind->failed != NULL)
		b->kind->failed(b, s, f, now);
}

void
base_well(const struct base *b, struct base_site *s)
{
	if (b->kind->window == 0)
		s->failures = 0;
	s->out_for = 0;
}
