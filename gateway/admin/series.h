/* gateway/admin/series.h - rings of numbers over time: what has been, for
 * whoever opens the page now.
 *
 * A set has series with the same columns; each keeps a value of every column
 * for each of the last SERIES_STEPS steps, as a float: unknown is NAN. Memory
 * is 4 bytes a value, 1440 a column and series, made when a series is, and
 * bounded by the set's number of series: where there are as many, the one that
 * has been silent longest gives way to a new one. Main thread. */
#ifndef GATEWAY_ADMIN_SERIES_H
#define GATEWAY_ADMIN_SERIES_H

#include "gateway/lib/buf.h"
#include "gateway/lib/clock.h"

#define SERIES_STEP (5 * USEC_SEC)
#define SERIES_STEPS 360 /* 30 minutes */
#define SERIES_REST 12 /* steps that one is silent before it gives way */
#define SERIES_LABELS 3

struct series_column {
	const char *name; /* NULL: the end of the list */
	const char *const *words; /* what its values 0, 1, ... stand for, ending
				     in NULL; NULL: they are numbers */
};

struct series_set;

/* What is given is borrowed for good; a label is NULL where there is none. At
 * most `max` series. NULL without memory. */
struct series_set *series_new(const struct series_column *columns,
    const char *const labels[SERIES_LABELS], size_t max);
void series_free(struct series_set **);

/* A new step begins. */
void series_turn(struct series_set *);
/* The current step's values of a series, one for each column. It is made, and
 * called by these names (copied), when it is not there. False: there are `max`
 * in use, or no memory. */
bool series_write(struct series_set *, uint32_t id,
    const char *const names[SERIES_LABELS], const float *values);

/* Sums a column over `n` steps, the last of them `back` steps before the
 * current one; how many of them are known. */
unsigned series_sum(const struct series_set *, uint32_t id, unsigned column,
    unsigned back, unsigned n, double *sum);

/* A list of those that have a value in the last n steps, as JSON:
 * [{"key":"7","model":"m",...,"steps":{"requests":[1,null,...],...}},...] */
void series_render(const struct series_set *, unsigned n, struct buf *out);

#endif
