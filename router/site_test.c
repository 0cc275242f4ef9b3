/* router/site_test.c - what is going on at a backend. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/fleet.h"

struct place {
	struct conf_backend backend;
	struct conf_serving serving;
	struct site site;
	struct cell cell;
	usec now;
};

static struct place *
place_of(unsigned slots)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->now = 900 * USEC_SEC;
	p->backend.slots = slots;
	p->serving.backend = &p->backend;
	p->site.conf = &p->backend;
	p->cell.conf = &p->serving;
	p->cell.site = &p->site;
	return p;
}

static struct stay
enter(struct place *p, usec itl, double tokens)
{
	struct stay stay = { .itl = itl, .tokens = tokens };

	cell_enter(&p->cell, &stay, p->now);
	return stay;
}

/* --- the targets of those at work --- */

static void
the_tightest_target_holds_until_its_last_one_leaves(void **state)
{
	struct place *p = place_of(0);
	struct stay a = enter(p, 30000, 10), b = enter(p, 10000, 10);
	struct stay c = enter(p, 10000, 10), none = enter(p, 0, 10);
	unsigned n;

	assert_int_equal(site_tightest(&p->site, &n), 10000);
	assert_int_equal(n, 2);
	cell_leave(&p->cell, &b);
	assert_int_equal(site_tightest(&p->site, NULL), 10000);
	cell_leave(&p->cell, &c);
	assert_int_equal(site_tightest(&p->site, NULL), 30000);
	cell_leave(&p->cell, &a);
	assert_int_equal(site_tightest(&p->site, &n), 0);
	assert_int_equal(n, 0);
	cell_leave(&p->cell, &none);
	assert_int_equal(p->site.in_flight, 0);
	free(p);
}

/* However many different targets there are: never looser than the truth, and
 * nothing is left when all have left. */
static void
no_target_is_overlooked_however_many_there_are(void **state)
{
	struct place *p = place_of(0);
	struct stay stay[20];
	unsigned n = 0;
	struct rng rng;

	rng_init(&rng, 4, 0);
	for (int step = 0; step < 5000; step++) {
		usec least = USEC_NEVER;

		if (n < COUNT(stay) && rng_below(&rng, 2) == 0) {
			stay[n++] = enter(p, 1 + rng_below(&rng, 30), 10);
		} else if (n > 0) {
			unsigned i = rng_below(&rng, n);

			cell_leave(&p->cell, &stay[i]);
			stay[i] = stay[--n];
		}
		for (unsigned i = 0; i < n; i++)
			least = stay[i].itl < least ? stay[i].itl : least;
		if (n > 0)
			assert_in_range(
			    site_tightest(&p->site, NULL), 1, least);
		else
			assert_int_equal(site_tightest(&p->site, NULL), 0);
	}
	free(p);
}

/* --- prompts on their way --- */

static void
a_prompt_counts_until_its_first_token(void **state)
{
	struct place *p = place_of(0);
	struct stay a = enter(p, 0, 700), b = enter(p, 0, 40);

	assert_true(fabs(p->site.prompt_tokens - 740) < 1e-6);
	cell_prefilled(&p->cell, &a);
	assert_true(fabs(p->site.prompt_tokens - 40) < 1e-6);
	cell_leave(&p->cell, &a);
	assert_true(fabs(p->site.prompt_tokens - 40) < 1e-6);
	/* one that ends without */
	cell_leave(&p->cell, &b);
	assert_true(fabs(p->site.prompt_tokens) < 1e-9);
	free(p);
}

static void
what_was_sent_of_late_fades(void **state)
{
	struct place *p = place_of(0);
	struct site *sites[] = { &p->site };
	struct fleet f = { .sites = sites, .n_sites = 1 };
	double at_once;

	for (int i = 0; i < 300; i++) {
		struct stay stay = enter(p, 0, 100);

		cell_leave(&p->cell, &stay);
		fleet_fade(&f, 100 * USEC_MS);
	}
	at_once = p->site.prefill;
	/* a hundred tokens every tenth of a second */
	assert_true(at_once > 0.8e-3 && at_once < 1.2e-3);
	fleet_fade(&f, 30 * USEC_SEC);
	assert_true(p->site.prefill < 0.05 * at_once);
	free(p);
}

static void
failures_fade(void **state)
{
	struct place *p = place_of(0);
	struct site *sites[] = { NULL, &p->site };
	struct fleet f = { .sites = sites, .n_sites = 2 };

	p->site.calls = 100;
	p->site.failures = 40;
	fleet_fade(&f, 10 * USEC_SEC);
	assert_true(p->site.failures < 40 && p->site.failures > 1);
	assert_true(fabs(p->site.failures / p->site.calls - 0.4) < 1e-9);
	fleet_fade(&f, 600 * USEC_SEC);
	assert_true(p->site.failures < 0.1);
	free(p);
}

/* --- rate limits --- */

static void
no_known_limit_is_no_limit(void **state)
{
	struct place *p = place_of(0);

	assert_true(cell_has_allowance(&p->cell, 0.9, p->now));
	free(p);
}

