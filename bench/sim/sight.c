/* bench/sim/sight.c - whether an answer will be in time, to one who can see
 * what every machine does and how long every answer will be. */
#include "bench/sim/sight.h"

#include <math.h>

#define SURE 0.96 /* of a target: what is computed is a little off */
#define DOUBTFUL                                                               \
	1.03 /* the same: good enough for premium, rather than nothing */
#define MEMORY (1.0 * USEC_SEC) /* of the prompts that were sent */
#define REST 0.25 /* of the usual answer: a longer one goes on for so long */
#define UNKNOWN 256.0 /* tokens, before the first answers have come */
#define USUAL 1200 /* tokens of premium's next prompt */

double
sight_length(const struct sight *v, const struct errand *e)
{
	if (v->lengths == NULL)
		return e->request.output;
	return account_output(v->lengths, e->request.prompt, UNKNOWN);
}

struct state {
	unsigned n; /* there, or on the way */
	double pending; /* prompt tokens still to be read */
	double calls; /* of its rate limit, that are left */
};

static struct state
state_of(const struct server *s, usec now)
{
	const struct backend_truth *t = s->truth;
	struct state st = { .calls = INFINITY };

	if (t->rate > 0)
		st.calls = fmin(t->burst,
		    s->tokens + (double)(now - s->tokens_at) / 1e6 * t->rate);
	for (struct list *l = s->trials.next; l != &s->trials; l = l->next) {
		const struct trial *r = CONTAINER_OF(l, struct trial, link);

		if (r->ended)
			continue;
		st.n++;
		if (!r->accepted) {
			st.pending += r->errand->request.prompt;
			st.calls--;
		} else if (r->sequence.state != SEQUENCE_DECODE) {
			st.pending += r->sequence.left;
		}
	}
	return st;
}

/* The share of time that prompts take, with one more. */
static double
filling(const struct sight *v, const struct server *s, double prompt, usec now)
{
	const struct sight_post *p = &v->post[s - s->world->server];
	double rate = p->prefill * exp(-(double)(now - p->at) / MEMORY);

	return fmin(0.95, s->truth->facts.per_token * (rate + prompt / MEMORY));
}

static double
pace(const struct server *s, double n, double share)
{
	const struct machine_facts *f = &s->truth->facts;

	return (f->step + f->per_sequence * n) / (1 - share);
}

static double
first_after(const struct server *s, const struct state *st, double prompt)
{
	const struct machine_facts *f = &s->truth->facts;
	double tokens = st->pending + prompt;

	return (double)s->truth->rtt + f->per_token * tokens +
	    (f->step + f->per_sequence * (st->n + 1)) *
	    (ceil(tokens / f->chunk) + 1);
}

static bool
is_in_time(const struct slo *slo, double first, double itl, double total)
{
	double sure = slo->priority == PRIORITY_PREMIUM ? DOUBTFUL : SURE;

	return (slo->ttft == 0 || first <= sure * (double)slo->ttft) &&
	    (slo->itl == 0 || itl <= sure * (double)slo->itl) &&
	    (slo->total == 0 || total <= sure * (double)slo->total);
}

/* One at work, if its steps take so long from now on and it waits for
 * `prompt` more. */
static bool
stays_in_time(const struct sight *v, const struct trial *t, double step,
    double prompt, usec now)
{
	const struct errand *e = t->errand;
	const struct slo *slo = &e->route.slo;
	double k = sight_length(v, e), rest, since, itl;
	unsigned done = 0;
	usec last;

	if (t->accepted && t->sequence.state == SEQUENCE_DECODE)
		done = machine_produced(
		    &t->server->machine, &t->sequence, now, &last);
	if (v->lengths != NULL)
		k = fmax(k, done + REST * k);
	rest = fmax(k - done, 0) * step + prompt;
	if (done == 0 || t->first == 0)
		since = done > 0 ? done * step : 0;
	else
		since = (double)(now - t->first);
	itl = k > 1 ? (since + rest) / (k - 1) : 0;
	if (slo->itl > 0 && itl > SURE * (double)slo->itl)
		return false;
	return slo->total == 0 ||
	    (double)(now - e->request.due) + rest <= SURE * (double)slo->total;
}

/* Whether all who are there would be in time with it. */
static bool
harms_nobody(const struct sight *v, const struct server *s, double step,
    double prompt, usec now)
{
	double fill = s->truth->facts.per_token * prompt;

	for (struct list *l = s->trials.next; l != &s->trials; l = l->next) {
		const struct trial *t = CONTAINER_OF(l, struct trial, link);

		if (!t->ended && stays_in_time(v, t, step, 0, now) &&
		    !stays_in_time(v, t, step, fill, now))
			return false;
	}
	return true;
}

/* Whether premium's next would have its place there, if it can have one at
 * all. */
static bool
keeps_room(const struct sight *v, const struct server *s,
    const struct state *st, double prompt, double step)
{
	const struct machine_facts *f = &s->truth->facts;
	struct state with = *st;
	double itl = (double)v->itl;

	if (itl <= 0 || f->step + f->per_sequence > itl)
		return true;
	with.pending += prompt;
	with.n++;
	return step <= SURE * itl &&
	    first_after(s, &with, USUAL) <= SURE * (double)v->ttft;
}

bool
sight_will_do(const struct sight *v, const struct server *s,
    const struct errand *e, usec now)
{
	const struct slo *slo = &e->route.slo;
	double prompt = e->request.prompt;
	struct state st = state_of(s, now);
	double step = pace(s, st.n + 1, filling(v, s, prompt, now));
	double waited = (double)(now - e->route.arrived);
	double first = waited + first_after(s, &st, prompt);

	if (s->down > 0 || now < s->warm_at || st.n >= s->truth->facts.slots ||
	    st.calls < 1 ||
	    !is_in_time(slo, first, step, first + step * sight_length(v, e)))
		return false;
	return slo->priority == PRIORITY_PREMIUM ||
	    (harms_nobody(v, s, step, prompt, now) &&
		keeps_room(v, s, &st, prompt, step));
}

double
sight_calls(const struct server *s, usec now)
{
	return s->truth->rate > 0 ? state_of(s, now).calls / s->truth->burst
				  : 1;
}

void
sight_sent(struct sight *v, const struct server *s, double prompt, usec now)
{
	struct sight_post *p = &v->post[s - s->world->server];

	p->prefill =
	    p->prefill * exp(-(double)(now - p->at) / MEMORY) + prompt / MEMORY;
	p->at = now;
}
