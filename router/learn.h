/* router/learn.h - from measurements to forecasts.
 *
 * Measurements are noted under the router's lock, which costs an append. Once
 * per tick they are filed, outside the lock, in the serving's lessons, from
 * which its forecast is made anew.
 *
 * Two histograms stand behind each curve: one forgets half in 10 s, the other
 * in 300 s. The fast one counts with as many samples as it has left, the slow
 * one with at most 20, so that a change shows within seconds under load and a
 * quiet serving is still known. TTFT is kept as the ratio of actual to
 * predicted, so that prompt sizes and crowding do not blur it. */
#ifndef ROUTER_LEARN_H
#define ROUTER_LEARN_H

#include "gateway/lib/inference.h"
#include "router/forecast.h"

/* How crowded a serving was when a request was sent to it: its TTFT is taken
 * to be `factor` times an idle one's, plus `wait`. */
struct crowd {
	double factor;
	double wait; /* us */
};

enum sample_kind {
	SAMPLE_MEASURED,
	SAMPLE_GIVEN_UP, /* would have taken longer still */
	SAMPLE_LATE, /* the same, but may yet come: the next forecast reckons
			with it, then it is forgotten */
};

struct sample {
	uint32_t serving; /* id */
	enum phase phase; /* TTFT, ITL or TOTAL */
	enum sample_kind kind;
	usec value;
	double tokens; /* TTFT: of the prompt */
	struct crowd crowd; /* TTFT */
};

/* Bounded; what comes when it is full is not learnt from. */
#define SAMPLES_MAX 8192
struct samples {
	struct sample *list;
	unsigned n;
};
bool samples_init(struct samples *); /* false: without memory */
void samples_fini(struct samples *);
void samples_add(struct samples *, const struct sample *);

/* What is remembered of one serving. Starts out empty. */
struct lessons;
struct lessons *lessons_new(usec now);
void lessons_free(struct lessons **);
void lessons_take(struct lessons *, const struct sample *, usec now);
void lessons_forecast(struct lessons *, usec now, struct forecast *);

#endif
