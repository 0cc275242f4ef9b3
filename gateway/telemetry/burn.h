/* gateway/telemetry/burn.h - how many requests met their SLO of late, over the
 * windows of multiwindow, multi-burn-rate alerts (Beyer et al., "The Site
 * Reliability Workbook", O'Reilly 2018, chapter 5).
 *
 * A window is a ring of 61 spans of a sixtieth each: it covers its length and
 * up to one part in 60 more. Not locked; its memory is the caller's, zeroed. */
#ifndef GATEWAY_TELEMETRY_BURN_H
#define GATEWAY_TELEMETRY_BURN_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

enum burn_window { BURN_5M, BURN_1H, BURN_6H, BURN_3D, BURN_WINDOWS };
const char *burn_window_name(enum burn_window); /* "5m" */

#define BURN_SPANS 61

struct burn_span {
	uint32_t number; /* of the span since the clock's zero, plus 1 */
	uint32_t met, missed;
};

struct burn {
	struct burn_span ring[BURN_WINDOWS][BURN_SPANS];
};

struct burn_sum {
	uint64_t met, missed;
};

/* The number of the span that a moment lies in, as in the ring. */
uint32_t burn_span_number(enum burn_window, usec now);

void burn_record(struct burn *, bool met, usec now);
/* Adds what each window holds. */
void burn_add(
    const struct burn *, usec now, struct burn_sum into[BURN_WINDOWS]);

/* Of a window: the share that met its SLO; and how many times faster than
 * allowed the error budget is used up, where `target` is the share that is to
 * meet it, below 1. -1: there were none. */
double burn_attainment(const struct burn_sum *);
double burn_rate(const struct burn_sum *, double target);

#endif
