/* router/predict_test.c - what a serving would do for a request. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/predict.h"

struct scene {
	struct conf_backend backend;
	struct conf_serving serving;
	struct site site;
	struct cell cell;
	struct slo slo;
	struct demand demand;
	usec now;
};

static void
flat(struct curve *c, double value, double n)
{
	for (unsigned i = 0; i < CURVE_POINTS; i++)
		c->value[i] = (float)(value * (0.8 + 0.4 * curve_rank(i)));
	c->n = (float)n;
}

/* TTFT 100 ms + 0.1 ms a token, ITL 10 ms, answers of 3 s; of which the
 * highest measured was a fifth more. */
static void
scene_init(struct scene *s, unsigned slots)
{
	*s = (struct scene){ .now = 500 * USEC_SEC };
	s->backend.slots = slots;
	s->serving.backend = &s->backend;
	s->site.conf = &s->backend;
	s->cell.conf = &s->serving;
	s->cell.site = &s->site;
	s->cell.forecast.sizing = (struct sizing){ 100e3, 100 };
	flat(&s->cell.forecast.ttft, 1, 100);
	flat(&s->cell.forecast.itl, 10e3, 100);
	flat(&s->cell.forecast.total, 3e6, 100);
	s->demand = (struct demand){ .slo = &s->slo,
		.stream = true,
		.input = 1000,
		.output = 101,
		.rank = 0.5 };
}

static struct outlook
look_at(const struct scene *s)
{
	struct outlook o;

	predict(&s->cell, &s->demand, s->now, &o);
	return o;
}

static void
assert_about(double got, double want)
{
	if (fabs(got / want - 1) > 0.02)
		print_message("got %g, want %g\n", got, want);
	assert_true(fabs(got / want - 1) <= 0.02);
}

static void
parts_add_up(void **state)
{
	struct scene s;
	struct outlook o;

	(void)state;
	scene_init(&s, 0);
	o = look_at(&s);
	assert_about(o.ttft, 200e3);
	assert_about(o.itl, 10e3);
	assert_about(o.total, 1200e3);
	s.demand.input = 4000;
	assert_about(look_at(&s).ttft, 500e3);
}

static void
half_full_slots_slow_the_first_token_by_half(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 8);
	s.site.in_flight = 4;
	assert_about(look_at(&s).ttft, 300e3);
}

static void
strangers_on_a_backend_are_seen_through_its_load(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 8);
	s.site.in_flight = 2;
	s.site.load_in_flight = 2;
	s.site.load = (struct load){
		.has = LOAD_RUNNING | LOAD_WAITING, .running = 8, .waiting = 3
	};
	s.site.load_at = s.now;
	/* twice as slow, and 4 of 8 slots' worth of 3 s answers go first */
	assert_about(look_at(&s).ttft, 400e3 + 0.5 * 3e6);
	/* an old report is not believed */
	s.now += 60 * USEC_SEC;
	assert_about(look_at(&s).ttft, 200e3 * 1.25);
}

static void
a_reported_queue_counts_where_slots_are_unknown(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 0);
	s.site.in_flight = 12;
	s.site.load_in_flight = 10;
	s.site.load = (struct load){
		.has = LOAD_RUNNING | LOAD_WAITING, .running = 8, .waiting = 2
	};
	s.site.load_at = s.now;
	/* two waited then, and two of ours came since */
	assert_about(look_at(&s).ttft, 200e3 + 4.0 / 8 * 3e6);
}

static void
whole_answers_have_no_first_token(void **state)
{
	struct scene s;
	struct outlook o;

	(void)state;
	scene_init(&s, 0);
	s.demand.stream = false;
	s.slo.ttft = 600 * USEC_MS;
	s.slo.itl = 1;
	o = look_at(&s);
	assert_about(o.ttft, 1200e3);
	assert_true(o.itl < 0);
	assert_about(o.violation, 2);
	/* never seen to stream: whole answers are all that is known */
	s.cell.forecast.ttft.n = s.cell.forecast.itl.n = 0;
	assert_about(look_at(&s).ttft, 3e6);
}

static void
no_evidence_is_no_violation(void **state)
{
	struct scene s;
	struct outlook o;

	(void)state;
	scene_init(&s, 0);
	s.cell.forecast.itl.n = 0;
	s.slo.ttft = 400 * USEC_MS;
	s.slo.itl = 1 * USEC_MS;
	o = look_at(&s);
	assert_false(o.known);
	assert_about(o.violation, 0.5);
	assert_true(predict_confidence(&s.cell, &s.demand, s.now) < 0);
}

static void
confidence_is_the_share_that_would_have_met_it(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 0);
	assert_true(predict_confidence(&s.cell, &s.demand, s.now) < 0);
	s.slo.ttft = 200 * USEC_MS;
	assert_about(predict_confidence(&s.cell, &s.demand, s.now), 0.5);
	s.slo.itl = 10 * USEC_MS;
	assert_about(predict_confidence(&s.cell, &s.demand, s.now), 0.25);
	s.slo.itl = 0;
	s.demand.waited = 50e3;
	assert_true(predict_confidence(&s.cell, &s.demand, s.now) < 0.05);
}

/* More load, more waiting or a longer prompt never make anything look better,
 * whatever the scene. */
static void
more_load_never_raises_confidence(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 21, 0);
	for (int i = 0; i < 5000; i++) {
		struct scene s;
		struct outlook before, after;
		double was, is;

		scene_init(&s, rng_below(&rng, 9));
		s.slo.ttft = 1 + rng_below(&rng, 1000000);
		s.slo.itl = rng_below(&rng, 20000);
		s.slo.total = rng_below(&rng, 5000000);
		s.demand.stream = rng_below(&rng, 2) == 0;
		s.site.in_flight = rng_below(&rng, 12);
		s.site.load.has = LOAD_RUNNING | LOAD_WAITING;
		s.site.load.running = rng_below(&rng, 12);
		s.site.load.waiting = rng_below(&rng, 4);
		s.site.load_at = s.now;
		before = look_at(&s);
		was = predict_confidence(&s.cell, &s.demand, s.now);
		switch (rng_below(&rng, 4)) {
		case 0:
			s.site.in_flight++;
			break;
		case 1:
			s.site.load.waiting++;
			break;
		case 2:
			s.demand.waited += 10e3;
			break;
		default:
			s.demand.input *= 2;
			break;
		}
		after = look_at(&s);
		is = predict_confidence(&s.cell, &s.demand, s.now);
		assert_true(is <= was + 1e-9);
		assert_true(after.violation >= before.violation - 1e-9);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(half_full_slots_slow_the_first_token_by_half),
		cmocka_unit_test(
		    strangers_on_a_backend_are_seen_through_its_load),
		cmocka_unit_test(
		    a_reported_queue_counts_where_slots_are_unknown),
		cmocka_unit_test(whole_answers_have_no_first_token),
		cmocka_unit_test(no_evidence_is_no_violation),
		cmocka_unit_test(
		    confidence_is_the_share_that_would_have_met_it),
		cmocka_unit_test(more_load_never_raises_confidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
