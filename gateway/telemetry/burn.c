/* gateway/telemetry/burn.c - requests that met their SLO, by window. */
#include "gateway/telemetry/burn.h"

#define MINUTE (60 * USEC_SEC)
#define SPANS_A_WINDOW 60

static const struct {
	const char *name;
	usec span;
} windows[BURN_WINDOWS] = {
	[BURN_5M] = { "5m", 5 * MINUTE / SPANS_A_WINDOW },
	[BURN_1H] = { "1h", 60 * MINUTE / SPANS_A_WINDOW },
	[BURN_6H] = { "6h", 360 * MINUTE / SPANS_A_WINDOW },
	[BURN_3D] = { "3d", 4320 * MINUTE / SPANS_A_WINDOW },
};

const char *
burn_window_name(enum burn_window w)
{
	return windows[w].name;
}

uint32_t
burn_span_number(enum burn_window w, usec now)
{
	return (uint32_t)(now / windows[w].span) + 1;
}

void
burn_record(struct burn *b, bool met, usec now)
{
	for (enum burn_window w = 0; w < BURN_WINDOWS; w++) {
		uint32_t number = burn_span_number(w, now);
		struct burn_span *s = &b->ring[w][number % BURN_SPANS];

		if (s->number != number)
			*s = (struct burn_span){ .number = number };
		s->met += met;
		s->missed += !met;
	}
}

void
burn_add(const struct burn *b, usec now, struct burn_sum into[BURN_WINDOWS])
{
	for (enum burn_window w = 0; w < BURN_WINDOWS; w++) {
		uint32_t number = burn_span_number(w, now);

		for (unsigned i = 0; i < BURN_SPANS; i++) {
			const struct burn_span *s = &b->ring[w][i];

			if (s->number == 0 || number - s->number >= BURN_SPANS)
				continue;
			into[w].met += s->met;
			into[w].missed += s->missed;
		}
	}
}

double
burn_attainment(const struct burn_sum *s)
{
	uint64_t n = s->met + s->missed;

	return n > 0 ? (double)s->met / (double)n : -1;
}

double
burn_rate(const struct burn_sum *s, double target)
{
	uint64_t n = s->met + s->missed;

	return n > 0 && target < 1
	    ? (double)s->missed / (double)n / (1 - target)
	    : -1;
}
