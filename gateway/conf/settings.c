/* gateway/conf/settings.c - the table of all settings. */
#include "gateway/conf/settings.h"

#include <string.h>

#include "gateway/conf/conf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(type, member)                                                       \
	.at = offsetof(struct type, member),                                   \
	.width = sizeof(((struct type *)0)->member)
#define LIST_AT(type, member, n)                                               \
	AT(type, member), .count_at = offsetof(struct type, n)
#define BOUNDS(lo, hi) .min = (double)(lo), .max = (double)(hi)

#define MS ((double)USEC_MS)
#define SEC ((double)USEC_SEC)
#define HOUR (3600 * SEC)
#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* A worker is a bit of a 64-bit wake mask. */
#define WORKERS_MAX 64
#define QUALITY_MAX 1e6
#define PRICE_MAX 1e6

static const char *const priority_words[] = { "premium", "standard", "batch",
	NULL };
static const char *const on_miss_words[] = { "serve", "refuse", NULL };
static const char *const policy_words[] = { "slo", "observe", NULL };
static const char *const log_words[] = { "error", "warn", "info", "debug",
	NULL };
static const char *const access_words[] = { "stderr", "off", NULL };

/* --- listen, admin --- */

#define LISTEN_ROWS(default_port, keys)                                        \
	{ "address", SETTING_STRING, AT(conf_listen, address),                 \
		.value = "127.0.0.1",                                          \
		.help =                                                        \
		    "IP address, or `localhost`. Other than loopback needs "   \
		    "`" keys "`." },                                           \
	    { "port", SETTING_INT, AT(conf_listen, port), BOUNDS(1, 65535),    \
		    .value = default_port, .help = "TCP port." },              \
	{                                                                      \
		"path", SETTING_PATH, AT(conf_listen, path),                   \
		    .otherwise = "none: TCP",                                  \
		    .help = "Unix socket, instead of `address` and `port`."    \
	}

static const struct setting listen_rows[] = { LISTEN_ROWS("7070", "tenants") };
static const struct setting admin_rows[] = { LISTEN_ROWS(
    "7071", "admin_keys") };

static const struct setting_group listen_group = {
	.title = "listen",
	.intro = "Where applications connect: the OpenAI-compatible API.",
	.rows = listen_rows,
	.n = COUNT(listen_rows),
	.size = sizeof(struct conf_listen),
};

static const struct setting_group admin_group = {
	.title = "admin",
	.intro = "Where operators connect: health, metrics, the admin API. "
		 "It asks for a key where `admin_keys` has any.",
	.rows = admin_rows,
	.n = COUNT(admin_rows),
	.size = sizeof(struct conf_listen),
};

/* --- admin_keys --- */

static const char *const role_words[] = { "read", "operate", "admin", NULL };

const char *
conf_role_name(enum conf_role role)
{
	return role_words[role];
}

static const struct setting operator_rows[] = {
	{ "key", SETTING_KEY, SETTING_REQUIRED, AT(setting_operator, key),
	    .help = "`\"env:NAME\"`, `\"file:PATH\"` or `\"sha256:HEX\"`." },
	{ "role", SETTING_ENUM, SETTING_REQUIRED, AT(setting_operator, role),
	    .words = role_words,
	    .help = "`read`: everything that changes nothing. `operate`: also "
		    "reloads and drills. `admin`: also keys of tenants." },
	{ "name", SETTING_NAME, AT(setting_operator, name),
	    .otherwise = "that of the variable or file",
	    .help = "Whose it is, in logs." },
};

static const struct setting_group operator_group = {
	.title = "admin_keys[]",
	.intro = "A key for the admin listener that may do less than all; "
		 "[admin-api](admin-api.md) says what wants which role.",
	.rows = operator_rows,
	.n = COUNT(operator_rows),
	.size = sizeof(struct setting_operator),
};

/* --- tls --- */

static const char *const tls_words[] = { "1.2", "1.3", NULL };

