/* bench/load/options_url.c - base URLs, as SDKs take them. */
#include <stdio.h>

#include "bench/load/options.h"
#include "gateway/lib/uri.h"

#define URL_MAX ((size_t)8 << 10)

static enum err
split(struct slice base, struct slice *host, struct slice *path,
    struct errmsg *why)
{
	struct slice rest;
	ptrdiff_t slash;

	for (size_t i = 0; i < base.n; i++)
		if (base.p[i] <= ' ' || base.p[i] >= 0x7f)
			return fail(why, ERR_INVALID,
			    "want a URL of visible characters");
	if (!uri_after_scheme(base, &rest, NULL))
		return fail(why, ERR_INVALID,
		    "want http://HOST[:PORT]/v1 or https://..., got \"%.*s\"",
		    SLICE_ARG(base));
	slash = slice_find(rest, '/');
	*host = slash >= 0 ? slice_make(rest.p, (size_t)slash) : rest;
	*path = slice_make(host->p + host->n, rest.n - host->n);
	if (slice_find(*host, '@') >= 0) /* the rest may be a secret */
		return fail(why, ERR_INVALID,
		    "want a URL without a user's name or password");
	if (host->n == 0 || host->p[0] == ':')
		return fail(why, ERR_INVALID, "want a URL with a host");
	if (slice_find(rest, '?') >= 0 || slice_find(rest, '#') >= 0)
		return fail(
		    why, ERR_INVALID, "want a URL without \"?\" or \"#\"");
	return OK;
}

enum err
loadtest_url(struct slice base, char **url, char *host_text, size_t host_size,
    struct errmsg *why)
{
	struct slice host = { 0 }, path = { 0 };
	struct buf b;
	enum err rc = split(base, &host, &path, why);

	if (rc != OK)
		return rc;
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	buf_init(&b, URL_MAX);
	buf_add(&b, slice_make(base.p, (size_t)(path.p - base.p)));
	buf_add(&b, path.n > 0 ? path : SLICE("/v1"));
	buf_add_str(&b, "/chat/completions");
	*url = buf_take(&b, NULL);
	if (*url == NULL)
		return fail(why, ERR_LIMIT, "want a URL of less than 8 KiB");
	snprintf(host_text, host_size, "%.*s", SLICE_ARG(host));
	return OK;
}
