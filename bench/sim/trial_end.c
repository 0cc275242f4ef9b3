/* bench/sim/trial_end.c - how a try of an errand ends, and what it costs. */
#include "bench/sim/world.h"
#include "policies/price.h"

/* What it costs: its prompt once the engine has taken it up, whoever leaves
 * before the first token, and each token made. */
static void
charge(struct trial *t, usec now)
{
	struct errand *c = t->errand;
	double usd;
	usec last;

	if (!t->ended)
		t->produced = machine_produced(
		    &t->server->machine, &t->sequence, now, &last);
	if (c->cost < 0 ||
	    (t->produced == 0 && t->sequence.state != SEQUENCE_PREFILL))
		return;
	usd = price_expected(
	    &conf_find_serving(c->world->scenario->fleet, t->plan.serving)
		 ->price,
	    c->request.prompt, t->produced);
	c->cost = usd < 0 ? PRICE_UNKNOWN : c->cost + usd;
}

void
trial_drop(struct trial *t, usec now)
{
	struct world *w = t->errand->world;

	charge(t, now);
	machine_remove(&t->server->machine, &t->sequence, now);
	agenda_drop(&w->agenda, &t->step);
	agenda_drop(&w->agenda, &t->head);
	agenda_drop(&w->agenda, &t->tail);
	agenda_drop(&w->agenda, &t->timer);
	agenda_drop(&w->agenda, &t->pulse);
	list_remove(&t->link);
	t->errand->trial[t->errand->trial[1] == t] = NULL;
	list_append(&w->free_trials, &t->link);
}

void
trial_settle(struct trial *t, enum fault_kind kind, usec now)
{
	struct world *w = t->errand->world;
	unsigned n = t->produced;
	usec last = now;
	bool whole = kind == FAULT_NONE;
	struct route_result r = { .fault = { .kind = kind },
		.ttft = t->first > 0 ? t->first - t->sent : -1,
		.itl = -1,
		.total = whole ? now - t->sent : -1 };

	if (!t->ended) {
		n = machine_produced(
		    &t->server->machine, &t->sequence, now, &last);
		last += trial_half_way(t);
	}
	if (t->first > 0 && n > 1 && last > t->first)
		r.itl = (last - t->first) / (n - 1);
	if (kind == FAULT_GAP_TIMEOUT)
		r.itl = now - last;
	r.usage = (struct usage){
		.known = whole, .input = t->errand->request.prompt, .output = n
	};
	if (!whole)
		r.usage.input = tokens_of_bytes(t->errand->facts.prompt_bytes);
	w->pilot->finished(w->self, t->ticket, &r, now);
}

/* The twin goes on alone, or something else is tried, or that is that. */
static void
try_again(struct trial *t, const struct fault *fault, usec now)
{
	struct errand *c = t->errand;
	struct world *w = c->world;
	struct trial *twin = trial_twin(t);
	struct ticket ticket = t->ticket;
	struct plan plan;

	if (t->limits.has != 0 && w->pilot->limits != NULL)
		w->pilot->limits(w->self, t->plan.serving, &t->limits, now);
	c->fault = fault->kind;
	w->decisions++;
	w->pilot->retry(w->self, ticket, fault, now, &plan);
	if (plan.kind == PLAN_NO && twin != NULL) {
		trial_drop(t, now);
		return;
	}
	trial_drop(t, now);
	errand_follow(c, ticket, &plan, now);
}

void
trial_fail(struct trial *t, const struct fault *fault, usec now)
{
	struct errand *c = t->errand;

	if (t->first == 0 && !c->probe) {
		try_again(t, fault, now);
		return;
	}
	c->fault = fault->kind;
	trial_settle(t, fault->kind, now);
	errand_end(c, ENDING_FAILED, t, now);
}

static void
on_fault(void *arg, usec now)
{
	struct trial *t = arg;

	if (t->fault.kind == FAULT_RESET && t->first > 0)
		t->fault.kind = FAULT_CUT;
	trial_fail(t, &t->fault, now);
}

void
trial_come_back(struct trial *t, struct fault fault, usec at)
{
	t->fault = fault;
	t->step.run = on_fault;
	agenda_set(&t->errand->world->agenda, &t->step, RANK_TRIAL, at);
}

/* A cut that comes while tokens are on their way comes after them. */
void
trial_reset(struct trial *t, usec now)
{
	struct fault f = { .kind = FAULT_RESET };

	if (!t->accepted || t->ended)
		return;
	t->produced = 0;
	if (t->sequence.state == SEQUENCE_DECODE) {
		usec last;

		t->produced = machine_produced(
		    &t->server->machine, &t->sequence, now, &last);
	}
	t->ended = true;
	machine_remove(&t->server->machine, &t->sequence, now);
	trial_come_back(t, f, now + trial_half_way(t));
}
