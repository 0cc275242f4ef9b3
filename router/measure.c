/* router/measure.c - what attempts tell of their serving's speed. */
#include "router/engine.h"

#include <math.h>

#define LATE_LOOK 4096 /* requests looked at, the oldest */
#define SLOW_FACTOR 1.5 /* times what the tokens usually take */
#define PROMPTS_KEEP 0.999 /* of the prompts before, with each one */
#define PACE_FEW 4 /* tokens: fewer show no pace */
#define EACH_FEW 8 /* of progress: fewer show not how many they are */
#define EACH_ONE 1.25 /* tokens an event, at most: it may be one */
#define EACH_LEAST 0.5
#define EACH_MOST 64.0
#define EACH_NEW 0.1 /* part of the newest answer */
#define CACHED_FEW 64 /* prompt tokens that say nothing of a cache */

/* A serving is known by one kind of work: by what is counted in tokens, once
 * there has been any, else by what it did first. How long it takes to paint
 * says nothing of how long it takes to talk, nor does counting of either. */
static bool
is_known_by(const struct cell *c, const struct order *o)
{
	enum dialect d = o->req->facts->dialect;

	return !dialect_passes(d) || c->work == d;
}

static bool
gets_known_by(struct cell *c, const struct order *o)
{
	enum dialect d = o->req->facts->dialect;

	if (!dialect_passes(d))
		c->work = DIALECT_CHAT;
	else if (c->work == DIALECT_COUNT && d != DIALECT_COUNTING)
		c->work = d;
	return is_known_by(c, o);
}

static void
add(const struct router *r, struct samples *to, const struct order *o,
    enum phase phase, enum sample_kind kind, usec value, double output)
{
	if (order_is_elsewhere(order_cell(r, o)->site, o))
		return;
	samples_add(to,
	    &(struct sample){ .serving = order_serving(o)->id,
		.phase = phase,
		.kind = kind,
		.streamed = o->req->facts->stream,
		.sent = o->sent,
		.value = value,
		.output = output,
		.crowd = o->crowd });
}

/* What its silence counts against. */
static enum phase
awaited(const struct order *o)
{
	return o->req->facts->stream ? PHASE_TTFT : PHASE_TOTAL;
}

/* By what was usual when it was well: what ails is seldom in time. */
static bool
is_in_time(const struct forecast *f, const struct order *o, usec waited)
{
	if (waited > o->late_after || (f->ailing && !o->req->facts->stream))
		return false;
	return !o->req->facts->stream ||
	    (double)waited <=
	    ORDER_LATE * f->ttft_usual * profile_ttft(&f->profile, &o->crowd);
}

void
measure_in_vain(struct cell *c, usec waited, usec now)
{
	usec ended = c->vain.ended;

	if (c->vain.n == 0)
		c->vain.waited = 0;
	if (waited > 0 && (c->vain.waited == 0 || waited < c->vain.waited))
		c->vain.waited = waited;
	if (++c->vain.n == VAIN_ALWAYS)
		c->vain.again = ended > 0 && now - ended < RELAPSE_WITHIN;
}

/* That one of our questions is answered says nothing to those who do not wait
 * for so long; and as they are short, little of what was back a moment ago. */
static bool
ends_silence(const struct cell *c, const struct order *o, usec now)
{
	usec waited = c->vain.waited;

	return !o->probe ||
	    ((waited == 0 || now - o->sent < waited) &&
		!cell_has_relapsed(c, now));
}

/* It was out: what was learned of that says nothing of how it does when it is
 * not. What comes and goes, or is too slow for what it is asked, keeps it. */
static void
note_back(struct router *r, const struct order *o, usec now)
{
	struct cell *c = order_cell(r, o);

	c->vain.ended = now;
	if (c->vain.again)
		return;
	c->site->calls = c->site->failures = 0;
	add(r, &r->samples, o, awaited(o), SAMPLE_HEARD, now - o->sent,
	    o->output);
}

