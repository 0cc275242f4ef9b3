/* gateway/import/litellm.c - config.yaml of a LiteLLM proxy, section by
 * section. */
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

#define NOTES_MAX ((size_t)16 << 20)
#define CONF_MAX ((size_t)64 << 20)
#define ARENA_MAX ((size_t)256 << 20)

#define CACHE "answers are not cached, but for requests with an Idempotency-Key"
#define CALLBACK "see docs/metrics.md, the access log and receipts"
#define RETRY                                                                  \
	"retries go to other servings, within retry_budget and the deadline"
#define BREAKER "breakers open and close by what they see; there is no setting"
#define DATABASE "nothing is kept in a database"
#define REDIS                                                                  \
	"see shared_limits for limits and budgets; what is learnt of "         \
	"backends each gateway keeps for itself"
#define POLICY                                                                 \
	"a refusal for its content goes to the client; a fallback would "      \
	"take any failure"
#define SPEAKS "anything a model's own template does is the backend's"

static const struct key_fate top_keys[] = {
	{ "model_list", NULL },
	{ "litellm_settings", NULL },
	{ "router_settings", NULL },
	{ "general_settings", NULL },
	{ "environment_variables",
	    "set them in the environment of the gateway (values not shown)" },
	{ "include", "included files are not read: import them by themselves" },
	{ "credential_list", NULL },
	{ "guardrails", "requests are not filtered" },
	{ "mcp_servers", "MCP is not relayed" },
};

static const struct key_fate litellm_keys[] = {
	{ "fallbacks", NULL },
	{ "context_window_fallbacks", NULL },
	{ "content_policy_fallbacks", POLICY },
	{ "default_fallbacks", NULL },
	{ "model_alias_map", NULL },
	{ "request_timeout", NULL },
	{ "drop_params", IM_DROP },
	{ "telemetry", NULL }, /* nothing is sent anywhere */
	{ "set_verbose", "see log_level" },
	{ "json_logs",
	    "the log is key=value; the access log has one line a "
	    "request" },
	{ "num_retries", RETRY },
	{ "allowed_fails", BREAKER },
	{ "cooldown_time", BREAKER },
	{ "cache", CACHE },
	{ "cache_params", CACHE },
	{ "callbacks", CALLBACK },
	{ "success_callback", CALLBACK },
	{ "failure_callback", CALLBACK },
	{ "service_callbacks", CALLBACK },
	{ "modify_params", SPEAKS },
	{ "max_budget", NULL },
	{ "budget_duration", NULL },
	{ "default_key_generate_params", "see the limits of tenants" },
	{ "upperbound_key_generate_params", "see the limits of tenants" },
	{ "default_internal_user_params", DATABASE },
	{ "default_team_settings", DATABASE },
};

static const struct key_fate router_keys[] = {
	{ "fallbacks", NULL },
	{ "context_window_fallbacks", NULL },
	{ "content_policy_fallbacks", POLICY },
	{ "default_fallbacks", NULL },
	{ "model_group_alias", NULL },
	{ "timeout", NULL },
	{ "enable_pre_call_checks",
	    "what a serving cannot do, or a prompt too long for it, is always "
	    "looked at before" },
	{ "routing_strategy",
	    "the cheapest serving that meets the request's SLO goes first; see "
	    "slo and policy" },
	{ "routing_strategy_args", "see slo and policy" },
	{ "stream_timeout", NULL },
	{ "num_retries", RETRY },
	{ "max_fallbacks", RETRY },
	{ "retry_after", RETRY },
	{ "retry_policy", RETRY },
	{ "model_group_retry_policy", RETRY },
	{ "allowed_fails", BREAKER },
	{ "allowed_fails_policy", BREAKER },
	{ "cooldown_time", BREAKER },
	{ "disable_cooldowns", BREAKER },
	{ "cache_responses", CACHE },
	{ "redis_host", REDIS },
	{ "redis_port", REDIS },
	{ "redis_password", REDIS },
	{ "redis_url", REDIS },
	{ "default_max_parallel_requests", "see backends[].slots" },
	{ "provider_budget_config", "budgets are a tenant's" },
};

