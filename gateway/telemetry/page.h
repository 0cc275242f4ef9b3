/* gateway/telemetry/page.h - writes the Prometheus text format, 0.0.4.
 *
 * One metric after the other; for each, one series of labels after the other.
 * A metric's HELP and TYPE are written with its first sample. */
#ifndef GATEWAY_TELEMETRY_PAGE_H
#define GATEWAY_TELEMETRY_PAGE_H

#include "gateway/lib/buf.h"
#include "gateway/telemetry/metrics.h"

struct page {
	struct buf *out; /* borrowed; its error tells how it went */
	const struct metric *metric;
	bool headed; /* HELP and TYPE are written */
	struct buf series; /* `a="x",b="y"` of the current one */
	struct buf scratch;
};

void page_init(struct page *, struct buf *out);
void page_fini(struct page *);
void page_metric(struct page *, const struct metric *);
/* Values in the order of the metric's labels, any bytes; NULL or "": left
 * out. Missing ones at the end are NULL. */
void page_series(struct page *, const char *const values[LABELS_MAX]);

/* Samples of the current series. */
void page_count(struct page *, uint64_t value);
void page_value(struct page *, double value);
void page_cumul(struct page *, const struct cumul *); /* none when empty */
/* A summary's sum and count, in the bounds' unit. */
void page_totals(struct page *, const struct cumul *, double unit);

#endif
