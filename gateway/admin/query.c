/* gateway/admin/query.c - the parameters of a request, one by one. */
#include "gateway/admin/query.h"

#include "gateway/lib/uri.h"

#define VALUE_MAX ((size_t)4096)

static enum err
tell(struct slice part,
    bool (*each)(void *arg, struct slice name, struct slice value), void *arg)
{
	ptrdiff_t eq = slice_find(part, '=');
	size_t n = eq >= 0 ? (size_t)eq : part.n;
	struct slice raw = slice_make(part.p + n, part.n - n);
	struct buf value;
	enum err rc;

	if (eq >= 0)
		raw = slice_make(raw.p + 1, raw.n - 1);
	buf_init(&value, VALUE_MAX);
	uri_unescape(raw, &value);
	rc = buf_err(&value);
	if (rc == OK && !each(arg, slice_make(part.p, n), buf_slice(&value)))
		rc = ERR_INVALID;
	buf_fini(&value);
	return rc;
}

enum err
query_each(struct slice query,
    bool (*each)(void *arg, struct slice name, struct slice value), void *arg)
{
	struct slice part;
	enum err rc = OK;

	while (rc == OK && slice_next(&query, '&', &part))
		if (part.n > 0)
			rc = tell(part, each, arg);
	return rc;
}
