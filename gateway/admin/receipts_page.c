/* gateway/admin/receipts_page.c - /admin/v1/receipts, /admin/v1/receipts/ID
 * and /admin/v1/slo as answers. */
#include <stdlib.h>

#include "gateway/admin/admin.h"
#include "gateway/admin/query.h"
#include "gateway/admin/receipt_render.h"
#include "gateway/admin/slo_page.h"
#include "gateway/admin/values.h"

#define LIST_USUAL 20
#define LIST_MAX 1000
#define TENANT_MAX 1024 /* bytes of a name to look for */

static bool
are_off(const struct admin_picture *p, struct admin_reply *r)
{
	if (p->receipts != NULL)
		return false;
	admin_error(r, 404, "receipts_off",
	    "no receipts are kept: the setting `receipts` is 0");
	return true;
}

void
admin_get_receipt(
    const struct admin_picture *p, struct slice id, struct admin_reply *reply)
{
	struct receipt *r;

	if (are_off(p, reply))
		return;
	r = receipts_find(p->receipts, id);
	if (r == NULL)
		admin_error(reply, 404, "receipt_not_found",
		    "no such receipt: the id is unknown, its request is still "
		    "running, or newer ones have taken its place (the setting "
		    "`receipts` says how many are kept)");
	else
		admin_send_json(receipt_json(r, p->labels), reply);
	free(r);
}

#define INVALID "invalid_query"

struct query {
	struct admin_reply *reply;
	struct receipt_filter filter;
	struct buf tenant;
	uint64_t limit;
	uint64_t before; /* 0: from the newest on */
};

static bool
bad(struct query *q, const char *want, const char *name, struct slice got)
{
	return query_refuse(q->reply, INVALID, want, name, got);
}

static bool
read_parameter(void *arg, struct slice name, struct slice value)
{
	struct query *q = arg;

	if (slice_is(name, "tenant")) {
		buf_add(&q->tenant, value);
		q->filter.tenant = buf_slice(&q->tenant);
		return q->tenant.n > 0 ||
		    bad(q, "a name of 1..1024 bytes", "tenant", value);
	}
	if (slice_is(name, "missed")) {
		q->filter.missed = slice_is(value, "1");
		return q->filter.missed || slice_is(value, "0") ||
		    bad(q, "1 or 0", "missed", value);
	}
	if (slice_is(name, "before"))
		return (slice_u64(value, &q->before) && q->before >= 1) ||
		    bad(q, "the `next` of another page", "before", value);
	if (!slice_is(name, "limit"))
		return bad(
		    q, "tenant, missed, limit or before", "the query", name);
	return (slice_u64(value, &q->limit) && q->limit >= 1 &&
		   q->limit <= LIST_MAX) ||
	    bad(q, "1..1000", "limit", value);
}

/* Whether there is one behind the last of a page. */
static bool
has_more(const struct admin_picture *p, const struct query *q, uint64_t cursor)
{
	struct receipt *r = receipts_next(p->receipts, &cursor, &q->filter);
	bool more = r != NULL;

	free(r);
	return more;
}

static void
send_list(const struct admin_picture *p, const struct query *q,
    struct admin_reply *reply)
{
	json_t *doc, *list;
	uint64_t cursor = q->before;
	bool more = true;
	struct receipt *r;

	doc = json_object();
	list = json_array();
	for (uint64_t n = 0; n < q->limit && more; n++) {
		r = receipts_next(p->receipts, &cursor, &q->filter);
		more = r != NULL;
		if (more)
			json_array_append_new(
			    list, receipt_line_json(r, p->labels));
		free(r);
	}
	set(doc, "kept", count(receipts_room(p->receipts)));
	set(doc, "written", count(receipts_filed(p->receipts)));
	more = more && has_more(p, q, cursor);
	set(doc, "next", more ? count(cursor) : json_null());
	set(doc, "receipts", list);
	admin_send_json(doc, reply);
}

void
admin_get_receipts(const struct admin_picture *p, struct admin_reply *reply)
{
	struct query q = { .reply = reply, .limit = LIST_USUAL };

	if (are_off(p, reply))
		return;
	buf_init(&q.tenant, TENANT_MAX);
	if (query_read(p->query, read_parameter, &q, INVALID, reply))
		send_list(p, &q, reply);
	buf_fini(&q.tenant);
}

void
admin_get_slo(const struct admin_picture *p, struct admin_reply *reply)
{
	if (are_off(p, reply))
		return;
	admin_send_json(slo_page_json(p), reply);
}
