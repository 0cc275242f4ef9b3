/* gateway/quota/state.h - what table.c and quota.c share.
 *
 * Every number is an atomic of its own, and any order of loads and stores will
 * do: they stand for nothing but themselves. */
#ifndef GATEWAY_QUOTA_STATE_H
#define GATEWAY_QUOTA_STATE_H

#include <stdatomic.h>

#include "gateway/quota/quota.h"

#define QUOTA_LINE 64 /* bytes that processors share at a time */

enum quota_warning {
	WARNED_DAY = 1 << 0, /* soft */
	WARNED_MONTH = 1 << 1,
	SPENT_DAY = 1 << 2,
	SPENT_MONTH = 1 << 3,
};

struct quota {
	_Alignas(QUOTA_LINE) atomic_llong requests, tokens; /* arrival, ns */
	atomic_uint open;
	atomic_uint output; /* tokens of an answer, about */
	atomic_llong day, month; /* nano-USD since they began */
	atomic_uint warned; /* enum quota_warning bits */
	char name[]; /* TENANT, or TENANT, a line feed and KEY */
};

struct quotas {
	struct map names; /* of tenants and keys -> struct quota */
	struct quota **all;
	size_t n, cap;
	struct budget_period period;
	atomic_llong day_ends, month_ends; /* wall clock */
	atomic_llong to_wall; /* what has to be added to clock_now() */
};

#define LOAD(p) atomic_load_explicit(&(p), memory_order_relaxed)
#define STORE(p, v) atomic_store_explicit(&(p), (v), memory_order_relaxed)
#define ADD(p, v) atomic_fetch_add_explicit(&(p), (v), memory_order_relaxed)
/* Where it fails, `was` is what is there. */
#define SWAP(p, was, v)                                                        \
	atomic_compare_exchange_weak_explicit(                                 \
	    &(p), &(was), (v), memory_order_relaxed, memory_order_relaxed)

#endif
