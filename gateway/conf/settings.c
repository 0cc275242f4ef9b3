/* gateway/conf/settings.c - the table of all settings: its top. What listens,
 * answers and asks is in settings_*.c. */
#include "gateway/conf/settings.h"

#include <string.h>

#include "gateway/conf/settings_rows.h"

/* A worker is a bit of a 64-bit wake mask. */
#define WORKERS_MAX 64

static const char *const policy_words[] = { "slo", "observe", NULL };
static const char *const log_words[] = { "error", "warn", "info", "debug",
	NULL };
static const char *const access_words[] = { "stderr", "off", NULL };

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
		 "Protobuf): a span for each request, each wait in the queue "
		 "and each attempt. See [observability](observability.md).",
	ROWS(otlp_rows, conf_otlp),
};

/* --- shared_limits --- */

static const struct setting shared_limits_rows[] = {
	{ "address", SETTING_STRING, AT(conf_shared_limits, address),
	    .otherwise = "none: each gateway counts by itself",
	    .help = "Its host: `\"redis.internal\"`, `\"10.0.0.5\"`; or "
		    "`\"unix:/path\"`." },
	{ "port", SETTING_INT, AT(conf_shared_limits, port), BOUNDS(1, 65535),
	    .value = "6379", .help = "TCP port." },
	{ "user", SETTING_STRING, AT(conf_shared_limits, user),
	    .otherwise = "Redis's default",
	    .help = "Of its access lists; goes with `password`." },
	{ "password", SETTING_SECRET, AT(conf_shared_limits, password),
	    .otherwise = "none",
	    .help = "`\"env:NAME\"` or "
		    "`\"file:PATH\"`." },
	{ "database", SETTING_INT, AT(conf_shared_limits, database),
	    BOUNDS(0, 65535), .value = "0", .help = "Its number." },
	{ "prefix", SETTING_NAME, AT(conf_shared_limits, prefix),
	    .value = "pointsman",
	    .help = "What keys there begin with. Gateways with the same one "
		    "share limits." },
};

static const struct setting_group shared_limits_group = {
	.title = "shared_limits",
	.intro = "A Redis server (5 or later; no cluster, no TLS) through "
		 "which several gateways hold tenants' limits and budgets "
		 "together. See [operations](operations.md#several-gateways).",
	ROWS(shared_limits_rows, conf_shared_limits),
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
	ROWS(idempotency_rows, conf_idempotency),
};

/* --- the top --- */

