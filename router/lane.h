/* router/lane.h - one tenant's waiting requests of one kind, and heaps of such
 * lanes.
 *
 * A lane holds its orders in two pairing heaps, one by turn and one by who is
 * due first (Fredman, Sedgewick, Sleator and Tarjan, "The pairing heap",
 * Algorithmica 1986): O(1) to join, O(log n) amortised to leave, from the head
 * or from anywhere.
 *
 * Lanes stand in two binary heaps as well. In the one by turn the key is what
 * their tenant had been served when it was last looked at: that only grows, so
 * a key that is behind is put right when it comes to the top, and no dispatch
 * has to find its tenant's lanes. */
#ifndef ROUTER_LANE_H
#define ROUTER_LANE_H

#include "router/account.h"
#include "router/order.h"

#define LANE_NOWHERE UINT32_MAX

struct kind;

struct lane {
	struct list hash; /* the queue's, or its spare ones */
	struct list peers; /* of about its length */
	struct list aside; /* of a round */
	struct kind *kind;
	struct account *account; /* the tenant's */
	bool promised; /* of those whose place was promised */
	struct order *head[LANE_HEAPS]; /* of the orders */
	unsigned n;
	double served; /* the account's, or what it was */
	uint32_t slot[LANE_HEAPS]; /* LANE_NOWHERE: not in that heap */
};

struct lanes {
	struct lane **list;
	uint32_t n, cap;
};

/* --- a lane's orders; neither call touches the heaps of lanes --- */

/* True: it is a head now. */
bool lane_push(struct lane *, struct order *);
/* True: there is another head now, of either, or none. */
bool lane_cut(struct lane *, struct order *);

/* Whether a's head goes before b's: its tenant served less, then by turn. */
bool lane_before(const struct lane *a, const struct lane *b);

/* --- heaps --- */

/* Room for so many, at least; false: without memory. */
bool lanes_reserve(struct lanes *, uint32_t n);
/* There is room, and the lane has a head. */
void lanes_push(struct lanes *, enum lane_heap, struct lane *);
/* Where it is in that heap. */
void lanes_remove(struct lanes *, enum lane_heap, struct lane *);
/* After its head has changed. */
void lanes_move(struct lanes *, enum lane_heap, struct lane *);
/* NULL: empty. */
struct lane *lanes_top(struct lanes *, enum lane_heap);

#endif
