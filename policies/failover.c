/* policies/failover.c - when a failed attempt may be tried again. */
#include "policies/failover.h"

#include <string.h>

#define RESERVE_PER_SECOND 1
#define RESERVE                                                                \
	(RESERVE_PER_SECOND * WINDOW_SLICES * (double)WINDOW_SLICE / USEC_SEC)

void
retry_budget_init(struct retry_budget *b, double share)
{
	*b = (struct retry_budget){ .share = share };
}

void
retry_budget_request(struct retry_budget *b, usec now)
{
	window_add(&b->requests, now);
}

bool
retry_budget_take(struct retry_budget *b, usec now)
{
	double allowed = b->share * window_count(&b->requests, now) + RESERVE;

	if (window_count(&b->retries, now) + 1 > allowed)
		return false;
	window_add(&b->retries, now);
	return true;
}

bool
failover_may_return(enum fault_kind kind)
{
	return fault_rule(kind)->blame == BLAME_COLD;
}

bool
failover_may_be_the_request(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_RESET:
	case FAULT_CUT:
	case FAULT_FRAMING:
	case FAULT_TTFT_TIMEOUT:
	case FAULT_GAP_TIMEOUT:
	case FAULT_TOTAL_TIMEOUT:
	case FAULT_SERVER_ERROR:
	case FAULT_BAD_ANSWER:
	case FAULT_TOO_LARGE:
		return true;
	default:
		return false;
	}
}

bool
failover_interchangeable(
    enum dialect d, const struct conf_serving *a, const struct conf_serving *b)
{
	if (d != DIALECT_EMBEDDINGS)
		return true;
	return strcmp(a->upstream, b->upstream) == 0 ||
	    (a->version[0] != '\0' && strcmp(a->version, b->version) == 0);
}
