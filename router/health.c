/* router/health.c - what attempts, probes and headers say of a backend.
 *
 * A row of the fault table says who is to blame; here is what that means:
 * BACKEND and OPEN go to the breaker, KEY shuts the backend until the
 * configuration changes, or for minutes, COLD waits for the model to load.
 * CAPACITY blocks one serving for a while, SERVING puts it aside: most
 * providers count each model by itself, and where one does not, each of the
 * others finds out by one refusal that no client sees. */
#include "router/engine.h"

#include <math.h>

#include "gateway/lib/text.h"

#define BLOCK_MIN USEC_SEC /* doubled with each 429 in a row */
#define BLOCK_MAX (60 * USEC_SEC) /* whatever a backend asks for */
#define MODEL_GONE (60 * USEC_SEC)
#define MODEL_BACK (2 * USEC_SEC) /* where it was there a minute ago */
#define COLD_RETRY (2 * USEC_SEC)
#define KEY_BELIEVED (60 * USEC_SEC) /* after an answer */
#define LIMIT_BELIEVED (600 * USEC_SEC) /* for so long, and twice at most */
#define NAME_BELIEVED (10 * USEC_SEC)

static usec
at_most(usec span, usec max)
{
	return span < max ? span : max;
}

static void
push_back(usec *until, usec to)
{
	if (*until < to)
		*until = to;
}

/* A row of refusals has one beginning: the first since it was well. */
static void
note_since(usec *since, usec well, usec now)
{
	if (*since == 0 || *since <= well)
		*since = now;
}

static void
turn_cold(struct site *s, usec until, usec now)
{
	if (s->cold_until <= now)
		s->cold_since = now;
	push_back(&s->cold_until, until);
}

static void
note_broken(struct site *s)
{
	s->usable_since = s->breaker.until;
	s->broken_by = s->charge.fault;
	s->shut_for = 0;
}

static void
charge(struct charge *c, enum fault_kind kind, usec now)
{
	*c = (struct charge){ kind, now };
}

static void
block(struct cell *c, usec retry_after, usec now)
{
	usec span = retry_after;

	if (span <= 0) {
		span = BLOCK_MIN;
		for (unsigned i = 0; i < c->blocks && span < BLOCK_MAX; i++)
			span *= 2;
	}
	/* several answers to one burst are one refusal */
	if (now >= c->blocked_until)
		c->blocks++;
	push_back(&c->blocked_until, now + at_most(span, BLOCK_MAX));
}

bool
order_is_elsewhere(const struct site *s, const struct order *o)
{
	return s->conf != NULL &&
	    !same_place(s->conf, order_serving(o)->backend);
}

/* An attempt that began before a reload may have used an older key. */
static bool
used_present_key(const struct site *s, const struct order *o)
{
	const char *used = order_serving(o)->backend->api_key;
	const char *present = s->conf != NULL ? s->conf->api_key : NULL;

	return same_text(used, present);
}

/* It does not say so of what was sent before it was refused. */
static void
note_key_works(struct site *s, const struct order *o, usec now)
{
	s->worked_at = now;
	if (o->sent >= s->key_refused_since)
		s->key_refused_since = 0;
}

static void
note_well(struct cell *c, const struct order *o, usec now)
{
	struct site *s = c->site;

	c->answered_at = now;
	note_key_works(s, o, now);
	c->blocks = 0;
	breaker_success(&s->breaker, o->stay.epoch, o->first_token, now);
	s->calls++;
	/* what began before it failed says nothing of it now */
	if (o->sent >= s->failed_at)
		s->failed_in_a_row = 0;
	if (o->sent >= c->stalled.since)
		c->stalled.n = 0;
}

/* What was sent before says nothing of those who come now: it may well go on
 * where no new answer does. */
static void
note_stalled(struct cell *c, const struct order *o, usec now)
{
	if (c->stalled.n++ == 0)
		c->stalled.since = o->sent;
	c->stalled.until = now;
}

/* Nobody else has failed there since ten seconds before it was out. (An answer
 * that breaks off is lost to whoever tries.) */
static bool
is_alone(const struct site *s, uint64_t tenant)
{
	usec others = latest_of_others(&s->failed, tenant);

	return others == 0 || others < s->breaker.since - SUSPECT_PROOF_AGE;
}

