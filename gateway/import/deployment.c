/* gateway/import/deployment.c - an element of model_list: a backend, and a
 * serving of a model there. */
#include <stdio.h>
#include <string.h>

#include "gateway/import/inner.h"
#include "gateway/lib/count.h"
#include "gateway/lib/inference.h"

#define RATE                                                                   \
	"not of one deployment, whose own answers say when it has had "        \
	"enough: where all have one, their sum is a limit of the tenant"
#define DEFAULT_OF_REQUEST "what a request leaves out is the client's to say"

static const struct key_fate deployment_keys[] = {
	{ "model_name", NULL },
	{ "litellm_params", NULL },
	{ "model_info", NULL },
	{ "rpm", NULL },
	{ "tpm", NULL },
};

static const struct key_fate param_keys[] = {
	{ "model", NULL },
	{ "custom_llm_provider", NULL },
	{ "api_base", NULL },
	{ "base_url", NULL },
	{ "api_key", NULL },
	{ "api_version", NULL }, /* what is said of azure covers it */
	{ "timeout", NULL },
	{ "stream_timeout", NULL },
	{ "max_parallel_requests", NULL },
	{ "input_cost_per_token", NULL },
	{ "output_cost_per_token", NULL },
	{ "cache_read_input_token_cost", NULL },
	{ "cache_creation_input_token_cost", NULL },
	{ "input_cost_per_query", NULL },
	{ "output_cost_per_image", NULL },
	{ "input_cost_per_character", NULL },
	{ "input_cost_per_second", NULL },
	{ "additional_drop_params", NULL },
	{ "drop_params", IM_DROP },
	{ "order", NULL },
	{ "use_in_pass_through", "there are no paths that pass through" },
	{ "rpm", NULL },
	{ "tpm", NULL },
	{ "weight", "SLO, price and state decide where a request goes" },
	{ "max_retries", "retries follow retry_budget and the deadline" },
	{ "organization", "header openai-organization is not sent" },
	{ "extra_headers", "no headers of its own are sent to a backend" },
	{ "tags", "requests are not routed by tags; see tenants[].backends" },
	{ "litellm_credential_name", NULL },
	{ "max_budget", "budgets are a tenant's, not a deployment's" },
	{ "budget_duration", "budgets are a tenant's, not a deployment's" },
	{ "num_ctx",
	    "Ollama's OpenAI API takes none: set OLLAMA_CONTEXT_LENGTH there" },
	{ "reasoning_effort", DEFAULT_OF_REQUEST },
	{ "service_tier", DEFAULT_OF_REQUEST },
	{ "thinking", DEFAULT_OF_REQUEST },
	{ "temperature", DEFAULT_OF_REQUEST },
	{ "max_tokens", DEFAULT_OF_REQUEST },
	{ "top_p", DEFAULT_OF_REQUEST },
	{ "seed", DEFAULT_OF_REQUEST },
	{ "stop", DEFAULT_OF_REQUEST },
	{ "presence_penalty", DEFAULT_OF_REQUEST },
	{ "frequency_penalty", DEFAULT_OF_REQUEST },
	{ "extra_body", DEFAULT_OF_REQUEST },
};

static const struct key_fate info_keys[] = {
	{ "id", NULL }, /* a name for logs: backends have one */
	{ "mode", NULL },
	{ "base_model", NULL },
	{ "max_tokens", NULL },
	{ "max_input_tokens", NULL },
	{ "max_output_tokens", NULL },
	{ "input_cost_per_token", NULL },
	{ "output_cost_per_token", NULL },
	{ "cache_read_input_token_cost", NULL },
	{ "cache_creation_input_token_cost", NULL },
	{ "input_cost_per_query", NULL },
	{ "output_cost_per_image", NULL },
	{ "input_cost_per_character", NULL },
	{ "input_cost_per_second", NULL },
	{ "supports_function_calling", NULL },
	{ "supports_vision", NULL },
	{ "supports_response_schema", NULL },
	{ "description", NULL },
	{ "access_groups", "see tenants[].models" },
	{ "supported_environments", "one gateway.conf is one environment" },
};

/* --- one deployment --- */

static unsigned
lacking(struct import *im, const yaml_node_t *info)
{
	static const struct {
		const char *key;
		enum cap cap;
	} rows[] = {
		{ "supports_function_calling", CAP_TOOLS },
		{ "supports_vision", CAP_IMAGES },
		{ "supports_response_schema", CAP_JSON_MODE },
	};
	unsigned caps = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (yaml_is_false(yaml_member(im->doc, info, rows[i].key)))
			caps |= rows[i].cap;
	return caps;
}

