/* gateway/admin/routes.c - the table of the admin API's routes, and those
 * pages that are a line or two. */
#include "gateway/admin/routes.h"

#include "gateway/admin/assets.h"
#include "gateway/admin/drill_page.h"
#include "gateway/admin/restraint_page.h"
#include "gateway/lib/count.h"

#define JSON "application/json"
#define TEXT "text/plain"

/* --- small pages --- */

static void
get_healthz(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->content_type = TEXT;
	buf_add_str(&r->body, "ok\n");
}

static void
get_readyz(const struct admin_picture *p, struct admin_reply *r)
{
	r->content_type = TEXT;
	if (p->ready && !p->draining) {
		buf_add_str(&r->body, "ready\n");
		return;
	}
	r->status = 503;
	buf_add_str(&r->body, p->draining ? "draining\n" : "starting\n");
}

static void
get_config(const struct admin_picture *p, struct admin_reply *r)
{
	conf_dump(p->conf, &r->body);
}

static void
get_status(const struct admin_picture *p, struct admin_reply *r)
{
	const struct telemetry_gauges *g = &p->gauges;
	unsigned drained = 0;

	for (size_t i = 0; i < p->n_servings; i++)
		drained += admin_is_drained(&p->servings[i]);
	buf_addf(&r->body,
	    "{\"version\":\"%s\",\"ready\":%s,\"draining\":%s,"
	    "\"drained_servings\":%u,\"uptime_s\":%.1f,\"config_version\":%llu,"
	    "\"requests\":%u,"
	    "\"connections\":%u,\"queued\":%u,\"upstream_transfers\":%u,"
	    "\"upstream_connections_made\":%u,\"body_bytes\":%llu}",
	    POINTSMAN_VERSION, p->ready ? "true" : "false",
	    p->draining ? "true" : "false", drained, (double)g->uptime / 1e6,
	    (unsigned long long)g->config_version, g->requests, g->connections,
	    g->queue, g->transfers, g->connections_made,
	    (unsigned long long)g->body_bytes);
}

static void
get_openapi(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	admin_send_json(admin_openapi(), r);
}

static void
get_live(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->content_type = "text/event-stream";
	r->action = ADMIN_LIVE;
}

/* The path's last part. */
static struct slice
id_of(const struct admin_picture *p)
{
	size_t at = (size_t)slice_rfind(p->path, '/') + 1;

	return slice_make(p->path.p + at, p->path.n - at);
}

static void
get_receipt(const struct admin_picture *p, struct admin_reply *r)
{
	admin_get_receipt(p, id_of(p), r);
}

static void
get_usage_row(const struct admin_picture *p, struct admin_reply *r)
{
	admin_get_usage_row(p, id_of(p), r);
}

static void
post_reload(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_RELOAD;
}

static void
any_keys(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_KEYS;
}

static void
get_tenants(const struct admin_picture *p, struct admin_reply *r)
{
	(void)p;
	r->action = ADMIN_TENANTS;
}

/* --- what they take --- */

#define END                                                                    \
	{                                                                      \
		.name = NULL                                                   \
	}

static const struct admin_parameter asset_takes[] = {
	{ "id", "string", true, true, "Its name, as the page says it." },
	END,
};
static const struct admin_parameter receipts_takes[] = {
	{ "tenant", "string", false, false, "This tenant's alone." },
	{ "missed", "integer", false, false,
	    "`1`: those alone that missed their targets." },
	{ "limit", "integer", false, false, "How many, 1..1000; 20 if unset." },
	{ "before", "integer", false, false,
	    "Older ones: the `next` of the page before, which is null where "
	    "there are no more." },
	END,
};
static const struct admin_parameter receipt_takes[] = {
	{ "id", "string", true, true,
	    "The request's id, as in `x-request-id` of its answer." },
	END,
};
static const struct admin_parameter usage_takes[] = {
	{ "by", "string", false, false,
	    "What to sum by, with commas: `tenant,model`." },
	{ "since", "string", false, false,
	    "`24h` ago, or `2026-11-21`, `2026-11-21T08:00:00Z`, digit by "
	    "digit a date that there is, from 1970 on; a day before `until` "
	    "if unset." },
	{ "until", "string", false, false, "The same; now if unset." },
	{ "tenant", "string", false, false, "This tenant's alone." },
	{ "key", "string", false, false, "This key's alone, by its name." },
	{ "model", "string", false, false, "This model's alone." },
	{ "format", "string", false, false, "`json`, `csv` or `table`." },
	END,
};
static const struct admin_parameter drill_takes[] = {
	{ "fail", "string", true, false, "The backend that is to fail." },
	{ "for", "string", false, false, "How long, 1s..1h; `60s` if unset." },
	{ "tenant", "string", false, false,
	    "For this tenant's requests alone." },
	END,
};
#define WHICH_BACKEND                                                          \
	{ "backend", "string", true, false, "Its name." },                     \
	{                                                                      \
		"model", "string", false, false,                               \
		    "Its serving of this model alone; all of it if unset."     \
	}
