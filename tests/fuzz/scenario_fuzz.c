/* tests/fuzz/scenario_fuzz.c - whatever stands in a simulator's scenario.
 *
 * It is loaded, or refused with a reason that names the file. Its fleet is the
 * one that all scenarios have, wherever it says it is. */
#include "bench/sim/scenario.h"
#include "tests/fuzz/file.h"

#define FLEET "bench/scenarios/fleet.conf" /* run from the top folder */

FUZZ_LIBCONFIG_LEAKS

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario_options o = { .config = FLEET, .seed = 1 };
	struct errmsg why = { "" };
	struct scenario s;
	struct buf notes;

	o.name = fuzz_file(slice_make((const char *)data, size));
	buf_init(&notes, (size_t)1 << 20);
	if (scenario_load(&s, &o, &notes, &why) == OK) {
		FUZZ_REQUIRE(s.fleet != NULL && s.told != NULL);
		FUZZ_REQUIRE(s.n_incidents <= SCENARIO_INCIDENTS_MAX);
		for (size_t i = 0; i < s.n_incidents; i++)
			FUZZ_REQUIRE(
			    s.incident[i].where < s.fleet->n_backends &&
			    s.incident[i].factor == s.incident[i].factor);
		FUZZ_REQUIRE(s.traffic.speed > 0);
		scenario_fini(&s);
	} else {
		FUZZ_REQUIRE(
		    slice_starts(slice_of(why.text), slice_of(o.name)));
	}
	buf_fini(&notes);
	return 0;
}
