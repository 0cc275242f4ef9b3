/* gateway/limits.c - a request and the limits of its tenant and key: what it
 * takes of them, what it gives back, and what its client is told. */
#include "gateway/limits.h"

#include <inttypes.h>
#include <math.h>

#include "backends/backend.h"
#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/keys/keyring.h"
#include "gateway/session.h"
#include "gateway/steps.h"
#include "policies/price.h"

static const char *
owner_kind(int part)
{
	return part == QUOTA_KEY ? "key" : "tenant";
}

static const char *
owner_name(const struct request *r, int part)
{
	return part == QUOTA_KEY ? r->key->name : r->tenant->name;
}

/* Whom and what: both must be there for a limit to hold. */
static void
fill_hold(struct request *r)
{
	struct quota_part *tenant = &r->hold.parts[QUOTA_TENANT];
	struct quota_part *key = &r->hold.parts[QUOTA_KEY];

	if (r->tenant == NULL)
		return;
	tenant->of = conf_tenant_quota(r->conf, r->tenant);
	tenant->limits = &r->tenant->limits;
	if (r->key == NULL) /* known by a certificate */
		return;
	key->limits = &r->tenant->key_limits;
	if (r->grant != NULL) {
		key->of = r->grant->quota;
		if (r->grant->limited)
			key->limits = &r->grant->limits;
	} else {
		key->of = conf_key_quota(r->conf, r->key);
	}
}

/* --- how long an answer may be --- */

/* The lowest of the caps that hold for it; 0: none. */
static uint32_t
cap_of(const struct request *r)
{
	uint32_t most = 0;

	for (int i = 0; i < QUOTA_PARTS; i++) {
		const struct quota_part *p = &r->hold.parts[i];
		uint32_t cap = p->limits != NULL ? p->limits->max_tokens : 0;

		if (cap > 0 && (most == 0 || cap < most))
			most = cap;
	}
	return most;
}

/* Whether anybody counts tokens before they are made. */
static bool
length_matters(const struct request *r)
{
	for (int i = 0; i < QUOTA_PARTS; i++) {
		const struct conf_quota *l = r->hold.parts[i].limits;

		if (l != NULL && (l->max_tokens > 0 || l->tokens > 0))
			return true;
	}
	return false;
}

/* By whatever name. */
struct asked {
	double most; /* tokens; 0: nothing is said */
	const char *name; /* of the member that says so */
	bool endless; /* one of them has no end */
};

static struct asked
asked_for(const struct request *r)
{
	struct asked a = { 0 };
	const char *name;
	double tokens;

	if (!length_matters(r))
		return a;
	for (size_t i = 0; i < r->parsed->n_members; i++) {
		name = backend_length(&r->parsed->members[i], &tokens);
		if (name == NULL)
			continue;
		if (tokens > a.most) {
			a.most = tokens;
			a.name = name;
		}
		a.endless |= tokens == 0;
	}
	return a;
}

/* As long as any backend could take it to be; 0: as long as it likes. */
static uint32_t
longest_of(const struct request *r, const struct asked *a, uint32_t cap)
{
	if (r->facts.max_tokens == 0 || a->endless)
		return cap;
	return a->most < UINT32_MAX ? (uint32_t)a->most : UINT32_MAX;
}

/* --- what is refused --- */

static void
refuse_long(struct request *r, uint32_t most, const struct asked *asked,
    struct error_reply *e)
{
	*e = (struct error_reply){ .status = 400,
		.type = "invalid_request_error",
		.code = "max_tokens_too_large",
		.param = asked->name,
		.message = request_say(r,
		    "an answer may have at most %" PRIu32
		    " tokens here, and %s asks for %.0f",
		    most, asked->name, asked->most) };
}

static void
refuse_budget(struct request *r, const struct quota_refusal *why, double usd,
    const char *period, struct error_reply *e)
{
	*e = (struct error_reply){ .status = 429,
		.type = "insufficient_quota",
		.code = "insufficient_quota",
		.message = request_say(r,
		    "the budget of %s %s, %g USD a %s, is spent; the next %s "
		    "begins at midnight UTC",
		    owner_kind(why->part), owner_name(r, why->part), usd,
		    period, period),
		.retry_after = why->wait };
}

static void
refuse_rate(struct request *r, const struct quota_refusal *why,
    const char *type, uint64_t limit, const char *what, struct error_reply *e)
{
	*e = (struct error_reply){ .status = 429,
		.type = type,
		.code = "rate_limit_exceeded",
		.message = request_say(r,
		    "rate limit reached for %s %s: %" PRIu64 " %s; try again "
		    "in %.3f s",
		    owner_kind(why->part), owner_name(r, why->part), limit,
		    what, (double)why->wait / 1e6),
		.retry_after = why->wait };
}

