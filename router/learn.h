/* router/learn.h - from measurements to forecasts.
 *
 * Measurements are noted under the router's lock, which costs an append. Once
 * per tick they are filed, outside the lock, in the serving's lessons, from
 * which its forecast is made anew.
 *
 * A time is kept as its ratio to what the profile says (profile.h), so that
 * prompt sizes and crowding do not blur it. Two histograms of ratios stand
 * behind each forecast (memory.h): the fast one counts with as many samples as
 * it has left, the slow one with at most 20, and a prior with a few that fade
 * as samples come. So a change shows within seconds under load and a quiet
 * serving is still known. Silence is no news: the last few fast samples are not
 * forgotten for want of newer ones. Where times suddenly break with a habit the
 * serving ails, until they are usual again: the two states are not mixed, and
 * what was under way at a turn counts for neither.
 *
 * The profile itself is refitted by least squares, slowly, and the ratios are
 * rescaled when it moves. */
#ifndef ROUTER_LEARN_H
#define ROUTER_LEARN_H

#include "gateway/lib/inference.h"
#include "router/forecast.h"

enum sample_kind {
	SAMPLE_MEASURED,
	SAMPLE_GIVEN_UP, /* would have taken longer still */
	SAMPLE_LATE, /* the same, but may yet come: the next forecast reckons
			with it, then it is forgotten */
	SAMPLE_SLOW, /* the same of one that has begun to answer */
	SAMPLE_OWN, /* who was late was so by his own doing (hush.h) */
	SAMPLE_HEARD, /* the first answer of one that nobody heard from */
};

struct sample {
	uint32_t serving; /* id */
	enum phase phase; /* TTFT, ITL or TOTAL */
	enum sample_kind kind;
	bool streamed; /* TOTAL: only measured for people where it was */
	usec sent; /* when its request was */
	usec value;
	double others; /* us of it, that the prompts of others explain */
	double output; /* TOTAL: tokens, as many as came or are expected */
	struct crowd crowd;
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

/* What is remembered of one serving. Starts with its configuration. */
struct lessons;
struct lessons *lessons_new(const struct conf_backend *, usec now);
/* Another place goes by its name now: what was sent before tells nothing. */
void lessons_restart(struct lessons *, const struct conf_backend *, usec now);
void lessons_free(struct lessons **);
void lessons_take(struct lessons *, const struct sample *, usec now);
/* Whether there is enough news, or enough time has passed, for a new one. */
bool lessons_have_news(const struct lessons *, usec now);
void lessons_forecast(struct lessons *, usec now, struct forecast *);

#endif