static const struct key_fate general_keys[] = {
	{ "master_key", NULL },
	{ "completion_model", "see default_model" },
	{ "database_url",
	    DATABASE ": keys that were made there stay good as keys of "
		     "tenants, \"sha256:\" and the column token of "
		     "LiteLLM_VerificationToken (value not shown)" },
	{ "store_model_in_db",
	    DATABASE ": models that were added there are not in this file" },
	{ "database_connection_pool_limit", DATABASE },
	{ "database_connection_timeout", DATABASE },
	{ "alerting", CALLBACK },
	{ "alerting_threshold", CALLBACK },
	{ "alert_types", CALLBACK },
	{ "max_parallel_requests", "see the limits of tenants" },
	{ "global_max_parallel_requests", "see queue_limit and max_memory" },
	{ "max_request_size_mb", "see body_limit" },
	{ "background_health_checks", "see backends[].probe_interval" },
	{ "health_check_interval", "see backends[].probe_interval" },
	{ "allowed_routes", "see docs/design.md for what is relayed" },
	{ "proxy_batch_write_at", DATABASE },
	{ "disable_spend_logs", DATABASE },
	{ "enforce_user_param", "tenants are known by their keys" },
	{ "key_management_system",
	    "secrets come from the environment or from files" },
	{ "enable_jwt_auth", "tenants are known by their keys" },
};

/* --- sections --- */

/* The digest of a key in clear is as good, and no secret. */
static void
read_master_key(struct import *im, const yaml_node_t *general)
{
	const yaml_node_t *at = yaml_member(im->doc, general, "master_key");
	struct slice key = yaml_text(at);
	char text[16 + 2 * CONF_KEY_BYTES];

	im->tenant_key = env_reference(im, key);
	if (im->tenant_key != NULL || key.n == 0)
		return;
	if (slice_starts(key, SLICE("os.environ/"))) {
		im->tenant_key =
		    give_variable(im, "LITELLM", "MASTER_KEY", key);
		if (im->tenant_key != NULL)
			tell_variable(im, at, "general_settings", "master_key",
			    im->tenant_key);
		return;
	}
	memcpy(text, "sha256:", 7);
	im->out_of_memory |= !conf_key_hash(key, text + 7);
	im->tenant_key = im_dup(im, slice_of(text));
}

/* Of all that have the master key: LiteLLM's days and months begin at midnight
 * UTC and on the first, too. */
static void
read_budget(struct import *im, const yaml_node_t *litellm)
{
	static const struct {
		const char *span;
		bool day;
	} rows[] = { { "1d", true }, { "24h", true }, { "30d", false },
		{ "1mo", false } };
	const char *path = "litellm_settings", *ours = NULL;
	const yaml_node_t *at = yaml_member(im->doc, litellm, "max_budget");
	struct slice span =
	    yaml_text(yaml_member(im->doc, litellm, "budget_duration"));
	double usd = get_number(im, litellm, path, "max_budget");

	for (size_t i = 0; i < COUNT(rows); i++)
		if (slice_is(span, rows[i].span))
			ours = rows[i].day ? "daily_budget" : "monthly_budget";
	if (usd > 0 && (ours == NULL || im->tenant_key == NULL))
		note(im, at, path,
		    "max_budget: a tenant's is for a day (1d) or a month "
		    "(30d): see its limits");
	else if (usd > 0) {
		im->budget = ours;
		im->budget_usd = usd;
		note(im, at, path,
		    "max_budget: %s of the tenant, in which what has no price "
		    "counts as nothing",
		    ours);
	}
}

static void
read_timeouts(
    struct import *im, const yaml_node_t *litellm, const yaml_node_t *router)
{
	im->timeout = read_timeout(im, router, "router_settings", "timeout");
	if (im->timeout <= 0)
		im->timeout = read_timeout(
		    im, litellm, "litellm_settings", "request_timeout");
	im->stream_timeout =
	    get_number(im, router, "router_settings", "stream_timeout");
}

static void
read_models(struct import *im, const yaml_node_t *root)
{
	const yaml_node_t *list = yaml_member(im->doc, root, "model_list");
	const yaml_node_t *d;
	size_t n = 0;

	while (yaml_element(im->doc, list, n) != NULL)
		n++;
	im->kept = im_alloc(im, n * sizeof(*im->kept));
	if (im->kept == NULL)
		return;
	for (size_t i = 0; (d = yaml_element(im->doc, list, i)) != NULL; i++)
		im->kept[i] = read_deployment(im, d, i);
	settle_orders(im);
}

