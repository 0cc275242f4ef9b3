/* router/router.h - who serves which request, and when.
 *
 * One object for the whole process. It is pure: it has no clock, thread,
 * socket or lock of its own; each call takes `now`, and the caller holds the
 * one lock around all of them (gateway/switchboard.c; the simulator needs
 * none). In-flight counters change inside these calls, so they are exact.
 * Deciding allocates nothing: cells are made by router_prepare(), tickets
 * and queue lanes in blocks that are kept, so that a submit allocates only
 * when more requests are at work than ever before.
 *
 * A ticket lives from router_submit() (PLAN_GO or PLAN_WAIT) to the call that
 * ends it: router_finished(), router_cancel(), or a router_retry() or
 * router_next() that answers PLAN_NO. The route_request is borrowed for as
 * long; the snapshot it points into must stay pinned by its owner. */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "gateway/conf/conf.h"
#include "gateway/lib/inference.h"
#include "policies/tenant.h"
#include "router/measured.h"

#define ROUTER_WORKERS_MAX 64 /* wake masks are 64 bits */

struct router;

/* A handle; stale ones are recognised and ignored. */
struct ticket {
	uint32_t index, generation; /* generation 0: none */
};

struct route_trace;

struct route_request {
	const struct facts *facts;
	const struct conf_model *model;
	const struct conf_tenant *tenant; /* NULL: the gateway is open */
	const struct conf_backend *pin; /* NULL: none */
	enum preference prefer;
	struct slo slo;
	usec arrived; /* request fully received */
	usec deadline; /* absolute */
	unsigned worker;
	void *owner; /* given back by router_next() */
	struct route_trace *trace; /* filled by every plan; NULL: no need */
};

enum plan_kind { PLAN_GO, PLAN_WAIT, PLAN_NO };

/* Whom a plan does without that will probably miss the SLO, or leads nowhere:
 * one that would have been chosen instead, were it well. */
struct lack {
	uint8_t at; /* in the model's servings */
	uint8_t cause; /* enum cause; CAUSE_NONE: nobody is missed */
	uint8_t fault; /* enum fault_kind that led to it; FAULT_NONE */
};

/* Why a plan is as it is; named for logs and receipts. */
enum plan_reason {
	REASON_CHEAPEST_ADEQUATE, /* meets the SLO at the least price */
	REASON_BEST_EFFORT, /* none is expected to: misses least */
	REASON_FASTEST,
	REASON_CHEAPEST,
	REASON_PINNED,
	REASON_FALLBACK, /* only a fallback serving was left */
	REASON_ONLY, /* there was one candidate */
	REASON_EXPLORING, /* too little is known of it: finding out */
	REASON_QUEUED, /* nothing warm or free yet */
	REASON_NO_SERVING, /* capability, context: none fits */
	REASON_BOUNDARY, /* tenant, region, quality: none allowed */
	REASON_UNAVAILABLE, /* breakers open, keys off, blocked */
	REASON_RATE_LIMITED, /* every candidate is over its limit */
	REASON_LOADING, /* every candidate is cold and time is up */
	REASON_SLO_UNATTAINABLE, /* on_miss = refuse */
	REASON_QUEUE_FULL,
	REASON_DEADLINE,
	REASON_EXHAUSTED, /* every capable serving has been tried */
	REASON_RETRY_BUDGET,
	REASON_DRAINED, /* an operator has drained every candidate */
	REASON_TWIN, /* the other of two attempts goes on */
	REASON_HEDGE, /* a second attempt, in case the first is late */
	REASON_COUNT
};
const char *plan_reason_name(enum plan_reason);

#define HEDGE_NEVER USEC_NEVER

struct plan {
	enum plan_kind kind;
	enum plan_reason reason;
	uint32_t serving; /* id; PLAN_GO only */
	struct lack lack;
	/* Typical, for this request where it goes; us, -1: unknown. How likely
	 * the tail of it meets the targets is the confidence. */
	usec ttft, itl, total;
	double confidence; /* P(SLO met), 0..1; -1: unknown, or no targets */
	usec retry_after; /* PLAN_NO: when it may work; 0: not known */
	/* When to call router_hedge() if there is no token by then: a span from
	 * now; HEDGE_NEVER: not at all. */
	usec hedge_after;
};

/* What was weighed in making a plan; rows in the order of the model's
 * servings. Written by whichever call made the plan that the ticket has. */
enum verdict {
	VERDICT_CHOSEN,
	VERDICT_DEARER, /* adequate, but not the least score */
	VERDICT_UNLIKELY, /* its confidence is below the one required */
	VERDICT_AILING, /* far slower than its habit: left alone for now */
	VERDICT_CROWDED, /* at the occupancy that this priority may fill */
	VERDICT_RESERVED, /* what is left of its rate is for higher ones */
	VERDICT_TRIED, /* by this request, and it failed */
	VERDICT_LATE, /* its backend is at work on this request already */
	VERDICT_FALLBACK, /* a serving that is none could be used */
	VERDICT_INELIGIBLE, /* capability, boundary, context, pin */
	VERDICT_DRAINED, /* by an operator */
	VERDICT_OUT, /* off, breaker, key, model */
	VERDICT_LIMITED,
	VERDICT_COLD,
	VERDICT_BUSY, /* no free slot */
	VERDICT_COUNT
};
const char *verdict_name(enum verdict);

