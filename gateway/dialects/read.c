/* gateway/dialects/read.c - the body of a request: scanned, its members read,
 * then its prompt. */
#include <stdlib.h>

#include "gateway/dialects/prompt.h"

/* A long body, between two parts of it. */
struct dialect_reader {
	const struct dialect_ops *ops;
	struct dialect_request *r;
	struct scan *scan; /* NULL: that is over */
	struct prompt prompt;
	enum err rc;
	struct dialect_error why; /* of rc */
};

/* After its scan: all but the prompt, of which it says what it is. */
static enum err
parse(const struct dialect_ops *ops, enum err rc, const struct errmsg *scan_why,
    struct dialect_request *r, struct prompt *p, struct dialect_error *why)
{
	if (rc == ERR_INVALID)
		return field_bad(why, NULL, "invalid_type",
		    "the request body must be a JSON object");
	if (rc != OK)
		return field_bad(why, NULL, "invalid_json",
		    "the request body is not valid JSON: %s", scan_why->text);
	if (r->n_members > DIALECT_MEMBERS_MAX)
		return field_bad(why, NULL, "too_many_members",
		    "the request has %zu members, at most %d are allowed",
		    r->n_members, DIALECT_MEMBERS_MAX);
	prompt_init(p);
	return ops->parse(r, p, why);
}

enum err
dialect_read(const struct dialect_ops *ops, struct slice body,
    struct dialect_request *r, struct dialect_error *why)
{
	struct errmsg scan_why;
	struct prompt p;
	bool more = true;
	enum err rc = scan_object(
	    body, r->members, DIALECT_MEMBERS_MAX, &r->n_members, &scan_why);

	rc = parse(ops, rc, &scan_why, r, &p, why);
	while (rc == OK && more)
		rc = prompt_read(&p, SIZE_MAX, &r->facts, why, &more);
	return rc;
}

/* --- a part at a time --- */

struct dialect_reader *
dialect_begin(
    const struct dialect_ops *ops, struct slice body, struct dialect_request *r)
{
	struct dialect_reader *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->ops = ops;
	d->r = r;
	d->why.status = 400;
	d->scan = scan_new(body, r->members, DIALECT_MEMBERS_MAX);
	if (d->scan == NULL)
		dialect_free(&d);
	return d;
}

void
dialect_free(struct dialect_reader **dp)
{
	if (*dp != NULL)
		scan_free(&(*dp)->scan);
	free(*dp);
	*dp = NULL;
}

static bool
end_scan(struct dialect_reader *d)
{
	struct errmsg scan_why;

	d->rc = scan_end(d->scan, &d->r->n_members, &scan_why);
	scan_free(&d->scan);
	d->rc = parse(d->ops, d->rc, &scan_why, d->r, &d->prompt, &d->why);
	return d->rc == OK;
}

bool
dialect_more(struct dialect_reader *d, size_t n)
{
	bool more = false;

	if (d->scan != NULL)
		return scan_more(d->scan, n) || end_scan(d);
	if (d->rc == OK)
		d->rc =
		    prompt_read(&d->prompt, n, &d->r->facts, &d->why, &more);
	return more && d->rc == OK;
}

enum err
dialect_end(const struct dialect_reader *d, struct dialect_error *why)
{
	if (d->rc != OK)
		*why = d->why;
	return d->rc;
}
