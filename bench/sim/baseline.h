/* bench/sim/baseline.h - what the routers that we are compared with share.
 *
 * One body (baseline.c) keeps tickets, counts in flight, retries elsewhere,
 * honours what a 429 says and takes failing backends out; a kind differs in
 * which serving it picks and in how those things are set. Capabilities,
 * boundaries and pins are the production filter's, so that nobody is compared
 * on that. Each is set as its users would have it: a kind that is blind to
 * something is so because the original is. */
#ifndef BENCH_SIM_BASELINE_H
#define BENCH_SIM_BASELINE_H

#include "bench/sim/pilot.h"
#include "gateway/lib/list.h"
#include "gateway/lib/rng.h"
#include "router/set.h"

#define BASE_LANES 3 /* one per priority */
#define BASE_NONE UINT32_MAX

/* A backend as a baseline sees it. */
struct base_site {
	const struct conf_backend *conf;
	unsigned in_flight;
	usec out_until; /* for its failures */
	usec blocked_until; /* a 429 */
	usec cold_until;
	unsigned failures; /* within the kind's window, or in a row */
	usec failures_since;
	usec out_for; /* the last time it was out: doubles */
	usec outage[2]; /* when its last failures were, newest first; 0: not */
	bool key_off;
	void *own; /* kind->site_size zeroed bytes */
};

/* A request at work or waiting; its ticket's other end. */
struct base_order {
	struct list link; /* of a lane, or of the free */
	uint32_t index, generation; /* generation is odd while it lives */
	const struct route_request *req;
	struct set eligible, fallbacks, tried; /* of its model's servings */
	unsigned retries;
	uint32_t at; /* index of the serving; BASE_NONE: it waits */
	usec sent;
};

struct base;

/* How a kind is set. Where it says NULL, nothing is done. */
struct base_kind {
	bool slots; /* keeps to the configured slots */
	bool waits; /* queues where all are full; else it refuses */
	bool by_class; /* the queue: premium first; else as they came */
	bool probes; /* believes health probes */
	bool panics; /* where all are out, uses them all the same */
	unsigned retries; /* on others, per request */
	/* So many failures within the window (0: in a row) take a backend out
	 * for out_first, doubling to out_most. 0: none do. */
	unsigned failures;
	usec window, out_first, out_most;
	usec block; /* for a 429 that does not say for how long */
	size_t site_size; /* of base_site.own */

	enum err (*start)(
	    struct base *, const struct pilot_setup *, struct errmsg *why);
	void (*stop)(struct base *);
	/* One of the set (never empty), as an index into the model's
	 * servings; BASE_NONE: none now, wait. */
	uint32_t (*pick)(struct base *, const struct base_order *,
	    const struct set *, usec now);
	void (*sent)(struct base_site *, usec now);
	void (*first_token)(
	    struct base_site *, const struct base_order *, usec now, usec ttft);
	/* Whole or not: result NULL is an attempt that failed or was let go */
	void (*ended)(struct base_site *, const struct base_order *,
	    const struct route_result *, enum fault_kind, usec now);
	/* Instead of counting failures; NULL: counting. */
	void (*failed)(
	    struct base *, struct base_site *, const struct fault *, usec now);
};

struct base {
	const struct base_kind *kind;
	struct conf *conf;
	struct rng rng;
	struct base_site *sites; /* by backend id */
	size_t n_sites;
	unsigned *turn; /* by model: whose turn it is */
	struct base_order **orders;
	size_t n_orders;
	struct list free, lane[BASE_LANES];
	unsigned waiting;
	void *own; /* the kind's */
};

void *base_create(
    const struct base_kind *, const struct pilot_setup *, struct errmsg *why);
void base_destroy(void *);

static inline struct base_site *
base_site(const struct base *b, const struct base_order *o, uint32_t at)
{
	return &b->sites[o->req->model->servings[at].backend->id];
}

/* Takes it out as the kind is set, now. */
void base_take_out(struct base *, struct base_site *, usec now);

/* A row of the table of pilots: the shared calls, and a kind of its own. */
void base_submit(void *, const struct route_request *, usec now,
    struct ticket *, struct plan *);
bool base_next(void *, usec now, void **owner, struct ticket *, struct plan *);
void base_retry(
    void *, struct ticket, const struct fault *, usec now, struct plan *);
void base_hedge(
    void *, struct ticket, usec now, struct ticket *second, struct plan *);
void base_cancel(void *, struct ticket, usec now);
void base_first_token(void *, struct ticket, usec now, usec ttft);
void base_progress(void *, struct ticket, usec now, unsigned, usec);
void base_finished(
    void *, struct ticket, const struct route_result *, usec now);
void base_load(void *, uint32_t backend, const struct load *,
    const struct fault *, usec now);
void base_tick(void *, usec now);

#define BASELINE(symbol, label, about, kind)                                   \
	static void *symbol##_create(                                          \
	    const struct pilot_setup *s, struct errmsg *why)                   \
	{                                                                      \
		return base_create(&(kind), s, why);                           \
	}                                                                      \
	const struct pilot_ops pilot_##symbol = { .name = label,               \
		.summary = about,                                              \
		.create = symbol##_create,                                     \
		.destroy = base_destroy,                                       \
		.submit = base_submit,                                         \
		.next = base_next,                                             \
		.retry = base_retry,                                           \
		.hedge = base_hedge,                                           \
		.cancel = base_cancel,                                         \
		.first_token = base_first_token,                               \
		.progress = base_progress,                                     \
		.finished = base_finished,                                     \
		.load = base_load,                                             \
		.tick = base_tick }

#endif
