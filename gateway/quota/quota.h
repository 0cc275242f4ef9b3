/* gateway/quota/quota.h - what tenants and keys have used of their limits.
 *
 * One quota for each tenant and each key that has limits, for the process and
 * for good: a reload, or a tenant that is taken out and comes back, changes
 * nothing of what was used. Workers change quotas without a lock, each number
 * by itself: a rate is one theoretical arrival time (policies/limit.h).
 *
 *	quota_take --> what is reserved --> quota_settle, once: what was used
 *	          \--> a refusal: nothing was taken
 *
 * What lasts and is paid for meanwhile goes through quota_charge() as well.
 *
 * The table is the main thread's; a quota is never freed before it.
 *
 * Where several gateways share their limits, each goes by numbers of its own,
 * and the main thread moves them to where all have brought them:
 *
 *	changed --quotas_tell--> told --quota_hear--> what all have done
 *	   ^                       \--quota_unheard--> (taken as heard)
 *	   \-- by requests, and as long as any is under way somewhere */
#ifndef GATEWAY_QUOTA_QUOTA_H
#define GATEWAY_QUOTA_QUOTA_H

#include "gateway/conf/conf.h"
#include "policies/limit.h"

struct quotas;

enum quota_limit {
	QUOTA_FREE, /* none is in the way */
	QUOTA_CONCURRENT,
	QUOTA_REQUESTS, /* a minute */
	QUOTA_TOKENS,
	QUOTA_TOO_LARGE, /* more tokens than a minute has: never */
	QUOTA_DAILY, /* budgets */
	QUOTA_MONTHLY,
};

/* What one request holds of one quota. All zeroes: nothing. */
struct quota_part {
	struct quota *of;
	const struct conf_quota *limits;
	nsec requests, tokens; /* reserved, as spans */
	bool open; /* counted among those under way */
};

/* What it holds in all: of its tenant's and of its key's. */
enum { QUOTA_TENANT, QUOTA_KEY, QUOTA_PARTS };
struct quota_hold {
	struct quota_part parts[QUOTA_PARTS];
};

struct quota_refusal {
	enum quota_limit limit;
	int part; /* whose: QUOTA_TENANT, QUOTA_KEY */
	usec wait; /* until it may be worth another try; 0: not by waiting */
};

/* What a request will take, as far as is known. */
struct quota_wish {
	uint32_t input; /* tokens */
	uint32_t max_tokens; /* 0: not said */
	bool silent; /* its answer is none of tokens */
	bool free; /* it costs nothing: a spent budget is no matter */
};

/* What it has taken. */
struct quota_use {
	bool refused; /* no backend saw it: nothing at all */
	double input, output; /* tokens */
	bool silent; /* as the wish was */
	double cost; /* USD; negative: unknown, taken for nothing */
};

/* What of it was charged before it is over. All zeroes: nothing. */
struct quota_paid {
	double tokens;
	int64_t nano; /* USD */
};

/* --- the table; main thread --- */

struct quotas *quotas_new(usec wall);
void quotas_free(struct quotas **);
/* Gives a new snapshot, not yet shared, the quotas of its tenants and keys. */
enum err quotas_configure(struct quotas *, struct conf *) MUST_USE;
/* New days and months begin. */
void quotas_tick(struct quotas *, usec wall);
/* What was spent before this process began, today and this month, in USD, with
 * a key of the tenant's (NULL: not known which). It is added to the tenant's,
 * where that has a quota, and to the key's, also if that is made later. After
 * quotas_configure(). */
void quotas_restore(struct quotas *, const char *tenant, const char *key,
    double day, double month);
/* The quota of a key by its name, as the ledger has it, so that whoever comes
 * after a key of the same name goes on with it; new where there is none; NULL:
 * no memory. */
struct quota *quotas_of_key(
    struct quotas *, const char *tenant, const char *key);

/* --- with other processes; main thread --- */

/* What was done to a quota since it was last told. */
struct quota_news {
	struct quota *of;
	const char *name; /* TENANT, or TENANT, a line feed and KEY */
	nsec requests, tokens; /* taken less given back, as spans */
	unsigned open;
	int64_t day, month; /* numbers of the periods */
	/* nano-USD: what all had spent as far as was known, and more since */
	int64_t day_known, day_more, month_known, month_more;
};

/* What all have done to it, these news among that. */
struct quota_all {
	nsec requests, tokens; /* how far ahead of now the arrivals are */
	unsigned others; /* requests that the others have under way */
	int64_t day_spent, month_spent; /* nano-USD */
};

/* From now on changes are noted. What was spent before is known to all. */
enum err quotas_share(struct quotas *) MUST_USE;
/* Nobody was told for a while: of rates only what is still owed is news. Spans
 * add up, and hours of them would be owed for as many hours. */
void quotas_resume(struct quotas *, usec now);
/* Those that have changed; what changes from now on is for the next time. */
void quotas_collect(struct quotas *);
/* One of those, each once; false: that was all. */
bool quotas_tell(struct quotas *, struct quota_news *);
void quota_hear(struct quotas *, const struct quota_news *,
    const struct quota_all *, usec now);
/* Nobody knows what came of them. To tell them twice would charge twice. */
void quota_unheard(const struct quota_news *);
/* Nothing is known of the others any more: as if there were none. */
void quotas_forget_others(struct quotas *);

/* --- any thread --- */

/* Takes what the wish needs of both parts, whose `of` and `limits` are set. */
bool quota_take(struct quotas *, struct quota_hold *, const struct quota_wish *,
    usec now, struct quota_refusal *);
/* The request goes on: charges what it has used so far, in all, and not paid.
 * What it holds it keeps, and quota_settle() is not to be told of that again.
 * False: a budget is spent, *why says which. */
bool quota_charge(struct quotas *, struct quota_hold *,
    const struct quota_use *so_far, struct quota_paid *, usec now,
    struct quota_refusal *why);
/* The request is over. The hold is empty then. */
void quota_settle(struct quota_hold *, const struct quota_use *);

/* For headers and pages. */
struct quota_view {
	double left_requests, left_tokens; /* that may be taken now */
	usec reset_requests, reset_tokens; /* spans: until all may be */
	unsigned open; /* by all, where it is shared */
	double day, month; /* USD */
	enum budget_state budget; /* the worse of the two */
};
void quota_view(const struct quota *, const struct conf_quota *, usec now,
    struct quota_view *);

#endif