void
measure_answered(struct router *r, const struct order *o, usec now)
{
	struct cell *c = order_cell(r, o);
	bool was_mute = cell_is_mute(c);

	if (order_is_elsewhere(c->site, o) ||
	    (was_mute && !ends_silence(c, o, now)))
		return;
	c->vain.n = 0;
	if (!is_known_by(c, o))
		return;
	if (was_mute)
		note_back(r, o, now);
	if (hush_answered(&c->hush, &o->author, o->sent,
		is_in_time(c->forecast, o, now - o->sent), now) &&
	    c->forecast->ailing)
		add(r, &r->samples, o, awaited(o), SAMPLE_OWN, 0, 0);
}

void
measure_first_token(struct router *r, const struct order *o, usec ttft)
{
	if (o->req->facts->stream && ttft >= 0 &&
	    gets_known_by(order_cell(r, o), o))
		add(r, &r->samples, o, PHASE_TTFT, SAMPLE_MEASURED, ttft, 0);
}

/* Over its whole answer it had as much company as half way. */
static void
meet_halfway(struct order *o, const struct cell *c)
{
	o->crowd.sequences =
	    (o->crowd.sequences + fmax(c->site->in_flight - 1.0, 0)) / 2;
	o->crowd.prefill = (o->crowd.prefill + c->site->prefill) / 2;
}

/* What its profile is made with is a guess at each prompt's tokens. */
static void
note_prompt(struct cell *c, const struct order *o, const struct usage *u)
{
	if (u->input == 0)
		return;
	c->told = PROMPTS_KEEP * c->told + (double)u->input;
	c->reckoned = PROMPTS_KEEP * c->reckoned + o->stay.tokens;
}

static void
note_usage(struct router *r, const struct order *o, struct cell *c,
    const struct usage *u)
{
	if (!u->known || o->probe || dialect_passes(o->req->facts->dialect))
		return;
	note_prompt(c, o, u);
	if (u->output > 0)
		account_answered(accounts_of(&r->accounts, o->req->tenant),
		    tokens_of_bytes(o->req->facts->prompt_bytes), u->output);
	if (o->req->facts->prefix_hash != 0 && u->input > CACHED_FEW &&
	    u->cached > 0)
		cell_prefix_reported(c, (double)u->cached / u->input);
}

/* Progress is told as events are seen, which may hold several tokens each: how
 * many is known by the count at the end. An answer's parts differ somewhat from
 * all of it anyway. */
static void
note_each(struct cell *c, const struct order *o, usec itl)
{
	double each;

	if (o->told.tokens < EACH_FEW || itl <= 0)
		return;
	each = o->told.span / o->told.tokens / (double)itl;
	if (each > 1 / EACH_ONE && each < EACH_ONE)
		each = 1;
	each = fmin(fmax(each, EACH_LEAST), EACH_MOST);
	if (c->each <= 0)
		c->each = each;
	c->each += EACH_NEW * (each - c->each);
}

static double
pace(const struct cell *c, double tokens, double span)
{
	return span / (tokens * (c->each > 0 ? c->each : 1));
}

/* Its length in tokens, where it has one, is not what it takes its time by. */
static void
measure_passed(
    struct router *r, const struct order *o, const struct route_result *res)
{
	if (res->total >= 0 && gets_known_by(order_cell(r, o), o))
		add(r, &r->samples, o, PHASE_TOTAL, SAMPLE_MEASURED, res->total,
		    0);
}

/* That of a stream which stalls would have been longer still. */
static void
measure_pace(
    struct router *r, const struct order *o, const struct route_result *res)
{
	bool stalls = res->fault.kind == FAULT_GAP_TIMEOUT;

	if (o->req->facts->stream && res->itl >= 0 &&
	    !dialect_passes(o->req->facts->dialect))
		add(r, &r->samples, o, PHASE_ITL,
		    stalls ? SAMPLE_GIVEN_UP : SAMPLE_MEASURED, res->itl, 0);
}