static const struct setting top_rows[] = {
	{ "listen", SETTING_GROUP, SETTING_RESTART, AT(conf, listen),
	    .group = &settings_listen, .help = "Where applications connect." },
	{ "admin", SETTING_GROUP, SETTING_RESTART, AT(conf, admin),
	    .group = &settings_admin, .help = "Where operators connect." },
	{ "tls", SETTING_GROUP, AT(conf, tls), .group = &settings_tls,
	    .otherwise = "none: plain HTTP",
	    .help = "TLS for `listen`, and with "
		    "`admin.tls` for `admin`." },
	{ "admin_keys", SETTING_KEYS, .group = &settings_operators,
	    .otherwise = "none: open",
	    .help = "Keys for the admin listener: `\"env:NAME\"`, "
		    "`\"file:PATH\"` or `\"sha256:HEX\"`, which may do "
		    "everything, or groups, in a list `( ... )`. With any, all "
		    "but `/healthz`, `/readyz` and the page (`/`, without its "
		    "data) wants `Authorization: Bearer KEY`. No tenant's key "
		    "is one." },
	{ "workers", SETTING_INT, SETTING_RESTART, AT(conf, workers),
	    BOUNDS(1, WORKERS_MAX), .otherwise = "one per core",
	    .help = "Threads that serve requests." },
	{ "busy_poll", SETTING_DURATION, SETTING_OR_ZERO, AT(conf, busy_poll),
	    BOUNDS(10, 100 * MS), .value = "0s",
	    .help = "How long a worker stays awake after the last event, so "
		    "that the next one need not wake it: `\"200us\"`. Less "
		    "latency, for a core's time: under steady load each "
		    "worker has one to itself. `\"0s\"`: it sleeps at once." },
	{ "slo", SETTING_LIST, LIST_AT(conf, slos, n_slos),
	    .group = &settings_slo, .otherwise = "none",
	    .help = "Classes of service." },
	{ "default_slo", SETTING_REF, AT(conf, default_slo), .ref = REF_SLO,
	    .otherwise = "a class `default` without targets",
	    .help = "The class of requests that name none." },
	{ "backends", SETTING_LIST, SETTING_REQUIRED | SETTING_NONEMPTY,
	    LIST_AT(conf, backends, n_backends), .group = &settings_backends,
	    .help = "What can answer." },
	{ "models", SETTING_LIST, SETTING_REQUIRED | SETTING_NONEMPTY,
	    LIST_AT(conf, models, n_models), .group = &settings_models,
	    .help = "What clients may ask for." },
	{ "default_model", SETTING_REF, AT(conf, default_model),
	    .ref = REF_MODEL, .otherwise = "none: a 404",
	    .help = "What a request without a model, or with an unknown one, "
		    "gets." },
	{ "tenants", SETTING_LIST, LIST_AT(conf, tenants, n_tenants),
	    .group = &settings_tenants, .otherwise = "none: open",
	    .help = "Who may use the gateway." },
	{ "keys_file", SETTING_PATH, SETTING_RESTART, AT(conf, keys_file),
	    .otherwise = "none: keys are those of this file",
	    .help = "Where keys of tenants are kept that are made and revoked "
		    "at run time, by `pointsman key` or the admin API: their "
		    "digests. The gateway makes the file; a tenant then "
		    "needs no `keys` here. One gateway at a time has it." },
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
	    .group = &settings_timeouts,
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
	{ "session_limit", SETTING_DURATION, AT(conf, session_limit),
	    BOUNDS(1000 * MS, 24 * HOUR), .value = "60m",
	    .help = "How long a session of `/v1/realtime` may last." },
	{ "session_idle", SETTING_DURATION, AT(conf, session_idle),
	    BOUNDS(100 * MS, 24 * HOUR), .value = "10m",
	    .help = "How long neither side of a session may send anything." },
	{ "drain_timeout", SETTING_DURATION, AT(conf, drain_timeout),
	    BOUNDS(0, 24 * HOUR), .value = "30s",
	    .help = "How long requests may go on after SIGTERM." },
	{ "header_limit", SETTING_SIZE, AT(conf, limits.header),
	    BOUNDS(4 * KIB, MIB), .value = "16KiB",
	    .help = "The head of a request, with a quarter of it, or 2 KiB, "
		    "for an answer's. Each open connection takes about as "
		    "much memory." },
	{ "body_limit", SETTING_SIZE, AT(conf, limits.body),
	    BOUNDS(KIB, 4 * GIB), .value = "64MiB",
	    .help = "The body of a request." },
	{ "body_limit_total", SETTING_SIZE, AT(conf, limits.bodies),
	    BOUNDS(KIB, TIB), .value = "512MiB",
	    .help = "The bodies of all open requests together." },
	{ "max_connections", SETTING_INT, AT(conf, limits.connections),
	    BOUNDS(0, 10000000), .value = "0",
	    .help = "Connections of clients. Beyond them a new one takes the "
		    "place of the one that has been idle for the longest, or "
		    "of one that was refused, or is closed. `0`: about half of "
		    "the file descriptors, as "
		    "each may want one to its backend too." },
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
		    "as a share of all prompt tokens, and of those expected "
		    "of answers that are not streamed. `0`: none." },
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
		    "seldom. Only while requests with targets come; what "
		    "clients leave in vain also without. "
		    "`\"0s\"`: never." },
	{ "probe_budget", SETTING_NUMBER, AT(conf, probe_budget),
	    BOUNDS(0, 1000), .value = "0.05",
	    .help = "USD that those questions may cost in an hour, all "
		    "together. What has no price by the token is asked all "
		    "the same, and what has an unknown one only where "
		    "clients leave it in vain." },
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
	{ "shared_limits", SETTING_GROUP, AT(conf, shared_limits),
	    .group = &shared_limits_group,
	    .help = "Where gateways tell each other what tenants have used." },
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
	ROWS(top_rows, conf),
};

const struct setting *
setting_find(const struct setting_group *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->rows[i].name, name) == 0)
			return &g->rows[i];
	return NULL;
}
