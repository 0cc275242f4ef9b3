/* bench/sim/bound_world_test.c - no router beats the bound, whatever goes
 * wrong, however much comes, in whatever class. */
#include "gateway/conf/testing.h"

#include <math.h>

#include "bench/sim/bound_world.h"
#include "bench/sim/world.h"

/* What the servings cost is not what their backends do. */
#define FLEET                                                                  \
	"slo = (\n"                                                            \
	" { name = \"p\"; ttft = \"250ms\"; itl = \"15ms\"; percentile = 99;"  \
	" priority = \"premium\"; },\n"                                        \
	" { name = \"s\"; ttft = \"1s\"; itl = \"30ms\"; percentile = 97;"     \
	" priority = \"standard\"; },\n"                                       \
	" { name = \"b\"; total = \"20s\"; percentile = 99;"                   \
	" priority = \"batch\"; } );\n"                                        \
	"default_slo = \"s\";\n"                                               \
	"deadline = \"60s\";\n"                                                \
	"backends = (\n"                                                       \
	" { name = \"gpu\"; adapter = \"vllm\"; url = \"http://g/v1\";"        \
	" slots = 32; price = { input = 9; output = 9; };"                     \
	" profile = { rtt = \"15ms\"; step = \"7ms\";"                         \
	" per_sequence = \"150us\"; per_token = 40; }; },\n"                   \
	" { name = \"fast\"; adapter = \"vllm\"; url = \"http://f/v1\";"       \
	" slots = 16; price = { input = 9; output = 9; };"                     \
	" profile = { rtt = \"40ms\"; step = \"600us\";"                       \
	" per_sequence = \"10us\"; per_token = 4; }; } );\n"                   \
	"models = ( { name = \"m\"; serve = ("                                 \
	" { backend = \"gpu\"; price = { input = 1; output = 1; }; },"         \
	" { backend = \"fast\"; price = { input = 5; output = 5;"              \
	" request = 0.0002; }; } ); } );\n"                                    \
	"tenants = (\n"                                                        \
	" { name = \"a\"; keys = [ \"env:NONE_A\" ]; slo = \"p\"; },\n"        \
	" { name = \"b\"; keys = [ \"env:NONE_B\" ]; slo = \"s\"; },\n"        \
	" { name = \"c\"; keys = [ \"env:NONE_C\" ]; slo = \"b\"; } );\n"

static const struct {
	const char *text;
	double speed;
} plays[] = {
	{ "", 0.5 },
	{ "", 6 },
	{ "backends = ( { name = \"fast\"; rate = 1.0; burst = 5; } );", 2 },
	/* one machine, nearly as much as it can do */
	{ "traffic = { mix = { premium = 0.0; standard = 0.0; batch = 1.0; }; "
	  "};"
	  "incidents = ( { backend = \"fast\"; kind = \"down\"; at = 0.0;"
	  " for = 1.0; } );",
	    1.4 },
	{ "incidents = ( { backend = \"gpu\"; kind = \"slow\"; } );", 2 },
	{ "incidents = ( { backend = \"gpu\"; kind = \"down\"; } );", 2 },
	{ "incidents = ( { backend = \"fast\"; kind = \"silent\"; } );", 1 },
	{ "incidents = ( { backend = \"gpu\"; kind = \"truncate\"; } );", 1 },
	{ "incidents = ( { backend = \"gpu\"; kind = \"sinkhole\"; },"
	  " { backend = \"fast\"; kind = \"drift\"; } );",
	    1 },
	{ "incidents = ( { backend = \"gpu\"; kind = \"flap\"; },"
	  " { backend = \"fast\"; kind = \"gray\"; } );",
	    1 },
};

static double
number(const char *text, const char *after, const char *name)
{
	char member[32];
	const char *at = strstr(text, after);

	snprintf(member, sizeof(member), "\"%s\":", name);
	assert_non_null(at);
	at = strstr(at, member);
	assert_non_null(at);
	return strtod(at + strlen(member), NULL);
}