static const struct setting tls_rows[] = {
	{ "certificate", SETTING_PATH, AT(conf_tls, certificate),
	    .otherwise = "none: plain HTTP",
	    .help = "The gateway's certificate and those between it and the "
		    "authority, PEM." },
	{ "key", SETTING_PATH, AT(conf_tls, key), .otherwise = "none",
	    .help = "Its private key, PEM, without a passphrase." },
	{ "min_version", SETTING_WORD, AT(conf_tls, min_version),
	    .words = tls_words, .value = "1.2",
	    .help = "Older versions of TLS are refused." },
	{ "client_ca", SETTING_PATH, AT(conf_tls, client_ca),
	    .otherwise = "none: clients are not asked",
	    .help = "Authorities, PEM, that vouch for certificates of "
		    "clients; whose they are is said by "
		    "`tenants[].certificates`." },
	{ "require_client", SETTING_BOOL, AT(conf_tls, require_client),
	    .value = "false",
	    .help = "Whether a client without such a certificate gets a 401, "
		    "whatever key it has." },
};

static const struct setting_group tls_group = {
	.title = "tls",
	.intro = "TLS for `listen`. The files are read again by each reload: "
		 "new connections get the new certificate, open ones go on "
		 "with theirs.",
	.rows = tls_rows,
	.n = COUNT(tls_rows),
	.size = sizeof(struct conf_tls),
};

/* --- timeouts --- */

#define TIMEOUT(member, high, ...)                                             \
#member, SETTING_DURATION, AT(conf_timeouts, member),                  \
	    BOUNDS(MS, high), __VA_ARGS__

static const struct setting timeout_rows[] = {
	{ TIMEOUT(connect, HOUR, .value = "1s",
	    .help = "To connect, TLS included.") },
	{ TIMEOUT(ttft, 24 * HOUR, .value = "30s",
	    .help = "Streamed calls: from request sent to first token.") },
	{ TIMEOUT(gap, 24 * HOUR, .value = "30s",
	    .help = "Streamed calls: between two pieces of the answer. It "
		    "stands still while a slow client holds the stream up.") },
	{ TIMEOUT(total, 24 * HOUR, .value = "600s",
	    .help = "The whole attempt. A default above, longer than a "
		    "`total` that you set, is cut down to it.") },
};

static const struct setting_group timeouts_group = {
	.title = "timeouts",
	.intro = "How long one attempt on a backend may take. These are the "
		 "defaults; a backend may have its own.",
	.rows = timeout_rows,
	.n = COUNT(timeout_rows),
	.size = sizeof(struct conf_timeouts),
};

#define INHERITED                                                              \
	.flags = SETTING_UNSET_NEGATIVE, .otherwise = "that of `timeouts`"

static const struct setting backend_timeout_rows[] = {
	{ TIMEOUT(
	    connect, HOUR, INHERITED, .help = "To connect, TLS included.") },
	{ TIMEOUT(ttft, 24 * HOUR, INHERITED,
	    .help = "From request sent to first token.") },
	{ TIMEOUT(gap, 24 * HOUR, INHERITED,
	    .help = "Between two pieces of an answer.") },
	{ TIMEOUT(total, 24 * HOUR, INHERITED, .help = "The whole attempt.") },
};

static const struct setting_group backend_timeouts_group = {
	.title = "backends[].timeouts",
	.intro = "As `timeouts` at the top level, for one backend.",
	.rows = backend_timeout_rows,
	.n = COUNT(backend_timeout_rows),
	.size = sizeof(struct conf_timeouts),
};

/* --- slo --- */

