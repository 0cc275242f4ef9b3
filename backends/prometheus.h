/* backends/prometheus.h - gauges out of a page of metrics.
 *
 * The Prometheus text format, version 0.0.4. A name matches exactly: others
 * begin alike and mean something else. What is not there is unknown, not 0. */
#ifndef BACKENDS_PROMETHEUS_H
#define BACKENDS_PROMETHEUS_H

#include "gateway/lib/slice.h"

struct gauge {
	unsigned n; /* series found; a server may run several engines */
	double sum, max;
};

/* All finite samples of `name`; where label is not NULL, only those on which
 * it has that value. False: there is none. */
bool prometheus_find(struct slice page, const char *name, const char *label,
    const char *value, struct gauge *out);

#endif