static double
met_of(const struct score *s)
{
	return (double)(s->class[0].met + s->class[1].met + s->class[2].met);
}

/* The smallest ratio of what the bound allows to what a router met. */
static double
compare(const struct scenario *sc, const struct pilot_ops *pilot)
{
	static const char *const names[] = { "\"premium\"", "\"standard\"",
		"\"batch\"" };
	struct world_options o = { .pilot = pilot, .scenario = sc };
	struct world *w = calloc(1, sizeof(*w));
	struct errmsg why = { "" };
	struct buf text;
	struct bound_terms terms = { 0 };
	double spent = 0, met, ratio;

	assert_non_null(w);
	assert_int_equal(world_run(w, &o, &why), OK);
	for (unsigned k = 0; k < 3; k++)
		spent += w->score.class[k].cost;
	met = met_of(&w->score);
	buf_init(&text, 1 << 16);
	terms.spend = spent + 1e-9;
	for (unsigned k = 0; k < 3; k++) {
		const struct score_class *c = &w->score.class[k];

		if (c->met > 0)
			terms.floor[k] = (double)c->met / (double)c->requests;
	}
	assert_int_equal(bound_scenario(sc, &terms, true, &text, &why), OK);
	buf_add_char(&text, '\0');
	for (unsigned k = 0; k < 3; k++)
		assert_true(number(text.p, names[k], "met") >=
		    (double)w->score.class[k].met);
	ratio = number(text.p, "\"spend\"", "met") / met;
	buf_fini(&text);
	world_fini(w);
	free(w);
	return met > 0 ? ratio : INFINITY;
}

static void
nobody_beats_it(void **state)
{
	struct fixture files;
	char path[128];
	double least = INFINITY;

	setenv("NONE_A", "a", 1);
	setenv("NONE_B", "b", 1);
	setenv("NONE_C", "c", 1);
	fixture_init(&files);
	fixture_write(&files, "fleet.conf", FLEET);
	snprintf(path, sizeof(path), "%s/play.conf", files.folder);
	for (unsigned i = 0; i < COUNT(plays); i++) {
		char text[512];

		snprintf(text, sizeof(text),
		    "summary = \"t\"; fleet = \"fleet.conf\";\n%s\n",
		    plays[i].text);
		fixture_write(&files, "play.conf", text);
		for (unsigned k = 0; pilots[k] != NULL; k++) {
			struct scenario_options o = { .name = path,
				.seed = i + 1,
				.speed = plays[i].speed };
			struct scenario sc;
			struct buf notes;
			struct errmsg why = { "" };
			double ratio;

			if (strcmp(pilots[k]->name, "class-pinned") == 0)
				continue; /* no table for this fleet */
			buf_init(&notes, 1 << 16);
			if (scenario_load(&sc, &o, &notes, &why) != OK)
				fail_msg("%s", why.text);
			sc.traffic.duration = 60 * USEC_SEC;
			ratio = compare(&sc, pilots[k]);
			if (ratio < 1)
				fail_msg("%s beats it in play %u: %g",
				    pilots[k]->name, i, ratio);
			least = fmin(least, ratio);
			scenario_fini(&sc);
			buf_fini(&notes);
		}
	}
	/* nor is it out of everybody's reach */
	assert_true(least < 1.05);
	fixture_fini(&files);
}

/* A year of noise, slice by slice, is more than a machine has memory for. */
static void
what_is_too_long_is_refused(void **state)
{
	struct scenario_options o = {
		.name = "steady", .seed = 1, .speed = 1e-4
	};
	struct bound_terms terms = { .spend = INFINITY };
	struct errmsg why = { "" };
	struct scenario sc;
	struct buf text;

	buf_init(&text, 1 << 16);
	assert_int_equal(scenario_load(&sc, &o, &text, &why), OK);
	assert_int_equal(
	    bound_scenario(&sc, &terms, true, &text, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "hours of traffic for 4 backends"));
	assert_int_equal(text.n, 0);
	scenario_fini(&sc);
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_beats_it),
		cmocka_unit_test(what_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
