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
	[REASON_DRAINED] = "drained",
	[REASON_TWIN] = "twin",
	[REASON_HEDGE] = "hedge",
};

static const char *const verdicts[VERDICT_COUNT] = {
	[VERDICT_CHOSEN] = "chosen",
	[VERDICT_DEARER] = "dearer",
	[VERDICT_UNLIKELY] = "unlikely",
	[VERDICT_AILING] = "ailing",
	[VERDICT_CROWDED] = "crowded",
	[VERDICT_RESERVED] = "reserved",
	[VERDICT_TRIED] = "tried",
	[VERDICT_LATE] = "late",
	[VERDICT_FALLBACK] = "fallback",
	[VERDICT_INELIGIBLE] = "ineligible",
	[VERDICT_DRAINED] = "drained",
	[VERDICT_OUT] = "out",
	[VERDICT_LIMITED] = "limited",
	[VERDICT_COLD] = "cold",
	[VERDICT_BUSY] = "busy",
};

static const char *const causes[CAUSE_COUNT] = {
	[CAUSE_NONE] = "none",
	[CAUSE_DRAINED] = "drained",
	[CAUSE_WEIGHT_ZERO] = "weight_zero",
	[CAUSE_REMOVED] = "removed",
	[CAUSE_OFF] = "off",
	[CAUSE_KEY] = "key_rejected",
	[CAUSE_MODEL] = "model_missing",
	[CAUSE_BREAKER] = "breaker_open",
	[CAUSE_TRIAL] = "half_open",
	[CAUSE_ANSWERED_429] = "answered_429",
	[CAUSE_RATE_USED_UP] = "rate_used_up",
	[CAUSE_LOADING] = "loading",
	[CAUSE_SLOTS] = "slots_taken",
	[CAUSE_WEIGHT] = "weight_taken",
	[CAUSE_SLOWED] = "slowed",
	[CAUSE_FAILING] = "failing",
	[CAUSE_SILENT] = "silent",
	[CAUSE_SLOW_START] = "slow_start",
	[CAUSE_PIN] = "pinned_elsewhere",
	[CAUSE_ABILITY] = "ability",
	[CAUSE_BOUNDARY] = "boundary",
	[CAUSE_QUALITY] = "quality",
	[CAUSE_CONTEXT] = "context",
	[CAUSE_STAND_IN] = "other_model",
};

static const char *const breaker_states[] = { "closed", "open", "half_open" };

const char *
plan_reason_name(enum plan_reason reason)
{
	return reasons[reason];
}

const char *
verdict_name(enum verdict v)
{
	return verdicts[v];
}

const char *
cause_name(enum cause c)
{
	return causes[c];
}

const char *
breaker_state_name(enum breaker_state state)
{
	return breaker_states[state];
}

static void
view_live(const struct forecast *f, struct serving_view *v)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		v->live[i].p50 = f->seen[i].p50;
		v->live[i].p95 = f->seen[i].p95;
		v->live[i].p99 = f->seen[i].p99;
		v->live[i].n = f->seen[i].n;
	}
}

static void
view_measured(const struct cell *c, usec now, struct measured *m)
{
	*m = c->forecast->measured;
	m->reckoned = c->told > 0 ? c->reckoned / c->told : 0;
	m->heard = c->heard_at > 0 ? (double)(now - c->heard_at) : -1;
	m->slots = site_capacity(c->site);
}

static void
view_limits(const struct load *limits, struct load *l)
{
	l->has |= limits->has;
	l->left_requests = limits->left_requests;
	l->reset_requests = limits->reset_requests;
	l->left_tokens = limits->left_tokens;
	l->reset_tokens = limits->reset_tokens;
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
		.last_fault = c->charge.at > s->charge.at ? c->charge.fault
							  : s->charge.fault,
		.warm = s->cold_until <= now,
		.key_off = s->key_off_until > now,
		.model_gone = c->gone_until > now,
		.in_flight = c->in_flight,
		.site_in_flight = s->in_flight,
		.ceiling = cell_ceiling(c),
		.own = c->restraint,
		.site = s->restraint,
		.waiting = queue_waiting(&r->queue, serving),
		.load = s->load };
	if (standing <= STANDING_LIMITED)
		v->opens_in = until < USEC_NEVER ? until - now : USEC_NEVER;
	cell_plight(c, now, &v->plight);
	view_limits(&c->limits, &v->load);
	view_live(c->forecast, v);
	view_measured(c, now, &v->measured);
	return true;
}

unsigned
router_queue_length(const struct router *r)
{
	return r->queue.n;
}
