/* gateway/admin/admin.c - from a request to its route, and what all answers
 * share. */
#include "gateway/admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/admin/routes.h"
#include "gateway/dialects/dialect.h"

#define ADMIN_BODY_MAX ((size_t)64 << 20)

void
admin_reply_init(struct admin_reply *r)
{
	*r = (struct admin_reply){ .status = 200,
		.content_type = "application/json" };
	buf_init(&r->body, ADMIN_BODY_MAX);
}

void
admin_reply_fini(struct admin_reply *r)
{
	buf_fini(&r->body);
}

void
admin_error(
    struct admin_reply *r, int status, const char *code, const char *message)
{
	const struct error_reply e = { .status = status,
		.type = status < 500 ? "invalid_request_error" : "server_error",
		.code = code,
		.message = message };

	buf_reset(&r->body);
	r->status = status;
	r->content_type = "application/json";
	openai_render_error(&e, &r->body);
}

void
admin_no_memory(struct admin_reply *r)
{
	admin_error(r, 503, "out_of_memory", "out of memory");
}

void
admin_error_of(
    struct admin_reply *r, int status, const char *code, struct buf *message)
{
	buf_add_char(message, '\0');
	if (buf_err(message) == OK)
		admin_error(r, status, code, message->p);
	else
		admin_no_memory(r);
	buf_fini(message);
}

void
admin_send_json(json_t *doc, struct admin_reply *r)
{
	char *text = doc != NULL
	    ? json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(9))
	    : NULL;

	if (text != NULL)
		buf_add_str(&r->body, text);
	else
		admin_no_memory(r);
	free(text);
	json_decref(doc);
}

/* --- routes --- */

static bool
is_at(const struct admin_route *route, struct slice path)
{
	struct slice is = slice_of(route->path);
	ptrdiff_t brace = slice_find(is, '{');

	if (brace < 0)
		return slice_eq(path, is);
	is.n = (size_t)brace;
	return slice_starts(path, is) && path.n > is.n &&
	    slice_rfind(path, '/') < brace;
}

const struct admin_route *
admin_route_find(struct slice method, struct slice path, bool *other)
{
	size_t n;
	const struct admin_route *list = admin_routes(&n);

	*other = false;
	for (size_t i = 0; i < n; i++) {
		if (!is_at(&list[i], path))
			continue;
		if (slice_is(method, list[i].method))
			return &list[i];
		*other = true;
	}
	return NULL;
}

bool
admin_route_acts(const struct admin_route *route)
{
	return strcmp(route->method, "GET") != 0;
}

static void
refuse_method(struct slice path, struct admin_reply *r)
{
	size_t n;
	const struct admin_route *list = admin_routes(&n);
	struct buf allow;

	admin_error(r, 405, "method_not_allowed",
	    "this path wants another method: the header `allow` has them");
	buf_on(&allow, r->allow, sizeof(r->allow) - 1);
	for (size_t i = 0; i < n; i++) {
		if (!is_at(&list[i], path))
			continue;
		if (allow.n > 0)
			buf_add_str(&allow, ", ");
		buf_add_str(&allow, list[i].method);
		if (!admin_route_acts(&list[i]))
			buf_add_str(&allow, ", HEAD");
	}
	r->allow[allow.n] = '\0';
}

void
admin_handle(
    const struct admin_picture *p, struct slice method, struct admin_reply *r)
{
	bool other;
	const struct admin_route *route =
	    admin_route_find(method, p->path, &other);

	if (route != NULL)
		route->handle(p, r);
	else if (other)
		refuse_method(p->path, r);
	else
		admin_error(r, 404, "unknown_url",
		    "no such path: GET /admin/v1/openapi.json lists those that "
		    "there are");
}
