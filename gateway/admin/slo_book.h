/* gateway/admin/slo_book.h - what each model, tenant and SLO class got, and
 * what the engine's own choices were predicted to give.
 *
 * Two kinds of figures, never mixed: measured ones, of requests as they were
 * served, and predicted ones, from the plans' traces. Fed with each receipt,
 * from any thread, under one mutex that is held for some additions. Groups are
 * made when first seen, at most SLO_GROUPS_MAX; what comes later is counted
 * together in the group "(others)". */
#ifndef GATEWAY_ADMIN_SLO_BOOK_H
#define GATEWAY_ADMIN_SLO_BOOK_H

#include "gateway/admin/receipts.h"
#include "gateway/telemetry/hist.h"

#define SLO_GROUPS_MAX 512

/* A sum of predictions, and of how many. */
struct foreseen {
	uint64_t n;
	double sum;
};

struct slo_group {
	char model[256], tenant[72], name[72]; /* name: of the class */
	struct slo slo; /* as last asked for; its name is `name` */

	/* measured, since the process began */
	uint64_t requests; /* but those below */
	uint64_t left; /* whose client left, and nothing was due: not judged */
	uint64_t refused, failed; /* without, and after, an attempt */
	uint64_t declared, met; /* had targets, and met all of them */
	uint64_t missed_ttft, missed_itl, missed_total;
	double cost; /* USD, of those that are priced */
	uint64_t priced;
	uint64_t answered, tokens_in, tokens_out;
	struct units units; /* of those answered, together */
	struct hist ttft, itl;

	/* predicted when the first plan to go was made */
	struct foreseen confidence; /* P(SLO met), of the serving used */
	uint64_t confident_met; /* of those with one: measured */
	uint64_t same, other, none; /* what the engine itself chose */
	struct foreseen engine_confidence; /* of its choice */
	/* where both the one used and the engine's have one */
	uint64_t compared_price, compared_miss;
	double used_price, engine_price; /* USD */
	double used_misses, engine_misses; /* expected */
	/* of those that missed, though the engine chose another serving: how
	 * many, and how many of them it would have been expected to meet; and
	 * the reverse */
	uint64_t missed_other, met_other;
	double fixed, broken;
};

struct slo_book;

struct slo_book *slo_book_new(void);
void slo_book_free(struct slo_book **);

void slo_book_record(struct slo_book *, const struct receipt *);

/* Copies of one group after the other, in the order of their making. False:
 * there are no more. */
bool slo_book_group(struct slo_book *, size_t i, struct slo_group *out);

#endif