static void
refuse_large(struct request *r, const struct quota_refusal *why, uint64_t limit,
    struct error_reply *e)
{
	*e = (struct error_reply){ .status = 429,
		.type = "tokens",
		.code = "rate_limit_exceeded",
		.message = request_say(r,
		    "request too large for %s %s: about %" PRIu32
		    " tokens, of %" PRIu64 " a minute; it has to be shorter",
		    owner_kind(why->part), owner_name(r, why->part),
		    tokens_of_bytes(r->facts.prompt_bytes), limit) };
}

static void
word(struct request *r, const struct quota_refusal *why, struct error_reply *e)
{
	const struct conf_quota *l = r->hold.parts[why->part].limits;

	switch (why->limit) {
	case QUOTA_CONCURRENT:
		refuse_rate(
		    r, why, "requests", l->concurrent, "requests at a time", e);
		break;
	case QUOTA_FREE:
	case QUOTA_REQUESTS:
		refuse_rate(r, why, "requests", l->requests,
		    "requests per minute (RPM)", e);
		break;
	case QUOTA_TOKENS:
		refuse_rate(
		    r, why, "tokens", l->tokens, "tokens per minute (TPM)", e);
		break;
	case QUOTA_TOO_LARGE:
		refuse_large(r, why, l->tokens, e);
		break;
	case QUOTA_DAILY:
		refuse_budget(r, why, l->daily, "day", e);
		break;
	case QUOTA_MONTHLY:
		refuse_budget(r, why, l->monthly, "month", e);
		break;
	}
}

/* --- taking and giving back --- */

uint32_t
limits_longest(const struct request *r)
{
	uint32_t cap = cap_of(r);

	return cap > 0 && r->facts.max_tokens > 0 ? r->facts.max_tokens : cap;
}

bool
limits_take(struct request *r, struct error_reply *e)
{
	struct quota_wish wish = { 0 };
	struct quota_refusal why;
	struct asked asked = { 0 };
	uint32_t cap;

	fill_hold(r);
	cap = cap_of(r);
	if (!dialect_passes(r->facts.dialect))
		asked = asked_for(r);
	if (cap > 0 && asked.most > cap) {
		refuse_long(r, cap, &asked, e);
		return false;
	}
	if (dialect_reads_text(r->facts.dialect))
		wish.input = tokens_of_bytes(r->facts.prompt_bytes);
	wish.max_tokens = longest_of(r, &asked, cap);
	wish.silent = dialect_passes(r->facts.dialect);
	wish.free = r->facts.dialect == DIALECT_COUNTING;
	if (quota_take(
		r->worker->app->quotas, &r->hold, &wish, r->worker->now, &why))
		return true;
	e->status = 0;
	if (why.limit != QUOTA_CONCURRENT || r->crowded)
		word(r, &why, e);
	else
		r->crowded = true;
	return false;
}

/* By a deadline that it has set itself: as good as gone. */
static bool
has_left(const struct request *r)
{
	return r->outcome.fault == FAULT_DEADLINE &&
	    r->deadline < r->routing.arrived + r->conf->deadline;
}

/* Of a session's answers those count that told. */
static double
cost_told(const struct request *r, const struct usage *u)
{
	struct usage told = *u;

	told.known = true;
	return price_of_usage(
	    &r->attempt->serving->price, &told, &r->facts.units);
}

static double
estimate(const struct request *r, const struct usage *u)
{
	double own, hedge = outcome_hedge_cost(r, u);

	if (r->session != NULL)
		return cost_told(r, u);
	own = price_of_request(
	    &r->attempt->serving->price, u->input, u->output, &r->facts.units);
	return fmax(own, 0) + fmax(hedge, 0);
}

/* Of an answer that is cut off nobody says what it has cost. For budgets it is
 * what has come, by the serving's price: a client that reads all but the end,
 * or makes backends work and waits for no answer, would pay nothing. */
static double
charge_of(const struct request *r)
{
	const struct outcome *o = &r->outcome;

	if (o->result == RESULT_REFUSED || r->attempt == NULL)
		return 0;
	if (!has_left(r) &&
	    (o->cost >= 0 || o->usage.known || o->result == RESULT_ERROR))
		return o->cost;
	return estimate(r, &o->usage);
}

