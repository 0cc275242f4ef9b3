/* gateway/admin/receipts.h - why a request went where it went, and what became
 * of it: the last N receipts, in memory.
 *
 * While a request is at work its worker keeps a draft, of the plans alone,
 * which is less than half as large: thousands of streams may be open. When it
 * is over a receipt is written in a block of the worker's and filed: the block
 * takes the place of the oldest one in the ring, which goes back to that
 * worker. So the one mutex is held for the swap of two pointers; one ring for
 * all workers, since "the last N" would be untrue of a ring each. The ring's
 * blocks are made at the start; further ones only for a model with more
 * servings.
 *
 * It holds names and numbers: never a prompt, an answer or a key. */
#ifndef GATEWAY_ADMIN_RECEIPTS_H
#define GATEWAY_ADMIN_RECEIPTS_H

#include "router/router.h"

/* Before 24 hexadecimal digits, those of the request's id. */
#define RECEIPT_PREFIX "rcpt_"
#define RECEIPT_ID_BYTES (sizeof(RECEIPT_PREFIX) + 24) /* NUL too */
#define RECEIPT_PLANS 6 /* kept: the first ones and the last */
/* Of candidates that are kept: the first plan's, the last one's, and the last
 * hedge's. */
#define RECEIPT_SETS 3
#define RECEIPT_SERVINGS 2 /* of a model, that any block has room for */

struct receipt_plan {
	usec at; /* since the request was in */
	enum plan_kind kind;
	enum plan_reason reason;
	enum plan_reason engine_reason;
	bool hedge;
	uint32_t serving; /* id; PLAN_GO */
	uint32_t engine; /* the engine's own choice; UINT32_MAX: none */
	usec ttft, itl, total; /* predicted, cautiously; -1: unknown */
	usec retry_after, hedge_after;
	float confidence; /* -1: unknown, or no targets */
	float required; /* -1: none */
	/* its candidates, in receipt.row; 0: not kept */
	unsigned rows_at, n_rows;
};

struct receipt {
	char id[RECEIPT_ID_BYTES];
	usec wall; /* when the request was in, since 1970 */
	char tenant[72], model[256], slo_name[72];
	char policy[16], reason[48];
	struct slo slo; /* its name is slo_name */

	enum dialect dialect;
	unsigned needs; /* enum cap bits */
	bool stream;
	uint32_t tokens, max_tokens; /* estimated; 0: not said */
	struct units units;

	unsigned n_plans; /* in all */
	struct receipt_plan plan[RECEIPT_PLANS];

	enum result result;
	enum fault_kind fault;
	int status;
	bool slo_declared, slo_met;
	unsigned slo_missed; /* as in an outcome */
	usec recv, auth, queue, route, ttft, itl, total; /* -1: not measured */
	usec stalled; /* of total, by the client */
	struct usage usage;
	double cost; /* USD; negative: unknown */
	unsigned n_attempts; /* in all; the last ones are kept */
	unsigned answered; /* as in an outcome */
	struct attempt_report attempt[ATTEMPTS_KEPT]; /* without its names */

	struct receipt *next; /* the store's */
	unsigned set_cap; /* rows of one set; there are RECEIPT_SETS */
	struct route_row row[];
};

/* The plans of a request at work. */
struct receipt_draft {
	struct receipt_draft *next; /* the store's */
	unsigned set_cap; /* as in a receipt, as all that follows */
	unsigned n_plans;
	struct receipt_plan plan[RECEIPT_PLANS];
	struct route_row row[];
};

struct receipts;

/* NULL without memory. n: how many are kept, at least 1. */
struct receipts *receipts_new(unsigned n, unsigned workers);
void receipts_free(struct receipts **);

/* --- a worker, about its own requests --- */

/* An empty draft, or receipt, with room for a model of that many servings; NULL
 * without memory. */
struct receipt_draft *draft_take(
    struct receipts *, unsigned worker, size_t servings);
struct receipt *receipt_take(
    struct receipts *, unsigned worker, size_t servings);
/* Of an id of either kind, without its prefix. */
struct slice receipt_digits(struct slice id);
/* From the request's id ("req_" and digits). */
void receipt_name(char id[RECEIPT_ID_BYTES], const char *request_id);
/* Adds a plan. trace may be NULL: its candidates are not known. */
void draft_add_plan(struct receipt_draft *, const struct plan *,
    const struct route_trace *, usec at, bool hedge);
/* Copies the plans to a receipt that was taken for as many servings. */
void receipt_add_plans(struct receipt *, const struct receipt_draft *);
/* Copies what the request came to; its names and attempts included. */
void receipt_add_outcome(struct receipt *, const struct outcome *);
/* Gives it to the ring. */
void receipt_file(struct receipts *, unsigned worker, struct receipt **);
void draft_drop(struct receipts *, unsigned worker, struct receipt_draft **);

/* What a planning call writes to: lent until given back. NULL without
 * memory. */
struct route_trace *trace_take(struct receipts *, unsigned worker);
void trace_give(struct receipts *, unsigned worker, struct route_trace **);

/* --- readers, any thread --- */

/* A copy on the heap, the caller's to free. The id may have either prefix
 * ("rcpt_", "req_") or none. NULL: unknown or overwritten, or no memory. */
struct receipt *receipts_find(struct receipts *, struct slice id);

struct receipt_filter {
	struct slice tenant; /* empty: any */
	bool missed; /* only those that missed their SLO or failed */
};
/* The next one that matches, from the newest to the oldest: *cursor is 0 at
 * first, then which one it was, counted from the first one that was ever filed.
 * A copy, as above; NULL: no more. */
struct receipt *receipts_next(
    struct receipts *, uint64_t *cursor, const struct receipt_filter *);
uint64_t receipts_filed(const struct receipts *); /* since the start */
unsigned receipts_room(const struct receipts *);

/* --- reading one --- */

/* A term of the SLO that was not met, and by how much: by < 0: it was never
 * reached. False: it was met, not declared or not measured. term is
 * PHASE_TTFT, PHASE_ITL or PHASE_TOTAL. */
bool receipt_missed(const struct receipt *, enum phase term, usec *by);
/* The target of a term; 0: none. */
usec receipt_target(const struct receipt *, enum phase term);
usec receipt_took(const struct receipt *, enum phase term);
/* The last plan, and the first that said go, hedges apart. NULL: none. */
const struct receipt_plan *receipt_decision(const struct receipt *);
const struct receipt_plan *receipt_first_go(const struct receipt *);
const struct route_row *receipt_row(
    const struct receipt *, const struct receipt_plan *, uint32_t serving);
/* How many of the plans, and of the attempts, are kept; and which attempt in
 * all the i-th kept one is, in their order. */
unsigned receipt_plans(const struct receipt *);
unsigned receipt_attempts(const struct receipt *);
const struct attempt_report *receipt_attempt(
    const struct receipt *, unsigned i, unsigned *number);

#endif
