/* gateway/admin/query.c - the parameters of a request. */
#include "gateway/admin/query.h"

#include <stdio.h>

#include "gateway/admin/admin.h"
#include "gateway/conf/suggest.h"
#include "gateway/lib/uri.h"

#define VALUE_MAX ((size_t)4096)
#define NAMED_MAX 20 /* of a kind, in a message */

void
query_write(const struct query_part *list, size_t n, struct buf *out)
{
	const char *before = "";

	for (size_t i = 0; i < n; i++) {
		if (list[i].value == NULL)
			continue;
		buf_addf(out, "%s%s=", before, list[i].name);
		uri_escape(slice_of(list[i].value), out);
		before = "&";
	}
}

static struct slice
name_of(struct slice part)
{
	ptrdiff_t eq = slice_find(part, '=');

	return slice_make(part.p, eq >= 0 ? (size_t)eq : part.n);
}

static enum err
tell(struct slice part, query_parameter *each, void *arg, struct errmsg *why)
{
	const struct slice name = name_of(part);
	struct slice raw = slice_make(part.p + name.n, part.n - name.n);
	struct buf value;
	enum err rc;

	if (raw.n > 0)
		raw = slice_make(raw.p + 1, raw.n - 1);
	buf_init(&value, VALUE_MAX);
	uri_unescape(raw, &value);
	rc = buf_err(&value);
	if (rc == ERR_LIMIT)
		(void)fail(why, rc,
		    "want parameters of at most %zu bytes, got a longer one",
		    VALUE_MAX);
	else if (rc != OK)
		(void)fail(why, rc, "out of memory");
	else if (!each(arg, name, buf_slice(&value)))
		rc = ERR_INVALID;
	buf_fini(&value);
	return rc;
}

/* Every page knows a few names, and stops at the first that it does not: there
 * is not much before. */
static bool
is_among(struct slice before, struct slice name)
{
	struct slice part;

	while (slice_next(&before, '&', &part))
		if (part.n > 0 && slice_eq(name_of(part), name))
			return true;
	return false;
}

enum err
query_each(
    struct slice query, query_parameter *each, void *arg, struct errmsg *why)
{
	const char *start = query.p;
	struct slice part;
	enum err rc = OK;

	while (rc == OK && slice_next(&query, '&', &part)) {
		if (part.n == 0)
			continue;
		if (is_among(slice_make(start, (size_t)(part.p - start)),
			name_of(part)))
			rc = fail(why, ERR_SYNTAX,
			    "want each parameter once, got a second \"%.*s\"",
			    SLICE_SHORT(name_of(part), 64));
		else
			rc = tell(part, each, arg, why);
	}
	return rc;
}

bool
query_read(struct slice query, query_parameter *each, void *arg,
    const char *code, struct admin_reply *reply)
{
	struct errmsg why;
	enum err rc = query_each(query, each, arg, &why);

	if (rc == ERR_LIMIT || rc == ERR_SYNTAX)
		admin_error(reply, 400, code, why.text);
	else if (rc != OK && reply->status == 200)
		admin_no_memory(reply);
	return rc == OK;
}

bool
query_refuse(struct admin_reply *reply, const char *code, const char *want,
    const char *name, struct slice got)
{
	char text[512];

	snprintf(text, sizeof(text), "want %s in %s, got \"%.*s\"", want, name,
	    SLICE_SHORT(got, 200));
	admin_error(reply, 400, code, text);
	return false;
}

/* --- names of what there is --- */

const char *
query_backends(const struct conf *c, size_t i)
{
	return i < c->n_backends ? c->backends[i].name : NULL;
}

const char *
query_models(const struct conf *c, size_t i)
{
	return i < c->n_models ? c->models[i].name : NULL;
}

const char *
query_tenants(const struct conf *c, size_t i)
{
	return i < c->n_tenants ? c->tenants[i].name : NULL;
}

static void
write_names(
    query_names *names, const struct conf *c, struct slice got, struct buf *out)
{
	const char *before = "; there are: ", *name;
	struct suggest near;

	suggest_init(&near, got);
	for (size_t i = 0; (name = names(c, i)) != NULL; i++)
		suggest_offer(&near, name);
	if (near.best != NULL) {
		buf_addf(out, ": did you mean \"%s\"?", near.best);
		before = " There are: ";
	}
	for (size_t i = 0; (name = names(c, i)) != NULL && i < NAMED_MAX; i++) {
		buf_addf(out, "%s%s", before, name);
		before = ", ";
	}
	if (name != NULL)
		buf_add_str(out, ", ...");
}

bool
query_unknown(struct admin_reply *reply, const char *code, const char *kind,
    query_names *names, const struct conf *c, struct slice got)
{
	struct buf text;

	buf_init(&text, 64 << 10);
	buf_addf(
	    &text, "no %s is called \"%.*s\"", kind, SLICE_SHORT(got, 200));
	write_names(names, c, got, &text);
	admin_error_of(reply, 400, code, &text);
	return false;
}
