/* router/market.h - for the unit tests of choosing: servings side by side, and
 * a request for one of them. */
#ifndef ROUTER_MARKET_H
#define ROUTER_MARKET_H

#include "router/testing.h"

#include "router/choose.h"

#define EXPLORED 0.01 /* of standard requests */
#define STALLS 4
#define MANY 4000 /* choices */

struct stall {
	struct conf_backend backend;
	struct conf_serving serving;
	struct site site;
	struct cell cell;
	struct forecast forecast;
};

/* Servings side by side, and a request that all of them suit: a stream with a
 * first token within 200 ms and then one every 30 ms. */
struct market {
	struct stall stall[STALLS];
	struct candidate list[STALLS];
	const struct cell *cells[STALLS];
	unsigned n;
	struct facts facts;
	struct route_request req;
	struct demand demand;
	struct quest quest;
	struct rng rng;
	usec now;
};

/* By tokens, or the hour; -1: unknown. */
#define TOKENS_COST(in, out, an_hour)                                          \
	{                                                                      \
		.input = in, .output = out, .request = -1, .image = -1,        \
		.characters = -1, .minute = -1, .hourly = an_hour              \
	}

static inline void
add_stall(struct market *m, double price)
{
	struct stall *s = &m->stall[m->n];

	s->backend = (struct conf_backend){ .hardware = "gpu",
		.slots = 20,
		.profile = { 20000, 10000, 200, 50 },
		.price = TOKENS_COST(price, price, -1) };
	s->serving.backend = &s->backend;
	s->serving.price = s->backend.price;
	s->site.conf = &s->backend;
	s->cell.conf = &s->serving;
	s->cell.site = &s->site;
	s->cell.forecast = &s->forecast;
	forecast_init(&s->forecast, &s->backend);
	spread_prior(&s->forecast.ttft, 1, 0.2);
	spread_prior(&s->forecast.itl, 1, 0.2);
	m->cells[m->n] = &s->cell;
	m->list[m->n] = (struct candidate){ .cell = &s->cell, .at = m->n };
	m->n++;
}

static inline void
set_class(struct market *m, enum priority p, usec ttft, usec itl, usec total)
{
	m->req.slo = (struct slo){ .name = "test",
		.priority = p,
		.percentile = 95,
		.ttft = ttft,
		.itl = itl,
		.total = total };
	m->demand.priority = p;
}

/* A cheap one, and one twice as dear. */
static inline struct market *
market(void)
{
	struct market *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->now = 500 * USEC_SEC;
	rng_init(&m->rng, 7, 0);
	add_stall(m, 1);
	add_stall(m, 2);
	m->req.facts = &m->facts;
	m->demand = (struct demand){ .slo = &m->req.slo,
		.stream = true,
		.input = 200,
		.output = 100,
		.output_high = 200,
		.output_most = 320,
		.required = 0.9 };
	set_class(m, PRIORITY_STANDARD, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->quest = (struct quest){
		.req = &m->req, .demand = &m->demand, .explore = EXPLORED
	};
	return m;
}

/* So many times slower than its profile says, and how surely so. */
static inline void
slow_down(struct market *m, unsigned i, double factor, double sigma)
{
	struct forecast *f = &m->stall[i].forecast;

	spread_prior(&f->ttft, factor, sigma);
	spread_prior(&f->itl, factor, sigma);
	f->ttft_typical = f->itl_typical = factor;
}

static inline void
may_wait(struct market *m)
{
	m->quest.may_wait = true;
	m->quest.hopes = m->cells;
	m->quest.n_hopes = m->n;
}

/* Requests at work there with that ITL target. */
static inline void
occupy(struct market *m, unsigned i, unsigned n, usec itl)
{
	while (n-- > 0) {
		struct stay stay = { .itl = itl };

		cell_enter(&m->stall[i].cell, &stay, m->now);
	}
}

static inline struct choice
chosen(struct market *m)
{
	return choose(m->list, m->n, &m->quest, m->now, &m->rng);
}

/* Of MANY choices, how many were that one. */
static inline unsigned
share_of(struct market *m, unsigned index)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++)
		n += chosen(m).index == index;
	return n;
}

static inline void
assert_sent(struct market *m, unsigned index, enum plan_reason reason)
{
	struct choice c = chosen(m);

	assert_int_equal(c.kind, CHOICE_GO);
	assert_int_equal(c.index, index);
	assert_string_equal(
	    plan_reason_name(c.reason), plan_reason_name(reason));
}

static inline void
assert_waits(struct market *m)
{
	assert_int_equal(chosen(m).kind, CHOICE_WAIT);
}

static inline void
assert_verdict(const struct market *m, unsigned i, enum verdict v)
{
	assert_string_equal(verdict_name(m->list[i].verdict), verdict_name(v));
}

#endif
