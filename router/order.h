/* router/order.h - the requests that the router knows of.
 *
 *	WAITING <-> READY -> AT_WORK -> (WAITING | READY | AT_WORK) ...
 *
 * WAITING is in the queue; READY has a plan (PLAN_GO with its place taken, or
 * PLAN_NO) that its worker has not fetched yet; AT_WORK is being tried. Orders
 * live in blocks that never move or shrink; a ticket names one by index and
 * generation, so that a late call on an order long gone finds nothing. */
#ifndef ROUTER_ORDER_H
#define ROUTER_ORDER_H

#include "gateway/lib/list.h"
#include "router/predict.h"
#include "router/router.h"
#include "router/set.h"
#include "router/suspect.h"

struct lane;

/* What a lane's orders, and lanes, are sorted by. */
enum lane_heap { LANE_TURN, LANE_DUE, LANE_HEAPS };

enum order_state { ORDER_UNUSED, ORDER_WAITING, ORDER_READY, ORDER_AT_WORK };

#define ORDER_SPARED 4

/* Times the typical time without a sign: late. */
#define ORDER_LATE 1.5

struct order {
	struct ticket ticket;
	enum order_state state;
	const struct route_request *req; /* borrowed */
	struct author author; /* of req */
	/* of req->model's servings */
	struct set wanted; /* as eligible was at first, tried ones included */
	struct set eligible; /* still to try */
	struct set fallbacks;

	enum priority priority; /* its class's, or lower once it is too late */
	bool late; /* its SLO was lost while it waited */
	usec due; /* when its SLO is missed */
	usec turn; /* the order of the queue: due, or later for who asks much */
	bool probe; /* nobody's: the router asks (probe.c) */
	bool promised; /* it came when it was told to come back */
	uint16_t drilled; /* 1 + the last that a drill failed; 0: none */

	struct plan plan; /* READY, AT_WORK: the present one */
	unsigned at; /* its serving, in the model's */
	struct stay stay;
	usec sent;
	struct crowd crowd; /* when it was */
	double output; /* tokens expected of it */
	usec late_after; /* spent without a first token; USEC_NEVER */
	bool first_token;
	bool hushed; /* its silence has been noted (hush.h) */
	bool blames; /* its being late counts against the serving */
	usec ttft; /* since it arrived; once first_token */
	struct {
		double tokens, span; /* of all progress so far */
	} told;
	struct {
		double itl; /* of its last stretch, us; 0: not told */
		double others; /* of that, for the prompts of others */
		double prefilled; /* the backend's, when that began */
		bool late; /* much slower than foreseen */
	} lately;
	struct {
		uint32_t serving, epoch; /* as in stay */
		enum fault_kind kind;
	} spared[ORDER_SPARED]; /* blamed once another has more to say */
	unsigned n_spared;
	struct {
		uint32_t backend;
		enum fault_kind kind; /* FAULT_NONE: none has yet */
		int status;
	} failed; /* the last attempt that failed */
	struct order *twin; /* the request's other attempt; NULL: none */
	uint32_t outpaces; /* the serving of one that was given up for it; 0 */

	/* READY: its worker's ready list. AT_WORK: the router's silent list
	 * until the first token, its slow list while its tokens come too
	 * slowly. Else alone. */
	struct list link;

	/* WAITING: in its lane's pairing heaps */
	struct lane *lane;
	uint64_t sequence;
	struct {
		struct order *child, *next;
		struct order *prev; /* of a first child: parent */
	} in[LANE_HEAPS];
};

#define ORDERS_BLOCK 256

struct orders {
	struct order **blocks;
	size_t n_blocks;
	struct list unused;
	unsigned n; /* in use */
};

/* Makes the first block; false: without memory. */
bool orders_init(struct orders *);
void orders_fini(struct orders *);
/* NULL: without memory. */
struct order *orders_take(struct orders *, const struct route_request *);
/* Its ticket is stale from now on. */
void orders_drop(struct orders *, struct order *);
/* NULL: the ticket is stale, or the order in none of these states (bits
 * 1 << enum order_state). */
struct order *orders_find(
    const struct orders *, struct ticket, unsigned states);

static inline const struct conf_serving *
order_serving(const struct order *o)
{
	return &o->req->model->servings[o->at];
}

#endif
