/* router/memory.c - what is remembered of one of a serving's times. */
#include "router/memory.h"

#include <math.h>

#define HALF_LIFE_FAST (10 * (double)USEC_SEC)
#define FAST_KEPT 8 /* fast samples that outlive silence */
#define SLOW_MAX 20.0 /* samples that the slow histogram may count for */
#define PRIOR_PARTS 4.0
#define PRIOR_FADES 8.0 /* samples that halve the prior's parts */
#define ALARM_AT 3.0 /* unusual ratios, less the usual ones */
#define SUM_MOST 5.0 /* so many usual ones in a row end it */
#define SUM_LATE 0.25 /* what a late one adds to the sum, each tick */
#define SUM_DOUBTFUL 0.1 /* what one between usual and unusual takes off */
#define TURN_KEEPS 0.1 /* of the fast samples */
#define USUAL 0.75 /* of what is unusual: that is well again */
#define HABIT_RANK 0.99
#define HABIT_TIMES 3.0 /* the median, at least */
#define STEADY 2.6 /* times the median, at most */
#define HABIT_SAMPLES 60 /* before there is a habit */

static bool
is_not_over(enum sample_kind kind)
{
	return kind == SAMPLE_LATE || kind == SAMPLE_SLOW;
}

static void
watch(struct memory *m, double own, enum sample_kind kind)
{
	double by = is_not_over(kind) ? SUM_LATE : 1;

	if (m->habit <= 0)
		return;
	if (own > m->habit) {
		m->late_unusual += is_not_over(kind);
		m->sum = fmin(m->sum + by, SUM_MOST);
		if (kind == SAMPLE_LATE || kind == SAMPLE_GIVEN_UP)
			m->silent += by;
	} else if (kind == SAMPLE_MEASURED) {
		m->sum -= memory_is_usual(m, own) ? 1 : SUM_DOUBTFUL;
		m->sum = fmax(m->sum, 0);
	}
	m->silent = fmin(m->silent, m->sum);
}

void
memory_forgive(struct memory *m)
{
	m->sum -= m->silent;
	m->silent = 0;
}

void
memory_take(struct memory *m, double ratio, double own, enum sample_kind kind)
{
	watch(m, own, kind);
	if (kind == SAMPLE_GIVEN_UP)
		m->vain = m->vain > 0 ? fmin(m->vain, ratio) : ratio;
	else if (kind == SAMPLE_MEASURED && ratio < m->vain)
		m->vain = 0;
	if (is_not_over(kind)) {
		ratios_add(&m->late, ratio, 1);
		return;
	}
	ratios_add(&m->fast, ratio, 1);
	ratios_add(&m->slow, ratio, 1);
	m->taken++;
}

void
memory_hear(struct memory *m, double ratio)
{
	if (m->vain <= ratio)
		return;
	ratios_keep_below(&m->fast, m->vain);
	ratios_keep_below(&m->slow, m->vain);
}

void
memory_scale(struct memory *m, double factor)
{
	ratios_scale(&m->fast, factor);
	ratios_scale(&m->slow, factor);
	m->habit *= factor;
	m->vain *= factor;
}

void
memory_fade(struct memory *m, double span)
{
	bool scarce = m->fast.n <= FAST_KEPT;

	ratios_fade(&m->fast,
	    exp2(-span / (scarce ? MEMORY_HALF_LIFE_SLOW : HALF_LIFE_FAST)));
	ratios_fade(&m->slow, exp2(-span / MEMORY_HALF_LIFE_SLOW));
}

void
memory_mix(struct memory *m, const struct spread *prior, bool ailing,
    struct spread *out)
{
	double known = (double)m->slow.n;
	const struct spread_part parts[] = {
		{ &m->fast, (double)m->fast.n },
		/* what it did when it was well says nothing of it now */
		{ &m->slow, ailing ? 0 : fmin(known, SLOW_MAX) },
		{ &m->late, (double)m->late.n },
	};

	spread_mix(out, parts, 3, prior,
	    PRIOR_PARTS * PRIOR_FADES / (PRIOR_FADES + known));
	if (m->late.n > 0)
		m->late = (struct ratios){ 0 };
	m->late_unusual = 0;
}

/* One whose times vary that much anyway has no habit to break. What is unusual
 * does not change a habit before it is clear what it means: of few samples one
 * would do. */
void
memory_note_habit(struct memory *m)
{
	double usual = ratios_at(&m->slow, 0.5);
	bool steady = m->slow.n >= HABIT_SAMPLES &&
	    ratios_at(&m->slow, HABIT_RANK) <= STEADY * usual;

	if (m->sum <= 0)
		m->habit = steady ? HABIT_TIMES * usual : 0;
}

bool
memory_is_alarmed(const struct memory *m)
{
	return m->habit > 0 && m->sum + m->late_unusual >= ALARM_AT;
}

bool
memory_is_at_rest(const struct memory *m)
{
	return m->habit <= 0 || (m->sum <= 0 && m->late_unusual == 0);
}

bool
memory_is_usual(const struct memory *m, double ratio)
{
	return m->habit <= 0 || ratio < USUAL * m->habit;
}

/* Those that are late now are the first to tell of the new state. */
void
memory_ail(struct memory *m)
{
	if (m->habit > 0 && m->sum > 0) {
		ratios_join(&m->fast, &m->late);
		ratios_keep_above(&m->fast, m->habit);
	} else {
		ratios_fade(&m->fast, TURN_KEEPS);
	}
}

void
memory_heal(struct memory *m)
{
	if (m->habit > 0) {
		ratios_keep_below(&m->fast, USUAL * m->habit);
		ratios_keep_below(&m->slow, m->habit);
	} else {
		ratios_fade(&m->fast, TURN_KEEPS);
	}
	m->sum = m->silent = 0;
}

void
memory_accept(struct memory *m)
{
	m->slow = m->fast;
	m->habit = m->sum = m->silent = 0;
}

void
memory_tell(const struct memory *m, struct measured_times *to)
{
	to->samples = m->taken;
	to->recent = (double)m->slow.n;
	for (unsigned i = 0; i < MEASURED_RANKS; i++)
		to->ratio[i] = ratios_within(&m->slow, measured_ranks[i]);
}