#define FORCE                                                                  \
	{                                                                      \
		"force", "string", false, false,                               \
		    "`true`: also where a model then has no serving left."     \
	}
static const struct admin_parameter drain_takes[] = {
	WHICH_BACKEND,
	FORCE,
	END,
};
static const struct admin_parameter enable_takes[] = {
	WHICH_BACKEND,
	END,
};
static const struct admin_parameter weight_takes[] = {
	WHICH_BACKEND,
	{ "weight", "number", true, false,
	    "0..1: 1 is all of its slots, 0.5 half of them; 0 is as drained." },
	FORCE,
	END,
};
static const struct admin_parameter keys_takes[] = {
	{ "tenant", "string", false, false, "This tenant's alone." },
	END,
};
static const struct admin_parameter key_takes[] = {
	{ "tenant", "string", true, false, "Whose key." },
	{ "name", "string", true, false,
	    "The key's own: 1..64 letters, digits, `-`, `_`, `.`, `@`." },
	END,
};
static const struct admin_parameter new_key_takes[] = {
	{ "tenant", "string", true, false, "Whose key." },
	{ "name", "string", true, false,
	    "The key's own: 1..64 letters, digits, `-`, `_`, `.`, `@`." },
	{ "expires", "string", false, false,
	    "How long it is good, as `30d`; for ever if unset." },
	{ "models", "string", false, false,
	    "These models alone, with commas; all of its tenant's if unset." },
	{ "requests_per_minute", "number", false, false, "A limit." },
	{ "tokens_per_minute", "number", false, false, "A limit." },
	{ "concurrent", "number", false, false,
	    "A limit: requests under way." },
	{ "max_tokens", "number", false, false, "The longest answer." },
	{ "daily_budget", "number", false, false, "USD." },
	{ "monthly_budget", "number", false, false, "USD." },
	END,
};

/* --- what they answer --- */

#define ANSWERS(...)                                                           \
	(const struct admin_answer[])                                          \
	{                                                                      \
		__VA_ARGS__,                                                   \
		{                                                              \
			.status = 0                                            \
		}                                                              \
	}
#define NO_QUERY                                                               \
	{                                                                      \
		400, JSON, "A parameter is wrong; it says which."              \
	}
#define NO_RECEIPTS                                                            \
	{                                                                      \
		404, JSON, "None are kept (`receipts = 0`)."                   \
	}

#define RESTRAINED                                                             \
	{                                                                      \
		200, JSON,                                                     \
		    "The backend, as it is from now on, and the model's own "  \
		    "name."                                                    \
	}
#define NO_SERVING                                                             \
	{                                                                      \
		404, JSON, "It serves no such model."                          \
	}
#define LAST_SERVING                                                           \
	{                                                                      \
		409, JSON,                                                     \
		    "A model would have no serving left; it says which."       \
	}