static const struct setting slo_rows[] = {
	{ "name", SETTING_NAME, SETTING_REQUIRED, AT(slo, name),
	    .help =
		"What requests and tenants call the class. Not the name "
		"of a backend, and not `custom`, `fastest` or `cheapest`." },
	{ "ttft", SETTING_DURATION, AT(slo, ttft), BOUNDS(MS, 24 * HOUR),
	    .otherwise = "no target", .help = "Target for the first token." },
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

static const struct setting_group slo_group = {
	.title = "slo[]",
	.intro = "Classes of service: what a request may expect. A class "
		 "without targets goes to the cheapest serving that works.",
	.rows = slo_rows,
	.n = COUNT(slo_rows),
	.size = sizeof(struct slo),
};

/* --- backends --- */

static const struct setting price_rows[] = {
	{ "input", SETTING_NUMBER, SETTING_UNSET_NEGATIVE,
	    AT(conf_price, input), BOUNDS(0, PRICE_MAX), .otherwise = "unknown",
	    .help = "Prompt tokens." },
	{ "output", SETTING_NUMBER, SETTING_UNSET_NEGATIVE,
	    AT(conf_price, output), BOUNDS(0, PRICE_MAX),
	    .otherwise = "unknown", .help = "Tokens of the answer." },
	{ "cached", SETTING_NUMBER, SETTING_UNSET_NEGATIVE,
	    AT(conf_price, cached), BOUNDS(0, PRICE_MAX),
	    .otherwise = "that of `input`",
	    .help = "Prompt tokens that the backend read from its cache." },
	{ "hourly", SETTING_NUMBER, SETTING_UNSET_NEGATIVE,
	    AT(conf_price, hourly), BOUNDS(0, PRICE_MAX),
	    .otherwise = "not fixed-cost",
	    .help = "USD per hour, for hardware that costs the same busy or "
		    "idle." },
	{ "as_of", SETTING_STRING, AT(conf_price, as_of), .otherwise = "none",
	    .help = "When you looked the price up: `\"2026-11\"` or "
		    "`\"2026-11-30\"`." },
};

static const struct setting_group price_group = {
	.title = "backends[].price",
	.intro = "USD per million tokens. Free is written `0`; what is left "
		 "out is unknown, and an unknown price is ranked as the "
		 "dearest, never as free.",
	.rows = price_rows,
	.n = COUNT(price_rows),
	.size = sizeof(struct conf_price),
};

#define GUESSED .otherwise = "by `hardware`"

static const struct setting profile_rows[] = {
	{ "rtt", SETTING_DURATION, AT(conf_profile, rtt), BOUNDS(0, 10 * SEC),
	    GUESSED,
	    .help = "From here to it and back, on a connection that is open." },
	{ "step", SETTING_DURATION, AT(conf_profile, step), BOUNDS(0, 10 * SEC),
	    GUESSED,
	    .help = "One step of decoding for one request alone: its time "
		    "between tokens." },
	{ "per_sequence", SETTING_DURATION, AT(conf_profile, per_sequence),
	    BOUNDS(0, SEC), GUESSED,
	    .help = "What each further request at work adds to a step." },
	{ "per_token", SETTING_NUMBER, AT(conf_profile, per_token),
	    BOUNDS(0, 1e6), GUESSED,
	    .help = "Microseconds to prefill one token of a prompt." },
};

static const struct setting_group profile_group = {
	.title = "backends[].profile",
	.intro = "First estimates of its speed. The router corrects them as "
		 "answers come in, so they matter for the first hundred "
		 "requests; the simulator takes them as the truth.",
	.rows = profile_rows,
	.n = COUNT(profile_rows),
	.size = sizeof(struct conf_profile),
};

static const struct setting backend_rows[] = {
	{ "name", SETTING_NAME, SETTING_REQUIRED, AT(conf_backend, name),
	    .help = "Not that of an SLO class, `fastest` or `cheapest`: "
		    "`gemma:gpu` asks for the backend `gpu`." },
	{ "adapter", SETTING_REF, SETTING_REQUIRED, AT(conf_backend, adapter),
	    .ref = REF_ADAPTER,
	    .help = "The kind of API: `openai`, `vllm`, `llamacpp`, ..." },
	{ "url", SETTING_URL, AT(conf_backend, url),
	    .otherwise = "the adapter's own",
	    .help = "Base URL as an SDK takes it, mostly with `/v1`. Also "
		    "`\"env:NAME\"`, or `\"unix:/path\"` for a Unix socket "
		    "(the path in the request is then below `/v1`)." },
	{ "api_key", SETTING_API_KEY, AT(conf_backend, api_key),
	    .otherwise = "none",
	    .help = "A secret: `\"env:NAME\"` or `\"file:PATH\"`. Where the "
		    "variable is unset the backend is off. Adapters of hosted "
		    "services need a key, unless `url` is given. Or a list of "
		    "secrets: the first is used, the next while it is "
		    "refused (five minutes) or at its rate limit." },
	{ "slots", SETTING_INT, AT(conf_backend, slots), BOUNDS(1, 65536),
	    .otherwise = "not known",
	    .help = "How many requests it serves at the same time." },
	{ "hardware", SETTING_STRING, AT(conf_backend, hardware), .value = "",
	    .help = "What it runs on: `wafer`, `lpu`, `gpu` and `cpu` have "
		    "first estimates of speed of their own; any other word is "
		    "taken for `gpu`." },
	{ "region", SETTING_STRING, AT(conf_backend, region), .value = "",
	    .help = "Where it runs, in your words; `tenants[].regions` "
		    "names it." },
	{ "price", SETTING_GROUP, AT(conf_backend, price),
	    .group = &price_group, .otherwise = "unknown",
	    .help = "What it costs." },
	{ "profile", SETTING_GROUP, AT(conf_backend, profile),
	    .group = &profile_group, .otherwise = "by `hardware`",
	    .help = "How fast it is, to begin with." },
	{ "timeouts", SETTING_GROUP, AT(conf_backend, timeouts),
	    .group = &backend_timeouts_group,
	    .otherwise = "those of the top level",
	    .help = "How long an attempt may take." },
	{ "command", SETTING_COMMAND, SETTING_NONEMPTY,
	    AT(conf_backend, command), .otherwise = "none",
	    .help = "Program and arguments of a backend that the gateway "
		    "starts, watches and stops itself. `{port}` becomes a "
		    "free port; it then needs no `url`." },
	{ "strip", SETTING_STRINGS, AT(conf_backend, strip),
	    .otherwise = "the adapter's own",
	    .help = "Members of a request that this backend rejects: they "
		    "are taken out." },
	{ "ca_file", SETTING_PATH, AT(conf_backend, ca_file),
	    .otherwise = "the system's",
	    .help = "Certificates to trust, PEM." },
	{ "tls_insecure", SETTING_BOOL, AT(conf_backend, tls_insecure),
	    .value = "false",
	    .help = "Do not verify certificates. For tests only." },
	{ "probe_interval", SETTING_DURATION, SETTING_OR_ZERO,
	    AT(conf_backend, probe_interval), BOUNDS(100 * MS, HOUR),
	    .value = "5s",
	    .help = "How often its health and load are asked for. "
		    "`\"0s\"`: never." },
};

static const struct setting_group backends_group = {
	.title = "backends[]",
	.intro = "What can answer requests. Their order means nothing.",
	.rows = backend_rows,
	.n = COUNT(backend_rows),
	.size = sizeof(struct conf_backend),
	.line_at = offsetof(struct conf_backend, line),
};

/* --- models --- */

static const struct setting serving_rows[] = {
	{ "backend", SETTING_REF, SETTING_REQUIRED, AT(conf_serving, backend),
	    .ref = REF_BACKEND, .help = "Which backend." },
	{ "model", SETTING_MODEL_NAME, AT(conf_serving, upstream),
	    .otherwise = "the public name",
	    .help = "The backend's own name for the model. `*` passes on the "
		    "name that the client asked for." },
	{ "quality", SETTING_NUMBER, AT(conf_serving, quality),
	    BOUNDS(0, QUALITY_MAX), .value = "0",
	    .help = "How good its answers are, on a scale of your own." },
	{ "fallback", SETTING_BOOL, AT(conf_serving, fallback),
	    .value = "false",
	    .help = "Use it only when no other serving of the model can be." },
	{ "context", SETTING_INT, AT(conf_serving, context),
	    BOUNDS(1, UINT32_MAX), .otherwise = "not known: any",
	    .help = "Context length in tokens." },
	{ "caps", SETTING_CAPS, SETTING_NONEMPTY, AT(conf_serving, caps),
	    .otherwise = "not known: all",
	    .help = "What it can do; requests that need more go elsewhere." },
	{ "version", SETTING_STRING, AT(conf_serving, version), .value = "",
	    .help = "Of the model, in your words; shown in receipts." },
};

const struct setting_group settings_servings = {
	.title = "models[].serve[]",
	.intro = "A serving: the model on one backend. Servings of a model "
		 "need not be equal; SLO, quality, price and state decide "
		 "among them, their order does not (but where `policy` is "
		 "`observe`).",
	.rows = serving_rows,
	.n = COUNT(serving_rows),
	.size = sizeof(struct conf_serving),
};

static const struct setting model_rows[] = {
	{ "name", SETTING_MODEL_NAME, SETTING_REQUIRED, AT(conf_model, name),
	    .help = "The public name, as clients write it. `*` stands for "
		    "every name that is not listed." },
	{ "aliases", SETTING_STRINGS, SETTING_NO_NULL, AT(conf_model, aliases),
	    .otherwise = "none", .help = "Other names for it." },
	{ "serve", SETTING_LIST, SETTING_REQUIRED | SETTING_NONEMPTY,
	    LIST_AT(conf_model, servings, n_servings),
	    .group = &settings_servings,
	    .help = "Where it is served; at most 256 servings." },
};

static const struct setting_group models_group = {
	.title = "models[]",
	.intro = "What clients may ask for.",
	.rows = model_rows,
	.n = COUNT(model_rows),
	.size = sizeof(struct conf_model),
	.line_at = offsetof(struct conf_model, line),
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
		    "requests get a 429; those under way go on." },
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

static const struct setting_group key_limits_group =
    QUOTA_GROUP("tenants[].key_limits",
	"The same for each of the tenant's keys by itself. Both hold.");

static const struct setting tenant_rows[] = {
	{ "name", SETTING_NAME, SETTING_REQUIRED, AT(conf_tenant, name),
	    .help = "In logs, metrics and receipts." },
	{ "keys", SETTING_KEYS, SETTING_NONEMPTY,
	    .otherwise = "none: those of `keys_file`, or certificates",
	    .help = "Its API keys: `\"env:NAME\"`, `\"file:PATH\"` or "
		    "`\"sha256:HEX\"` as `pointsman key hash` prints it." },
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
	    .group = &key_limits_group, .otherwise = "none",
	    .help = "What each of its keys may use." },
};

