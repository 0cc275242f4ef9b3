/* gateway/import/backend.c - where a deployment asks, and how; deployments
 * that ask the same place in the same way are one backend. */
#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

#define MILLION 1e6
#define SLOTS_MAX 65536
#define STRIP_MAX 64

/* --- what one deployment says of it --- */

/* A price by the token, as one by the million. */
static double
price(struct import *im, const yaml_node_t *params, const yaml_node_t *info,
    const char *path, const char *key)
{
	const yaml_node_t *from =
	    yaml_member(im->doc, params, key) != NULL ? params : info;

	if (yaml_text(yaml_member(im->doc, from, key)).n == 0)
		return -1;
	return get_number(im, from, path, key) * MILLION;
}

/* Clients want some key even where a server asks for none. */
static bool
is_placeholder(struct slice key)
{
	static const char *const words[] = { "none", "empty", "dummy", "fake",
		"not-needed", "no-key", "sk-no-key-required", "anything" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (slice_iis(key, words[i]))
			return true;
	return slice_istarts(key, SLICE("fake-")) ||
	    slice_istarts(key, SLICE("dummy-"));
}

static const char *
api_key(struct import *im, const yaml_node_t *params, const char *path,
    const struct provider *p)
{
	const yaml_node_t *at = yaml_member(im->doc, params, "api_key");
	struct slice text = yaml_text(at);
	const char *key = env_reference(im, text);
	char name[96];

	if (key != NULL || is_placeholder(text))
		return key;
	if (text.n == 0) {
		snprintf(
		    name, sizeof(name), "env:%s", p->key != NULL ? p->key : "");
		return p->key != NULL ? im_dup(im, slice_of(name)) : NULL;
	}
	key = give_variable(im, p->prefix, "API_KEY", text);
	if (key != NULL)
		tell_variable(im, at, path, "api_key", key);
	return key;
}

/* What the adapter takes out by itself, and what the file adds to it. */
static const char *const *
strip(struct import *im, const yaml_node_t *params, const char *path,
    const char *adapter)
{
	const yaml_node_t *list =
	    yaml_member(im->doc, params, "additional_drop_params");
	const struct backend_ops *ops = backend_find(slice_of(adapter));
	const yaml_node_t *one = yaml_element(im->doc, list, 0);
	const char **out;
	size_t n = 0;

	if (one == NULL)
		return NULL;
	out = im_alloc(im, (STRIP_MAX + 1) * sizeof(*out));
	if (out == NULL)
		return NULL;
	for (size_t i = 0; ops != NULL && ops->strip != NULL &&
	     ops->strip[i] != NULL && n < STRIP_MAX;
	     i++)
		out[n++] = ops->strip[i];
	for (size_t i = 0; n < STRIP_MAX; i++) {
		one = yaml_element(im->doc, list, i);
		if (one == NULL)
			break;
		if (yaml_text(one).n == 0 ||
		    slice_find(yaml_text(one), '[') >= 0)
			note(im, one, path,
			    "additional_drop_params: only members of the "
			    "request itself can be taken out");
		else
			out[n++] = im_dup(im, yaml_text(one));
	}
	return n > 0 ? out : NULL;
}

void
read_backend(struct import *im, const yaml_node_t *params,
    const yaml_node_t *info, const char *path, const struct provider *p,
    struct im_backend *b)
{
	double slots = get_number(im, params, path, "max_parallel_requests");

	b->adapter = p->adapter;
	b->url = deployment_url(im, params, path, p);
	b->api_key = api_key(im, params, path, p);
	b->input = price(im, params, info, path, "input_cost_per_token");
	b->output = price(im, params, info, path, "output_cost_per_token");
	b->cached =
	    price(im, params, info, path, "cache_read_input_token_cost");
	b->timeout = get_number(im, params, path, "timeout");
	b->stream_timeout = get_number(im, params, path, "stream_timeout");
	if (slots >= 1)
		b->slots =
		    slots < SLOTS_MAX ? (unsigned)slots : (unsigned)SLOTS_MAX;
	b->strip = strip(im, params, path, p->adapter);
}

/* --- those that are alike --- */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_list(const char *const *a, const char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

static bool
same_number(double a, double b)
{
	return !(a < b) && !(b < a);
}

/* How many may be at work at a time was said of one deployment alone. */
static bool
alike(const struct im_backend *a, const struct im_backend *b)
{
	return a->slots == 0 && b->slots == 0 &&
	    same_text(a->adapter, b->adapter) && same_text(a->url, b->url) &&
	    same_text(a->api_key, b->api_key) &&
	    same_number(a->input, b->input) &&
	    same_number(a->output, b->output) &&
	    same_number(a->cached, b->cached) &&
	    same_number(a->timeout, b->timeout) &&
	    same_number(a->stream_timeout, b->stream_timeout) &&
	    same_list(a->strip, b->strip);
}

/* "azure_ai", then "azure_ai-2", ... */
static void
give_name(struct import *im, struct im_backend *b, const char *provider)
{
	unsigned n = 1;
	bool taken = true;

	for (; taken; n++) {
		if (n == 1)
			snprintf(b->name, sizeof(b->name), "%s", provider);
		else
			snprintf(
			    b->name, sizeof(b->name), "%s-%u", provider, n);
		taken = false;
		for (struct list *l = im->backends.next; l != &im->backends;
		     l = l->next)
			taken |=
			    strcmp(
				CONTAINER_OF(l, struct im_backend, node)->name,
				b->name) == 0;
	}
}

struct im_backend *
backend_like(
    struct import *im, const struct im_backend *wanted, const char *provider)
{
	struct im_backend *b;

	for (struct list *l = im->backends.next; l != &im->backends;
	     l = l->next) {
		b = CONTAINER_OF(l, struct im_backend, node);
		if (alike(b, wanted))
			return b;
	}
	b = im_alloc(im, sizeof(*b));
	if (b == NULL)
		return NULL;
	*b = *wanted;
	give_name(im, b, provider);
	list_append(&im->backends, &b->node);
	im->out->backends++;
	return b;
}
