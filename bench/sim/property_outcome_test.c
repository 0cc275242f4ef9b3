/* bench/sim/property_outcome_test.c - what traffic gets, over many seeds. */
#include <math.h>

#include "bench/sim/testing.h"

/* --- a tenant's priority --- */

#define PAIRS 8
#define PAIR_DURATION (120 * USEC_SEC)
#define ONE_SEED 0.03 /* one run's luck; on the mean of all: */
#define ON_AVERAGE 0.005

static uint64_t
cell_of(struct slice line, unsigned at, struct slice *cell)
{
	for (unsigned i = 0; i <= at; i++)
		if (!slice_next(&line, ',', cell))
			return false;
	return true;
}

/* The tenant's share of requests that met their SLO. */
static double
attainment(const char *scenario, uint64_t seed, const char *tenant, bool raised,
    enum priority to)
{
	struct play *p = play_load(scenario, seed, PAIR_DURATION);
	static char *text;
	size_t n = 0;
	double asked = 0, met = 0;
	FILE *f = open_memstream(&text, &n);
	struct slice rest, line, cell;

	assert_non_null(f);
	witness.raise = raised ? tenant : NULL;
	witness.to = to;
	play_run(p, f);
	fclose(f);
	rest = slice_make(text, n);
	while (slice_next(&rest, '\n', &line) && line.n > 0) {
		if (!cell_of(line, 3, &cell) || !slice_is(cell, tenant))
			continue;
		asked++;
		assert_true(cell_of(line, 20, &cell));
		met += slice_is(cell, "1");
	}
	free(text);
	play_end(&p);
	assert_true(asked > 50);
	return met / asked;
}

static void
a_higher_priority_never_attains_less(void **state)
{
	static const struct {
		const char *scenario, *tenant;
		enum priority to;
	} raise[] = {
		{ "overload", "digest", PRIORITY_STANDARD },
		{ "overload", "digest", PRIORITY_PREMIUM },
		{ "overload2", "chat", PRIORITY_PREMIUM },
		{ "brownout", "chat", PRIORITY_PREMIUM },
	};

	for (size_t k = 0; k < sizeof(raise) / sizeof(raise[0]); k++) {
		double gained = 0, worst = 1;

		for (uint64_t seed = 1; seed <= PAIRS; seed++) {
			double before = attainment(raise[k].scenario, seed,
				   raise[k].tenant, false, raise[k].to),
			       after = attainment(raise[k].scenario, seed,
				   raise[k].tenant, true, raise[k].to);

			gained += (after - before) / PAIRS;
			worst = fmin(worst, after - before);
		}
		print_message("%s, %s to %s: %+.4f, at worst %+.4f\n",
		    raise[k].scenario, raise[k].tenant,
		    priority_name(raise[k].to), gained, worst);
		assert_true(gained >= -ON_AVERAGE);
		assert_true(worst >= -ONE_SEED);
	}
}

/* --- what is foreseen happens --- */

#define FORESEEN_RUNS 4
#define FORESEEN 0.02

static void
what_is_foreseen_happens(void **state)
{
	for (uint64_t seed = 21; seed < 21 + FORESEEN_RUNS; seed++) {
		struct play *p = play_load("steady", seed, 900 * USEC_SEC);

		play_run(p, NULL);
		for (int i = 0; i < SCORE_CLASSES; i++) {
			const struct score_class *c = &p->world.score.class[i];
			double n = (double)c->foreseen_n,
			       gap =
				   (c->foreseen - (double)c->foreseen_met) / n;

			assert_true(n > 1000);
			if (fabs(gap) > FORESEEN)
				print_message("seed %d, %s: off by %+.4f\n",
				    (int)seed, priority_name((enum priority)i),
				    gap);
			assert_true(fabs(gap) <= FORESEEN);
		}
		play_end(&p);
	}
}

/* --- a brownout --- */

#define BROWNOUTS 6
#define BROWNOUT_DURATION (600 * USEC_SEC)
#define DETECTED 2.0
#define AWAY (5 * USEC_SEC)
#define FLIPS 2 /* in any minute */

/* Whether a note is of traffic to that backend: trying it out is not. */
static bool
goes_there(const struct note *e, size_t where)
{
	const struct conf_serving *s;

	if (e->said != SAID_SENT || e->reason == REASON_EXPLORING)
		return false;
	s = conf_find_serving(witness.conf, e->serving);
	assert_non_null(s);
	return (size_t)(s->backend - witness.conf->backends) == where;
}

static unsigned
sent_there(size_t where, usec from, usec until)
{
	unsigned n = 0;

	for (size_t i = 0; i < witness.n; i++)
		n += witness.note[i].at >= from && witness.note[i].at < until &&
		    goes_there(&witness.note[i], where);
	return n;
}

/* How often in any minute traffic left the backend (nothing was sent there for
 * a while) or came back. */
static unsigned
most_flips(size_t where, usec until)
{
	usec last = -1, flip[256];
	unsigned n = 0, most = 0, from = 0;

	for (size_t i = 0; i < witness.n; i++) {
		const struct note *e = &witness.note[i];

		if (e->at > until || !goes_there(e, where))
			continue;
		if (last >= 0 && e->at - last > AWAY) {
			assert_true(n + 2 <= sizeof(flip) / sizeof(flip[0]));
			flip[n++] = last;
			flip[n++] = e->at;
		}
		last = e->at;
	}
	for (unsigned i = 0; i < n; i++) {
		while (flip[i] - flip[from] > 60 * USEC_SEC)
			from++;
		if (i - from + 1 > most)
			most = i - from + 1;
	}
	return most;
}

static void
a_brownout_is_left_at_once_and_come_back_to_once(void **state)
{
	for (uint64_t seed = 1; seed <= BROWNOUTS; seed++) {
		struct play *p = play_load("brownout", seed, BROWNOUT_DURATION);
		struct incident *what = &p->scenario.incident[0];
		const struct mishap *m;
		double detected;
		unsigned flips;

		what->where = seed % 2; /* either pool */
		what->at = 0.3 + 0.03 * (double)seed;
		play_run(p, NULL);
		m = &p->world.mishap[0];
		detected = mishap_detected(m, -1);
		flips = most_flips(what->where, p->world.last_due);
		print_message("seed %d: left in %.2f s, %u flips a minute\n",
		    (int)seed, detected, flips);
		assert_true(sent_there(what->where, m->from - 10 * USEC_SEC,
				m->from) >= 10);
		assert_true(detected <= DETECTED);
		assert_true(sent_there(what->where, m->until,
				m->until + 60 * USEC_SEC) >= 10);
		assert_true(flips <= FLIPS);
		play_end(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_higher_priority_never_attains_less),
		cmocka_unit_test(what_is_foreseen_happens),
		cmocka_unit_test(
		    a_brownout_is_left_at_once_and_come_back_to_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
