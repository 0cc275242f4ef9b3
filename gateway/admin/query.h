/* gateway/admin/query.h - the parameters of a request: written by those who
 * ask, read one by one by the pages. */
#ifndef GATEWAY_ADMIN_QUERY_H
#define GATEWAY_ADMIN_QUERY_H

#include "gateway/lib/buf.h"

struct admin_reply;
struct conf;

/* value NULL: it is not said. */
struct query_part {
	const char *name, *value;
};
/* "name=value&name=value": no "?" before it. */
void query_write(const struct query_part *, size_t n, struct buf *out);

typedef bool query_parameter(void *arg, struct slice name, struct slice value);

/* Tells `each` every parameter in its order, its name as it stands, its value
 * with each %XX undone, until it says false: ERR_INVALID, and *why is for it to
 * fill. Else *why says it: ERR_LIMIT, a value is longer than any may be;
 * ERR_SYNTAX, a name comes a second time; ERR_MEMORY. */
enum err query_each(struct slice query, query_parameter *each, void *arg,
    struct errmsg *why) MUST_USE;

/* The same for a page. False: the reply says why. `each` has said it; or it is
 * a 400 with `code`; or there is no memory. */
bool query_read(struct slice query, query_parameter *each, void *arg,
    const char *code, struct admin_reply *) MUST_USE;

/* A 400 with `code`: "want WANT in NAME, got ...". Returns false. */
bool query_refuse(struct admin_reply *, const char *code, const char *want,
    const char *name, struct slice got);

/* The names of a kind in the configuration; NULL: no more. */
typedef const char *query_names(const struct conf *, size_t i);
query_names query_backends, query_models, query_tenants;
/* A 400 with `code`: none of `kind` is called so, and which there are. Returns
 * false. */
bool query_unknown(struct admin_reply *reply, const char *code,
    const char *kind, query_names *names, const struct conf *c,
    struct slice got);

#endif