static void
note_failure(struct router *r, struct site *s, const struct order *o,
    uint32_t epoch, bool outright, usec now)
{
	uint64_t tenant = o->author.by[AUTHOR_TENANT];

	s->calls++;
	s->failures++;
	s->failed_in_a_row++;
	s->failed_at = now;
	s->gone = outright;
	s->back = false;
	latest_note(&s->failed, tenant, now);
	if (!breaker_failure(&s->breaker, epoch, outright, now, &r->rng))
		return;
	note_broken(s);
	if (!outright && !o->first_token && is_alone(s, tenant))
		s->shut_for = tenant;
}

/* Blamed only once another has more to say to the same request. */
static void
spare(struct order *o, enum fault_kind kind)
{
	if (o->n_spared == ORDER_SPARED)
		return;
	o->spared[o->n_spared].serving = order_serving(o)->id;
	o->spared[o->n_spared].epoch = o->stay.epoch;
	o->spared[o->n_spared].kind = kind;
	o->n_spared++;
}

void
health_said(struct router *r, struct order *o, usec now)
{
	struct cell *c;

	for (unsigned i = 0; i < o->n_spared; i++) {
		c = fleet_cell(&r->fleet, o->spared[i].serving);
		if (c == NULL)
			continue;
		charge(&c->site->charge, o->spared[i].kind, now);
		note_failure(r, c->site, o, o->spared[i].epoch, false, now);
	}
	o->n_spared = 0;
}

void
health_pass_on(struct order *o)
{
	struct order *twin = o->twin;

	for (unsigned i = 0; i < o->n_spared && twin->n_spared < ORDER_SPARED;
	     i++)
		twin->spared[twin->n_spared++] = o->spared[i];
	o->n_spared = 0;
	if (o->failed.kind != FAULT_NONE)
		twin->failed = o->failed;
}

/* What fails in the same way at a second backend says more of the request than
 * of either. */
static bool
has_failed_so(const struct order *o, const struct fault *f)
{
	return o->failed.kind == f->kind && o->failed.status == f->status &&
	    o->failed.backend != order_serving(o)->backend->id;
}

/* Whether the backend is not to be blamed for it, now at least. */
static bool
is_excused(struct cell *c, struct order *o, const struct fault *f, usec now)
{
	bool before, own;

	if (!failover_may_be_the_request(f->kind))
		return false;
	before = has_failed_so(o, f);
	own = suspects_failed(&c->suspects, &o->author, o->first_token, now);
	o->failed.backend = c->site->id;
	o->failed.kind = f->kind;
	o->failed.status = f->status;
	if (before)
		spare(o, f->kind);
	return before || own;
}

/* A key that others are answered with is not wrong: who refuses it now and then
 * fails now and then. */
static bool
is_believed(const struct site *s, const struct order *o, usec now)
{
	return s->worked_at != 0 && now - s->worked_at < KEY_BELIEVED &&
	    used_present_key(s, o);
}

/* A name that cannot be looked up says that the resolver is out, where those
 * are answered for whom a connection was kept. */
static bool
is_resolver(const struct site *s, enum fault_kind kind, usec now)
{
	return kind == FAULT_DNS && s->worked_at != 0 &&
	    now - s->worked_at < NAME_BELIEVED;
}

/* What stands before a backend says 404, too, while that is replaced. */
static usec
gone_for(const struct cell *c, usec now)
{
	return c->answered_at != 0 && now - c->answered_at < MODEL_GONE
	    ? MODEL_BACK
	    : MODEL_GONE;
}

static void
note_key_refused(struct site *s, const struct order *o, usec now)
{
	if (s->key_refused_since == 0 && used_present_key(s, o))
		s->key_refused_since = now;
}

static void
put_aside(struct cell *c, usec now)
{
	note_since(&c->gone_since, c->answered_at, now);
	push_back(&c->gone_until, now + gone_for(c, now));
}

void
health_note(
    struct router *r, struct order *o, const struct fault *fault, usec now)
{
	struct cell *c = order_cell(r, o);
	struct site *s = c->site;
	enum blame blame = fault_rule(fault->kind)->blame;
	bool stalled, blamed;

