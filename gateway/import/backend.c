/* gateway/import/backend.c - where a deployment asks, and how; deployments
 * that ask the same place in the same way are one backend. */
#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

#define SLOTS_MAX 65536

/* --- what one deployment says of it --- */

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
	const yaml_node_t *at = param_member(im, params, "api_key");
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
	size_t n = 0, added = count_elements(im, list);
	const char **out;

	if (added == 0)
		return NULL;
	while (own != NULL && own[n] != NULL)
		n++;
	out = im_alloc(im, (n + added + 1) * sizeof(*out));
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		out[i] = own[i];
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

static unsigned
slots(struct import *im, const yaml_node_t *params, const char *path)
{
	static const char key[] = "max_parallel_requests";
	double n;

	if (!find_number(im, params, path, key, &n))
		return 0;
	if (n < 1)
		note(im, yaml_member(im->doc, params, key), path,
		    "%s: want at least 1, got %g", key, n);
	return (unsigned)fmin(n, SLOTS_MAX);
}

double
read_timeout(struct import *im, const yaml_node_t *map, const char *path,
    const char *key)
{
	const yaml_node_t *at = yaml_member(im->doc, map, key);
	double seconds = get_number(im, map, path, key);

	if (seconds > 0 && seconds < IM_TOTAL_DEFAULT)
		note(im, at, path,
		    "%s: ends no stream that goes on, as there; what is not "
		    "streamed ends at timeouts.total, which would end streams, "
		    "too",
		    key);
	if (seconds > IM_PIECE_DEFAULT &&
	    yaml_member(im->doc, map, "stream_timeout") == NULL)
		note(im, at, path,
		    "%s: a stream may be silent for %g s, which is too short "
		    "for a model that thinks unseen: see timeouts.ttft",
		    key, IM_PIECE_DEFAULT);
	return seconds;
}

void
read_backend(struct import *im, const yaml_node_t *params, const char *path,
    const struct provider *p, struct im_backend *b)
{
	b->provider = p->prefix;
	b->adapter = p->adapter;
	b->url = deployment_url(im, params, path, p);
	b->api_key = api_key(im, params, path, p);
	b->timeout = read_timeout(im, params, path, "timeout");
	b->stream_timeout = get_number(im, params, path, "stream_timeout");
	b->slots = slots(im, params, path);
	b->strip = strip(im, params, path, p->adapter);
}

/* --- those that are alike --- */

static void
add_part(struct buf *b, const char *text)
{
	if (text != NULL)
		buf_add_json(b, slice_of(text));
	buf_add_char(b, ';');
}

/* All that is said of it: two of which the same is said are one. */
static void
describe(struct buf *b, const struct im_backend *e)
{
	add_part(b, e->adapter);
	add_part(b, e->url);
	add_part(b, e->api_key);
	buf_addf(b, "%.17g;%.17g", e->timeout, e->stream_timeout);
	for (size_t i = 0; e->strip != NULL && e->strip[i] != NULL; i++)
		add_part(b, e->strip[i]);
}

static struct im_backend *
backend_new(struct import *im, const struct im_backend *wanted)
{
	struct im_backend *b = im_alloc(im, sizeof(*b));

	if (b == NULL)
		return NULL;
	*b = *wanted;
	list_append(&im->backends, &b->node);
	im->out->backends++;
	return b;
}

/* How many may be at work at a time was said of one deployment alone. */
struct im_backend *
backend_like(struct import *im, const struct im_backend *wanted)
{
	struct im_backend *b;
	const char *all;
	struct buf text;

	if (wanted->slots > 0)
		return backend_new(im, wanted);
	buf_init(&text, SIZE_MAX);
	describe(&text, wanted);
	b = map_get(&im->places, buf_slice(&text));
	all = b == NULL ? im_dup(im, buf_slice(&text)) : NULL;
	im->out_of_memory |= buf_err(&text) != OK;
	buf_fini(&text);
	if (b != NULL || all == NULL)
		return b;
	b = backend_new(im, wanted);
	if (b != NULL)
		im->out_of_memory |=
		    map_put(&im->places, slice_of(all), b) != OK;
	return b;
}
