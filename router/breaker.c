/* router/breaker.c - whether a backend may be sent requests.
 *
 * Invariant: `probes` counts the attempts of this epoch that began half-open
 * and have not ended, as long as the state is half-open. Attempts of one epoch
 * that began closed began after its half-open time, so they never mix. */
#include "router/breaker.h"

#include <string.h>

static void
settle(struct breaker *b, usec now)
{
	b->state = breaker_state(b, now);
}

bool
breaker_permits(const struct breaker *b, usec now)
{
	switch (breaker_state(b, now)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		return false;
	case BREAKER_HALF_OPEN:
		break;
	}
	return b->probes < (b->successes > 0 ? BREAKER_PROBES : 1);
}

static void
note_relapse(struct breaker *b, usec now)
{
	/* one that was never open has not closed either */
	if (b->closed_at == 0 || now - b->closed_at > BREAKER_FORGIVE) {
		b->streak = b->relapses = 0;
		b->lived = 0;
		return;
	}
	b->relapses++;
	b->lived += now - b->closed_at;
}

double
breaker_hazard(const struct breaker *b, usec now)
{
	usec since = b->state == BREAKER_CLOSED ? b->closed_at : b->until;
	usec up = now > since ? now - since : 0;

	if (b->relapses == 0 || up > BREAKER_FORGIVE)
		return 0;
	return b->relapses / (double)(b->lived + up + BREAKER_OPEN_MIN);
}

static void
open_up(struct breaker *b, usec now, struct rng *rng)
{
	double jitter = 1 + BREAKER_JITTER * (2 * rng_unit(rng) - 1);
	usec span = BREAKER_OPEN_MIN;

	if (b->state == BREAKER_CLOSED) {
		note_relapse(b, now);
		b->since = now;
	}
	for (unsigned i = 0; i < b->streak && span < BREAKER_OPEN_MAX; i++)
		span *= 2;
	if (span > BREAKER_OPEN_MAX)
		span = BREAKER_OPEN_MAX;
	b->state = BREAKER_OPEN;
	b->until = now + (usec)((double)span * jitter);
	b->epoch++;
	b->streak++;
	b->probes = b->successes = 0;
}

static void
close_down(struct breaker *b, usec now)
{
	b->state = BREAKER_CLOSED;
	b->closed_at = now;
	memset(&b->calls, 0, sizeof(b->calls));
	memset(&b->failures, 0, sizeof(b->failures));
}

uint32_t
breaker_enter(struct breaker *b, usec now)
{
	settle(b, now);
	if (b->state == BREAKER_OPEN) {
		b->until = now;
		b->state = BREAKER_HALF_OPEN;
	}
	if (b->state == BREAKER_HALF_OPEN)
		b->probes++;
	return b->epoch;
}

void
breaker_leave(struct breaker *b, uint32_t epoch)
{
	if (epoch == b->epoch && b->state == BREAKER_HALF_OPEN)
		b->probes--;
}

void
breaker_vouch(struct breaker *b, uint32_t epoch, usec now)
{
	if (epoch == b->epoch && b->state == BREAKER_HALF_OPEN &&
	    ++b->successes == BREAKER_PROBES)
		close_down(b, now);
}

void
breaker_success(struct breaker *b, uint32_t epoch, bool vouched, usec now)
{
	if (epoch != b->epoch)
		return;
	if (b->state == BREAKER_CLOSED)
		window_add(&b->calls, now);
	breaker_leave(b, epoch);
	if (!vouched)
		breaker_vouch(b, epoch, now);
}

bool
breaker_failure(
    struct breaker *b, uint32_t epoch, bool outright, usec now, struct rng *rng)
{
	uint32_t calls, failed;

	if (epoch != b->epoch || b->state == BREAKER_OPEN)
		return false;
	if (b->state == BREAKER_HALF_OPEN || outright) {
		open_up(b, now, rng);
		return true;
	}
	window_add(&b->calls, now);
	window_add(&b->failures, now);
	calls = window_count(&b->calls, now);
	failed = window_count(&b->failures, now);
	if (calls < BREAKER_CALLS_MIN || failed < BREAKER_FAILED_SHARE * calls)
		return false;
	open_up(b, now, rng);
	return true;
}

bool
breaker_probe_well(struct breaker *b, usec now)
{
	bool was_open = b->state == BREAKER_OPEN;

	if (was_open && now < b->until && b->relapses < BREAKER_RELAPSES)
		b->until = now;
	settle(b, now);
	return was_open && b->state != BREAKER_OPEN;
}

bool
breaker_probe_failed(struct breaker *b, usec now, struct rng *rng)
{
	settle(b, now);
	/* an open one stays as it is: probes would keep it open for ever */
	if (b->state == BREAKER_OPEN)
		return false;
	open_up(b, now, rng);
	return true;
}
