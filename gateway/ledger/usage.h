/* gateway/ledger/usage.h - the rows of a span of time, summed up.
 *
 * Reads the file beside its writer: what is asked for shows all that has been
 * written, up to a second behind what has happened. Takes as long as the rows
 * take to be read, so it is nothing for an event loop. */
#ifndef GATEWAY_LEDGER_USAGE_H
#define GATEWAY_LEDGER_USAGE_H

#include <jansson.h>
#include <stdatomic.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

#define USAGE_BY_MAX 6
#define USAGE_NAME_MAX 128 /* bytes of a name to look for, its NUL included */
#define USAGE_ROWS_MAX 10000

struct usage_query {
	unsigned n_by;
	unsigned by[USAGE_BY_MAX]; /* as usage_by_parse() numbers them */
	usec since,
	    until; /* 1970: from the one up to, and without, the other */
	char tenant[USAGE_NAME_MAX], key[USAGE_NAME_MAX],
	    model[USAGE_NAME_MAX]; /* those only; empty: all */
};

/* "tenant,model" into q->by: two of the same, or a name that there is not, is
 * ERR_INVALID, and `why` lists those there are. Empty: no rows but one. */
enum err usage_by_parse(
    struct slice list, struct usage_query *, struct errmsg *why) MUST_USE;

/* A column of figures, for whoever lays them out. */
struct usage_figure {
	const char *name; /* as in the document */
	const char *title; /* of a table's column; NULL: not in the table */
	int width, digits; /* digits: behind the point; -1: a percentage */
};
/* NULL: there are no more. */
const struct usage_figure *usage_figure(unsigned i);

/* {"since_us", "until_us", "by": [name], "truncated": bool, "rows": [{name:
 * text, figure: number}], "total": {figure: number}}. A figure that has no
 * value is null: a mean of nothing. The dearest row comes first, spans of time
 * in their order; what is beyond USAGE_ROWS_MAX is left out but for the total.
 * ERR_AGAIN: *cancel was set, or `limit` was not enough. */
enum err usage_sum(const char *path, const struct usage_query *, usec limit,
    const atomic_bool *cancel, json_t **out, struct errmsg *why) MUST_USE;

/* The row of one request, by its receipt: {column: value} of all columns of
 * `requests`. The latest rows are looked through first. ERR_NOT_FOUND; else as
 * usage_sum(). */
enum err usage_row(const char *path, const char *receipt, usec limit,
    const atomic_bool *cancel, json_t **out, struct errmsg *why) MUST_USE;

/* A request that wanted an answer, as one may be sent again. */
struct usage_arrival {
	usec at; /* since 1970: when it was in */
	unsigned prompt, output; /* tokens */
	const char *tenant, *model, *slo; /* "-": none; "custom" as well */
};
/* Calls each() in the order of time. Left out are embeddings, what nobody could
 * have answered, and what limits refused. Where tokens are not known, because
 * it got no answer or half of one, they are at least the mean of its model's
 * whole answers. */
enum err usage_arrivals(const char *path, const struct usage_query *,
    void (*each)(void *arg, const struct usage_arrival *), void *arg,
    struct errmsg *why) MUST_USE;

#endif
