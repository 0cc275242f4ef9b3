/* bench/sim/probe_test.c - premium alone: nobody explores but the router's own
 * questions. */
#include "bench/sim/testing.h"

#define SEEDS 4
#define SPAN (400 * USEC_SEC)
#define LOOK (60 * USEC_SEC)

/* Of premium's requests in a brownout: sent to the slow pool in the minute
 * before it began, and from half a minute after it ended. */
static void
sent_there(
    uint64_t seed, bool probes, unsigned *before, unsigned *after, double *cost)
{
	struct play *p = play_load("brownout", seed, SPAN);
	struct world_options o = { .pilot = pilot_find("slo"),
		.scenario = &p->scenario };
	const struct mishap *m = &p->world.mishap[0];
	char *text = NULL;
	size_t n = 0;
	struct slice rest, line, cell;
	struct errmsg why;

	if (!probes)
		p->scenario.told->probe_every = 0;
	p->scenario.traffic.drop[PRIORITY_STANDARD] = true;
	p->scenario.traffic.drop[PRIORITY_BATCH] = true;
	o.requests = open_memstream(&text, &n);
	assert_non_null(o.requests);
	assert_int_equal(world_run(&p->world, &o, &why), OK);
	fclose(o.requests);
	assert_int_equal(p->world.probes > 0, probes);
	*before = *after = 0;
	*cost =
	    p->world.score.class[PRIORITY_PREMIUM].cost + p->world.probe_cost;
	rest = slice_make(text, n);
	slice_next(&rest, '\n', &line); /* the heading */
	while (slice_next(&rest, '\n', &line) && line.n > 0) {
		uint64_t sent = 0;

		for (int i = 0; i < 8 && slice_next(&line, ',', &cell); i++)
			if (i == 6)
				slice_u64(cell, &sent);
		if (!slice_is(cell, m->what->backend))
			continue;
		*before += (usec)sent < m->from && (usec)sent >= m->from - LOOK;
		*after += (usec)sent >= m->until + LOOK / 2;
	}
	free(text);
	play_end(&p);
}

static void
premium_comes_back_to_what_has_recovered(void **state)
{
	unsigned with = 0, without = 0;
	double paid = 0, paid_without = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned before, after;
		double cost;

		sent_there(seed, false, &before, &after, &cost);
		without += after;
		paid_without += cost;
		sent_there(seed, true, &before, &after, &cost);
		with += after;
		paid += cost;
		print_message(
		    "seed %d: %u before, %u after\n", (int)seed, before, after);
	}
	print_message("without questions: %u, with: %u; cost %+.1f %%\n",
	    without, with, 100 * (paid / paid_without - 1));
	assert_true(with > without);
	assert_true(paid < 1.005 * paid_without);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(premium_comes_back_to_what_has_recovered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
