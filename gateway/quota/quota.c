/* gateway/quota/quota.c - what tenants and keys take of their limits, and give
 * back. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "gateway/lib/log.h"
#include "gateway/quota/state.h"

#define NSEC_USEC 1000
#define OUTPUT_MOST                                                            \
	1e8 /* tokens of an answer: so many fit OUTPUT_WEIGHT times */
#define COST_MAX 1e6 /* USD of one request: sums must not overflow */
#define TRY_AGAIN USEC_SEC /* nobody knows when another request ends */

static bool
take_rate(atomic_llong *arrival, const struct limit_rate *rate, nsec now,
    nsec span, usec *wait)
{
	long long was = LOAD(*arrival);
	nsec next, more;

	do {
		if (!limit_take(rate, was, now, span, &next, &more)) {
			*wait = (more + NSEC_USEC - 1) / NSEC_USEC;
			return false;
		}
	} while (!SWAP(*arrival, was, next));
	return true;
}

/* From now on: an arrival time that has passed would swallow it. */
static void
owe(struct quota_part *p, nsec now, nsec span)
{
	long long was = LOAD(p->of->tokens);
	nsec next;

	do
		next = (was > now ? was : now) + span;
	while (!SWAP(p->of->tokens, was, next));
	quota_count(p->of, 0, span);
}

static bool
take_place(struct quota_part *p)
{
	unsigned was = LOAD(p->of->open);

	do {
		if (p->limits->concurrent > 0 &&
		    was + quota_others(p->of) >= p->limits->concurrent)
			return false;
	} while (!SWAP(p->of->open, was, was + 1));
	p->open = true;
	return true;
}

/* As long as answers of this kind mostly are; a client's max_tokens is far
 * more than that as a rule. What it takes beyond counts once it ends. */
static double
expected_tokens(const struct quota *q, const struct quota_wish *w)
{
	uint32_t output = LOAD(q->output) / OUTPUT_WEIGHT;

	if (w->silent)
		output = 0;
	else if (w->max_tokens > 0 && w->max_tokens < output)
		output = w->max_tokens;
	return (double)w->input + output;
}

static enum quota_limit
take_tokens(
    struct quota_part *p, const struct quota_wish *w, nsec now, usec *wait)
{
	const struct limit_rate rate =
	    limit_rate_of(p->limits->tokens, p->limits->burst);
	double tokens = expected_tokens(p->of, w);

	if (p->limits->tokens == 0)
		return QUOTA_FREE;
	if (tokens <= 0) { /* its answer may tell of some */
		owe(p, now, 0);
		return QUOTA_FREE;
	}
	if (w->input > p->limits->tokens)
		return QUOTA_TOO_LARGE;
	if (tokens > (double)p->limits->tokens)
		tokens = (double)p->limits->tokens;
	p->tokens = limit_span(&rate, tokens);
	if (take_rate(&p->of->tokens, &rate, now, p->tokens, wait)) {
		quota_count(p->of, 0, p->tokens);
		return QUOTA_FREE;
	}
	p->tokens = 0;
	return QUOTA_TOKENS;
}

static enum quota_limit
take_request(struct quota_part *p, nsec now, usec *wait)
{
	const struct limit_rate rate =
	    limit_rate_of(p->limits->requests, p->limits->burst);

	if (p->limits->requests == 0)
		return QUOTA_FREE;
	p->requests = limit_span(&rate, 1);
	if (take_rate(&p->of->requests, &rate, now, p->requests, wait)) {
		quota_count(p->of, p->requests, 0);
		return QUOTA_FREE;
	}
	p->requests = 0;
	return QUOTA_REQUESTS;
}

static usec
until(const struct quotas *t, const atomic_llong *end, usec now)
{
	usec left = LOAD(*end) - LOAD(t->to_wall) - now;

	return left > USEC_SEC ? left : USEC_SEC;
}

static enum quota_limit
check_budgets(
    const struct quotas *t, const struct quota_part *p, usec now, usec *wait)
{
	const struct conf_quota *l = p->limits;

	if (budget_state(LOAD(p->of->month), l->monthly, l->soft) ==
	    BUDGET_SPENT) {
		*wait = until(t, &t->month_ends, now);
		return QUOTA_MONTHLY;
	}
	if (budget_state(LOAD(p->of->day), l->daily, l->soft) == BUDGET_SPENT) {
		*wait = until(t, &t->day_ends, now);
		return QUOTA_DAILY;
	}
	return QUOTA_FREE;
}

static enum quota_limit
take_part(struct quotas *t, struct quota_part *p, const struct quota_wish *w,
    usec now, usec *wait)
{
	enum quota_limit limit =
	    w->free ? QUOTA_FREE : check_budgets(t, p, now, wait);

	if (limit != QUOTA_FREE)
		return limit;
	*wait = TRY_AGAIN;
	if (!take_place(p))
		return QUOTA_CONCURRENT;
	limit = take_request(p, now * NSEC_USEC, wait);
	if (limit == QUOTA_FREE)
		limit = take_tokens(p, w, now * NSEC_USEC, wait);
	if (limit == QUOTA_TOO_LARGE)
		*wait = 0;
	return limit;
}

/* --- giving back --- */

