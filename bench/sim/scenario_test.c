/* bench/sim/scenario_test.c - scenarios that come with us, and wrong ones. */
#include "bench/sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define FLEET "bench/scenarios/fleet.conf"

/* A file of that text; its fleet is ours, by an absolute path. */
static enum err
load_text(struct scenario *s, const char *text, const char *config,
    struct errmsg *why)
{
	char path[] = "/tmp/scenario-XXXXXX", here[512];
	struct scenario_options o = {
		.name = path, .seed = 1, .config = config
	};
	struct buf notes;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	enum err rc;

	assert_non_null(f);
	assert_non_null(getcwd(here, sizeof(here)));
	fprintf(
	    f, "summary = \"x\";\nfleet = \"%s/" FLEET "\";\n%s", here, text);
	fclose(f);
	buf_init(&notes, SIZE_MAX);
	rc = scenario_load(s, &o, &notes, why);
	if (config != NULL && rc == OK)
		assert_true(notes.n > 0);
	buf_fini(&notes);
	unlink(path);
	return rc;
}

static enum err
load_named(struct scenario *s, const char *name, uint64_t seed)
{
	struct scenario_options o = { .name = name, .seed = seed };
	struct errmsg why;
	struct buf notes;
	enum err rc;

	buf_init(&notes, SIZE_MAX);
	rc = scenario_load(s, &o, &notes, &why);
	buf_fini(&notes);
	return rc;
}

static void
those_that_come_with_us_load(void **state)
{
	static const char *const names[] = { "steady", "brownout", "bursts",
		"coldstart", "drift", "heavytail", "overload", "overload2",
		"gray-itl", "gray-silent", "gray-truncate", "sinkhole", "flap",
		"storm", "mixed", "return" };
	struct scenario s;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(load_named(&s, names[i], 1), OK);
		assert_string_equal(s.name, names[i]);
		assert_int_equal(s.fleet->n_backends, 4);
		scenario_fini(&s);
	}
	assert_int_not_equal(load_named(&s, "nonesuch", 1), OK);
	assert_int_not_equal(load_named(&s, "/none/such.conf", 1), OK);
}

static void
what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *said;
	} wrong[] = {
		{ "trafic = { };",
		    ":3: trafic: no such setting: did you mean "
		    "traffic?" },
		{ "traffic = {\n speed = \"x\"; };",
		    ":4: speed: want a "
		    "number" },
		{ "traffic = {\n speed = 0; };", ":4: speed: want 0.001.." },
		{ "traffic = { burst_every = \"9\"; };",
		    ":3: burst_every: "
		    "want a span" },
		{ "traffic = { burst_every = \"9s\"; };", ":3: burst_length" },
		{ "backends = ( { name = \"gpu-z\"; } );", "has no \"gpu-z\"" },
		{ "backends = ( { noise = 0.1; } );", ":3: name is missing" },
		{ "backends = { };", ":3: backends: want ( {" },
		{ "incidents = ( { kind = \"slow\"; } );",
		    "backend is "
		    "missing" },
		{ "incidents = ( {\n backend = \"cpu\"; kind = \"tired\"; } );",
		    "kind: want slow, drift" },
		{ "incidents = ( { backend = \"cpu\"; kind = \"slow\"; at = "
		  "1.5; } );",
		    ":3: at: want 0..1, got 1.5" },
		{ "incidents = ( { backend = \"cpu\"; kind = \"flap\"; every "
		  "= \"0s\"; } );",
		    "every: want more than 0" },
		{ "traffic = { flood = { per_second = 1; }; };",
		    "tenant is missing" },
		{ "traffic = {", ":3: " },
	};
	struct scenario s;
	struct errmsg why;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_not_equal(
		    load_text(&s, wrong[i].text, NULL, &why), OK);
		if (strstr(why.text, wrong[i].said) == NULL)
			fail_msg("%s: %s", wrong[i].text, why.text);
	}
}

static void
what_is_told_is_off_by_the_seed(void **state)
{
	struct scenario s;
	double seen[2] = { 0 };

	for (uint64_t seed = 1; seed <= 20; seed++) {
		assert_int_equal(load_named(&s, "steady", seed), OK);
		for (size_t i = 0; i < 4; i++) {
			const struct conf_profile *t =
			    &s.told->backends[i].profile;
			double off = (double)t->step / s.truth[i].facts.step;
			double same = t->per_token / s.truth[i].facts.per_token;

			assert_true(off > 0.499 && off < 2.001);
			assert_true(same / off > 0.99 && same / off < 1.01);
		}
		if (seed <= 2)
			seen[seed - 1] = s.told->backends[0].profile.per_token;
		scenario_fini(&s);
	}
	assert_true(seen[0] != seen[1]);
}

static void
the_rest_is_read(void **state)
{
	struct scenario s;
	struct errmsg why;

	assert_int_equal(
	    load_text(&s,
		"traffic = { load = 2; mix = { batch = 0.5; }; };\n"
		"backends = ( { name = \"fast\"; rate = 3; burst = 20; kv = "
		"1000; chunk = 64; cold = \"3s\"; unknown = true; } );\n"
		"incidents = ( { backend = \"cpu\"; kind = \"silent\"; at = "
		"0.5; for = 0.1; } );\n",
		NULL, &why),
	    OK);
	assert_true(s.traffic.speed == 3.6);
	assert_true(s.traffic.mix[2] == 0.5);
	assert_true(s.truth[2].rate == 3 && s.truth[2].burst == 20);
	assert_int_equal(s.truth[2].facts.kv, 1000);
	assert_int_equal(s.truth[2].facts.chunk, 64);
	assert_int_equal(s.truth[2].cold, 3 * USEC_SEC);
	assert_int_equal(s.told->backends[2].profile.step, 0);
	assert_int_equal(s.n_incidents, 1);
	assert_int_equal(s.incident[0].kind, INCIDENT_SILENT);
	assert_int_equal(s.incident[0].where, 3);
	scenario_fini(&s);
}

/* In a fleet of one's own the first backend has the mishaps. */
static void
another_fleet_may_take_its_place(void **state)
{
	struct scenario s;
	struct errmsg why;

	assert_int_equal(
	    load_text(&s,
		"backends = ( { name = \"none\"; rate = 3; } );\n"
		"incidents = ( { backend = \"none\"; kind = \"down\"; } );\n",
		FLEET, &why),
	    OK);
	assert_string_equal(s.incident[0].backend, "gpu-a");
	assert_true(s.truth[0].rate == 0);
	scenario_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_come_with_us_load),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(what_is_told_is_off_by_the_seed),
		cmocka_unit_test(the_rest_is_read),
		cmocka_unit_test(another_fleet_may_take_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
