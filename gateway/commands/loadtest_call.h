/* gateway/commands/loadtest_call.h - one request of a load test. */
#ifndef GATEWAY_COMMANDS_LOADTEST_CALL_H
#define GATEWAY_COMMANDS_LOADTEST_CALL_H

#include "bench/load/options.h"
#include "gateway/lib/list.h"
#include "gateway/upstream/upstream.h"

#define CALL_FLAW_MAX ((size_t)512)

struct call {
	struct list on; /* the owner's, in order of their start */
	void *owner;
	void (*on_over)(struct call *); /* once; the owner then frees it */
	struct transfer *transfer;
	struct answer answer;
	struct buf body;
	struct buf flaw; /* the start of an answer that is no stream */
	struct slice piece;
	bool events, too_long;
	struct seen seen;
};

/* NULL without memory. Due at `due`, a point in time. */
struct call *call_start(struct upstream *, const struct loadtest_options *,
    const struct offer *, usec due, struct rng *words);
/* No on_over comes. */
void call_give_up(struct call *);
void call_free(struct call *);

#endif
