/* gateway/admin/usage_page.c - /admin/v1/usage: its parameters, and the answer
 * in the format that was asked for. */
#include "gateway/admin/usage_page.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/admin/admin.h"
#include "gateway/admin/query.h"
#include "gateway/conf/value.h"
#include "gateway/lib/count.h"

#define SINCE_USUAL (24 * 3600 * USEC_SEC)
#define UNSAID (-1)
#define SUM_FOR (30 * USEC_SEC)

/* --- what is asked for --- */

#define TIME_TEXT 32 /* bytes of a time's text at most */

static bool
read_date(const char *text, usec *out)
{
	static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%MZ",
		"%Y-%m-%dT%H:%M:%SZ" };

	for (size_t i = 0; i < COUNT(formats); i++)
		if (clock_read(text, formats[i], out))
			return *out >= 0;
	return false;
}

static enum err
read_time(const char *name, struct slice value, usec wall, usec *out,
    struct errmsg *why)
{
	char text[TIME_TEXT];
	usec ago;

	if (duration_parse(value, &ago)) {
		*out = ago < wall ? wall - ago : 0;
		return OK;
	}
	if (value.n > 0 && value.n < sizeof(text)) {
		memcpy(text, value.p, value.n);
		text[value.n] = '\0';
		if (read_date(text, out))
			return OK;
	}
	return fail(why, ERR_INVALID,
	    "%s: want a span until now such as \"24h\" or \"7d\", or a time "
	    "such as \"2026-11-21\" or \"2026-11-21T08:00:00Z\", got \"%.*s\"",
	    name, SLICE_SHORT(value, 64));
}

static enum err
read_name(const char *name, struct slice value, char to[USAGE_NAME_MAX],
    struct errmsg *why)
{
	if (value.n == 0 || value.n >= USAGE_NAME_MAX)
		return fail(why, ERR_INVALID,
		    "%s: want a name of at most %d bytes, got %zu", name,
		    USAGE_NAME_MAX - 1, value.n);
	memcpy(to, value.p, value.n);
	to[value.n] = '\0';
	return OK;
}

static const char *
type_of(enum usage_format format)
{
	static const char *const types[] = { "application/json",
		"text/csv; charset=utf-8", "text/plain; charset=utf-8" };

	return types[format];
}

bool
usage_format_parse(struct slice s, enum usage_format *out)
{
	static const char *const names[] = { "json", "csv", "table" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (slice_is(s, names[i])) {
			*out = (enum usage_format)i;
			return true;
		}
	return false;
}

static enum err
read_parameter(struct usage_question *q, struct slice name, struct slice value,
    usec wall, struct errmsg *why)
{
	struct usage_query *to = &q->query;

	if (slice_is(name, "by"))
		return usage_by_parse(value, to, why);
	if (slice_is(name, "since"))
		return read_time("since", value, wall, &to->since, why);
	if (slice_is(name, "until"))
		return read_time("until", value, wall, &to->until, why);
	if (slice_is(name, "tenant"))
		return read_name("tenant", value, to->tenant, why);
	if (slice_is(name, "key"))
		return read_name("key", value, to->key, why);
	if (slice_is(name, "model"))
		return read_name("model", value, to->model, why);
	if (!slice_is(name, "format"))
		return fail(why, ERR_INVALID,
		    "want by, since, until, tenant, key, model or format, got "
		    "\"%.*s\"",
		    SLICE_SHORT(name, 64));
	if (usage_format_parse(value, &q->format))
		return OK;
	return fail(why, ERR_INVALID,
	    "format: want json, csv or table, got \"%.*s\"",
	    SLICE_SHORT(value, 64));
}

struct asked {
	struct usage_question *q;
	usec wall;
	struct errmsg *why;
};

static bool
on_parameter(void *arg, struct slice name, struct slice value)
{
	const struct asked *a = arg;

	return read_parameter(a->q, name, value, a->wall, a->why) == OK;
}

/* The day that ends with the span. */
static usec
usual_since(const struct usage_query *q, usec wall)
{
	const usec end = q->until < wall ? q->until : wall;

	return end > SINCE_USUAL ? end - SINCE_USUAL : 0;
}

enum err
usage_read_question(
    struct slice query, usec wall, struct usage_question *q, struct errmsg *why)
{
	struct asked a = { q, wall, why };
	enum err rc;

	*q = (struct usage_question){ .format = USAGE_JSON };
	q->query.since = UNSAID;
	q->query.until = wall + 1;
	rc = query_each(query, on_parameter, &a, why);
	if (rc != OK)
		return rc;
	if (q->query.since == UNSAID)
		q->query.since = usual_since(&q->query, wall);
	if (q->query.since >= q->query.until)
		rc = fail(why, ERR_INVALID, "want since before until");
	return rc;
}

/* --- the answer --- */

static void
send_json(const json_t *doc, struct admin_reply *r)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (text != NULL)
		buf_add_str(&r->body, text);
	else
		admin_no_memory(r);
	free(text);
}

