/* bench/sim/cost_test.c - what a request is said to have cost. */
#include "gateway/conf/testing.h"

#include "bench/sim/world.h"
#include "router/plan.h"

/* What the servings cost is not what their backends do. */
#define FLEET                                                                  \
	"slo = ( { name = \"p\"; ttft = \"5s\"; percentile = 99;"              \
	" priority = \"premium\"; } );\n"                                      \
	"default_slo = \"p\";\n"                                               \
	"backends = (\n"                                                       \
	" { name = \"slow\"; adapter = \"vllm\"; url = \"http://s/v1\";"       \
	" price = { input = 90; output = 90; };"                               \
	" profile = { rtt = \"10ms\"; step = \"10ms\";"                        \
	" per_sequence = \"1ms\"; per_token = 10000; }; },\n"                  \
	" { name = \"fast\"; adapter = \"vllm\"; url = \"http://f/v1\";"       \
	" price = { input = 90; output = 90; };"                               \
	" profile = { rtt = \"10ms\"; step = \"1ms\";"                         \
	" per_sequence = \"10us\"; per_token = 1; }; } );\n"                   \
	"models = ( { name = \"m\"; serve = ("                                 \
	" { backend = \"slow\"; price = { input = 2; output = 3;"              \
	" request = 0.01; }; },"                                               \
	" { backend = \"fast\"; price = { input = 5; output = 7; }; } ); } "   \
	");\n"

#define HEDGE (100 * USEC_MS)

/* --- a router that begins with the first and hedges with the second --- */

static const struct conf_model *model;

static void *
create(const struct pilot_setup *setup, struct errmsg *why)
{
	(void)why;
	model = &setup->conf->models[0];
	return &model;
}

static void
destroy(void *self)
{
	(void)self;
}

static void
go(unsigned where, struct ticket *t, struct plan *p)
{
	*t = (struct ticket){ .index = where, .generation = 1 };
	plan_refuse(p, REASON_ONLY, 0);
	p->kind = PLAN_GO;
	p->serving = model->servings[where].id;
}

static void
do_submit(void *self, const struct route_request *r, usec now, struct ticket *t,
    struct plan *p)
{
	(void)self;
	(void)r;
	(void)now;
	go(0, t, p);
	p->hedge_after = HEDGE;
}

static void
do_hedge(void *self, struct ticket t, usec now, struct ticket *second,
    struct plan *p)
{
	(void)self;
	(void)t;
	(void)now;
	go(1, second, p);
}

static bool
do_next(void *self, usec now, void **owner, struct ticket *t, struct plan *p)
{
	(void)self;
	(void)now;
	(void)owner;
	(void)t;
	(void)p;
	return false;
}

static void
do_cancel(void *self, struct ticket t, usec now)
{
	(void)self;
	(void)now;
	assert_int_equal(t.index, 0); /* the second is first */
}

static void
do_first_token(void *self, struct ticket t, usec now, usec ttft)
{
	(void)self;
	(void)t;
	(void)now;
	(void)ttft;
}

static void
do_progress(void *self, struct ticket t, usec now, unsigned tokens, usec span)
{
	(void)self;
	(void)t;
	(void)now;
	(void)tokens;
	(void)span;
}

static void
do_finished(void *self, struct ticket t, const struct route_result *r, usec now)
{
	(void)self;
	(void)t;
	(void)now;
	assert_int_equal(r->fault.kind, FAULT_NONE);
}

static void
do_load(void *self, uint32_t backend, const struct load *l,
    const struct fault *f, usec now)
{
	(void)self;
	(void)backend;
	(void)l;
	(void)f;
	(void)now;
}

static void
do_tick(void *self, usec now)
{
	(void)self;
	(void)now;
}

static const struct pilot_ops pilot_twice = { .name = "twice",
	.create = create,
	.destroy = destroy,
	.submit = do_submit,
	.next = do_next,
	.hedge = do_hedge,
	.cancel = do_cancel,
	.first_token = do_first_token,
	.progress = do_progress,
	.finished = do_finished,
	.load = do_load,
	.tick = do_tick };

/* --- runs --- */

/* The first request of a scenario with that beside its fleet. */
static double
cost_of(const char *more, struct workload_request *q)
{
	struct fixture files;
	struct scenario sc;
	struct scenario_options o = { .seed = 1 };
	struct world_options w = {
		.pilot = &pilot_twice, .scenario = &sc, .requests_most = 1
	};
	struct world *world = calloc(1, sizeof(*world));
	struct errmsg why = { "" };
	struct buf notes;
	char path[128], text[512];
	double cost;

	assert_non_null(world);
	fixture_init(&files);
	fixture_write(&files, "fleet.conf", FLEET);
	snprintf(text, sizeof(text),
	    "summary = \"t\"; fleet = \"fleet.conf\";"
	    " traffic = { speed = 0.1; requests = 20; };\n%s\n",
	    more);
	fixture_write(&files, "play.conf", text);
	snprintf(path, sizeof(path), "%s/play.conf", files.folder);
	o.name = path;
	buf_init(&notes, 1 << 16);
	if (scenario_load(&sc, &o, &notes, &why) != OK)
		fail_msg("%s", why.text);
	if (world_run(world, &w, &why) != OK)
		fail_msg("%s", why.text);
	assert_int_equal(world->score.class[0].met, 1);
	assert_int_equal(world->hedges, 1);
	cost = world->score.class[0].cost;
	world_fini(world);
	assert_int_equal(
	    workload_init(&world->workload, &sc.traffic, sc.told, &why), OK);
	assert_true(workload_next(&world->workload, q));
	workload_fini(&world->workload);
	scenario_fini(&sc);
	buf_fini(&notes);
	fixture_fini(&files);
	free(world);
	return cost;
}

static void
assert_usd(double is, double want)
{
	assert_true(is > want - 1e-9 && is < want + 1e-9);
}

static void
who_is_outrun_has_read_the_prompt(void **state)
{
	struct workload_request q;
	double cost = cost_of("", &q);

	assert_usd(cost,
	    0.01 + (2.0 * q.prompt + 5.0 * q.prompt + 7.0 * q.output) / 1e6);
}

static void
who_never_reads_it_costs_nothing(void **state)
{
	struct workload_request q;
	double cost = cost_of("incidents = ( { backend = \"slow\";"
			      " kind = \"silent\"; at = 0.0; for = 1.0; } );",
	    &q);

	assert_usd(cost, (5.0 * q.prompt + 7.0 * q.output) / 1e6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_outrun_has_read_the_prompt),
		cmocka_unit_test(who_never_reads_it_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
