/* bench/sim/property_conduct_test.c - what the router never does, whatever
 * befalls its backends: random incidents, several at a time. */
#include <math.h>

#include "gateway/lib/rng.h"
#include "policies/window.h"

#include "bench/sim/testing.h"

#define RUNS 12
#define DURATION (90 * USEC_SEC)
#define INCIDENTS 6
#define HEDGES 0.05 /* of prompt tokens */

static const char *const names[] = { "steady", "bursts", "overload", "storm" };
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* Any kind of mishap, anywhere, at any time, one over the other; and some that
 * take so many requests a second and no more. */
static struct play *
any_play(uint64_t seed)
{
	struct play *p = play_load(names[seed % N_NAMES], seed, DURATION);
	struct scenario *s = &p->scenario;
	struct rng rng;

	rng_init(&rng, seed, 99);
	s->n_incidents = INCIDENTS;
	for (size_t i = 0; i < INCIDENTS; i++) {
		struct incident *what = &s->incident[i];

		*what = (struct incident){
			.kind =
			    (enum incident_kind)rng_below(&rng, INCIDENT_KINDS),
			.where =
			    rng_below(&rng, (uint32_t)s->fleet->n_backends),
			.factor = 1.5 + 6 * rng_unit(&rng),
			.at = 0.9 * rng_unit(&rng),
			.length = 0.05 + 0.4 * rng_unit(&rng),
			.every = (usec)(1 + rng_below(&rng, 8)) * USEC_SEC,
		};
		what->backend = s->fleet->backends[what->where].name;
		what->kind_name = incident_kind_name(what->kind);
	}
	for (size_t b = 0; b < s->fleet->n_backends; b++)
		if (rng_below(&rng, 3) == 0) {
			s->truth[b].rate = 0.3 + 3 * rng_unit(&rng);
			s->truth[b].burst = 1 + 5 * rng_unit(&rng);
		}
	s->batch_whole = seed % 2 == 0;
	return p;
}

/* The witness looks at each backend that anything is sent to. */
static void
nothing_goes_where_it_must_not(void **state)
{
	size_t retries = 0, later = 0;

	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct play *p = any_play(seed);

		play_run(p, NULL);
		for (size_t i = 0; i < witness.n; i++) {
			const struct note *n = &witness.note[i];

			retries += n->said == SAID_SENT && n->on == ON_RETRY;
			later += n->said == SAID_SENT && n->on == ON_NEXT;
		}
		play_end(&p);
	}
	print_message("%zu sent again, %zu after a wait\n", retries, later);
	assert_true(retries > 20 && later > 100);
}

/* --- budgets --- */

static int64_t
slice_of_time(usec at)
{
	return at / WINDOW_SLICE;
}

/* Retries that wait, in the ten seconds of policies/window.h up to each: no
 * more than their share of the requests, and one a second. */
static size_t
check_retries(void)
{
	double share = witness.conf->retry_budget;
	size_t waited = 0;

	for (size_t i = 0; i < witness.n; i++) {
		double asked = 0, retried = 0;
		int64_t last = slice_of_time(witness.note[i].at);

		if (witness.note[i].said != SAID_WAITS ||
		    witness.note[i].on != ON_RETRY)
			continue;
		waited++;
		for (size_t k = i + 1; k-- > 0;) {
			const struct note *n = &witness.note[k];

			if (slice_of_time(n->at) <= last - WINDOW_SLICES)
				break;
			asked += n->said == SAID_ASKED;
			retried += n->said == SAID_WAITS && n->on == ON_RETRY;
		}
		assert_true(retried <= share * asked + WINDOW_SLICES);
	}
	return waited;
}

/* Prompt tokens that are sent a second time, in any ten seconds: no more than
 * their share of those that came, beyond what may be saved up. */
static size_t
check_hedges(void)
{
	double usual = 0, saved = 0; /* ten of a usual size */
	size_t hedges = 0;

	for (size_t i = 0; i < witness.n; i++) {
		const struct note *n = &witness.note[i];

		if (n->said != SAID_ASKED)
			continue;
		usual = usual > 0 ? 0.99 * usual + 0.01 * n->prompt : n->prompt;
		saved = fmax(saved, 10 * usual);
	}
	for (size_t i = 0; i < witness.n; i++) {
		double came = 0, again = 0;

		if (witness.note[i].said != SAID_SENT ||
		    witness.note[i].on != ON_HEDGE)
			continue;
		hedges++;
		assert_int_equal(witness.note[i].priority, PRIORITY_PREMIUM);
		for (size_t k = i + 1; k-- > 0;) {
			const struct note *n = &witness.note[k];

			if (n->at < witness.note[i].at - 10 * USEC_SEC)
				break;
			if (n->said == SAID_ASKED)
				came += n->prompt;
			if (n->said == SAID_SENT && n->on == ON_HEDGE)
				again += n->prompt;
		}
		assert_true(again <= HEDGES * came + saved);
	}
	return hedges;
}

static void
second_tries_stay_within_their_budgets(void **state)
{
	size_t waited = 0, hedges = 0;

	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct play *p = any_play(seed + 100);

		witness.eager = 40 * USEC_MS;
		play_run(p, NULL);
		waited += check_retries();
		hedges += check_hedges();
		play_end(&p);
	}
	print_message("%zu retries waited, %zu hedges\n", waited, hedges);
	assert_true(waited > 10 && hedges > 200);
}

/* Every serving at most once for one request, and nothing at all once a token
 * of an answer has been shown. */
static void
nothing_is_replayed(void **state)
{
	size_t cut = 0;

	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct play *p = any_play(seed + 200);
		uint64_t most = 0;
		struct {
			uint64_t tried; /* by id of serving */
			bool begun;
		} * seen;

		play_run(p, NULL);
		for (size_t i = 0; i < witness.n; i++)
			if (witness.note[i].id > most)
				most = witness.note[i].id;
		seen = calloc(most + 1, sizeof(*seen));
		assert_non_null(seen);
		for (size_t i = 0; i < witness.n; i++) {
			const struct note *n = &witness.note[i];

			if (n->said == SAID_TOKEN)
				seen[n->id].begun = true;
			if (n->said == SAID_TOKEN || n->said == SAID_ASKED)
				continue;
			cut += n->on == ON_RETRY;
			assert_false(seen[n->id].begun);
			if (n->said != SAID_SENT)
				continue;
			assert_false(seen[n->id].tried >> n->serving & 1);
			seen[n->id].tried |= UINT64_C(1) << n->serving;
		}
		free(seen);
		play_end(&p);
	}
	assert_true(cut > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_where_it_must_not),
		cmocka_unit_test(second_tries_stay_within_their_budgets),
		cmocka_unit_test(nothing_is_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