static const struct admin_route routes[] = {
	{ "GET", "/healthz", "getHealth", .open = true,
	    .summary = "Whether the main thread runs.",
	    .answers = ANSWERS({ 200, TEXT, "`ok`" }), .handle = get_healthz },
	{ "GET", "/readyz", "getReady", .open = true,
	    .summary = "Whether it takes requests.",
	    .answers = ANSWERS({ 200, TEXT, "`ready`" },
		{ 503, TEXT, "`starting` or `draining`" }),
	    .handle = get_readyz },
	{ "GET", "/", "getPage", .open = true,
	    .summary = "The operators' page. It has no data of its own.",
	    .answers = ANSWERS({ 200, "text/html", "The page." },
		{ 304, "text/html", "As `if-none-match` has it." }),
	    .handle = admin_get_page },
	{ "GET", "/page/{id}", "getPageFile", .open = true,
	    .summary = "A file of the operators' page.",
	    .parameters = asset_takes,
	    .answers = ANSWERS(
		{ 200, "text/javascript", "Or a style sheet, or a picture." },
		{ 304, "text/javascript", "As `if-none-match` has it." },
		{ 404, JSON, "The page has none of that name." }),
	    .handle = admin_get_asset },
	{ "GET", "/metrics", "getMetrics", .tells = true,
	    .summary = "Metrics for Prometheus.",
	    .answers = ANSWERS({ 200, TEXT, "Its text format, 0.0.4." }),
	    .handle = admin_get_metrics },
	{ "GET", "/admin/v1/openapi.json", "getOpenapi",
	    .summary = "This API, as OpenAPI 3.1.",
	    .answers = ANSWERS({ 200, JSON, "The document." }),
	    .handle = get_openapi },
	{ "GET", "/admin/v1/status", "getStatus",
	    .summary = "The process in one line.",
	    .answers = ANSWERS({ 200, JSON, "Version, counts, uptime." }),
	    .handle = get_status },
	{ "GET", "/admin/v1/backends", "getBackends", .tells = true,
	    .summary = "Every backend and serving: state, load, latency, "
		       "and its speed as measured.",
	    .answers = ANSWERS({ 200, JSON, "Backends, each with servings." }),
	    .handle = admin_get_backends },
	{ "GET", "/admin/v1/live", "getLive",
	    .summary = "All of it, once a second, for as long as it is read; "
		       "first the last half hour.",
	    .answers = ANSWERS({ 200, "text/event-stream",
				   "Events `history`, `now` and `step`, as in "
				   "[live-feed.md](live-feed.md)." },
		{ 503, JSON, "16 read it already." }),
	    .handle = get_live },
	{ "POST", "/admin/v1/backends/drain", "drainBackend",
	    .role = ROLE_OPERATE,
	    .summary = "Sends it no new requests; what is in flight ends.",
	    .parameters = drain_takes,
	    .answers = ANSWERS(RESTRAINED, NO_QUERY, NO_SERVING, LAST_SERVING),
	    .handle = admin_post_drain },
	{ "POST", "/admin/v1/backends/enable", "enableBackend",
	    .role = ROLE_OPERATE,
	    .summary = "Uses it in full again, whatever was drained or weighed "
		       "of it.",
	    .parameters = enable_takes,
	    .answers = ANSWERS(RESTRAINED, NO_QUERY, NO_SERVING),
	    .handle = admin_post_enable },
	{ "POST", "/admin/v1/backends/weight", "weighBackend",
	    .role = ROLE_OPERATE,
	    .summary = "Uses a share of its slots and of its rate limits; "
		       "that ends a drain.",
	    .parameters = weight_takes,
	    .answers = ANSWERS(RESTRAINED, NO_QUERY, NO_SERVING,
		{ 409, JSON,
		    "A model would have no serving left, or nothing is known "
		    "of the backend that there could be a share of." }),
	    .handle = admin_post_weight },
	{ "GET", "/admin/v1/models", "getModels",
	    .summary = "Every model, and who serves it.",
	    .answers = ANSWERS({ 200, JSON, "Models, each with servings." }),
	    .handle = admin_get_models },
	{ "GET", "/admin/v1/config", "getConfig",
	    .summary = "The configuration as last read, secrets masked.",
	    .answers = ANSWERS({ 200, JSON, "Settings, as in gateway.conf." }),
	    .handle = get_config },
	{ "GET", "/admin/v1/receipts", "getReceipts", .tells = true,
	    .summary = "The latest receipts, a line each.",
	    .parameters = receipts_takes,
	    .answers = ANSWERS(
		{ 200, JSON, "The latest first." }, NO_QUERY, NO_RECEIPTS),
	    .handle = admin_get_receipts },
	{ "GET", "/admin/v1/receipts/{id}", "getReceipt", .tells = true,
	    .summary = "Why one request went where it went.",
	    .parameters = receipt_takes,
	    .answers = ANSWERS({ 200, JSON, "Its receipt." },
		{ 404, JSON, "Unknown, still running or overwritten." }),
	    .handle = get_receipt },
	{ "GET", "/admin/v1/slo", "getSlo", .tells = true,
	    .summary = "What was met by model, tenant and class, and what "
		       "could be.",
	    .answers = ANSWERS({ 200, JSON, "A row for each." }, NO_RECEIPTS),
	    .handle = admin_get_slo },
	{ "GET", "/admin/v1/usage", "getUsage", .tells = true,
	    .summary = "Sums of the ledger.", .parameters = usage_takes,
	    .answers = ANSWERS({ 200, JSON, "Or CSV, or a table." }, NO_QUERY,
		{ 404, JSON, "No ledger is kept." },
		{ 500, JSON, "The ledger cannot be read." },
		{ 503, JSON,
		    "Two questions are being answered, or this one "
		    "takes longer than 30 s." }),
	    .handle = admin_get_usage },
	{ "GET", "/admin/v1/usage/{id}", "getUsageRow", .tells = true,
	    .summary = "What the ledger has of one request: its row.",
	    .parameters = receipt_takes,
	    .answers = ANSWERS({ 200, JSON,
				   "Column by column; null is what is "
				   "not known, or does not apply." },
		{ 404, JSON, "No ledger is kept, or it has no such row." },
		{ 500, JSON, "The ledger cannot be read." },
		{ 503, JSON,
		    "Two questions are being answered, or this one takes "
		    "longer than 30 s." }),
	    .handle = get_usage_row },
	{ "POST", "/admin/v1/reload", "reload", .role = ROLE_OPERATE,
	    .summary = "Reads gateway.conf again, as SIGHUP does.",
	    .answers = ANSWERS({ 200, JSON,
				   "It is in force, but for the settings of "
				   "`needs_restart`; `warnings` are what is "
				   "doubtful in the file." },
		{ 400, JSON, "It is not: the complaints, a line each." }),
	    .handle = post_reload },
	{ "GET", "/admin/v1/drill", "getDrill", .tells = true,
	    .summary = "The last drill.",
	    .answers = ANSWERS({ 200, JSON,
		"`drill` is null before the "
		"first." }),
	    .handle = admin_get_drill },
	{ "POST", "/admin/v1/drill", "beginDrill", .role = ROLE_OPERATE,
	    .summary = "Begins one: a backend fails for a while.",
	    .parameters = drill_takes,
	    .answers = ANSWERS({ 200, JSON, "It runs." }, NO_QUERY,
		{ 409, JSON, "Another one runs." }),
	    .handle = admin_post_drill },
	{ "DELETE", "/admin/v1/drill", "stopDrill", .tells = true,
	    .role = ROLE_OPERATE, .summary = "Ends it.",
	    .answers = ANSWERS(
		{ 200, JSON, "What it counted." }, { 404, JSON, "None runs." }),
	    .handle = admin_delete_drill },
	{ "GET", "/admin/v1/keys", "getKeys",
	    .summary = "Keys of tenants, by name, with what they spent.",
	    .parameters = keys_takes,
	    .answers = ANSWERS({ 200, JSON, "A row for each." }, NO_QUERY),
	    .handle = any_keys },
	{ "POST", "/admin/v1/keys", "addKey", .role = ROLE_ADMIN,
	    .summary = "Makes a key of a tenant.", .parameters = new_key_takes,
	    .answers = ANSWERS({ 200, JSON,
				   "The only answer that has the "
				   "key." },
		NO_QUERY,
		{ 409, JSON,
		    "The name is taken, also by a key in gateway.conf, or "
		    "there is no `keys_file`." },
		{ 503, JSON, "The file cannot be written." }),
	    .handle = any_keys },
	{ "DELETE", "/admin/v1/keys", "revokeKey", .role = ROLE_ADMIN,
	    .summary = "Revokes a key made at run time.",
	    .parameters = key_takes,
	    .answers = ANSWERS({ 200, JSON, "It is good no longer." }, NO_QUERY,
		{ 404, JSON, "There is none of that name." },
		{ 409, JSON, "There is no `keys_file`." },
		{ 503, JSON, "The file cannot be written." }),
	    .handle = any_keys },
	{ "GET", "/admin/v1/tenants", "getTenants",
	    .summary = "Limits of tenants, and what they spent.",
	    .answers = ANSWERS({ 200, JSON, "A row for each." }),
	    .handle = get_tenants },
};

const struct admin_route *
admin_routes(size_t *n)
{
	*n = COUNT(routes);
	return routes;
}
