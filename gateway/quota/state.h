/* gateway/quota/state.h - what table.c and quota.c share.
 *
 * Every number is an atomic of its own, and any order of loads and stores will
 * do: they stand for nothing but themselves. */
#ifndef GATEWAY_QUOTA_STATE_H
#define GATEWAY_QUOTA_STATE_H

#include <stdatomic.h>

#include "gateway/quota/quota.h"

#define QUOTA_LINE 64 /* bytes that processors share at a time */
#define OUTPUT_WEIGHT 16 /* how many answers a mean is made of */

/* What a quota has besides, where other processes use it too: share.c. */
struct quota_shared {
	struct quotas *table;
	/* taken less given back, ever, as spans: no arrival time tells that, as
	 * one in the past counts as now */
	atomic_llong requests, tokens;
	atomic_uint others; /* requests that the others have under way */
	atomic_bool changed; /* on the table's list of such */
	struct quota *next; /* there */
	/* main thread's: what of the above was told, and nano-USD that all have
	 * spent, as far as is known */
	nsec told_requests, told_tokens;
	int64_t day, month;
};

enum quota_warning {
	WARNED_DAY = 1 << 0, /* soft */
	WARNED_MONTH = 1 << 1,
	SPENT_DAY = 1 << 2,
	SPENT_MONTH = 1 << 3,
};

struct quota {
	_Alignas(QUOTA_LINE) atomic_llong requests, tokens; /* arrival, ns */
	atomic_uint open;
	atomic_uint output; /* tokens of OUTPUT_WEIGHT answers, about */
	atomic_llong day, month; /* nano-USD since they began */
	atomic_uint warned; /* enum quota_warning bits */
	_Atomic(struct quota_shared *) shared; /* NULL: it is ours alone */
	char name[]; /* TENANT, or TENANT, a line feed and KEY */
};

struct quotas {
	struct map names; /* of tenants and keys -> struct quota */
	struct quota **all;
	size_t n, cap;
	struct budget_period period;
	atomic_llong day_ends, month_ends; /* wall clock */
	atomic_llong to_wall; /* what has to be added to clock_now() */
	bool shares; /* main thread's, as `collected` */
	_Atomic(struct quota *) changed; /* since they were last collected */
	struct quota *collected; /* of those, the ones yet to be told */
};

/* share.c: the quota's, where it has one. Main thread. */
enum err quota_share(struct quotas *, struct quota *) MUST_USE;
/* Something was taken or given back, or refused for what may be old news. */
void quota_note(struct quota *);
/* How many requests the others have under way. */
unsigned quota_others(const struct quota *);
/* So much was taken, or given back. */
void quota_count(struct quota *, nsec requests, nsec tokens);

#define LOAD(p) atomic_load_explicit(&(p), memory_order_relaxed)
#define STORE(p, v) atomic_store_explicit(&(p), (v), memory_order_relaxed)
#define ADD(p, v) atomic_fetch_add_explicit(&(p), (v), memory_order_relaxed)
/* Where it fails, `was` is what is there. */
#define SWAP(p, was, v)                                                        \
	atomic_compare_exchange_weak_explicit(                                 \
	    &(p), &(was), (v), memory_order_relaxed, memory_order_relaxed)

#endif