static const struct setting_group tenants_group = {
	.title = "tenants[]",
	.intro = "Who may use the gateway. Without any it is open to whoever "
		 "reaches it, and therefore listens on loopback or a Unix "
		 "socket only. `models`, `backends` and `regions` hold on "
		 "every path: retries, hedges and probes too.",
	.rows = tenant_rows,
	.n = COUNT(tenant_rows),
	.size = sizeof(struct conf_tenant),
	.line_at = offsetof(struct conf_tenant, line),
};

/* --- otlp --- */

static const struct setting otlp_rows[] = {
	{ "url", SETTING_STRING, AT(conf_otlp, url), .otherwise = "none: off",
	    .help = "The collector's, whole: "
		    "`\"http://127.0.0.1:4318/v1/traces\"`." },
	{ "sample", SETTING_NUMBER, AT(conf_otlp, sample), BOUNDS(0, 1),
	    .value = "1",
	    .help = "The share of requests that begin a trace. One that fails "
		    "or misses its SLO is traced anyway. For one that comes "
		    "with a `traceparent`, that decides." },
	{ "headers", SETTING_HEADERS, AT(conf_otlp, headers),
	    .otherwise = "none",
	    .help = "Sent along, for a collector that asks who you are: "
		    "`{ authorization = \"env:OTLP_AUTHORIZATION\"; "
		    "x-scope-orgid = \"team\"; }`. A value may be "
		    "`\"env:NAME\"` or `\"file:PATH\"`, and is never shown." },
};

