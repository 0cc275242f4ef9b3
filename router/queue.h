/* router/queue.h - requests that wait for a serving.
 *
 * By priority, then the tenant that has been served least (policies/fairness.h),
 * then the earliest to miss its SLO. A tenant's requests that may go to the same
 * servings at the same priority share a lane. When something frees, only the heads of the lanes
 * that could use it need a look: whoever stands behind one can go nowhere that
 * the head cannot. Lanes number the distinct kinds of waiting requests, a
 * handful, however long the queue is.
 *
 * A lane is a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, "The
 * pairing heap", Algorithmica 1986): O(1) to join, O(log n) amortised to
 * leave, from the head or from anywhere. */
#ifndef ROUTER_QUEUE_H
#define ROUTER_QUEUE_H

#include "router/account.h"
#include "router/order.h"

struct lane {
	struct list link;
	const struct conf_model *model;
	uint64_t eligible;
	enum priority priority;
	struct account *account; /* the tenant's */
	uint64_t sites; /* site_bit() of all of them */
	struct order *head;
	unsigned n;
	uint64_t passed; /* the last round that it was passed over in */
};

/* A backend's bit in a set that may hold too much: ids meet modulo 64. */
#define SITES_ALL (~UINT64_C(0))
static inline uint64_t
site_bit(uint32_t backend)
{
	return UINT64_C(1) << (backend & 63);
}

struct queue {
	struct list lanes, spare; /* with and without orders */
	unsigned n;
	uint64_t sequence;
};

void queue_init(struct queue *);
void queue_fini(struct queue *);
/* False: without memory for a lane. */
bool queue_add(struct queue *, struct order *, struct account *);
void queue_remove(struct queue *, struct order *);

/* The head of all lanes that touch `sites` and were not passed over in this
 * round: by priority, then tenant, then the earliest due, then arrival. NULL:
 * none. */
struct order *queue_best(const struct queue *, uint64_t sites, uint64_t round);
/* Whether anybody of that priority or a higher one waits for these sites. */
bool queue_waits_for(const struct queue *, uint64_t sites, enum priority);
/* Whom to send away for one of that priority: the head of the longest lane of
 * the lowest priority below it. NULL: nobody waits there. */
struct order *queue_victim(const struct queue *, enum priority);
/* One above batch that is past due; NULL: none is. */
struct order *queue_late(const struct queue *, usec now);
/* The least served of the tenants that wait; HUGE_VAL: none does. */
double queue_least_served(const struct queue *);
/* How many could go to that serving. */
unsigned queue_waiting(const struct queue *, uint32_t serving);

#endif