/* What is behind a verdict, or a state. */
enum cause {
	CAUSE_NONE,
	CAUSE_DRAINED, /* by an operator */
	CAUSE_WEIGHT_ZERO,
	CAUSE_REMOVED, /* by a reload */
	CAUSE_OFF, /* a variable that it needs is not set */
	CAUSE_KEY, /* refused by the backend */
	CAUSE_MODEL, /* not there, says the backend */
	CAUSE_BREAKER, /* open, by `fault` */
	CAUSE_TRIAL, /* half-open: few are sent to find out */
	CAUSE_ANSWERED_429,
	CAUSE_RATE_USED_UP, /* say its headers */
	CAUSE_LOADING,
	CAUSE_SLOTS, /* all are taken */
	CAUSE_WEIGHT, /* all that an operator leaves are taken */
	CAUSE_SLOWED, /* far slower than its habit */
	CAUSE_FAILING, /* each of its last attempts failed, by `fault` */
	CAUSE_SILENT, /* hedges were answered first, or clients left */
	CAUSE_SLOW_START, /* after an outage */
	CAUSE_PIN, /* the caller's, of another backend */
	CAUSE_ABILITY, /* it lacks one that is asked for */
	CAUSE_BOUNDARY, /* the tenant's: backends and regions */
	CAUSE_QUALITY, /* below the least of class or tenant */
	CAUSE_CONTEXT, /* shorter than the prompt */
	CAUSE_STAND_IN, /* a fallback that is another model */
	CAUSE_COUNT
};
const char *cause_name(enum cause);

struct plight {
	uint8_t cause; /* enum cause */
	uint8_t fault; /* enum fault_kind that led to it; FAULT_NONE */
	uint16_t lacks; /* enum cap bits, of CAUSE_ABILITY */
	float since; /* us that it has been so; -1: not known */
	float until; /* us that it will be so; -1: not known, or for good */
};

struct route_row {
	uint32_t serving; /* id */
	enum verdict verdict;
	struct plight plight; /* what the verdict comes from */
	unsigned in_flight; /* at the backend, ours */
	/* typical, for this request; us, -1: not known */
	float ttft, itl, total;
	float confidence; /* P(SLO met); -1: not known, or no targets */
	float price; /* USD expected; -1: not known */
	float score; /* what was minimised; INFINITY: not weighed */
	/* measured of late, whoever asked; us, -1: none */
	struct {
		float p50, p95, p99;
	} live_ttft, live_itl;
};

struct route_trace {
	unsigned n; /* 0: no plan was made */
	enum plan_reason reason; /* of the engine's own choice */
	uint32_t engine; /* the serving that it chose; under policy "observe"
			    another may have been used. UINT32_MAX: none */
	float required; /* the confidence that was asked for; -1: none */
	struct route_row row[CONF_SERVINGS_MAX];
};

/* NULL without memory. Equal seeds and equal calls give equal plans. */
struct router *router_new(unsigned workers, uint64_t seed);
void router_free(struct router **);

/* Takes a reference on the snapshot. Servings that stayed keep their state;
 * a backend whose URL changed starts afresh, and every key is trusted again.
 * ERR_MEMORY leaves everything as it was. */
enum err router_configure(struct router *, struct conf *, usec now) MUST_USE;

/* The same in three steps, since everybody waits while the lock is held: only
 * for router_adopt(), which allocates and frees nothing. One change at a time,
 * and none between the begin and the end of a tick. */
struct router_change;
enum err router_prepare(const struct router *, struct conf *, usec now,
    struct router_change **) MUST_USE;
void router_adopt(struct router *, struct router_change *, usec now);
void router_change_free(struct router_change **, const struct router *);

/* A new request. *t is set for PLAN_GO and PLAN_WAIT. */
void router_submit(struct router *, const struct route_request *, usec now,
    struct ticket *t, struct plan *);

/* The next ready request of that worker: its owner, ticket and new plan
 * (PLAN_GO or PLAN_NO). False: none is ready. */
bool router_next(struct router *, unsigned worker, usec now, void **owner,
    struct ticket *t, struct plan *);

/* The workers (bits) for whom the calls since the last one of these have made
 * something ready. To be asked after each call, before the lock is let go. */
uint64_t router_owed(struct router *);

/* The first attempt is late: a second, concurrent one on a serving that fails
 * for other reasons, where the budget allows and it is likely to be in time.
 * PLAN_GO takes a place and sets *second, a ticket in its own right with the
 * same owner; PLAN_NO: go on with the first alone. While both live,
 * router_retry() on either ends that one with REASON_TWIN and leaves the other
 * the request's only one; whoever sees the first token cancels the other. */