static const struct setting_group otlp_group = {
	.title = "otlp",
	.intro = "Traces for a collector of OpenTelemetry (OTLP over HTTP, "
		 "JSON): a span for each request, each wait in the queue and "
		 "each attempt. See [observability](observability.md).",
	.rows = otlp_rows,
	.n = COUNT(otlp_rows),
	.size = sizeof(struct conf_otlp),
};

/* --- idempotency --- */

static const struct setting idempotency_rows[] = {
	{ "window", SETTING_DURATION, SETTING_OR_ZERO,
	    AT(conf_idempotency, window), BOUNDS(SEC, 24 * HOUR),
	    .value = "10m",
	    .help = "How long an answer is kept. `\"0s\"`: never; the header "
		    "is then only passed on." },
	{ "answers", SETTING_INT, AT(conf_idempotency, answers),
	    BOUNDS(1, 1000000), .value = "10000",
	    .help = "How many are kept; the oldest goes first." },
	{ "memory", SETTING_SIZE, AT(conf_idempotency, memory),
	    BOUNDS(64 * KIB, TIB), .value = "64MiB",
	    .help = "What all of them may take. An answer larger than this is "
		    "not kept." },
};

static const struct setting_group idempotency_group = {
	.title = "idempotency",
	.intro = "A request that is not streamed and has the header "
		 "`Idempotency-Key` is answered once: whoever sends the same "
		 "key and body again gets that answer, with "
		 "`x-pointsman-idempotent-replay: true`, and another body "
		 "under that key gets a 409. Each tenant has its own keys. "
		 "Only good answers are kept, in memory.",
	.rows = idempotency_rows,
	.n = COUNT(idempotency_rows),
	.size = sizeof(struct conf_idempotency),
};

