/* gateway/telemetry/cumul.c - counts since the start, under fixed bounds. */
#include "gateway/telemetry/cumul.h"

void
cumul_record(struct cumul *c, const struct bounds *b, int64_t value)
{
	unsigned lo = 0, hi = b->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (value <= b->le[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	c->n++;
	c->sum += value;
	c->count[lo]++;
}

void
cumul_add(struct cumul *into, const struct cumul *from)
{
	into->n += from->n;
	into->sum += from->sum;
	for (unsigned i = 0; i <= BOUNDS_MAX; i++)
		into->count[i] += from->count[i];
}
