/* bench/sim/trial.c - one try of a call: there, and what comes back. */
#include <math.h>
#include <stdlib.h>

#include "bench/sim/world.h"

#define PROGRESS (250 * USEC_MS)
#define STEPS_FIRST 1.5 /* to a first token, in the mean, of a short prompt */
#define SEEDS_APART 1000003 /* ids of servings are less */
#define SINKHOLE_SPEED (4 * USEC_MS)

/* --- what comes back --- */

/* The first to show a token is the one. */
static void
commit(struct trial *t, usec now)
{
	struct errand *c = t->errand;
	struct world *w = c->world;
	struct trial *twin = trial_twin(t);

	if (twin != NULL) {
		w->pilot->cancel(w->self, twin->ticket, now);
		trial_drop(twin, now);
	}
	if (t->limits.has != 0 && w->pilot->limits != NULL)
		w->pilot->limits(w->self, t->plan.serving, &t->limits, now);
	t->first = c->first = now;
	c->sent = t->sent;
	c->plan = t->plan;
	c->hedge_at = USEC_NEVER;
	errand_arm(c, now);
}

static void
on_head(void *arg, usec now)
{
	struct trial *t = arg;
	struct world *w = t->errand->world;

	commit(t, now);
	w->pilot->first_token(w->self, t->ticket, now, now - t->sent);
	t->told = 1;
	t->told_at = now - trial_half_way(t);
	if (!t->ended)
		agenda_set(&w->agenda, &t->pulse, RANK_TRIAL, now + PROGRESS);
}

static void
on_tail(void *arg, usec now)
{
	struct trial *t = arg;
	bool stream = t->errand->facts.stream;
	struct fault cut = { .kind = FAULT_CUT };

	if (t->cut) {
		trial_fail(t, &cut, now);
		return;
	}
	if (!stream) {
		commit(t, now);
		t->first = 0; /* nobody saw it come */
	}
	trial_settle(t, FAULT_NONE, now);
	errand_end(t->errand, ENDING_WHOLE, t, now);
}

/* Counted there, told here half a round trip later. */
static void
on_pulse(void *arg, usec now)
{
	struct trial *t = arg;
	struct world *w = t->errand->world;
	usec later = PROGRESS - trial_half_way(t);

	t->pulse_back = !t->pulse_back;
	if (t->ended && t->pulse_back)
		return; /* the end is on its way: it will say it all */
	if (t->pulse_back) {
		t->pulse_tokens = machine_produced(
		    &t->server->machine, &t->sequence, now, &t->pulse_last);
		later = trial_half_way(t);
	} else if (t->pulse_tokens > t->told && t->pulse_last > t->told_at) {
		w->pilot->progress(w->self, t->ticket, now,
		    t->pulse_tokens - t->told, t->pulse_last - t->told_at);
		t->told = t->pulse_tokens;
		t->told_at = t->pulse_last;
	}
	agenda_set(
	    &w->agenda, &t->pulse, RANK_TRIAL, now + (later > 0 ? later : 1));
}

/* --- deadlines --- */

static void
on_timer(void *arg, usec now)
{
	struct trial *t = arg;
	const struct conf_timeouts *o = &t->server->conf->timeouts;
	usec total = t->sent + o->total, at = total, last = 0;
	struct fault f = { .kind = FAULT_TOTAL_TIMEOUT };

	if (t->errand->facts.stream && t->first == 0) {
		at = t->sent + o->ttft;
		f.kind = FAULT_TTFT_TIMEOUT;
	} else if (t->errand->facts.stream && !t->ended) {
		machine_produced(&t->server->machine, &t->sequence, now, &last);
		at = last + trial_half_way(t) + o->gap;
		f.kind = FAULT_GAP_TIMEOUT;
	}
	if (total < at) {
		at = total;
		f.kind = FAULT_TOTAL_TIMEOUT;
	}
	if (at > now)
		agenda_set(
		    &t->errand->world->agenda, &t->timer, RANK_TRIAL, at);
	else
		trial_fail(t, &f, now);
}

/* --- the way there --- */

static void
on_reach(void *arg, usec now)
{
	struct trial *t = arg;
	struct server *s = t->server;
	struct fault f = server_accept(s, now, &t->limits);
	usec back = trial_half_way(t);

	if (f.kind == FAULT_BAD_ANSWER && back > SINKHOLE_SPEED)
		back = SINKHOLE_SPEED;
	if (f.kind != FAULT_NONE) {
		trial_come_back(t, f, now + back);
		return;
	}
	t->accepted = true;
	t->sequence.prompt = t->errand->request.prompt;
	t->sequence.output = t->errand->request.output;
	if (s->truncate > 0) {
		t->cut = true;
		t->sequence.output =
		    1 + rng_below(&s->cut, t->errand->request.output);
	}
	machine_add(&s->machine, &t->sequence, now);
}

static const struct serving_speed *
speed_of(const struct scenario *sc, uint32_t serving)
{
	return &sc->speeds[conf_find_serving(sc->fleet, serving) -
	    sc->fleet->servings];
}

/* Where speeds were measured: what there is of its serving, and the request's
 * own luck. A first token that is late but for its prompt is so by the way. */
static void
meet_fortune(struct trial *t)
{
	const struct scenario *sc = t->errand->world->scenario;
	const struct serving_speed *s = speed_of(sc, t->plan.serving);
	const struct machine_facts *f = &t->server->truth->facts;
	const struct fortune luck =
	    speeds_draw(s, SEEDS_APART * sc->seed + t->plan.serving,
		(uint64_t)t->errand->request.due);
	double idle = s->rtt + STEPS_FIRST * f->step * s->stretch;

	t->rtt = (usec)s->rtt;
	t->way = (usec)fmax(s->rtt / 2 + (luck.ttft - 1) * idle, 0);
	t->sequence.fill = s->fill * luck.ttft;
	t->sequence.stretch = s->stretch * luck.itl;
}

void
trial_start(
    struct errand *c, struct ticket ticket, const struct plan *plan, usec now)
{
	struct world *w = c->world;
	struct list *node = list_pop(&w->free_trials);
	struct trial *t = node != NULL ? CONTAINER_OF(node, struct trial, link)
				       : arena_alloc(&w->arena, sizeof(*t));

	if (t == NULL)
		abort(); /* without memory there is no result */
	*t = (struct trial){ .errand = c,
		.server = w->server_of[plan->serving],
		.ticket = ticket,
		.plan = *plan,
		.rtt = w->server_of[plan->serving]->truth->rtt,
		.sent = now,
		.step = { .run = on_reach, .arg = t },
		.head = { .run = on_head, .arg = t },
		.tail = { .run = on_tail, .arg = t },
		.timer = { .run = on_timer, .arg = t },
		.pulse = { .run = on_pulse, .arg = t } };
	t->way = trial_half_way(t);
	if (w->scenario->speeds != NULL)
		meet_fortune(t);
	list_append(&t->server->trials, &t->link);
	list_init(&t->sequence.link);
	c->trial[c->trial[0] != NULL] = t;
	c->attempts++;
	if (c->attempts == 1) {
		c->sent = now;
		c->plan = *plan;
		c->confidence = plan->confidence;
	}
	w->probes += plan->reason == REASON_EXPLORING;
	mishaps_sent(w, t, now);
	agenda_set(&w->agenda, &t->step, RANK_TRIAL, now + t->way);
	on_timer(t, now);
}