/* --- the top --- */

static const struct setting top_rows[] = {
	{ "listen", SETTING_GROUP, SETTING_RESTART, AT(conf, listen),
	    .group = &listen_group, .help = "Where applications connect." },
	{ "admin", SETTING_GROUP, SETTING_RESTART, AT(conf, admin),
	    .group = &admin_group, .help = "Where operators connect." },
	{ "tls", SETTING_GROUP, AT(conf, tls), .group = &tls_group,
	    .otherwise = "none: plain HTTP", .help = "TLS for `listen`." },
	{ "admin_keys", SETTING_KEYS, .group = &operator_group,
	    .otherwise = "none: open",
	    .help = "Keys for the admin listener: `\"env:NAME\"`, "
		    "`\"file:PATH\"` or `\"sha256:HEX\"`, which may do "
		    "everything, or groups, in a list `( ... )`. With any, all "
		    "but `/healthz` and `/readyz` wants `Authorization: Bearer "
		    "KEY`. No tenant's key is one." },
	{ "workers", SETTING_INT, SETTING_RESTART, AT(conf, workers),
	    BOUNDS(1, WORKERS_MAX), .otherwise = "one per core",
	    .help = "Threads that serve requests." },
	{ "slo", SETTING_LIST, LIST_AT(conf, slos, n_slos), .group = &slo_group,
	    .otherwise = "none", .help = "Classes of service." },
	{ "default_slo", SETTING_REF, AT(conf, default_slo), .ref = REF_SLO,
	    .otherwise = "a class `default` without targets",
	    .help = "The class of requests that name none." },
	{ "backends", SETTING_LIST, SETTING_REQUIRED | SETTING_NONEMPTY,
	    LIST_AT(conf, backends, n_backends), .group = &backends_group,
	    .help = "What can answer." },
	{ "models", SETTING_LIST, SETTING_REQUIRED | SETTING_NONEMPTY,
	    LIST_AT(conf, models, n_models), .group = &models_group,
	    .help = "What clients may ask for." },
	{ "default_model", SETTING_REF, AT(conf, default_model),
	    .ref = REF_MODEL, .otherwise = "none: a 404",
	    .help = "What a request without a model, or with an unknown one, "
		    "gets." },
	{ "tenants", SETTING_LIST, LIST_AT(conf, tenants, n_tenants),
	    .group = &tenants_group, .otherwise = "none: open",
	    .help = "Who may use the gateway." },
	{ "keys_file", SETTING_PATH, SETTING_RESTART, AT(conf, keys_file),
	    .otherwise = "none: keys are those of this file",
	    .help = "Where keys of tenants are kept that are made and revoked "
		    "at run time, by `pointsman key` or the admin API: their "
		    "digests. The gateway makes the file; a tenant then "
		    "needs no `keys` here." },
	{ "audit_log", SETTING_PATH, SETTING_RESTART, AT(conf, audit_log),
	    .otherwise = "none: off",
	    .help = "Where each reload, drill and change of keys is written: "
		    "who, when, what, and what came of it. Lines are chained; "
		    "`pointsman audit verify FILE` finds any edit. What "
		    "cannot be written there is not done." },
	{ "policy", SETTING_WORD, AT(conf, policy), .words = policy_words,
	    .value = "slo",
	    .help = "How servings are chosen: `slo`, the cheapest that meets "
		    "the request's targets; `observe`, the first usable one in "
		    "the order of `serve`, while it is noted what `slo` would "
		    "have done." },
	{ "timeouts", SETTING_GROUP, AT(conf, timeouts),
	    .group = &timeouts_group,
	    .help = "How long one attempt may take, unless its backend says "
		    "otherwise." },
	{ "deadline", SETTING_DURATION, AT(conf, deadline),
	    BOUNDS(MS, 24 * HOUR), .value = "600s",
	    .help = "A request with all its attempts and waits." },
	{ "client_stall", SETTING_DURATION, AT(conf, client_stall),
	    BOUNDS(100 * MS, 24 * HOUR), .value = "60s",
	    .help = "How long a client may read nothing of its answer." },
	{ "heartbeat", SETTING_DURATION, SETTING_OR_ZERO, AT(conf, heartbeat),
	    BOUNDS(100 * MS, HOUR), .value = "0s",
	    .help = "Streamed calls: a client that has waited so long for the "
		    "first event is sent a comment (`: keep-alive`), and "
		    "another each time as long again, so that no proxy on "
		    "the way takes the connection for dead. With the first, "
		    "the status 200 goes out: what fails from then on is an "
		    "error event. `\"0s\"`: none." },
	{ "header_timeout", SETTING_DURATION, AT(conf, header_timeout),
	    BOUNDS(100 * MS, HOUR), .value = "10s",
	    .help = "For a client to send the head of a request." },
	{ "body_timeout", SETTING_DURATION, AT(conf, body_timeout),
	    BOUNDS(100 * MS, HOUR), .value = "60s",
	    .help = "For a client to send the body." },
	{ "idle_timeout", SETTING_DURATION, AT(conf, idle_timeout),
	    BOUNDS(100 * MS, 24 * HOUR), .value = "75s",
	    .help = "How long an idle connection is kept." },
	{ "drain_timeout", SETTING_DURATION, AT(conf, drain_timeout),
	    BOUNDS(0, 24 * HOUR), .value = "30s",
	    .help = "How long requests may go on after SIGTERM." },
	{ "header_limit", SETTING_SIZE, AT(conf, limits.header),
	    BOUNDS(4 * KIB, MIB), .value = "16KiB",
	    .help = "The head of a request. Each open connection takes about "
		    "as much memory." },
	{ "body_limit", SETTING_SIZE, AT(conf, limits.body),
	    BOUNDS(KIB, 4 * GIB), .value = "64MiB",
	    .help = "The body of a request." },
	{ "body_limit_total", SETTING_SIZE, AT(conf, limits.bodies),
	    BOUNDS(KIB, TIB), .value = "512MiB",
	    .help = "The bodies of all open requests together." },
	{ "max_connections", SETTING_INT, AT(conf, limits.connections),
	    BOUNDS(0, 10000000), .value = "0",
	    .help = "Connections of clients; `0`: as many as file "
		    "descriptors allow." },
	{ "max_memory", SETTING_SIZE, SETTING_OR_ZERO, AT(conf, limits.memory),
	    BOUNDS(32 * MIB, TIB), .value = "0B",
	    .help = "What the process may have resident. Requests that could "
		    "lead beyond fifteen sixteenths of it, by the length that "
		    "they announce, get a 503 `overloaded`; those under way "
		    "go on, but for answers that are not streamed and longer "
		    "than 64 KiB, once all of it is used. `0B`: not bounded." },
	{ "queue_limit", SETTING_INT, AT(conf, queue_limit), BOUNDS(0, 1000000),
	    .value = "4096",
	    .help = "Requests that may wait for a serving, in all." },
	{ "retry_budget", SETTING_NUMBER, AT(conf, retry_budget), BOUNDS(0, 1),
	    .value = "0.1",
	    .help = "Retries onto busy servings, as a share of requests." },
	{ "hedge_budget", SETTING_NUMBER, AT(conf, hedge_budget), BOUNDS(0, 1),
	    .value = "0.05",
	    .help = "Second attempts beside a late first, for premium alone, "
		    "as a share of all prompt tokens. `0`: none." },
	{ "explore", SETTING_NUMBER, AT(conf, explore), BOUNDS(0, 1),
	    .value = "0.01",
	    .help = "Standard requests that try a cheaper serving which may "
		    "not keep their target, as a share. `0`: none." },
	{ "probe_every", SETTING_DURATION, SETTING_OR_ZERO,
	    AT(conf, probe_every), BOUNDS(100 * MS, HOUR), .value = "1s",
	    .help = "How often a backend that ails, or comes back from an "
		    "outage, is asked something short by the gateway itself "
		    "where nobody else finds out how it is. One that is not "
		    "used is asked ten times as seldom where it is cheaper "
		    "than what is, sixty times where not, and ever more "
		    "seldom. Only while requests with targets come. "
		    "`\"0s\"`: never." },
	{ "probe_budget", SETTING_NUMBER, AT(conf, probe_budget),
	    BOUNDS(0, 1000), .value = "0.05",
	    .help = "USD that those questions may cost in an hour, all "
		    "together. What has no price by the token is asked all "
		    "the same, and what has an unknown one never." },
	{ "receipts", SETTING_INT, SETTING_RESTART, AT(conf, receipts),
	    BOUNDS(0, 1000000), .value = "1024",
	    .help = "How many receipts of past requests are kept in memory, "
		    "2.4 KiB each (more where a model has more than 2 "
		    "servings); `0`: none, and no figures for "
		    "`pointsman slo`." },
	{ "idempotency", SETTING_GROUP, AT(conf, idempotency),
	    .group = &idempotency_group,
	    .help = "Answers kept for clients that ask again." },
	{ "otlp", SETTING_GROUP, AT(conf, otlp), .group = &otlp_group,
	    .help = "Where traces of requests go." },
	{ "cors_origins", SETTING_STRINGS, SETTING_NO_NULL,
	    AT(conf, cors_origins), .otherwise = "none",
	    .help = "Web pages that may call the gateway from a browser, "
		    "besides the operators' own: "
		    "`[ \"https://app.example\" ]`." },
	{ "core_dumps", SETTING_BOOL, SETTING_RESTART, AT(conf, core_dumps),
	    .value = "false",
	    .help = "Whether a crash may leave a core file, and a debugger of "
		    "the same user may look inside. Memory holds keys and "
		    "prompts." },
	{ "log_level", SETTING_WORD, AT(conf, log_level), .words = log_words,
	    .value = "info", .help = "How much is logged, to stderr." },
	{ "access_log", SETTING_PATH, AT(conf, access_log),
	    .words = access_words, .value = "stderr",
	    .help = "Where a line per request goes: a file, `stderr` or "
		    "`off`." },
	{ "ledger", SETTING_PATH, SETTING_RESTART, AT(conf, ledger),
	    .otherwise = "none",
	    .help = "An SQLite file with a row for each request: who asked "
		    "for what, who answered, tokens, cost, times. Never a "
		    "prompt. `pointsman usage` sums it up. Made where it does "
		    "not exist; one for each gateway." },
	{ "ledger_keep", SETTING_DURATION, SETTING_OR_ZERO,
	    AT(conf, ledger_keep), BOUNDS(HOUR, 876000 * HOUR), .value = "0s",
	    .help = "How long its rows stay, at least an hour: `\"90d\"`. "
		    "`\"0s\"`: for ever." },
};

const struct setting_group settings_top = {
	.title = "",
	.intro = "",
	.rows = top_rows,
	.n = COUNT(top_rows),
	.size = sizeof(struct conf),
};

const struct setting *
setting_find(const struct setting_group *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->rows[i].name, name) == 0)
			return &g->rows[i];
	return NULL;
}
