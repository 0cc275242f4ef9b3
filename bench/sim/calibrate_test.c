/* bench/sim/calibrate_test.c - what a router has measured of machines, and
 * nothing else, is enough to have them again. */
#include "bench/sim/calibrate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "bench/sim/slo.h"
#include "bench/sim/world.h"

#define N_BACKENDS 4

static void
load(struct scenario *s, struct measured_fleet *measured)
{
	const struct scenario_options o = { .name =
						"bench/scenarios/steady.conf",
		.config =
		    measured != NULL ? "bench/scenarios/fleet.conf" : NULL,
		.seed = 1,
		.speed = 1.8,
		.measured = measured };
	struct errmsg why = { "" };
	struct buf notes;

	buf_init(&notes, SIZE_MAX);
	if (scenario_load(s, &o, &notes, &why) != OK)
		print_message("%s\n", why.text);
	assert_string_equal(why.text, "");
	buf_fini(&notes);
}

/* An operator who takes all for so many times faster than it is. */
static void
mislead(struct scenario *s, const struct backend_truth *truth, double factor)
{
	for (size_t i = 0; i < s->told->n_backends; i++) {
		struct conf_profile *p =
		    (void *)(uintptr_t)&s->told->backends[i].profile;
		const struct backend_truth *t = &truth[i];

		p->rtt = (usec)((double)t->rtt / factor);
		p->step = (usec)(t->facts.step / factor);
		p->per_sequence = (usec)(t->facts.per_sequence / factor);
		p->per_token = t->facts.per_token / factor;
	}
}

/* Ten minutes of that, as the router would tell of them. */
static void
measure(const struct scenario *s, struct measured_serving list[N_BACKENDS])
{
	const struct world_options o = {
		.pilot = &pilot_slo, .scenario = s, .until = 600 * USEC_SEC
	};
	static struct world w;
	struct errmsg why = { "" };
	struct serving_view v;

	assert_int_equal(world_run(&w, &o, &why), OK);
	for (size_t i = 0; i < N_BACKENDS; i++) {
		const struct conf_serving *c = &s->fleet->servings[i];

		assert_true(
		    router_view(slo_router(w.self), c->id, w.agenda.now, &v));
		list[i] = (struct measured_serving){
			.backend = c->backend->name,
			.model = c->model->name,
			.measured = v.measured,
		};
	}
	world_fini(&w);
}

/* Within a factor, either way. */
static void
assert_near(double a, double b, double factor)
{
	assert_true(fabs(log(a / b)) < log(factor));
}

static double
width(const struct measured_times *t)
{
	return log(t->ratio[MEASURED_RANKS - 2] / t->ratio[1]);
}

/* The fourth had six others at work in the mean: it shows what its steps take
 * then, not what they are made of. */
#define N_SHOWN 3

static void
machines_come_back(void **state)
{
	struct measured_serving list[N_BACKENDS], again[N_BACKENDS];
	struct measured_fleet fleet = {
		.source = "here", .at = "now", .list = list, .n = N_BACKENDS
	};
	struct scenario real, played;
	struct errmsg why = { "" };

	(void)state;
	load(&real, NULL);
	mislead(&real, real.truth, 3);
	measure(&real, list);
	load(&played, &fleet);
	mislead(&played, real.truth, 3);
	/* what was fitted is not the machine */
	assert_true(list[0].measured.per_token < 30);
	assert_true(real.truth[0].facts.per_token == 40);
	assert_int_equal(calibrate(&played, &why), OK);
	for (size_t i = 0; i < N_SHOWN; i++) {
		const struct machine_facts *is = &played.truth[i].facts;
		const struct machine_facts *was = &real.truth[i].facts;

		assert_near((double)played.truth[i].rtt,
		    (double)real.truth[i].rtt, 1.8);
		assert_near(is->step, was->step, 1.15);
		assert_near(is->per_token, was->per_token, 1.2);
		assert_near(is->per_sequence, was->per_sequence, 2);
	}
	/* a router measures of them about what it did of the real ones, though
	 * not the same requests go to each */
	mislead(&played, real.truth, 3);
	measure(&played, again);
	for (size_t i = 0; i < N_SHOWN; i++) {
		const struct measured *is = &again[i].measured;
		const struct measured *was = &list[i].measured;

		assert_true(fabs(width(&is->ttft) - width(&was->ttft)) < 0.4);
		assert_true(fabs(width(&is->itl) - width(&was->itl)) < 0.4);
	}
	scenario_fini(&real);
	scenario_fini(&played);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