/* 0: not restricted. False: nothing that a backend could do. */
static bool
read_caps(struct import *im, const yaml_node_t *info, unsigned *caps)
{
	static const struct {
		const char *mode;
		unsigned caps; /* 0: what it does not lack */
	} rows[] = {
		{ "", 0 },
		{ "chat", 0 },
		{ "completion", 0 },
		{ "responses", 0 },
		{ "embedding", CAP_EMBEDDINGS },
		{ "audio_speech", CAP_SPEECH },
		{ "audio_transcription", CAP_TRANSCRIPTION },
		{ "image_generation", CAP_IMAGE_GENERATION },
		{ "image_edit", CAP_IMAGE_GENERATION },
		{ "moderation", CAP_MODERATION },
		{ "rerank", CAP_RERANK },
		{ "realtime", CAP_REALTIME },
	};
	struct slice mode = yaml_text(yaml_member(im->doc, info, "mode"));
	unsigned lacks = lacking(im, info);

	*caps = lacks != 0 ? CAP_PLAIN & ~lacks : 0;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!slice_is(mode, rows[i].mode))
			continue;
		if (rows[i].caps != 0)
			*caps = rows[i].caps;
		return true;
	}
	return false;
}

static struct im_model *
model_named(struct import *im, struct slice name, const yaml_node_t *at)
{
	struct im_model *m = find_model(im, name);

	if (m != NULL)
		return m;
	m = im_alloc(im, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->name = im_dup(im, name);
	m->at = at;
	name_model(im, m, m->name);
	list_init(&m->servings);
	list_init(&m->aliases);
	list_append(&im->models, &m->node);
	im->out->models++;
	return m;
}

static void
serve(struct import *im, const yaml_node_t *at, const char *path,
    struct im_model *m, const struct im_serving *wanted)
{
	if (m == NULL)
		return;
	if (has_serving(m, wanted))
		note(im, at, path,
		    "the same model at the same place a second time: once is "
		    "enough");
	else
		(void)add_serving(im, m, wanted);
}

static bool
has_room(struct import *im, const yaml_node_t *at, const char *path,
    struct slice name)
{
	const struct im_model *m = find_model(im, name);

	if (m == NULL || m->n_servings < CONF_SERVINGS_MAX)
		return true;
	note(im, at, path,
	    "a model has at most %d servings: this one is left out",
	    CONF_SERVINGS_MAX);
	return false;
}

/* No star but one at the end. */
static bool
is_plain_but_end(struct slice name)
{
	ptrdiff_t star = slice_find(name, '*');

	return star < 0 || (size_t)star == name.n - 1;
}

/* What a star stands for is an end of what is asked for. */
static bool
stars_ok(struct slice name, struct slice upstream)
{
	if (!is_plain_but_end(name) || !is_plain_but_end(upstream))
		return false;
	return slice_find(upstream, '*') < 0 || slice_find(name, '*') >= 0;
}

static bool
names_ok(struct import *im, const yaml_node_t *at, const char *path,
    struct slice name, struct slice upstream)
{
	if (!is_plain(name) || !is_plain(upstream)) {
		note(im, at, path,
		    "%s: want a name of at most 255 visible characters of "
		    "ASCII",
		    is_plain(name) ? "model" : "model_name");
		return false;
	}
	if (stars_ok(name, upstream))
		return true;
	note(im, at, path,
	    "want a \"*\" at the end of model_name alone, or of both: list "
	    "the models instead");
	return false;
}

static const struct provider *
known_provider(struct import *im, const yaml_node_t *d, const char *path,
    struct slice *upstream)
{
	const yaml_node_t *params = yaml_member(im->doc, d, "litellm_params");
	const yaml_node_t *at = yaml_member(im->doc, params, "model");
	const yaml_node_t *named =
	    yaml_member(im->doc, params, "custom_llm_provider");
	const struct provider *p = provider_there(im, params,
	    provider_find(yaml_text(at), yaml_text(named), upstream));

	if (yaml_text(at).n == 0)
		note(im, params != NULL ? params : d, path,
		    "model: want a name, got none");
	else if (p == NULL && yaml_text(named).n > 0)
		note(im, named, path,
		    "custom_llm_provider: no provider is known for \"%.*s\"",
		    SLICE_ARG(yaml_text(named)));
	else if (p == NULL)
		note(im, at, path, "model: no provider is known for \"%.*s\"",
		    SLICE_ARG(yaml_text(at)));
	else if (p->adapter == NULL)
		note(im, at, path,
		    "model: %s speaks an API of its own, for which there is no "
		    "adapter",
		    p->prefix);
	else if (upstream->n > 0)
		return p;
	return NULL;
}

/* One that was made at run time is in a database. */
static void
tell_credential(struct import *im, const yaml_node_t *params, const char *path)
{
	const yaml_node_t *at =
	    yaml_member(im->doc, params, "litellm_credential_name");

	if (yaml_text(at).n > 0 && credential_of(im, params) == NULL)
		note(im, at, path,
		    "litellm_credential_name: want one of credential_list, got "
		    "\"%.*s\": write its key and URL as api_key and url of "
		    "the backend",
		    SLICE_ARG(yaml_text(at)));
}

static void
tell_word(struct import *im, const yaml_node_t *at, const char *path,
    const struct provider *p)
{
	if (p->word != NULL)
		note(im, at, path, "model: %s: %s", p->prefix, p->word);
}

static void
tell_route(struct import *im, const yaml_node_t *at, const char *path,
    struct slice model, struct slice upstream)
{
	if (slice_starts(model, SLICE("responses/")) && upstream.n < model.n)
		note(im, at, path,
		    "model: responses/: asked by the API that the client "
		    "speaks, which may be chat");
}

/* Where that key stands: in the deployment itself, or among its parameters. */
static const yaml_node_t *
holder_of(struct import *im, const yaml_node_t *d, const char *key)
{
	return yaml_member(im->doc, d, key) != NULL
	    ? d
	    : yaml_member(im->doc, d, "litellm_params");
}

static void
add_rates(struct import *im, const yaml_node_t *d, const char *path)
{
	double rpm = get_number(im, holder_of(im, d, "rpm"), path, "rpm");
	double tpm = get_number(im, holder_of(im, d, "tpm"), path, "tpm");

	im->rpm += rpm;
	im->tpm += tpm;
	im->rpm_open |= rpm < 1;
	im->tpm_open |= tpm < 1;
}

/* Not where the sum is a limit, which has all of them. */
static void
tell_rate(struct import *im, const yaml_node_t *d, const char *path,
    const char *key, bool summed)
{
	const yaml_node_t *at =
	    yaml_member(im->doc, holder_of(im, d, key), key);

	if (at != NULL && !summed)
		note(im, at, path, "%s: " RATE, key);
}

/* False: nothing is relayed that it could do. */
static bool
read_serving(struct import *im, const yaml_node_t *d, const char *path,
    const char *params_path, struct im_serving *s)
{
	const yaml_node_t *params = yaml_member(im->doc, d, "litellm_params");
	const yaml_node_t *info = yaml_member(im->doc, d, "model_info");

	if (!read_caps(im, info, &s->caps)) {
		note(im, yaml_member(im->doc, info, "mode"), path,
		    "model_info.mode: want chat, completion, responses, "
		    "embedding, audio_speech, audio_transcription, "
		    "image_generation, image_edit, moderation, rerank or "
		    "realtime");
		return false;
	}
	if (!find_number(im, params, params_path, "order", &s->order))
		s->order = ORDER_NONE;
	s->context = (unsigned)get_number(im, info, path, "max_input_tokens");
	return true;
}

/* False: it is not carried over. */
static bool
read_parts(struct import *im, const yaml_node_t *d, const char *path,
    const char *params_path)
{
	const yaml_node_t *params = yaml_member(im->doc, d, "litellm_params");
	const yaml_node_t *info = yaml_member(im->doc, d, "model_info");
	struct slice name = yaml_text(yaml_member(im->doc, d, "model_name"));
	struct im_backend wanted = { .slots = 0 };
	struct im_serving s = { 0 };
	struct slice model, upstream;
	const struct provider *p;

	if (name.n == 0) {
		note(im, d, path, "model_name: want a name, got none");
		return false;
	}
	p = known_provider(im, d, params_path, &model);
	if (p == NULL)
		return false;
	upstream = deployment_model(im, params, p, model);
	if (!names_ok(im, d, path, name, upstream) ||
	    !has_room(im, d, path, name) ||
	    !read_serving(im, d, path, params_path, &s))
		return false;
	read_backend(im, params, params_path, p, &wanted);
	read_price(im, params, info, params_path, &s);
	s.backend = backend_like(im, &wanted);
	s.upstream = im_dup(im, upstream);
	if (s.backend == NULL || s.upstream == NULL)
		return false;
	tell_word(im, d, params_path, p);
	tell_route(im, d, params_path, model, upstream);
	tell_credential(im, params, params_path);
	serve(im, d, path, model_named(im, name, d), &s);
	add_rates(im, d, path);
	return true;
}

bool
read_deployment(struct import *im, const yaml_node_t *d, size_t index)
{
	char path[64], params[96], info[96];

	snprintf(path, sizeof(path), "model_list[%zu]", index);
	snprintf(params, sizeof(params), "%s.litellm_params", path);
	snprintf(info, sizeof(info), "%s.model_info", path);
	if (!read_parts(im, d, path, params))
		return false;
	note_keys(im, d, path, deployment_keys, COUNT(deployment_keys));
	note_keys(im, yaml_member(im->doc, d, "litellm_params"), params,
	    param_keys, COUNT(param_keys));
	note_keys(im, yaml_member(im->doc, d, "model_info"), info, info_keys,
	    COUNT(info_keys));
	return true;
}

void
tell_deployment(
    struct import *im, const yaml_node_t *d, size_t index, bool kept)
{
	const yaml_node_t *named = yaml_member(im->doc, d, "model_name");
	const bool tenant = im->tenant_key != NULL;
	struct slice name = yaml_text(named);
	char path[64];

	snprintf(path, sizeof(path), "model_list[%zu]", index);
	if (kept) {
		tell_rate(im, d, path, "rpm", tenant && has_rpm(im));
		tell_rate(im, d, path, "tpm", tenant && has_tpm(im));
	} else if (name.n > 0) {
		note(im, named, path,
		    find_model(im, name) == NULL
			? "model %.*s is left out"
			: "this deployment of %.*s is left out",
		    SLICE_ARG(name));
	}
}
