/* policies/warmth.c - how many connections to a backend are kept open.
 *
 * Nobody can choose which idle connection a question takes, so a round goes to
 * all but one at once: that one is left for a request that comes meanwhile.
 * When the backend closes it another takes its place, and its life has told how
 * long that is. */
#include "policies/warmth.h"

#include <limits.h>

#define KEPT_FOR (300 * USEC_SEC) /* after the last premium request */
#define PERIOD (60 * USEC_SEC)
#define IDLE_UNKNOWN (30 * USEC_SEC) /* until it is known what is too long */
#define IDLE_SHARE 0.6 /* of what is too long */
#define IDLE_LEAST (300 * USEC_MS)
#define ALIKE 0.25 /* two lives that differ by that share of one agree */
#define APART USEC_SEC /* of two lives, or they may have had one cause */
#define ROUND_LEAST (250 * USEC_MS) /* from one round to the next */
#define FAILED_MOST 7 /* doublings of that */

static void
turn_period(struct warmth *w, usec now)
{
	const bool next = now - w->period < 2 * PERIOD;

	if (now - w->period < PERIOD)
		return;
	w->peak_before = next ? w->peak : 0;
	w->cut_before = next ? w->cut_peak : 0;
	w->peak = w->busy;
	w->cut_peak = 0;
	w->period = now;
}

void
warmth_begin(struct warmth *w, usec now)
{
	turn_period(w, now);
	w->used = now;
	w->busy++;
	if (w->busy > w->peak)
		w->peak = w->busy;
}

void
warmth_end(struct warmth *w, bool cut)
{
	if (w->busy > 0)
		w->busy--;
	w->cut += cut;
	if (w->cut > w->cut_peak)
		w->cut_peak = w->cut;
}

/* Of what is lost at one time only the first counts: it may have been a
 * restart. */
void
warmth_lost(struct warmth *w, usec idled, usec now)
{
	usec differ = idled > w->idled ? idled - w->idled : w->idled - idled;

	if (w->lost != 0 && now - w->lost < APART)
		return;
	if (w->idled > 0 && (double)differ <= ALIKE * (double)w->idled)
		w->limit = idled < w->idled ? idled : w->idled;
	w->idled = idled;
	w->lost = now;
}

void
warmth_failed(struct warmth *w)
{
	w->hoped = UINT_MAX; /* more than there can be */
}

bool
warmth_active(const struct warmth *w, usec now)
{
	return w->used != 0 && (w->busy > 0 || now - w->used < KEPT_FOR);
}

static unsigned
larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* How many are missing. Before the next round as many requests may be cut off
 * as ever were, and who follows each of them wants a connection. */
static unsigned
wanting(const struct warmth *w, const struct connections *c)
{
	unsigned want = larger(w->peak, w->peak_before) +
	    larger(w->cut_peak, w->cut_before) + WARMTH_SPARE;
	unsigned room = c->idle < WARMTH_MOST ? WARMTH_MOST - c->idle : 0;

	if (want <= c->open)
		return 0;
	return want - c->open < room ? want - c->open : room;
}

static usec
idle_most(const struct warmth *w)
{
	usec most = (usec)(IDLE_SHARE * (double)w->limit);

	if (w->limit == 0 || most > IDLE_UNKNOWN)
		return IDLE_UNKNOWN;
	return most > IDLE_LEAST ? most : IDLE_LEAST;
}

static void
judge_last(struct warmth *w, const struct connections *c)
{
	if (w->hoped == 0)
		return;
	if (c->open >= w->hoped || w->hoped - c->open <= w->cut)
		w->failed = 0;
	else if (w->failed < FAILED_MOST)
		w->failed++;
	w->hoped = 0;
}

struct warmth_round
warmth_round(struct warmth *w, const struct connections *c, usec now)
{
	struct warmth_round r = { 0 };

	turn_period(w, now);
	judge_last(w, c);
	if (!warmth_active(w, now) || now - w->asked < ROUND_LEAST << w->failed)
		return r;
	w->cut = 0;
	r.questions = wanting(w, c);
	r.fresh = r.questions > 0;
	if (r.fresh) {
		w->hoped = c->open + r.questions;
	} else if (c->idle > WARMTH_SPARE && now - c->used >= idle_most(w)) {
		r.questions = c->idle - WARMTH_SPARE;
		if (r.questions > WARMTH_MOST)
			r.questions = WARMTH_MOST;
		w->hoped = 1;
	}
	if (r.questions > 0)
		w->asked = now;
	return r;
}