static void
refuse(enum err rc, const char *why, struct admin_reply *r)
{
	if (rc == ERR_NOT_FOUND)
		admin_error(r, 404, "row_not_found", why);
	else if (rc == ERR_AGAIN)
		admin_error(r, 503, "too_much", why);
	else
		admin_error(r, 500, "ledger_unreadable", why);
}

void
usage_answer(const char *path, const struct usage_question *q,
    const atomic_bool *cancel, struct admin_reply *r)
{
	struct errmsg why = { "" };
	json_t *doc = NULL;
	enum err rc;

	if (q->receipt[0] != '\0')
		rc = usage_row(path, q->receipt, SUM_FOR, cancel, &doc, &why);
	else
		rc = usage_sum(path, &q->query, SUM_FOR, cancel, &doc, &why);
	if (rc != OK) {
		refuse(rc, why.text, r);
		return;
	}
	r->content_type = type_of(q->format);
	switch (q->format) {
	case USAGE_JSON:
		send_json(doc, r);
		break;
	case USAGE_CSV:
		if (!usage_is_whole(doc, &why)) {
			admin_error(r, 400, "too_many_rows", why.text);
			break;
		}
		usage_write_csv(doc, &r->body);
		break;
	case USAGE_TABLE:
		usage_write_table(doc, &r->body);
		break;
	}
	json_decref(doc);
}

static bool
is_off(const struct admin_picture *p, struct admin_reply *r)
{
	if (p->ledger != NULL)
		return false;
	admin_error(r, 404, "ledger_off",
	    "no ledger is kept: the setting `ledger` names no file, or did not "
	    "when the gateway was started");
	return true;
}

void
admin_get_usage(const struct admin_picture *p, struct admin_reply *r)
{
	struct errmsg why = { "" };

	if (is_off(p, r))
		return;
	if (usage_read_question(p->query, p->wall, &r->usage, &why) != OK) {
		admin_error(r, 400, "invalid_query", why.text);
		return;
	}
	r->content_type = type_of(r->usage.format);
	r->action = ADMIN_USAGE;
}

/* The row of a receipt's or a request's id; false: it cannot be one. */
static bool
ask_for_row(struct slice id, struct usage_question *q)
{
	const size_t prefix = sizeof(RECEIPT_PREFIX) - 1;

	*q = (struct usage_question){ .format = USAGE_JSON };
	id = receipt_digits(id);
	if (id.n != sizeof(q->receipt) - sizeof(RECEIPT_PREFIX))
		return false;
	memcpy(q->receipt, RECEIPT_PREFIX, prefix);
	memcpy(q->receipt + prefix, id.p, id.n);
	return true;
}

void
admin_get_usage_row(
    const struct admin_picture *p, struct slice id, struct admin_reply *r)
{
	if (is_off(p, r))
		return;
	if (ask_for_row(id, &r->usage))
		r->action = ADMIN_USAGE;
	else
		refuse(ERR_NOT_FOUND,
		    "want the id of a request, as in `x-request-id` of its "
		    "answer: 24 digits behind \"req_\" or \"rcpt_\"",
		    r);
}
