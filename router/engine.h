/* router/engine.h - the router's inside, shared by the files of its calls. */
#ifndef ROUTER_ENGINE_H
#define ROUTER_ENGINE_H

#include <string.h>

#include "policies/failover.h"
#include "policies/hedge.h"
#include "policies/shortage.h"
#include "router/account.h"
#include "router/fleet.h"
#include "router/order.h"
#include "router/plan.h"
#include "router/promise.h"
#include "router/queue.h"
#include "router/weigh.h"

struct router {
	struct conf *conf; /* a reference; NULL before the first configure */
	struct fleet fleet;
	struct orders orders;
	struct queue queue;
	struct accounts accounts;
	double service; /* what a token served now counts (fairness.h) */
	struct retry_budget budget;
	struct hedge_budget hedges;
	struct drain {
		double per_us; /* requests that leave the queue, fading mean */
		double last_per_us; /* those of the lowest priority */
		double pressed; /* us, of late, that many of these are late */
		unsigned left, last_left; /* since the last tick */
		usec at;
	} drain;
	struct shortage shortage; /* below premium */
	struct shortage premium; /* of premium */
	struct promises promises;
	struct samples samples; /* since the last tick */
	struct rng rng;
	struct probe_purse {
		double usd; /* that questions of our own may cost, now */
		usec at;
	} purse;
	double courtesy; /* policies/admit.h: as premium fares */
	usec humble_at; /* when a request below premium was last planned */
	unsigned workers;
	struct list ready[ROUTER_WORKERS_MAX]; /* of orders */
	struct list silent; /* at work, no first token yet; oldest first */
	struct list slow; /* at work, tokens come too slowly */
	uint64_t owed; /* workers to wake, not yet told to the caller */
	bool ticking; /* a tick has begun: it reads lessons without the lock */
};

/* Policy "observe": the file's order decides, and the choice is only noted. */
static inline bool
router_observes(const struct router *r)
{
	return strcmp(r->conf->policy, "observe") == 0;
}

/* --- demand.c --- */

void demand_of(
    struct router *, const struct order *, usec now, struct demand *);
/* What it asks for, as policies/fairness.h counts; expected. */
double demand_work(const struct router *, const struct order *);
/* Tokens that a second attempt beside it may have to be paid: the prompt, and
 * of an answer that is not streamed, which is late as a whole, that as well. */
double demand_again(const struct router *, const struct order *);

/* --- lack.c --- */

/* Whom a plan does without that leads `to` there, with a miss worth `stake`;
 * NULL: it leads nowhere. */
struct lack lack_of(const struct router *, const struct order *,
    const struct demand *, const struct candidate *to, double stake, usec now);

/* --- dispatch.c --- */

/* Plans, and takes a place for PLAN_GO or queues for PLAN_WAIT. The order's
 * state is then the caller's to set for PLAN_GO and PLAN_NO. */
enum plan_kind dispatch(
    struct router *, struct order *, enum plan_reason no_wait, usec now);
/* Its place is taken: from now on it is being tried. */
void dispatch_begin(struct router *, struct order *, usec now);
/* A question of our own takes that place. */
void dispatch_probe(
    struct router *, struct order *, const struct place *, usec now);
/* Leaves its place. */
void dispatch_end(struct router *, struct order *);
/* Lets those who wait for that backend (or SITE_ANY) go where they can, in the
 * right order and within bounds; marks their workers in `owed`. */
void dispatch_waiting(struct router *, uint32_t site, usec now);
/* Whether those of the lowest priority wait for want of capacity, rather than
 * for something cheaper: their pace tells nothing else. */
bool dispatch_is_pressed(const struct router *);
/* Those whose SLO is lost by now wait on behind all whose is not. */
void dispatch_demote(struct router *, usec now);
/* What to tell a request that would have to queue. */
enum plan_reason dispatch_room(
    const struct router *, const struct order *, usec now);

static inline struct cell *
order_cell(const struct router *r, const struct order *o)
{
	return fleet_cell(&r->fleet, order_serving(o)->id);
}

/* --- health.c --- */

/* Whoever came before a reload goes where the backend was then. */
bool order_is_elsewhere(const struct site *, const struct order *);

/* How the attempt ended, as far as it tells of its backend. */
void health_note(
    struct router *, struct order *, const struct fault *, usec now);
/* It has begun to answer. */
void health_first_token(struct router *, struct order *, usec now);
/* It has said something: who said nothing to the same request is to blame. */
void health_said(struct router *, struct order *, usec now);
/* It ends: who said nothing to it has said nothing to its twin's client,
 * either. */
void health_pass_on(struct order *);

/* --- hedge.c --- */

/* It ends: its twin, if any, goes on alone. */
void hedge_part(struct order *);
/* It is given up. It has begun to answer. */
void hedge_give_up(struct router *, struct order *, usec now);
void hedge_answers(struct router *, struct order *, usec now);

/* --- measure.c --- */

/* Its first token is here, or its whole answer. */
void measure_answered(struct router *, const struct order *, usec now);
void measure_first_token(struct router *, const struct order *, usec ttft);
/* So many tokens came of late, in `span` us. */
void measure_progress(
    struct router *, struct order *, unsigned tokens, double span);
void measure_result(
    struct router *, struct order *, const struct route_result *);
/* It was given up on without a sign of an answer. */
void measure_silence(
    struct router *, const struct order *, const struct fault *, usec now);
/* It was cancelled: a sign of its answer may have been due. */
void measure_left(struct router *, struct order *, usec now);
/* Adds what is late by now to *late. */
void measure_late(struct router *, usec now, struct samples *late);
/* It was waited for in vain, until that was late; `waited` 0: not known how
 * long. */
void measure_in_vain(struct cell *, usec waited, usec now);
/* Whether it is late by now for what it asks, rather than where: hush.h. */
bool measure_is_own(const struct router *, const struct order *, usec now);

#endif