const char *
limits_charge(
    struct request *r, const struct usage *usage, struct error_reply *e)
{
	const struct quota_use so_far = {
		.input = usage->input,
		.output = usage->output,
		.cost = cost_told(r, usage),
	};
	struct quota_refusal why;

	if (quota_charge(r->worker->app->quotas, &r->hold, &so_far,
		&r->session->paid, r->worker->now, &why))
		return NULL;
	word(r, &why, e);
	return why.limit == QUOTA_DAILY ? "daily_budget" : "monthly_budget";
}

/* What is left of it is to be settled: nothing. */
static void
charge_rest(struct request *r, struct quota_use *use)
{
	struct quota_refusal why;

	(void)quota_charge(r->worker->app->quotas, &r->hold, use,
	    &r->session->paid, r->worker->now, &why);
	use->input = use->output = use->cost = 0;
}

void
limits_give_back(struct request *r)
{
	static const struct quota_use nothing = { .refused = true };

	quota_settle(&r->hold, &nothing);
}

void
limits_settle(struct request *r)
{
	struct outcome *o = &r->outcome;
	struct quota_use use = {
		.refused = o->result == RESULT_REFUSED,
		.input = o->usage.input,
		.output = o->usage.output,
		.silent = dialect_passes(o->dialect),
	};

	o->charged = fmax(charge_of(r), 0);
	use.cost = o->charged;
	if (r->session != NULL && !use.refused)
		charge_rest(r, &use);
	quota_settle(&r->hold, &use);
}

/* --- headers --- */

static void
add(struct limit_headers *h, const char *name, uint64_t value, const char *unit)
{
	char *text = h->text[h->n];
	size_t n = digits_u64(text, value);

	for (; *unit != '\0'; unit++)
		text[n++] = *unit;
	h->list[h->n++] =
	    (struct header){ slice_of(name), slice_make(text, n) };
}

/* A span as Go writes it: as OpenAI's headers have it. */
static void
add_span(struct limit_headers *h, const char *name, usec span)
{
	if (span < 10 * USEC_SEC)
		add(h, name, (uint64_t)((span + USEC_MS - 1) / USEC_MS), "ms");
	else
		add(h, name, (uint64_t)((span + USEC_SEC - 1) / USEC_SEC), "s");
}

/* Of the tenant's and the key's limit the one with less left is told. */
static void
add_requests(struct limit_headers *h, const struct quota_part *const p[2],
    const struct quota_view v[2])
{
	int i = p[0]->limits->requests == 0 ||
	    (p[1]->limits->requests > 0 &&
		v[1].left_requests < v[0].left_requests);

	if (p[i]->limits->requests == 0)
		return;
	add(h, "x-ratelimit-limit-requests", p[i]->limits->requests, "");
	add(h, "x-ratelimit-remaining-requests", (uint64_t)v[i].left_requests,
	    "");
	add_span(h, "x-ratelimit-reset-requests", v[i].reset_requests);
}

static void
add_tokens(struct limit_headers *h, const struct quota_part *const p[2],
    const struct quota_view v[2])
{
	int i = p[0]->limits->tokens == 0 ||
	    (p[1]->limits->tokens > 0 && v[1].left_tokens < v[0].left_tokens);

	if (p[i]->limits->tokens == 0)
		return;
	add(h, "x-ratelimit-limit-tokens", p[i]->limits->tokens, "");
	add(h, "x-ratelimit-remaining-tokens", (uint64_t)v[i].left_tokens, "");
	add_span(h, "x-ratelimit-reset-tokens", v[i].reset_tokens);
}

void
limits_headers(const struct request *r, struct limit_headers *h)
{
	static const struct conf_quota unlimited = { 0 };
	static const struct quota_part none = { .limits = &unlimited };
	const struct quota_part *parts[QUOTA_PARTS];
	struct quota_view views[QUOTA_PARTS] = { 0 };

	h->n = 0;
	for (int i = 0; i < QUOTA_PARTS; i++) {
		parts[i] = &r->hold.parts[i];
		if (parts[i]->of == NULL)
			parts[i] = &none;
		else
			quota_view(parts[i]->of, parts[i]->limits,
			    r->worker->now, &views[i]);
	}
	add_requests(h, parts, views);
	add_tokens(h, parts, views);
	if (views[0].budget == BUDGET_SOFT || views[1].budget == BUDGET_SOFT)
		h->list[h->n++] = (struct header){ SLICE("x-pointsman-budget"),
			SLICE("soft") };
}