	if (order_is_elsewhere(s, o)) {
		breaker_leave(&s->breaker, o->stay.epoch);
		return;
	}
	if (fault->kind == FAULT_NONE) {
		note_well(c, o, now);
		suspects_whole(
		    &c->suspects, &o->author, o->sent, o->first_token, now);
		return;
	}
	if (fault->empty) {
		spare(o, fault->kind);
		breaker_leave(&s->breaker, o->stay.epoch);
		return;
	}
	if (blame == BLAME_CAPACITY || blame == BLAME_SERVING)
		charge(&c->charge, fault->kind, now);
	else if (blame != BLAME_NONE)
		charge(&s->charge, fault->kind, now);
	if (blame == BLAME_KEY)
		note_key_refused(s, o, now);
	if (blame == BLAME_KEY && is_believed(s, o, now))
		blame = BLAME_BACKEND;
	else if (is_resolver(s, fault->kind, now))
		blame = BLAME_NONE;
	stalled = o->first_token && fault->kind == FAULT_GAP_TIMEOUT;
	blamed = (blame == BLAME_BACKEND || blame == BLAME_OPEN) &&
	    (stalled || !fault->left) && !is_excused(c, o, fault, now);
	if (blamed && stalled)
		note_stalled(c, o, now);
	if (blamed && !fault->left) {
		note_failure(r, s, o, o->stay.epoch, blame == BLAME_OPEN, now);
		return;
	}
	breaker_leave(&s->breaker, o->stay.epoch);
	if (blame == BLAME_CAPACITY)
		block(c, fault->retry_after, now);
	else if (blame == BLAME_KEY && used_present_key(s, o))
		push_back(&s->key_off_until, now + CONF_KEY_REST);
	else if (blame == BLAME_SERVING)
		put_aside(c, now);
	else if (blame == BLAME_COLD)
		turn_cold(s, now + COLD_RETRY, now);
}

void
health_first_token(struct router *r, struct order *o, usec now)
{
	struct cell *c = order_cell(r, o);

	if (order_is_elsewhere(c->site, o)) {
		health_said(r, o, now);
		return;
	}
	c->answered_at = now;
	note_key_works(c->site, o, now);
	breaker_vouch(&c->site->breaker, o->stay.epoch, now);
	suspects_began(&c->suspects, &o->author, o->sent, now);
	health_said(r, o, now);
}

/* --- probes and headers --- */

/* A probe proves that somebody is there, not that its answers are good. */
static void
note_back(struct site *s)
{
	if (!s->gone)
		return;
	s->gone = false;
	s->back = true;
	s->failed_in_a_row = 0;
}

/* Nobody could be sent there until now. */
static void
note_usable(struct site *s, usec now)
{
	bool was_cold = s->cold_until > now;

	s->cold_until = 0;
	if (breaker_probe_well(&s->breaker, now) ||
	    (was_cold && breaker_state(&s->breaker, now) == BREAKER_HALF_OPEN))
		s->usable_since = now;
	note_back(s);
}

static void
note_probe(
    struct router *r, struct site *s, const struct fault *fault, usec now)
{
	bool supervised = s->conf != NULL && s->conf->command != NULL;

	if (fault->kind == FAULT_NONE) {
		note_usable(s, now);
	} else if (fault->kind == FAULT_LOADING) {
		/* it lives: what it needs is time, not rest */
		turn_cold(s, USEC_NEVER, now);
		breaker_probe_well(&s->breaker, now);
	} else if (fault_rule(fault->kind)->blame == BLAME_OPEN &&
	    !is_resolver(s, fault->kind, now) &&
	    !(supervised && s->cold_until > now)) {
		charge(&s->charge, fault->kind, now);
		s->gone = true;
		s->back = false;
		if (breaker_probe_failed(&s->breaker, now, &r->rng))
			note_broken(s);
	}
}

static bool
used_up(const struct load *l, unsigned has, double left)
{
	return (l->has & has) != 0 && left <= 0;
}

/* The reset is when all calls are there again: of a burst that refills evenly
 * the first is there long before. Whoever comes too early is told by a 429. */
static usec
next_call(const struct allowance *a, const struct load *l)
{
	if (l->reset_requests <= 0)
		return BLOCK_MIN;
	return a->far ? l->reset_requests
		      : at_most((usec)ceil(1 / a->per_us), l->reset_requests);
}