void
measure_result(
    struct router *r, struct order *o, const struct route_result *res)
{
	struct cell *c = order_cell(r, o);

	meet_halfway(o, c);
	measure_pace(r, o, res);
	if (res->fault.kind != FAULT_NONE)
		return;
	if (dialect_passes(o->req->facts->dialect)) {
		measure_passed(r, o, res);
		return;
	}
	c->work = DIALECT_CHAT;
	note_each(c, o, res->itl);
	if (res->total >= 0 && (o->req->facts->stream || res->usage.known))
		add(r, &r->samples, o, PHASE_TOTAL, SAMPLE_MEASURED, res->total,
		    res->usage.output);
	note_usage(r, o, c, &res->usage);
}

bool
measure_is_own(const struct router *r, const struct order *o, usec now)
{
	return hush_is_own(&order_cell(r, o)->hush, &o->author, o->sent, now);
}

/* Sooner it was not to be expected: who leaves then, as editors do with each
 * key, tells nothing. */
static usec
enough(const struct cell *c, const struct order *o)
{
	if (o->req->facts->stream)
		return o->late_after;
	if (c->answered_at == 0)
		return 0; /* nobody knows */
	return (usec)forecast_span(c->forecast, &o->crowd, o->output);
}

/* Who comes when another has left goes on waiting for him: how long all of them
 * have, less the time between them, since somebody was answered. What takes
 * longer than each of its clients waits would never be late otherwise, and what
 * is learned of silence makes the next one look usual. */
static usec
waited_in_vain(struct cell *c, const struct order *o, usec now)
{
	usec from = o->sent > c->answered_at ? o->sent : c->answered_at;
	usec least = enough(c, o);
	bool first = c->vain.since < c->answered_at || c->vain.until == 0;

	if (!first && c->vain.least < least)
		least = c->vain.least;
	if (now - o->sent < least)
		return 0;
	c->vain.least = least;
	if (first)
		c->vain.since = from;
	else if (from > c->vain.until)
		c->vain.since += from - c->vain.until;
	else if (from < c->vain.since)
		c->vain.since = from;
	c->vain.until = now;
	return now - c->vain.since;
}

void
measure_silence(struct router *r, const struct order *o,
    const struct fault *fault, usec now)
{
	struct cell *c = order_cell(r, o);

	if (o->first_token || order_is_elsewhere(c->site, o) ||
	    !is_known_by(c, o))
		return;
	switch (fault->kind) {
	case FAULT_CONNECT_TIMEOUT:
	case FAULT_TTFT_TIMEOUT:
	case FAULT_GAP_TIMEOUT:
	case FAULT_TOTAL_TIMEOUT:
		if (failover_may_be_the_request(fault->kind) &&
		    measure_is_own(r, o, now))
			break;
		/* ours put off nobody else who finds out */
		if ((!o->probe || !cell_is_mute(c)) &&
		    waited_in_vain(c, o, now) > o->late_after)
			measure_in_vain(c, now - o->sent, now);
		add(r, &r->samples, o, awaited(o), SAMPLE_GIVEN_UP,
		    now - o->sent, o->output);
		break;
	default:
		break;
	}
}

/* More than silence it cannot be: whoever has more patience may be answered. */
static usec
silence_of(const struct order *o, usec all, usec now)
{
	usec alone = now - o->sent;

	if (o->req->facts->stream)
		return alone;
	if (all / HUSH_LONG > o->late_after)
		all = HUSH_LONG * o->late_after;
	return all > alone ? all : alone;
}

/* Many an answer is not heard to its end. */
static void
measure_begun(struct router *r, struct order *o)
{
	const struct cell *c = order_cell(r, o);

	if (o->told.tokens < PACE_FEW)
		return;
	meet_halfway(o, c);
	add(r, &r->samples, o, PHASE_ITL, SAMPLE_MEASURED,
	    (usec)pace(c, o->told.tokens, o->told.span), 0);
}

