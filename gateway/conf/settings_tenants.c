/* gateway/conf/settings_tenants.c - settings of who asks, and what they may
 * expect: SLO classes, tenants and their limits. */
#include "gateway/conf/settings_rows.h"

static const char *const priority_words[] = { "premium", "standard", "batch",
	NULL };
static const char *const on_miss_words[] = { "serve", "refuse", NULL };

/* --- slo --- */

static const struct setting slo_rows[] = {
	{ "name", SETTING_NAME, SETTING_REQUIRED, AT(slo, name),
	    .help =
		"What requests and tenants call the class. Not the name "
		"of a backend, and not `custom`, `fastest` or `cheapest`." },
	{ "ttft", SETTING_DURATION, AT(slo, ttft), BOUNDS(MS, 24 * HOUR),
	    .otherwise = "no target",
	    .help =
		"Target for the first token. An answer that is not streamed "
		"is due when a stream that keeps `ttft` and `itl` would "
		"have ended." },
	{ "itl", SETTING_DURATION, AT(slo, itl), BOUNDS(MS / 10, HOUR),
	    .otherwise = "no target",
	    .help = "Target for the time between tokens, on average over an "
		    "answer." },
	{ "total", SETTING_DURATION, AT(slo, total), BOUNDS(MS, 24 * HOUR),
	    .otherwise = "no target", .help = "Target for the whole answer." },
	{ "percentile", SETTING_NUMBER, AT(slo, percentile), BOUNDS(1, 99.999),
	    .value = "95",
	    .help = "The share of requests, in percent, that is to meet the "
		    "targets." },
	{ "priority", SETTING_ENUM, AT(slo, priority), .words = priority_words,
	    .value = "standard",
	    .help = "Who goes first when there is not enough for all." },
	{ "min_quality", SETTING_NUMBER, AT(slo, min_quality),
	    BOUNDS(0, QUALITY_MAX), .value = "0",
	    .help = "Servings of a lower `quality` are never used." },
	{ "on_miss", SETTING_ENUM, AT(slo, on_miss), .words = on_miss_words,
	    .value = "serve",
	    .help = "When no serving is expected to meet the targets: `serve` "
		    "with the one that misses least, or `refuse` with a 503." },
};

const struct setting_group settings_slo = {
	.title = "slo[]",
	.intro = "Classes of service: what a request may expect. A class "
		 "without targets goes to the cheapest serving that works.",
	ROWS(slo_rows, slo),
};

/* --- tenants --- */

static const struct setting quota_rows[] = {
	{ "requests_per_minute", SETTING_INT, AT(conf_quota, requests),
	    BOUNDS(1, 1e9), .otherwise = "not limited",
	    .help = "Requests that are let through, spread evenly: in any span "
		    "of time no more than it earns, and one `burst`." },
	{ "tokens_per_minute", SETTING_INT, AT(conf_quota, tokens),
	    BOUNDS(1, 1e12), .otherwise = "not limited",
	    .help = "Tokens, in and out. As many as a request is expected to "
		    "take are reserved for it; when it ends, what it has "
		    "taken counts." },
	{ "burst", SETTING_DURATION, AT(conf_quota, burst),
	    BOUNDS(MS, 60 * SEC), .value = "5s",
	    .help = "How much of both rates may come at once: what they earn "
		    "in this time. One request always may." },
	{ "concurrent", SETTING_INT, AT(conf_quota, concurrent),
	    BOUNDS(1, 1000000), .otherwise = "not limited",
	    .help = "Requests under way at a time, those that wait for a "
		    "serving too." },
	{ "max_tokens", SETTING_INT, AT(conf_quota, max_tokens),
	    BOUNDS(1, UINT32_MAX), .otherwise = "not limited",
	    .help = "The longest answer a request may ask for. One that asks "
		    "for more is refused; for one that does not say, the "
		    "backend is told this." },
	{ "daily_budget", SETTING_NUMBER, AT(conf_quota, daily),
	    BOUNDS(1e-6, 1e9), .otherwise = "not limited",
	    .help = "USD from midnight to midnight, UTC. Once it is spent, "
		    "requests get a 429; those under way go on, sessions "
		    "to the end of an answer." },
	{ "monthly_budget", SETTING_NUMBER, AT(conf_quota, monthly),
	    BOUNDS(1e-6, 1e9), .otherwise = "not limited",
	    .help = "The same for a calendar month." },
	{ "soft", SETTING_NUMBER, AT(conf_quota, soft), BOUNDS(0, 1),
	    .value = "0.8",
	    .help = "The share of a budget from which on a warning is logged "
		    "and answers carry `x-pointsman-budget: soft`." },
};

