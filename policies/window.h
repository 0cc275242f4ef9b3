/* policies/window.h - how often something happened in the last ten seconds.
 *
 * Ten slices of one second, so the span is nine to ten seconds long. All
 * zeros is empty. */
#ifndef POLICIES_WINDOW_H
#define POLICIES_WINDOW_H

#include "gateway/lib/clock.h"

#define WINDOW_SLICES 10
#define WINDOW_SLICE USEC_SEC

struct window {
	int64_t slice; /* the newest one's number since time 0 */
	uint32_t n[WINDOW_SLICES];
};

void window_add(struct window *, usec now);
uint32_t window_count(const struct window *, usec now);

#endif