static void
an_allowance_is_used_up_and_refills(void **state)
{
	struct place *p = place_of(0);
	unsigned fits = 0;

	p->cell.allowance = (struct allowance){
		.left = 10, .most = 10, .per_us = 1e-6, .at = p->now
	};
	while (fits < 100 && cell_has_allowance(&p->cell, 0, p->now)) {
		enter(p, 0, 10);
		fits++;
	}
	assert_int_equal(fits, 10);
	p->now += USEC_SEC;
	assert_true(cell_has_allowance(&p->cell, 0, p->now));
	/* but never beyond the burst */
	p->now += 3600 * USEC_SEC;
	for (fits = 0; fits < 100 && cell_has_allowance(&p->cell, 0, p->now);
	     fits++)
		enter(p, 0, 10);
	assert_in_range(fits, 9, 11);
	free(p);
}

static void
a_reserve_is_not_touched(void **state)
{
	struct place *p = place_of(0);

	p->cell.allowance =
	    (struct allowance){ .left = 5, .most = 10, .at = p->now };
	assert_true(cell_has_allowance(&p->cell, 0.3, p->now));
	assert_false(cell_has_allowance(&p->cell, 0.5, p->now));
	assert_true(cell_has_allowance(&p->cell, 0, p->now));
	free(p);
}

/* --- slow start --- */

static void
slots_come_back_bit_by_bit_after_an_outage(void **state)
{
	struct place *p = place_of(40);
	double before = 0;

	assert_true(site_slots_warming(&p->site, p->now) >= 40);
	p->site.usable_since = p->now;
	for (int i = 0; i < 60; i++) {
		double slots = site_slots_warming(&p->site, p->now);

		assert_true(slots >= 1 && slots <= 40 && slots >= before);
		if (i == 0)
			assert_true(slots <= 10);
		before = slots;
		p->now += USEC_SEC;
	}
	assert_true(before >= 40);
	free(p);
}

static void
one_slot_is_not_halved(void **state)
{
	struct place *p = place_of(1);

	p->site.usable_since = p->now;
	assert_true(site_slots_warming(&p->site, p->now) >= 1);
	free(p);
}

/* --- prefixes --- */

static void
a_beginning_is_known_where_it_was_sent(void **state)
{
	struct place *here = place_of(0), *there = place_of(0);

	for (int i = 0; i < 100; i++) {
		cell_prefix_reported(&here->cell, 0.6);
		cell_prefix_reported(&there->cell, 0.6);
	}
	cell_prefix_sent(&here->cell, 1234, here->now);
	assert_true(
	    fabs(cell_prefix_share(&here->cell, 1234, here->now) - 0.6) < 0.01);
	assert_true(cell_prefix_share(&there->cell, 1234, here->now) <= 0);
	for (uint64_t other = 1; other < 9 * PREFIXES; other++)
		assert_true(other == 1234 ||
		    cell_prefix_share(&here->cell, other, here->now) <= 0);
	free(here);
	free(there);
}

static void
a_beginning_is_forgotten_in_time(void **state)
{
	struct place *p = place_of(0);

	cell_prefix_reported(&p->cell, 1);
	cell_prefix_sent(&p->cell, 7, p->now);
	assert_true(cell_prefix_share(&p->cell, 7, p->now + 10 * USEC_SEC) > 0);
	assert_true(
	    cell_prefix_share(&p->cell, 7, p->now + 3600 * USEC_SEC) <= 0);
	free(p);
}

static void
where_nothing_was_ever_cached_nothing_is_expected(void **state)
{
	struct place *p = place_of(0);

	cell_prefix_sent(&p->cell, 7, p->now);
	assert_true(cell_prefix_share(&p->cell, 7, p->now) <= 0);
	free(p);
}

static void
no_beginning_is_not_one_that_many_share(void **state)
{
	struct place *p = place_of(0);

	cell_prefix_reported(&p->cell, 1);
	cell_prefix_sent(&p->cell, 0, p->now);
	assert_true(cell_prefix_share(&p->cell, 0, p->now) <= 0);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_tightest_target_holds_until_its_last_one_leaves),
		cmocka_unit_test(
		    no_target_is_overlooked_however_many_there_are),
		cmocka_unit_test(a_prompt_counts_until_its_first_token),
		cmocka_unit_test(what_was_sent_of_late_fades),
		cmocka_unit_test(failures_fade),
		cmocka_unit_test(no_known_limit_is_no_limit),
		cmocka_unit_test(an_allowance_is_used_up_and_refills),
		cmocka_unit_test(a_reserve_is_not_touched),
		cmocka_unit_test(slots_come_back_bit_by_bit_after_an_outage),
		cmocka_unit_test(one_slot_is_not_halved),
		cmocka_unit_test(a_beginning_is_known_where_it_was_sent),
		cmocka_unit_test(a_beginning_is_forgotten_in_time),
		cmocka_unit_test(
		    where_nothing_was_ever_cached_nothing_is_expected),
		cmocka_unit_test(no_beginning_is_not_one_that_many_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
