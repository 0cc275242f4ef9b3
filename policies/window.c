/* policies/window.c - how often something happened in the last ten seconds.
 *
 * n[s % WINDOW_SLICES] counts slice s, for the slices up to `slice`; older
 * ones are wiped when their place is wanted. */
#include "policies/window.h"

#include <string.h>

void
window_add(struct window *w, usec now)
{
	int64_t s = now / WINDOW_SLICE;

	if (s - w->slice >= WINDOW_SLICES) {
		memset(w->n, 0, sizeof(w->n));
		w->slice = s;
	}
	while (w->slice < s)
		w->n[++w->slice % WINDOW_SLICES] = 0;
	w->n[w->slice % WINDOW_SLICES]++;
}

uint32_t
window_count(const struct window *w, usec now)
{
	int64_t oldest = now / WINDOW_SLICE - WINDOW_SLICES + 1;
	uint32_t sum = 0;

	for (int64_t s = w->slice; s >= oldest; s--) {
		if (s < 0 || s <= w->slice - WINDOW_SLICES)
			break;
		sum += w->n[s % WINDOW_SLICES];
	}
	return sum;
}