/* Of two attempts the one that is given up is noted where the other answers. */
void
measure_left(struct router *r, struct order *o, usec now)
{
	struct cell *c = order_cell(r, o);
	usec all, silence;

	if (o->first_token) {
		measure_begun(r, o);
		return;
	}
	if (o->twin != NULL || !is_known_by(c, o) ||
	    order_is_elsewhere(c->site, o) || measure_is_own(r, o, now))
		return;
	all = waited_in_vain(c, o, now);
	if (all > o->late_after)
		measure_in_vain(c, now - o->sent, now);
	silence = silence_of(o, all, now);
	if (silence > o->late_after)
		add(r, &r->samples, o, awaited(o), SAMPLE_GIVEN_UP, silence,
		    o->output);
}

/* Of a stretch: what may have gone into the prompts of others. All who are at
 * work wait for one long prompt, and it says nothing of the backend. */
static double
for_others(const struct router *r, const struct order *o)
{
	const struct cell *c = order_cell(r, o);
	double tokens =
	    c->site->prefilled + c->site->prompt_tokens - o->lately.prefilled;

	return c->forecast->profile.per_token * fmax(tokens, 0);
}

void
measure_progress(
    struct router *r, struct order *o, unsigned tokens, double span)
{
	const struct cell *c = order_cell(r, o);
	const struct forecast *f = c->forecast;
	double usual = profile_itl(&f->profile, &o->crowd) * f->itl_typical;
	bool late;

	o->told.tokens += tokens;
	o->told.span += span;
	o->lately.itl = pace(c, tokens, span);
	o->lately.others = pace(c, tokens, fmin(for_others(r, o), span));
	o->lately.prefilled = c->site->prefilled;
	late = o->lately.itl > SLOW_FACTOR * usual;
	if (late == o->lately.late)
		return;
	o->lately.late = late;
	list_remove(&o->link);
	if (late)
		list_append(&r->slow, &o->link);
}

static void
note_silence(struct router *r, struct order *o, usec now)
{
	struct cell *c = order_cell(r, o);

	if ((now - o->sent) / HUSH_LONG <= o->late_after ||
	    order_is_elsewhere(c->site, o))
		return;
	hush_silent(&c->hush, &o->author, o->sent, o->hushed, now);
	o->hushed = true;
}

static void
note_late(struct router *r, struct order *o, struct samples *late, usec now)
{
	bool own = measure_is_own(r, o, now);

	if (!own || o->blames)
		add(r, late, o, awaited(o), own ? SAMPLE_OWN : SAMPLE_LATE,
		    now - o->sent, o->output);
	o->blames = !own;
	/* nor do others wait for its prompt to be read */
	if (own && o->hushed)
		cell_prefilled(order_cell(r, o), &o->stay);
}

void
measure_late(struct router *r, usec now, struct samples *late)
{
	struct list *node = r->silent.next;

	for (unsigned i = 0; i < LATE_LOOK && node != &r->silent; i++) {
		struct order *o = CONTAINER_OF(node, struct order, link);

		node = node->next;
		if (now - o->sent <= o->late_after ||
		    !is_known_by(order_cell(r, o), o))
			continue;
		note_silence(r, o, now);
		note_late(r, o, late, now);
	}
	node = r->slow.next;
	for (unsigned i = 0; i < LATE_LOOK && node != &r->slow; i++) {
		const struct order *o = CONTAINER_OF(node, struct order, link);

		node = node->next;
		if (order_is_elsewhere(order_cell(r, o)->site, o))
			continue;
		samples_add(late,
		    &(struct sample){ .serving = order_serving(o)->id,
			.phase = PHASE_ITL,
			.kind = SAMPLE_SLOW,
			.streamed = true,
			.sent = o->sent,
			.value = (usec)o->lately.itl,
			.others = o->lately.others,
			.crowd = o->crowd });
	}
}
