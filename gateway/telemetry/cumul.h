/* gateway/telemetry/cumul.h - counts since the start, under fixed bounds.
 *
 * What Prometheus calls a histogram: the bounds are part of a metric's
 * contract, so they are given by its row in the table of metrics. */
#ifndef GATEWAY_TELEMETRY_CUMUL_H
#define GATEWAY_TELEMETRY_CUMUL_H

#include <stdint.h>

#define BOUNDS_MAX 22

struct bounds {
	double unit; /* one of ours, as exposed: 1e-6 makes seconds of us */
	unsigned n;
	int64_t le[BOUNDS_MAX]; /* ascending, each inclusive */
};

struct cumul {
	uint64_t n;
	int64_t sum;
	uint64_t count[BOUNDS_MAX + 1]; /* not summed up; the last: beyond */
};

void cumul_record(struct cumul *, const struct bounds *, int64_t value);
void cumul_add(struct cumul *into, const struct cumul *);

#endif
