/* gateway/import/backend.c - where a deployment asks, and how; deployments
 * that ask the same place in the same way are one backend. */
#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

#define MILLION 1e6
#define SLOTS_MAX 65536
#define PRICE_MAX 1.0 /* USD a token; as in gateway.conf */

/* --- what one deployment says of it --- */

/* A price by the token, as one by the million; what is none is not free. */
static double
price(struct import *im, const yaml_node_t *params, const yaml_node_t *info,
    const char *path, const char *key)
{
	const yaml_node_t *from =
	    yaml_member(im->doc, params, key) != NULL ? params : info;
	double v;

	if (!find_number(im, from, path, key, &v))
		return -1;
	if (v <= PRICE_MAX)
		return v * MILLION;
	note(im, yaml_member(im->doc, from, key), path,
	    "%s: want the price of one token, at most 1 USD, got %g", key, v);
	return -1;
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

/* A name that may be taken out of a request. */
static bool
can_be_stripped(struct slice name)
{
	return name.n > 0 && slice_is_word(name) && slice_find(name, '[') < 0;
}

static size_t
count_names(const char *const *names)
{
	size_t n = 0;

	while (names != NULL && names[n] != NULL)
		n++;
	return n;
}

static size_t
count_elements(struct import *im, const yaml_node_t *list)
{
	size_t n = 0;

	while (yaml_element(im->doc, list, n) != NULL)
		n++;
	return n;
}

/* What the adapter takes out by itself, and what the file adds to it. */
static const char *const *
strip(struct import *im, const yaml_node_t *params, const char *path,
    const char *adapter)
{
	const yaml_node_t *list =
	    yaml_member(im->doc, params, "additional_drop_params");
	const struct backend_ops *ops = backend_find(slice_of(adapter));
	const char *const *own = ops != NULL ? ops->strip : NULL;
	size_t n = count_names(own), added = count_elements(im, list);
	const char **out;

	if (added == 0)
		return NULL;
	out = im_alloc(im, (n + added + 1) * sizeof(*out));
	if (out == NULL)
		return NULL;
	if (n > 0)
		memcpy(out, own, n * sizeof(*out));
	for (size_t i = 0; i < added; i++) {
		const yaml_node_t *one = yaml_element(im->doc, list, i);

		if (can_be_stripped(yaml_text(one)))
			out[n++] = im_dup(im, yaml_text(one));
		else
			note(im, one, path,
			    "additional_drop_params: only members of the "
			    "request itself can be taken out");
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
