/* gateway/admin/assets.c - the files of the operators' page as answers. */
#include "gateway/admin/assets.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/uri.h"

static const struct {
	const char *suffix, *content_type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
};

static const char *
type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; i < COUNT(types); i++)
		if (dot != NULL && strcmp(dot, types[i].suffix) == 0)
			return types[i].content_type;
	return "application/octet-stream";
}

/* --- the policy --- */

#define NAME_MAX_BYTES 253 /* of a host */

/* "127.0.0.1:7071" -> "127.0.0.1". Empty where it is not the name of a host:
 * whatever else stands there has no place in another header. */
static struct slice
name_of(struct slice host)
{
	struct slice name = uri_host(host);

	for (size_t i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.p[i]) &&
		    slice_find(SLICE(".-_:[]"), name.p[i]) < 0)
			return SLICE("");
	return name.n <= NAME_MAX_BYTES ? name : SLICE("");
}

/* What the page may load and whom it may ask: itself, and the listener that
 * serves requests, by the name by which the page was asked for. */
static void
add_policy(const struct conf_listen *listen, bool tls, struct slice host,
    struct buf *out)
{
	struct slice name = name_of(host);

	buf_add_str(out,
	    "default-src 'none'; script-src 'self'; style-src 'self'; "
	    "img-src 'self' data:; connect-src 'self'");
	if (listen->path == NULL && name.n > 0)
		buf_addf(out, " %s://%.*s:%u", tls ? "https" : "http",
		    SLICE_ARG(name), (unsigned)listen->port);
	buf_add_str(out,
	    "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

/* --- answers --- */

static const struct asset *
find(struct slice name)
{
	for (size_t i = 0; i < n_assets; i++)
		if (slice_is(name, assets[i].name))
			return &assets[i];
	return NULL;
}

/* As clients and proxies say it: one of several, weakened by compression, or
 * any. */
static bool
has_it(struct slice if_none_match, const char *etag)
{
	return slice_is(if_none_match, "*") ||
	    (if_none_match.n > 0 &&
		memmem(if_none_match.p, if_none_match.n, etag, strlen(etag)) !=
		    NULL);
}

static void
send_asset(
    const struct admin_picture *p, const struct asset *a, struct admin_reply *r)
{
	struct slice bytes = slice_make((const char *)a->bytes, a->n);
	struct buf policy;

	snprintf(r->etag, sizeof(r->etag), "\"%016llx\"",
	    (unsigned long long)slice_hash(bytes));
	buf_on(&policy, r->policy, sizeof(r->policy) - 1);
	add_policy(
	    p->listen, p->conf->tls.certificate != NULL, p->host, &policy);
	r->policy[buf_err(&policy) == OK ? policy.n : 0] = '\0';
	r->content_type = type_of(a->name);
	if (has_it(p->if_none_match, r->etag))
		r->status = 304;
	else
		buf_add(&r->body, bytes);
}

static void
send_named(
    const struct admin_picture *p, struct slice name, struct admin_reply *r)
{
	const struct asset *a = find(name);

	if (a != NULL)
		send_asset(p, a, r);
	else
		admin_error(r, 404, "no_such_file",
		    "the page has no such file: a reload of the page asks for "
		    "those that it has");
}

void
admin_get_page(const struct admin_picture *p, struct admin_reply *r)
{
	send_named(p, SLICE("index.html"), r);
}

void
admin_get_asset(const struct admin_picture *p, struct admin_reply *r)
{
	const struct slice folder = SLICE("/page/");

	send_named(
	    p, slice_make(p->path.p + folder.n, p->path.n - folder.n), r);
}
