/* gateway/import/place.c - where a deployment asks: its URL, and what its model
 * is called there. */
#include <string.h>

#include "gateway/import/inner.h"
#include "gateway/lib/count.h"
#include "gateway/lib/uri.h"

#define AZURE_ROOT SLICE("/openai")
#define AZURE_DEPLOYMENTS SLICE("/openai/deployments/")

static const yaml_node_t *
base(struct import *im, const yaml_node_t *params)
{
	const yaml_node_t *at = param_member(im, params, "api_base");

	return at != NULL ? at : param_member(im, params, "base_url");
}

static bool
is_azure(const struct provider *p)
{
	return strcmp(p->prefix, "azure") == 0;
}

/* What comes behind `mark`; a NULL pointer where it is not there. */
static struct slice
behind(struct slice text, struct slice mark)
{
	const char *p =
	    text.n > 0 ? memmem(text.p, text.n, mark.p, mark.n) : NULL;

	return p != NULL
	    ? slice_make(p + mark.n, (size_t)(text.p + text.n - p) - mark.n)
	    : slice_make(NULL, 0);
}

/* --- its URL --- */

/* Hugging Face is a place; its servers (TGI, TEI) stand elsewhere, too, and of
 * theirs LiteLLM takes the URL without /v1. */
const struct provider *
provider_there(
    struct import *im, const yaml_node_t *params, const struct provider *p)
{
	static const struct provider own = { "huggingface", "openai", NULL,
		"HF_TOKEN", "/v1", NULL };

	return p == NULL || strcmp(p->prefix, own.prefix) != 0 ||
		yaml_text(base(im, params)).n == 0
	    ? p
	    : &own;
}

/* Of "https://x.azure.com/openai/deployments/d/chat/completions?api-version=1"
 * what comes before "/openai": the v1 API starts there. Some put an "/openai"
 * of their own before Azure's. */
static struct slice
azure_root(struct slice url)
{
	struct slice rest = behind(url, AZURE_DEPLOYMENTS), root = url;

	if (rest.p != NULL)
		return slice_make(
		    url.p, (size_t)(rest.p - url.p) - AZURE_DEPLOYMENTS.n);
	for (rest = behind(url, AZURE_ROOT); rest.p != NULL;
	     rest = behind(rest, AZURE_ROOT))
		if (rest.n == 0 || rest.p[0] == '/' || rest.p[0] == '?')
			root.n = (size_t)(rest.p - url.p) - AZURE_ROOT.n;
	return root;
}

/* As gateway.conf has it, and nothing in it can be a secret. */
static bool
can_be_said(struct slice url)
{
	struct slice rest;

	return uri_after_scheme(url, &rest, NULL) && slice_is_word(url) &&
	    slice_find(url, '@') < 0 && slice_find(url, '?') < 0 &&
	    slice_find(url, '#') < 0;
}

/* Where no URL is said, that of a provider which everybody has elsewhere. */
static const char *
variable(struct import *im, struct slice text, const struct provider *p)
{
	if (text.n > 0)
		return env_reference(im, text);
	return slice_starts(slice_of(p->url), SLICE("env:")) ? p->url : NULL;
}

static void
tell_suffix(struct import *im, const yaml_node_t *at, const char *path,
    const char *reference, const struct provider *p)
{
	if (p->suffix != NULL)
		note(im, at, path, "api_base: %s has to end in %s from now on",
		    reference + strlen("env:"), p->suffix);
}

static const char *
kept_back(struct import *im, const yaml_node_t *at, const char *path,
    const struct provider *p)
{
	const char *name =
	    give_variable(im, p->prefix, "API_BASE", yaml_text(at));

	if (name == NULL)
		return NULL;
	note(im, at, path,
	    "api_base: want http:// or https://, and no user, password, \"?\" "
	    "or \"#\", got another (not shown): export such a one as %s",
	    name + strlen("env:"));
	tell_suffix(im, at, path, name, p);
	return name;
}

/* `text` with the provider's suffix, unless it ends in that. */
static const char *
suffixed(struct import *im, struct slice text, struct slice suffix)
{
	char *whole = im_alloc(im, text.n + suffix.n + 1);

	if (whole == NULL)
		return NULL;
	memcpy(whole, text.p, text.n);
	if (!slice_ends(text, suffix))
		memcpy(whole + text.n, suffix.p, suffix.n);
	return whole;
}

/* Some write the whole of what is asked. */
static struct slice
without_path(struct slice url)
{
	struct slice path = SLICE("/chat/completions");

	if (slice_ends(url, path))
		url.n -= path.n;
	return url;
}

const char *
deployment_url(struct import *im, const yaml_node_t *params, const char *path,
    const struct provider *p)
{
	const yaml_node_t *at = base(im, params);
	struct slice text = without_path(yaml_text(at));
	const char *reference = variable(im, text, p);

	if (reference != NULL) {
		tell_suffix(im, at != NULL ? at : params, path, reference, p);
		return reference;
	}
	if (text.n == 0)
		return p->url;
	if (is_azure(p))
		text = azure_root(text);
	while (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	if (!can_be_said(text))
		return kept_back(im, at, path, p);
	return suffixed(im, text, slice_of(p->suffix));
}

/* --- its model --- */

/* "together/deepseek-ai/DeepSeek-R1" is asked of together, which the router of
 * Hugging Face takes behind the name. */
static struct slice
partner_behind(struct import *im, struct slice model)
{
	ptrdiff_t slash = slice_find(model, '/');
	char *name;

	if (slash <= 0 || slash == slice_rfind(model, '/'))
		return model;
	name = im_alloc(im, model.n);
	if (name == NULL)
		return model;
	memcpy(name, model.p + slash + 1, model.n - (size_t)slash - 1);
	name[model.n - (size_t)slash - 1] = ':';
	memcpy(name + model.n - slash, model.p, (size_t)slash);
	return slice_make(name, model.n);
}

/* "responses/gpt-5": by which of its APIs LiteLLM asks there; "o_series/mine":
 * what kind of model a deployment is. */
static struct slice
without_route(struct slice model)
{
	static const char *const routes[] = { "responses/", "o_series/",
		"gpt5_series/" };

	for (size_t i = 0; i < COUNT(routes); i++)
		if (slice_starts(model, slice_of(routes[i])) &&
		    model.n > strlen(routes[i]))
			return slice_make(model.p + strlen(routes[i]),
			    model.n - strlen(routes[i]));
	return model;
}

struct slice
deployment_model(struct import *im, const yaml_node_t *params,
    const struct provider *p, struct slice model)
{
	struct slice url = yaml_text(base(im, params)), rest;
	size_t n = 0;

	if (strcmp(p->prefix, "huggingface") == 0 && url.n == 0)
		return partner_behind(im, model);
	if (is_azure(p) || strcmp(p->prefix, "openai") == 0)
		model = without_route(model);
	if (!is_azure(p))
		return model;
	rest = behind(url, AZURE_DEPLOYMENTS);
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	return n > 0 ? slice_make(rest.p, n) : model;
}
