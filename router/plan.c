/* router/plan.c - what to do with a request now. */
#include "router/plan.h"

#include <math.h>

#include "router/choose.h"

#define OUTPUT_USUAL 256 /* tokens, while no answer has told better */
#define QUEUE_RETRY USEC_SEC /* at least, when the queue is full */
#define LOADING_RETRY (5 * USEC_SEC)
#define BIT(i) (UINT64_C(1) << (i))

/* Sets of servings by how they stand. */
struct survey {
	uint64_t free, busy, cold, limited, out;
	usec reopens; /* the earliest of the limited and out */
};

static const struct cell *
cell_at(const struct fleet *f, const struct order *o, unsigned i)
{
	return fleet_cell(f, o->req->model->servings[i].id);
}

static void
look(const struct fleet *f, const struct order *o, usec now, struct survey *s)
{
	*s = (struct survey){ .reopens = USEC_NEVER };
	for (uint64_t rest = o->eligible; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		const struct cell *c = cell_at(f, o, i);
		enum standing st = STANDING_OUT;
		usec until = USEC_NEVER;

		if (c != NULL)
			st = cell_standing(c, now, &until);
		if (st <= STANDING_LIMITED && until < s->reopens)
			s->reopens = until;
		s->free |= st == STANDING_FREE ? BIT(i) : 0;
		s->busy |= st == STANDING_BUSY ? BIT(i) : 0;
		s->cold |= st == STANDING_COLD ? BIT(i) : 0;
		s->limited |= st == STANDING_LIMITED ? BIT(i) : 0;
		s->out |= st == STANDING_OUT ? BIT(i) : 0;
	}
}

usec
plan_reopens(const struct fleet *f, const struct order *o, usec now)
{
	struct order all = { .req = o->req, .eligible = o->wanted };
	struct survey s;

	look(f, &all, now, &s);
	return s.reopens < USEC_NEVER && s.reopens > now ? s.reopens - now : 0;
}

void
plan_refuse(struct plan *p, enum plan_reason reason, usec retry_after)
{
	*p = (struct plan){ .kind = PLAN_NO,
		.reason = reason,
		.ttft = -1,
		.itl = -1,
		.total = -1,
		.confidence = -1,
		.retry_after = retry_after,
		.hedge.delay = HEDGE_NEVER };
}

static unsigned
gather(const struct fleet *f, const struct order *o, uint64_t set,
    struct candidate *list, double *output)
{
	double answers = 0, tokens = 0;
	unsigned n = 0;

	for (uint64_t rest = set; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		struct cell *c = fleet_cell(f, o->req->model->servings[i].id);

		list[n].cell = c;
		list[n++].at = i;
		answers += c->outputs;
		tokens += c->output_tokens;
	}
	*output = answers > 0 ? tokens / answers : OUTPUT_USUAL;
	return n;
}

static usec
as_usec(double us)
{
	return us >= 0 ? (usec)us : -1;
}

/* What a receipt should say: the most telling of what is true. */
static enum plan_reason
reason_of(const struct order *o, unsigned at, enum plan_reason chosen)
{
	if (o->req->pin != NULL)
		return REASON_PINNED;
	if ((o->fallbacks & BIT(at)) != 0)
		return REASON_FALLBACK;
	if (chosen == REASON_BEST_EFFORT)
		return chosen;
	if ((o->eligible & (o->eligible - 1)) == 0)
		return REASON_ONLY;
	return chosen;
}

static void
go(const struct fleet *f, const struct order *o, uint64_t set, usec now,
    struct rng *rng, struct plan *p, struct place *place)
{
	struct candidate list[CONF_SERVINGS_MAX];
	struct outlook outlook;
	struct demand demand;
	struct choice choice;
	double output;
	unsigned n = gather(f, o, set, list, &output);

	demand_of(o->req, output, now, &demand);
	plan_refuse(p, REASON_SLO_UNATTAINABLE, 0);
	if (!choose(list, n, o->req, &demand, now, rng, &choice))
		return;
	place->at = list[choice.index].at;
	place->cell = list[choice.index].cell;
	predict(place->cell, &demand, now, &outlook);
	p->kind = PLAN_GO;
	p->reason = reason_of(o, place->at, choice.reason);
	p->serving = place->cell->id;
	p->ttft = as_usec(outlook.ttft);
	p->itl = as_usec(outlook.itl);
	p->total = as_usec(outlook.total);
	p->confidence = predict_confidence(place->cell, &demand, now);
	demand.rank = 0.5;
	demand.z = 0;
	predict(place->cell, &demand, now, &outlook);
	place->typical = as_usec(outlook.ttft);
}

/* Until something has probably ended: a usual answer's time. */
static usec
queue_moves_in(const struct fleet *f, const struct order *o)
{
	double least = INFINITY;

	for (uint64_t rest = o->eligible; rest != 0; rest &= rest - 1) {
		const struct cell *c =
		    cell_at(f, o, (unsigned)__builtin_ctzll(rest));

		if (c != NULL && curve_known(&c->forecast.total))
			least = fmin(least, curve_at(&c->forecast.total, 0.5));
	}
	if (!(least < (double)INT32_MAX) || least < (double)QUEUE_RETRY)
		return QUEUE_RETRY;
	return (usec)least;
}

static void
wait_or(const struct fleet *f, const struct order *o, enum plan_reason no_wait,
    struct plan *p)
{
	plan_refuse(p, no_wait, 0);
	if (no_wait == REASON_QUEUED)
		p->kind = PLAN_WAIT;
	else
		p->retry_after = queue_moves_in(f, o);
}

void
plan_make(const struct fleet *f, const struct order *o,
    enum plan_reason no_wait, usec now, struct rng *rng, struct plan *p,
    struct place *place)
{
	uint64_t primaries = o->eligible & ~o->fallbacks;
	struct survey s;

	look(f, o, now, &s);
	if (now >= o->req->deadline) {
		if (s.cold == o->eligible)
			plan_refuse(p, REASON_LOADING, LOADING_RETRY);
		else
			plan_refuse(p, REASON_DEADLINE, 0);
	} else if ((s.free & primaries) != 0) {
		go(f, o, s.free & primaries, now, rng, p, place);
	} else if ((s.busy & primaries) != 0 && no_wait == REASON_QUEUED) {
		wait_or(f, o, no_wait, p);
	} else if (s.free != 0) {
		go(f, o, s.free, now, rng, p, place);
	} else if ((s.busy | s.cold) != 0) {
		wait_or(f, o, no_wait, p);
	} else {
		plan_refuse(p,
		    s.out == 0 ? REASON_RATE_LIMITED : REASON_UNAVAILABLE,
		    plan_reopens(f, o, now));
	}
}

bool
plan_holds(const struct fleet *f, const struct order *o, usec now)
{
	const struct cell *c = cell_at(f, o, o->at);
	usec until;

	/* BUSY may well be itself */
	return cell_standing(c, now, &until) >= STANDING_BUSY;
}
