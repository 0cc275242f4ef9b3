/* router/queue.h - requests that wait for a serving.
 *
 * By priority, then the tenant that has been served least
 * (policies/fairness.h), then the earliest to miss its SLO; behind all of them
 * whose SLO is lost: else a shortage would make everybody late. Requests of one
 * model and priority that may go to the same servings are of one kind; a
 * tenant's requests of a kind share a lane (router/lane.h). Joining, leaving
 * and finding whose turn it is cost O(log lanes).
 *
 * When something frees, a round asks those who could use it. Whoever stands
 * behind can rarely go where the heads of its own kind cannot, so that a kind
 * is asked a few times and then left alone. It is not quite the same for all:
 * a shorter prompt, a prefix that is cached, patience that has run out. Hence
 * some of the asking is out of turn: who is due first, and each lane after the
 * other, so that none is left unasked for long. */
#ifndef ROUTER_QUEUE_H
#define ROUTER_QUEUE_H

#include "router/lane.h"

#define QUEUE_BUCKETS 1024 /* of lanes by tenant, a power of two */
#define QUEUE_KIND_BUCKETS 64
#define QUEUE_LENGTHS 32 /* powers of two */
/* Ranks: the priorities, and behind all of them whose SLO is lost. */
#define QUEUE_LATE (PRIORITY_BATCH + 1)
#define QUEUE_RANKS (QUEUE_LATE + 1)
#define QUEUE_ROUND 64 /* kinds of a rank that a round sees at most */

/* Where something frees: a backend's id, or one of these. */
#define SITE_ANY UINT32_MAX
#define SITE_NONE (UINT32_MAX - 1)

struct kind {
	struct list link; /* of its rank's, or the spare ones */
	struct list hash;
	const struct conf_model *model;
	struct set eligible;
	unsigned rank;
	struct set sites; /* of those, by id modulo SET_END: maybe too many */
	struct lanes lanes[LANE_HEAPS];
	unsigned n; /* orders */
	unsigned n_lanes;
	unsigned rounds; /* that it was in */
	unsigned asked; /* in vain in this round */
	unsigned by_turn, may; /* at most: by turn, and in all */
	uint32_t next; /* whom to ask out of turn */
};

struct queue {
	struct list kinds[QUEUE_RANKS]; /* with orders */
	struct list spare_kinds, spare_lanes; /* without */
	struct list by_kind[QUEUE_KIND_BUCKETS];
	struct list by_tenant[QUEUE_BUCKETS];
	struct list by_length[QUEUE_RANKS][QUEUE_LENGTHS];
	uint32_t lengths[QUEUE_RANKS]; /* bits: not empty */
	unsigned n, promised; /* orders, and those of them */
	unsigned last, late; /* of the lowest priority; of them, SLO lost */
	uint64_t sequence;
};

void queue_init(struct queue *);
void queue_fini(struct queue *);
/* False: without memory for a lane. */
bool queue_add(struct queue *, struct order *, struct account *);
void queue_remove(struct queue *, struct order *);

/* Whether anybody of that priority or a higher one waits for that site. */
bool queue_waits_for(const struct queue *, uint32_t site, enum priority);
/* Whether anybody waits for that model whose SLO is not lost. */
bool queue_waits_in_time(const struct queue *, const struct conf_model *);
/* Whom to send away for one of that priority: the head of one of the longest
 * lanes (within a factor of two) of the lowest rank below it; nobody to
 * whom a place was promised. NULL: nobody. */
struct order *queue_victim(const struct queue *, enum priority);
/* One that is past due and of no late rank yet; NULL: none is. */
struct order *queue_late(struct queue *, usec now);
/* The least served of the tenants that wait; HUGE_VAL: none does. */
double queue_least_served(struct queue *);
/* Multiplies what tenants have been served, as far as it is noted here: as
 * accounts_scale(). */
void queue_scale(struct queue *, double by);
/* How many could go to that serving. */
unsigned queue_waiting(const struct queue *, uint32_t serving);

static inline unsigned
order_rank(const struct order *o)
{
	return o->late ? QUEUE_LATE : (unsigned)o->priority;
}

/* --- kinds, for the queue and its rounds --- */

/* The order's, made where there is none; NULL: without memory. */
struct kind *kind_find(struct queue *, const struct order *);
/* Nobody of it waits any more. */
void kind_close(struct queue *, struct kind *);
void kinds_free(struct list *);
/* Whether some of that kind could go there. */
bool kind_fits(const struct kind *, uint32_t site);

/* --- a round --- */

/* How often a kind is asked in vain, and how many kinds of a rank are. */
struct round_bounds {
	unsigned servings; /* by turn, each weighed for as many as it has */
	unsigned others, every; /* so many out of turn, in every so-manieth */
	unsigned kinds; /* QUEUE_ROUND at most */
};

/* While it lasts nobody joins; of those who wait only the one that was asked
 * last may leave. */
struct round {
	struct queue *queue;
	uint32_t site;
	struct round_bounds bounds;
	unsigned rank; /* the present one */
	struct kind *kind[QUEUE_ROUND];
	unsigned n;
	bool more; /* kinds than those */
	struct list aside; /* lanes asked in vain */
	struct lane *lane; /* the one being asked */
};

void round_begin(
    struct round *, struct queue *, uint32_t site, const struct round_bounds *);
/* The next to ask, best first; NULL: enough. */
struct order *round_next(struct round *);
/* It cannot go: nor is its lane asked again in this round. */
void round_pass(struct round *);
void round_end(struct round *);

#endif