#define QUOTA_GROUP(group_title, words)                                        \
	{                                                                      \
		.title = group_title, .intro = words, .rows = quota_rows,      \
		.n = COUNT(quota_rows), .size = sizeof(struct conf_quota),     \
	}

static const struct setting_group tenant_limits_group =
    QUOTA_GROUP("tenants[].limits",
	"What all requests of a tenant together may use. What is refused for "
	"it gets a 429 in OpenAI's shape with `x-ratelimit-*` and, where "
	"waiting helps, `retry-after`, and costs nothing.");

const struct setting_group settings_key_limits =
    QUOTA_GROUP("tenants[].key_limits",
	"The same for each of the tenant's keys by itself. Both hold.");

static const struct setting tenant_rows[] = {
	{ "name", SETTING_NAME, SETTING_REQUIRED, AT(conf_tenant, name),
	    .help = "In logs, metrics and receipts." },
	{ "keys", SETTING_KEYS, SETTING_NONEMPTY,
	    .otherwise = "none: those of `keys_file`, or certificates",
	    .help = "Its API keys: `\"env:NAME\"`, `\"file:PATH\"` or "
		    "`\"sha256:HEX\"` as `pointsman key hash` prints it. A key "
		    "goes by the name of its variable or file, or by its "
		    "first 8 digits; no two of a tenant by the same." },
	{ "slo", SETTING_REF, AT(conf_tenant, slo), .ref = REF_SLO,
	    .otherwise = "`default_slo`",
	    .help = "Its SLO class. Requests may ask for another one, but not "
		    "for a higher priority." },
	{ "models", SETTING_REFS, SETTING_NONEMPTY, AT(conf_tenant, models),
	    .ref = REF_MODEL, .otherwise = "all",
	    .help = "The models it may use. `*` here is the model of that "
		    "name." },
	{ "backends", SETTING_REFS, SETTING_NONEMPTY, AT(conf_tenant, backends),
	    .ref = REF_BACKEND, .otherwise = "all",
	    .help = "The backends that may see its requests." },
	{ "regions", SETTING_REFS, SETTING_NONEMPTY, AT(conf_tenant, regions),
	    .ref = REF_REGION, .otherwise = "all",
	    .help = "The regions that its requests may be served in." },
	{ "min_quality", SETTING_NUMBER, AT(conf_tenant, min_quality),
	    BOUNDS(0, QUALITY_MAX), .value = "0",
	    .help = "Servings of a lower `quality` are never used for it." },
	{ "may_pin", SETTING_BOOL, AT(conf_tenant, may_pin), .value = "false",
	    .help = "Whether it may choose the backend itself, by "
		    "`model:backend`." },
	{ "certificates", SETTING_STRINGS, SETTING_NONEMPTY,
	    AT(conf_tenant, certificates), .otherwise = "none",
	    .help = "Certificates of clients that need no key, by a DNS name, "
		    "URI, mail address or common name in them, or as "
		    "`\"sha256:HEX\"`, the digest of the certificate. They "
		    "count where `tls.client_ca` vouches for them; a key of "
		    "any tenant comes first." },
	{ "limits", SETTING_GROUP, AT(conf_tenant, limits),
	    .group = &tenant_limits_group, .otherwise = "none",
	    .help = "What it may use." },
	{ "key_limits", SETTING_GROUP, AT(conf_tenant, key_limits),
	    .group = &settings_key_limits, .otherwise = "none",
	    .help = "What each of its keys may use." },
};

const struct setting_group settings_tenants = {
	.title = "tenants[]",
	.intro = "Who may use the gateway. Without any it is open to whoever "
		 "reaches it, and therefore listens on loopback or a Unix "
		 "socket only. `models`, `backends` and `regions` hold on "
		 "every path: retries, hedges and probes too.",
	ROWS(tenant_rows, conf_tenant),
};