static void
give_back(struct quota_part *p, const struct quota_use *use)
{
	const struct limit_rate rate =
	    limit_rate_of(p->limits->tokens, p->limits->burst);
	nsec requests = use->refused ? -p->requests : 0;
	nsec tokens = -p->tokens;

	if (p->open) {
		unsigned was = ADD(p->of->open, -1u);

		assert(was > 0);
	}
	if (!use->refused)
		tokens += limit_span(&rate, use->input + use->output);
	ADD(p->of->requests, requests);
	ADD(p->of->tokens, tokens);
	quota_count(p->of, requests, tokens);
	p->open = false;
	p->requests = p->tokens = 0;
}

bool
quota_take(struct quotas *t, struct quota_hold *h, const struct quota_wish *w,
    usec now, struct quota_refusal *why)
{
	static const struct quota_use nothing = { .refused = true };

	for (int i = 0; i < QUOTA_PARTS; i++) {
		if (h->parts[i].of == NULL)
			continue;
		why->part = i;
		why->limit = take_part(t, &h->parts[i], w, now, &why->wait);
		if (why->limit != QUOTA_FREE) {
			quota_settle(h, &nothing);
			return false;
		}
		quota_note(h->parts[i].of);
	}
	return true;
}

static void
warn_once(struct quota *q, enum quota_warning bit, const char *period,
    const char *reason, int64_t spent, double hard)
{
	const char *key = strchr(q->name, '\n');

	if (atomic_fetch_or(&q->warned, bit) & bit)
		return;
	log_warn("budget tenant=%.*s key=%s period=%s spent=%.6f of=%g "
		 "reason=%s",
	    key != NULL ? (int)(key - q->name) : (int)strlen(q->name), q->name,
	    key != NULL ? key + 1 : "-", period, (double)spent / NANO_USD, hard,
	    reason);
}

static void
spend(atomic_llong *spent, long long nano, const struct quota_part *p,
    double hard, bool day)
{
	long long now = ADD(*spent, nano) + nano;
	const char *period = day ? "day" : "month";

	switch (budget_state(now, hard, p->limits->soft)) {
	case BUDGET_LEFT:
		break;
	case BUDGET_SOFT:
		warn_once(p->of, day ? WARNED_DAY : WARNED_MONTH, period,
		    "soft", now, hard);
		break;
	case BUDGET_SPENT:
		warn_once(p->of, day ? SPENT_DAY : SPENT_MONTH, period, "spent",
		    now, hard);
		break;
	}
}

/* Two at a time may miss one: it is a mean. */
static void
learn(struct quota *q, double output)
{
	unsigned was = LOAD(q->output);

	STORE(q->output,
	    was - was / OUTPUT_WEIGHT + (unsigned)fmin(output, OUTPUT_MOST));
}

static long long
nano_of(double usd)
{
	return llround(fmin(fmax(usd, 0), COST_MAX) * NANO_USD);
}

static void
spend_both(const struct quota_part *p, long long nano)
{
	if (nano == 0)
		return;
	spend(&p->of->day, nano, p, p->limits->daily, true);
	spend(&p->of->month, nano, p, p->limits->monthly, false);
}

bool
quota_charge(struct quotas *t, struct quota_hold *h,
    const struct quota_use *so_far, struct quota_paid *paid, usec now,
    struct quota_refusal *why)
{
	const struct quota_paid all = { so_far->input + so_far->output,
		nano_of(so_far->cost) };

	why->limit = QUOTA_FREE;
	for (int i = 0; i < QUOTA_PARTS; i++) {
		struct quota_part *p = &h->parts[i];
		struct limit_rate rate;

		if (p->of == NULL)
			continue;
		rate = limit_rate_of(p->limits->tokens, p->limits->burst);
		owe(p, now * NSEC_USEC,
		    limit_span(&rate, all.tokens - paid->tokens));
		spend_both(p, all.nano - paid->nano);
		quota_note(p->of);
		if (why->limit != QUOTA_FREE)
			continue;
		why->part = i;
		why->limit = check_budgets(t, p, now, &why->wait);
	}
	*paid = all;
	return why->limit == QUOTA_FREE;
}

void
quota_settle(struct quota_hold *h, const struct quota_use *use)
{
	for (int i = 0; i < QUOTA_PARTS; i++) {
		struct quota_part *p = &h->parts[i];

		if (p->of == NULL)
			continue;
		give_back(p, use);
		if (!use->refused && use->output > 0 && !use->silent)
			learn(p->of, use->output);
		if (!use->refused)
			spend_both(p, nano_of(use->cost));
		quota_note(p->of);
	}
}

/* --- reading --- */

static enum budget_state
worse(enum budget_state a, enum budget_state b)
{
	return a > b ? a : b;
}

void
quota_view(const struct quota *q, const struct conf_quota *l, usec now,
    struct quota_view *v)
{
	const struct limit_rate requests = limit_rate_of(l->requests, l->burst),
				tokens = limit_rate_of(l->tokens, l->burst);
	const nsec at = now * NSEC_USEC;
	long long day = LOAD(q->day), month = LOAD(q->month);

	*v = (struct quota_view){
		.left_requests = limit_left(&requests, LOAD(q->requests), at),
		.left_tokens = limit_left(&tokens, LOAD(q->tokens), at),
		.reset_requests =
		    limit_refill(LOAD(q->requests), at) / NSEC_USEC,
		.reset_tokens = limit_refill(LOAD(q->tokens), at) / NSEC_USEC,
		.open = LOAD(q->open) + quota_others(q),
		.day = (double)day / NANO_USD,
		.month = (double)month / NANO_USD,
		.budget = worse(budget_state(day, l->daily, l->soft),
		    budget_state(month, l->monthly, l->soft)),
	};
}