static void
note_limits(struct cell *c, const struct load *l, usec now)
{
	usec span = 0;

	if (used_up(l, LOAD_LIMIT_REQUESTS, l->left_requests))
		push_back(&span, next_call(&c->allowance, l));
	if (used_up(l, LOAD_LIMIT_TOKENS, l->left_tokens))
		push_back(
		    &span, l->reset_tokens > 0 ? l->reset_tokens : BLOCK_MIN);
	if (span > 0)
		charge(&c->charge, FAULT_RATE_LIMITED, now);
	c->limited_until = span > 0 ? now + at_most(span, BLOCK_MAX) : 0;
}

/* Limits are lowered, too. What refills within the minute that is waited for is
 * seen full in ten. */
static void
note_most(struct allowance *a, double left, usec now)
{
	if (now - a->since >= LIMIT_BELIEVED) {
		a->most = a->most_since;
		a->most_since = 0;
		a->since = now;
	}
	a->most_since = fmax(a->most_since, left);
	a->most = fmax(a->most, left);
}

/* What is left is refilled by the reset, evenly: so the most seen left of late
 * is the burst, and the rate follows. A day's limit is no such burst; but one
 * that is used up is tried once in a while, as after a 429. */
static void
note_allowance(struct cell *c, const struct load *l, usec now)
{
	struct allowance *a = &c->allowance;
	usec reset = l->reset_requests;

	if ((l->has & LOAD_LIMIT_REQUESTS) == 0)
		return;
	note_most(a, l->left_requests + c->in_flight, now);
	a->left = l->left_requests;
	a->far = reset > BLOCK_MAX || (reset <= 0 && a->left < a->most);
	if (reset <= 0)
		reset = a->far ? BLOCK_MIN : BLOCK_MAX;
	a->per_us = fmax(fmax(a->most - a->left, 1) / (double)reset,
	    1.0 / (double)BLOCK_MAX);
	a->at = now;
}

/* Each report speaks of some members only; the others keep what they were. */
static void
merge_load(struct load *into, const struct load *l)
{
	into->has |= l->has & ~LOAD_LIMITS;
	if ((l->has & LOAD_RUNNING) != 0)
		into->running = l->running;
	if ((l->has & LOAD_WAITING) != 0)
		into->waiting = l->waiting;
	if ((l->has & LOAD_CACHE_USE) != 0)
		into->cache_use = l->cache_use;
	if ((l->has & LOAD_SLOTS) != 0)
		into->slots = l->slots;
	if ((l->has & LOAD_WARM) != 0)
		into->warm = l->warm;
	if ((l->has & LOAD_CERTIFICATE) != 0)
		into->certified = l->certified;
}

static void
merge_limits(struct load *into, const struct load *l)
{
	into->has |= l->has & LOAD_LIMITS;
	if ((l->has & LOAD_LIMIT_REQUESTS) != 0) {
		into->left_requests = l->left_requests;
		into->reset_requests = l->reset_requests;
	}
	if ((l->has & LOAD_LIMIT_TOKENS) != 0) {
		into->left_tokens = l->left_tokens;
		into->reset_tokens = l->reset_tokens;
	}
}

static void
note_load(struct site *s, const struct load *l, usec now)
{
	merge_load(&s->load, l);
	if ((l->has & (LOAD_RUNNING | LOAD_WAITING)) != 0) {
		s->load_at = now;
		s->load_in_flight = s->in_flight;
	}
	if ((l->has & LOAD_WARM) != 0 && l->warm)
		s->cold_until = 0;
	else if ((l->has & LOAD_WARM) != 0)
		turn_cold(s, USEC_NEVER, now);
}

void
router_load(struct router *r, uint32_t backend, const struct load *load,
    const struct fault *fault, usec now)
{
	struct site *s = fleet_site(&r->fleet, backend);

	if (s == NULL)
		return;
	if (load != NULL)
		note_load(s, load, now);
	if (fault != NULL) {
		s->probe_pause = s->probed_at > 0 ? now - s->probed_at : 0;
		s->probed_at = now;
		note_probe(r, s, fault, now);
	}
	dispatch_waiting(r, backend, now);
}

void
router_limits(
    struct router *r, uint32_t serving, const struct load *l, usec now)
{
	struct cell *c = fleet_cell(&r->fleet, serving);

	if (c == NULL || (l->has & LOAD_LIMITS) == 0)
		return;
	merge_limits(&c->limits, l);
	note_allowance(c, l, now);
	note_limits(c, l, now);
	dispatch_waiting(r, c->site->id, now);
}
