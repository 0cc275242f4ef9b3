/* bench/sim/speeds_test.c - what is measured is what is played. */
#include "bench/sim/speeds.h"

#include "bench/sim/scenario.h"
#include "gateway/conf/testing.h"

#include <math.h>

#define TWO_MODELS                                                             \
	"backends = ( { name = \"a\"; adapter = \"vllm\"; slots = 8;"          \
	" url = \"http://a/v1\"; price = { hourly = 1; }; },"                  \
	" { name = \"b\"; adapter = \"vllm\"; url = \"http://b/v1\";"          \
	" price = { hourly = 1; }; } );\n"                                     \
	"models = ( { name = \"m\"; serve = ( { backend = \"a\"; },"           \
	" { backend = \"b\"; } ); },"                                          \
	" { name = \"n\"; serve = ( { backend = \"a\"; } ); } );\n"

static const struct measured_times certain = {
	.samples = 100, .recent = 50, .ratio = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }
};

struct bench {
	struct fixture f;
	struct backend_truth truth[2];
	struct measured_serving list[3];
	struct measured_fleet fleet;
	struct serving_speed *speeds;
};

static struct measured_serving
serving(const char *backend, const char *model, double step)
{
	return (struct measured_serving){ .backend = backend,
		.model = model,
		.measured = { .rtt = 20000,
		    .step = step,
		    .per_sequence = 500,
		    .per_token = 100,
		    .sequences = 3,
		    .tokens = 600,
		    .ttft = certain,
		    .itl = certain } };
}

static void
init(struct bench *b)
{
	*b = (struct bench){ .fleet = { .list = b->list, .n = 1 } };
	fixture_init(&b->f);
	fixture_load(&b->f, TWO_MODELS, NULL);
	assert_int_equal(b->f.rc, OK);
	b->list[0] = serving("a", "m", 10000);
	for (unsigned i = 0; i < 2; i++)
		b->truth[i] = (struct backend_truth){ .rtt = 1000,
			.facts = { .step = 5000,
			    .per_sequence = 100,
			    .per_token = 10,
			    .slots = 48,
			    .kv = 48 * 8192,
			    .noise = 0.07 } };
}

static void
build(struct bench *b)
{
	b->speeds = speeds_new(b->f.conf, &b->fleet, b->truth);
	assert_non_null(b->speeds);
	speeds_build(b->f.conf, b->speeds, b->truth);
}

static void
fini(struct bench *b)
{
	free(b->speeds);
	fixture_fini(&b->f);
}

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-6 * fabs(b))

static void
a_machine_is_as_its_serving_was_measured(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.list[0].measured.reckoned = 0.5; /* half of each prompt is cached */
	b.list[0].measured.slots = 12;
	build(&b);
	assert_int_equal(b.truth[0].rtt, 20000);
	NEAR(b.truth[0].facts.step, 10000.0);
	NEAR(b.truth[0].facts.per_sequence, 500.0);
	NEAR(b.truth[0].facts.per_token, 50.0);
	/* the configuration has the last word on slots */
	assert_int_equal(b.truth[0].facts.slots, 48);
	NEAR(b.speeds[0].stretch, 1.0);
	NEAR(b.speeds[0].fill, 1.0);
	assert_true(speeds_know(b.f.conf, b.speeds, &b.f.conf->backends[0]));
	/* the other is as it would be without */
	assert_false(speeds_know(b.f.conf, b.speeds, &b.f.conf->backends[1]));
	assert_int_equal(b.truth[1].rtt, 1000);
	NEAR(b.truth[1].facts.noise, 0.07);
	fini(&b);
}

static void
slots_that_a_backend_told_of_are_used_where_none_are_said(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.list[0] = serving("b", "m", 10000);
	b.list[0].measured.slots = 12;
	build(&b);
	assert_int_equal(b.truth[1].facts.slots, 12);
	assert_int_equal(b.truth[1].facts.kv, 12 * 8192);
	fini(&b);
}

/* A profile that was never refitted: the ratios have it all. */
static void
ratios_move_the_profile(void **state)
{
	struct bench b;
	struct measured *m;

	(void)state;
	init(&b);
	m = &b.list[0].measured;
	for (unsigned i = 0; i < MEASURED_RANKS; i++) {
		m->ttft.ratio[i] = 3 * (0.6 + 0.1 * i);
		m->itl.ratio[i] = 3 * (0.8 + 0.05 * i);
	}
	build(&b);
	NEAR(b.truth[0].facts.step, 30000.0);
	NEAR(b.truth[0].facts.per_sequence, 1500.0);
	NEAR(b.truth[0].facts.per_token, 300.0);
	assert_int_equal(b.truth[0].rtt, 60000);
	fini(&b);
}

