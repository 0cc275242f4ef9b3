/* router/explain.c - what the router would tell a person. */
#include "router/engine.h"

static const char *const reasons[REASON_COUNT] = {
	[REASON_CHEAPEST_ADEQUATE] = "cheapest_adequate",
	[REASON_BEST_EFFORT] = "best_effort",
	[REASON_FASTEST] = "fastest",
	[REASON_CHEAPEST] = "cheapest",
	[REASON_PINNED] = "pinned",
	[REASON_FALLBACK] = "fallback",
	[REASON_ONLY] = "only",
	[REASON_EXPLORING] = "exploring",
	[REASON_QUEUED] = "queued",
	[REASON_NO_SERVING] = "no_serving",
	[REASON_BOUNDARY] = "boundary",
	[REASON_UNAVAILABLE] = "unavailable",
	[REASON_RATE_LIMITED] = "rate_limited",
	[REASON_LOADING] = "loading",
	[REASON_SLO_UNATTAINABLE] = "slo_unattainable",
	[REASON_QUEUE_FULL] = "queue_full",
	[REASON_DEADLINE] = "deadline",
	[REASON_EXHAUSTED] = "exhausted",
	[REASON_RETRY_BUDGET] = "retry_budget",
};

static const char *const breaker_states[] = { "closed", "open", "half_open" };

const char *
plan_reason_name(enum plan_reason reason)
{
	return reasons[reason];
}

const char *
breaker_state_name(enum breaker_state state)
{
	return breaker_states[state];
}

static void
view_curve(const struct curve *c, struct serving_view *v, enum phase phase)
{
	bool known = curve_known(c);

	v->live[phase].p50 = known ? (usec)curve_at(c, 0.5) : -1;
	v->live[phase].p95 = known ? (usec)curve_at(c, 0.95) : -1;
	v->live[phase].p99 = known ? (usec)curve_at(c, 0.99) : -1;
	v->live[phase].n = (double)c->n;
}

static void
view_live(const struct forecast *f, struct serving_view *v)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		v->live[i].p50 = v->live[i].p95 = v->live[i].p99 = -1;
	v->live[PHASE_TTFT].p50 = f->seen_ttft.p50;
	v->live[PHASE_TTFT].p95 = f->seen_ttft.p95;
	v->live[PHASE_TTFT].p99 = f->seen_ttft.p99;
	v->live[PHASE_TTFT].n = f->seen_ttft.n;
	view_curve(&f->itl, v, PHASE_ITL);
	view_curve(&f->total, v, PHASE_TOTAL);
}

bool
router_view(
    const struct router *r, uint32_t serving, usec now, struct serving_view *v)
{
	const struct cell *c = fleet_cell(&r->fleet, serving);
	const struct site *s;
	enum standing standing;
	usec until;

	if (c == NULL)
		return false;
	s = c->site;
	standing = cell_standing(c, now, &until);
	*v = (struct serving_view){ .serving = c->id,
		.backend = s->id,
		.breaker = breaker_state(&s->breaker, now),
		.last_fault = s->last_fault,
		.warm = s->cold_until <= now,
		.key_off = s->key_off,
		.model_gone = c->gone_until > now,
		.in_flight = c->in_flight,
		.waiting = queue_waiting(&r->queue, serving),
		.load = s->load };
	if (standing <= STANDING_LIMITED)
		v->opens_in = until < USEC_NEVER ? until - now : USEC_NEVER;
	view_live(&c->forecast, v);
	return true;
}

unsigned
router_queue_length(const struct router *r)
{
	return r->queue.n;
}