static void
tell_models(struct import *im, const yaml_node_t *root)
{
	const yaml_node_t *list = yaml_member(im->doc, root, "model_list");
	const yaml_node_t *d;

	for (size_t i = 0;
	     im->kept != NULL && (d = yaml_element(im->doc, list, i)) != NULL;
	     i++)
		tell_deployment(im, d, i, im->kept[i]);
}

static void
read_sections(struct import *im, const yaml_node_t *root)
{
	const yaml_node_t *litellm =
	    yaml_member(im->doc, root, "litellm_settings");
	const yaml_node_t *router =
	    yaml_member(im->doc, root, "router_settings");
	const yaml_node_t *general =
	    yaml_member(im->doc, root, "general_settings");

	note_keys(im, root, "", top_keys, COUNT(top_keys));
	note_keys(
	    im, litellm, "litellm_settings", litellm_keys, COUNT(litellm_keys));
	note_keys(
	    im, router, "router_settings", router_keys, COUNT(router_keys));
	note_keys(
	    im, general, "general_settings", general_keys, COUNT(general_keys));
	read_aliases(im, yaml_member(im->doc, litellm, "model_alias_map"),
	    "litellm_settings.model_alias_map");
	read_aliases(im, yaml_member(im->doc, router, "model_group_alias"),
	    "router_settings.model_group_alias");
	read_fallbacks(im, litellm, "litellm_settings");
	read_fallbacks(im, router, "router_settings");
	read_timeouts(im, litellm, router);
	read_master_key(im, general);
	read_budget(im, litellm);
}

static void
tell_twin(void *import, const yaml_node_t *key)
{
	note(import, key, "", "%.*s: there is another below, which counts",
	    SLICE_ARG(yaml_text(key)));
}

static enum err
run(struct import *im, struct errmsg *why)
{
	const yaml_node_t *root = yaml_document_get_root_node(im->doc);

	if (yaml_drop_twins(im->doc, tell_twin, im) != OK)
		return fail(why, ERR_MEMORY, "out of memory");
	if (yaml_element(
		im->doc, yaml_member(im->doc, root, "model_list"), 0) == NULL)
		return fail(why, ERR_INVALID,
		    "%s: want model_list with a model, got none", im->file);
	read_variables(im);
	read_models(im, root);
	read_sections(im, root);
	tell_models(im, root);
	settle_names(im);
	notes_sort(im);
	if (!im->out_of_memory && im->out->models == 0)
		return fail(why, ERR_INVALID,
		    "%s: none of its models can be carried over", im->file);
	if (!im->out_of_memory) {
		write_conf(im, &im->out->conf, im->tenant_key);
		prove(im);
	}
	if (im->out_of_memory || buf_err(&im->out->conf) != OK ||
	    buf_err(&im->out->notes) != OK)
		return fail(why, ERR_MEMORY, "out of memory");
	return OK;
}

enum err
import_litellm(const char *path, struct imported *out, struct errmsg *why)
{
	yaml_document_t doc;
	struct import im = { .file = path, .doc = &doc, .out = out };
	enum err rc = yaml_read(path, &doc, why);

	if (rc != OK)
		return rc;
	list_init(&im.backends);
	list_init(&im.models);
	map_init(&im.names);
	map_init(&im.places);
	map_init(&im.variables);
	map_init(&im.given);
	arena_init(&im.arena, ARENA_MAX);
	rc = run(&im, why);
	map_fini(&im.given);
	map_fini(&im.variables);
	map_fini(&im.places);
	map_fini(&im.names);
	arena_fini(&im.arena);
	yaml_document_delete(&doc);
	return rc;
}

void
imported_init(struct imported *i)
{
	*i = (struct imported){ 0 };
	buf_init(&i->conf, CONF_MAX);
	buf_init(&i->notes, NOTES_MAX);
}

void
imported_fini(struct imported *i)
{
	buf_fini(&i->conf);
	buf_fini(&i->notes);
}