void router_hedge(struct router *, struct ticket first, usec now,
    struct ticket *second, struct plan *);

/* The attempt on the ticket's present serving failed; plans again. PLAN_NO
 * ends the ticket, and is the answer to a fault that forbids a retry and to a
 * ticket that is not at work. */
void router_retry(struct router *, struct ticket, const struct fault *,
    usec now, struct plan *);

/* The client left, or the deadline passed: nobody is to blame. */
void router_cancel(struct router *, struct ticket, usec now);

/* The attempt's first token came, ttft after it was sent. */
void router_first_token(struct router *, struct ticket, usec now, usec ttft);

/* How a stream is getting on: `tokens` since the last such call (or the first
 * token), as far as they are counted by then, which took `span`. For streams
 * that last; four times a second is plenty. So a backend whose tokens slow down
 * is noticed before its answers are complete. */
void router_progress(
    struct router *, struct ticket, usec now, unsigned tokens, usec span);

/* The attempt that answered has ended, well or (after COMMIT) badly. */
struct route_result {
	struct fault fault; /* FAULT_NONE: whole */
	usec ttft, itl, total; /* -1: not measured; FAULT_GAP_TIMEOUT: what
				  of the next token's was waited for is itl */
	usec stalled; /* while the client did not read: no backend's time */
	struct usage usage;
	bool said; /* a token at least */
};
void router_finished(
    struct router *, struct ticket, const struct route_result *, usec now);

/* A drill has ended: who has failed with FAULT_DRILL alone may be tried again
 * by the same requests. */
void router_drill_over(struct router *, usec now);

/* A question of the router's own, which finds out how a serving does that
 * nobody else is sent to; to be asked for after each tick, until there is
 * none. True: it is to be sent to plan->serving at once, as a streamed chat of
 * at most so many tokens, and told of with router_first_token() and
 * router_finished(), never router_retry(). *req is the caller's, filled here,
 * and like any other to be kept until then. Its tokens are no tenant's. */
#define PROBE_INPUT 24
#define PROBE_OUTPUT 8
bool router_probe(struct router *, usec now, struct route_request *req,
    struct ticket *t, struct plan *plan);

/* What a probe or a child's state told of a backend. `fault` is how a health
 * probe ended (FAULT_NONE: it is well), NULL for mere load. Load may be NULL.
 * Faults: FAULT_LOADING makes it cold until a later probe says FAULT_NONE or
 * LOAD_WARM; those that open a breaker do, except while a supervised child is
 * cold, when a refusal is no news. Others tell nothing. */
void router_load(struct router *, uint32_t backend, const struct load *,
    const struct fault *, usec now);
/* What reply headers told of a serving's rate limit: LOAD_LIMIT_*. */
void router_limits(
    struct router *, uint32_t serving, const struct load *, usec now);

/* What an operator holds back of a backend, or of one serving there; all zero:
 * nothing. It outlives a new configuration as long as the name of the backend,
 * or of the serving's model there, does. */
struct restraint {
	bool drained; /* no attempt begins there; what is in flight ends */
	/* The share of its slots that is not used, and of its rate limits
	 * that is left alone, 0..1. 1: as if drained. */
	double withheld;
	usec since; /* kept by the router: when nothing goes there any more */
};
/* serving 0: of the backend as a whole. Ids that are not known change
 * nothing. */
void router_restrain(struct router *, uint32_t backend, uint32_t serving,
    const struct restraint *, usec now);

/* Every 100 ms. begin and end under the lock; build, which files the new
 * measurements and computes the quantile tables, outside it. A router that is
 * never ticked learns nothing. One tick at a time. */
struct router_tables; /* scratch, owned by the caller of the tick */
struct router_tables *router_tables_new(void);
void router_tables_free(struct router_tables **);
void router_tick_begin(struct router *, struct router_tables *, usec now);
void router_tick_build(struct router_tables *);
void router_tick_end(struct router *, struct router_tables *, usec now);

/* The state of one serving, for admin pages, /metrics and explain. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_name(enum breaker_state);

struct serving_view {
	uint32_t serving, backend; /* ids */
	enum breaker_state breaker;
	struct plight plight; /* the worst of what ails it */
	enum fault_kind last_fault; /* the last one that was its doing */
	usec opens_in; /* until the breaker or block ends; 0: usable;
			  USEC_NEVER: not by itself */
	bool warm, key_off, model_gone;
	unsigned in_flight, waiting; /* waiting: queued, and may go there */
	unsigned site_in_flight; /* of all servings of its backend */
	unsigned ceiling; /* in flight at most; 0: not known */
	struct restraint own, site; /* its own, its backend's */
	struct load load;
	struct {
		usec p50, p95, p99; /* -1: no samples */
		double n; /* effective samples: old ones count less */
	} live[PHASE_COUNT]; /* TTFT, ITL, TOTAL are filled */
	struct measured measured;
};
/* False: no serving has that id. */
bool router_view(
    const struct router *, uint32_t serving, usec now, struct serving_view *);
unsigned router_queue_length(const struct router *);

#endif