static void
a_slower_model_of_a_backend_is_slower(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.list[1] = serving("a", "n", 22000);
	b.list[1].measured.per_token = 300;
	b.list[1].measured.itl.samples = 50;
	b.fleet.n = 2;
	build(&b);
	NEAR(b.truth[0].facts.step, 10000.0); /* of which most was measured */
	NEAR(b.speeds[2].stretch, 2.0); /* (22 + 4 * .5) / (10 + 4 * .5) */
	NEAR(b.speeds[2].fill, 3.0);
	fini(&b);
}

static void
few_samples_are_none(void **state)
{
	struct bench b;
	struct buf notes;

	(void)state;
	init(&b);
	b.list[0].measured.ttft.samples = SPEEDS_FEW - 1;
	b.list[0].measured.itl.samples = 0;
	b.list[1] = serving("gone", "m", 10000);
	b.fleet.n = 2;
	b.fleet.source = "p.json";
	build(&b);
	assert_null(b.speeds[0].from);
	NEAR(b.truth[0].facts.step, 5000.0);
	buf_init(&notes, SIZE_MAX);
	speeds_notes(&b.fleet, "g.conf", &notes);
	buf_add_char(&notes, '\0');
	assert_string_equal(
	    notes.p, "p.json: \"m\" at \"gone\" is not in g.conf: left out\n");
	buf_fini(&notes);
	fini(&b);
}

/* --- what is drawn --- */

static int
rising(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
requests_are_as_lucky_as_they_were(void **state)
{
	enum { N = 20000 };
	static double drawn[N];
	struct bench b;
	struct measured *m;

	(void)state;
	init(&b);
	m = &b.list[0].measured;
	for (unsigned i = 0; i < MEASURED_RANKS; i++)
		m->itl.ratio[i] = 0.5 + measured_ranks[i];
	build(&b);
	b.speeds[0].itl_luck = 1;
	for (unsigned i = 0; i < N; i++)
		drawn[i] = speeds_draw(&b.speeds[0], 1, i).itl;
	qsort(drawn, N, sizeof(drawn[0]), rising);
	for (unsigned i = 1; i < MEASURED_RANKS - 1; i++)
		assert_true(fabs(drawn[(size_t)(measured_ranks[i] * N)] -
				m->itl.ratio[i]) < 0.02);
	/* the same request again, by whichever router */
	assert_true(speeds_draw(&b.speeds[0], 1, 7).itl ==
	    speeds_draw(&b.speeds[0], 1, 7).itl);
	fini(&b);
}

static void
luck_is_what_a_machine_does_not_have_of_its_own(void **state)
{
	struct bench b;
	struct measured played = { .itl = certain, .ttft = certain };
	struct measured *m;

	(void)state;
	init(&b);
	m = &b.list[0].measured;
	for (unsigned i = 0; i < MEASURED_RANKS; i++) {
		m->itl.ratio[i] = exp(0.1 * ((double)i - 4));
		played.itl.ratio[i] = exp(0.06 * ((double)i - 4));
	}
	build(&b);
	speed_correct(&b.speeds[0], &played);
	NEAR(b.speeds[0].itl_luck, 0.8);
	/* with it, it has all of it: no more, no less */
	played.itl = m->itl;
	speed_correct(&b.speeds[0], &played);
	NEAR(b.speeds[0].itl_luck, 0.8);
	/* of its own, more than was measured */
	b.speeds[0].itl_luck = 0;
	for (unsigned i = 0; i < MEASURED_RANKS; i++)
		played.itl.ratio[i] = exp(0.2 * ((double)i - 4));
	speed_correct(&b.speeds[0], &played);
	NEAR(b.speeds[0].itl_luck + 1, 1.0);
	fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_as_its_serving_was_measured),
		cmocka_unit_test(
		    slots_that_a_backend_told_of_are_used_where_none_are_said),
		cmocka_unit_test(ratios_move_the_profile),
		cmocka_unit_test(a_slower_model_of_a_backend_is_slower),
		cmocka_unit_test(few_samples_are_none),
		cmocka_unit_test(requests_are_as_lucky_as_they_were),
		cmocka_unit_test(
		    luck_is_what_a_machine_does_not_have_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
