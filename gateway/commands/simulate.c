/* gateway/commands/simulate.c - `pointsman simulate`: the router against a
 * fleet that exists on paper, in virtual time. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "bench/sim/bound_world.h"
#include "bench/sim/calibrate.h"
#include "bench/sim/world.h"
#include "gateway/commands/command.h"
#include "gateway/commands/profiles.h"
#include "gateway/conf/value.h"
#include "gateway/lib/clock.h"

#define BOUND "bound"
#define PROGRESS (5 * USEC_SEC) /* between two words about it */
#define HOUR (3600e6)

struct simulate {
	struct scenario_options scenario;
	const char *router, *seed, *speed, *classes, *duration, *requests_out;
	const char *pinned_table, *spend, *floors, *profiles;
	bool json, list;
};

static int
complain(const char *option, const char *want, const char *got)
{
	fprintf(
	    stderr, "simulate: %s: want %s, got \"%s\"\n", option, want, got);
	return EXIT_USAGE;
}

/* --classes premium,standard: who is not in it is dropped. */
static bool
read_classes(const char *text, bool drop[WORKLOAD_PRIORITIES])
{
	struct slice rest = slice_of(text), name;
	enum priority p;

	for (int i = 0; i < WORKLOAD_PRIORITIES; i++)
		drop[i] = true;
	while (slice_next(&rest, ',', &name)) {
		if (!priority_parse(name, &p))
			return false;
		drop[p] = false;
	}
	return true;
}

static bool
read_duration(const char *text, usec *out)
{
	double seconds;

	if (duration_parse(slice_of(text), out))
		return *out > 0;
	if (!slice_double(slice_of(text), &seconds) || !(seconds > 0) ||
	    seconds > 1e9)
		return false;
	*out = (usec)(seconds * 1e6);
	return true;
}

static bool
read_number(const char *text, double *out)
{
	return slice_double(slice_of(text), out) && *out > 0 && *out <= 1e6;
}

/* --floor premium=0.95,standard=0.5: shares of the requests of a class. */
static bool
read_floors(const char *text, double floor[RELAX_CLASSES])
{
	struct slice rest = slice_of(text), part, name;
	enum priority p;
	bool seen[RELAX_CLASSES] = { false };

	while (slice_next(&rest, ',', &part)) {
		if (!slice_next(&part, '=', &name) ||
		    !priority_parse(name, &p) || seen[p] ||
		    !slice_double(part, &floor[p]) || !(floor[p] > 0) ||
		    floor[p] > 1)
			return false;
		seen[p] = true;
	}
	return text[0] != '\0';
}

/* What the words of the options say; the exit code, as said on stderr. */
static int
settle(struct simulate *s, struct scenario *sc)
{
	struct workload_options *t = &sc->traffic;

	if (s->classes != NULL && !read_classes(s->classes, t->drop))
		return complain(
		    "--classes", "some of premium,standard,batch", s->classes);
	if (s->duration != NULL && !read_duration(s->duration, &t->duration))
		return complain(
		    "--duration", "a span such as \"300s\"", s->duration);
	return EXIT_GOOD;
}

static int
show(const struct world *w, bool json)
{
	struct buf text;
	bool sound;

	buf_init(&text, SIZE_MAX);
	world_report(w, json, &text);
	sound = buf_err(&text) == OK;
	if (sound)
		printf("%.*s", SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
	return sound && fflush(stdout) == 0 ? EXIT_GOOD : EXIT_BAD;
}

/* A long run says on stderr that it is one. */
static void
on_progress(void *arg, usec now, usec span)
{
	usec *said = arg, real = clock_now();

	if (real - *said < PROGRESS)
		return;
	*said = real;
	if (now < span)
		fprintf(stderr, "simulate: %.1f h of %.1f h (%.1f %%)\n",
		    (double)now / HOUR, (double)span / HOUR,
		    100 * (double)now / (double)span);
	else
		fprintf(stderr,
		    "simulate: all %.1f h, and %.1f h more for "
		    "what is under way\n",
		    (double)span / HOUR, (double)(now - span) / HOUR);
}

static int
run(struct simulate *s, const struct scenario *sc,
    const struct pilot_ops *pilot)
{
	usec said = clock_now();
	struct world_options o = { .pilot = pilot,
		.scenario = sc,
		.pinned_table = s->pinned_table,
		.progress = on_progress,
		.progress_arg = &said };
	struct world *w;
	struct errmsg why = { "" };
	int code;

	if (s->requests_out != NULL) {
		o.requests = fopen(s->requests_out, "w");
		if (o.requests == NULL)
			return complain("--requests-out",
			    "a file that can be written", s->requests_out);
	}
	w = malloc(sizeof(*w));
	if (w == NULL || world_run(w, &o, &why) != OK) {
		fprintf(stderr, "simulate: %s\n", why.text);
		code = EXIT_USAGE;
	} else {
		code = show(w, s->json);
		world_fini(w);
	}
	free(w);
	if (o.requests != NULL &&
	    !command_close("simulate", o.requests, s->requests_out))
		code = EXIT_BAD;
	return code;
}

/* Not a router: what none can beat. */
static int
run_bound(const struct simulate *s, const struct scenario *sc)
{
	struct bound_terms terms = { .spend = INFINITY };
	struct errmsg why = { "" };
	struct buf text;
	enum err rc;

	if (s->spend != NULL && !read_number(s->spend, &terms.spend))
		return complain(
		    "--spend", "USD, more than 0, at most 1e6", s->spend);
	if (s->floors != NULL && !read_floors(s->floors, terms.floor))
		return complain("--floor",
		    "shares of classes, more than 0 to 1, such as "
		    "\"premium=0.95,standard=0.5\"",
		    s->floors);
	buf_init(&text, SIZE_MAX);
	rc = bound_scenario(sc, &terms, s->json, &text, &why);
	if (rc == OK)
		rc = buf_err(&text);
	if (rc == OK)
		printf("%.*s", SLICE_ARG(buf_slice(&text)));
	else
		fprintf(stderr, "simulate: %s\n", why.text);
	buf_fini(&text);
	return rc == OK && fflush(stdout) == 0 ? EXIT_GOOD : EXIT_BAD;
}

/* pilot: NULL for the bound. */
static int
simulate(struct simulate *s, const struct pilot_ops *pilot)
{
	struct scenario sc;
	struct errmsg why = { "" };
	struct buf notes;
	int code;

	buf_init(&notes, SIZE_MAX);
	if (scenario_load(&sc, &s->scenario, &notes, &why) != OK) {
		fprintf(stderr, "simulate: %s\n", why.text);
		buf_fini(&notes);
		return EXIT_USAGE;
	}
	fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&notes)));
	buf_fini(&notes);
	if (s->scenario.config != NULL && s->profiles == NULL)
		fputs("simulate: speeds are assumed, by profile and hardware: "
		      "--profiles has what was measured\n",
		    stderr);
	code = settle(s, &sc);
	if (code == EXIT_GOOD && sc.speeds != NULL &&
	    calibrate(&sc, &why) != OK) {
		fprintf(stderr, "simulate: %s\n", why.text);
		code = EXIT_USAGE;
	}
	if (code == EXIT_GOOD)
		code = pilot != NULL ? run(s, &sc, pilot) : run_bound(s, &sc);
	scenario_fini(&sc);
	return code;
}

/* The bound knows all that machines do, but not the luck of each request. */
static int
with_profiles(struct simulate *s, const struct pilot_ops *pilot)
{
	struct profiles p;
	int code = EXIT_USAGE;

	if (s->scenario.config == NULL)
		return complain("--profiles",
		    "--config, whose servings they are of", s->profiles);
	if (pilot == NULL)
		return complain("--profiles", "another router", s->router);
	if (profiles_load(&p, s->profiles)) {
		s->scenario.measured = &p.fleet;
		code = simulate(s, pilot);
		s->scenario.measured = NULL;
	}
	profiles_free(&p);
	return code;
}

static int
unknown_router(const char *name)
{
	fprintf(stderr, "simulate: --router: want one of");
	for (int i = 0; pilots[i] != NULL; i++)
		fprintf(stderr, " %s", pilots[i]->name);
	fprintf(stderr, " " BOUND ", got \"%s\"\n", name);
	return EXIT_USAGE;
}

static int
list(void)
{
	puts("routers:");
	for (int i = 0; pilots[i] != NULL; i++)
		printf("  %-18s %s\n", pilots[i]->name, pilots[i]->summary);
	printf("  %-18s %s\n", BOUND, "what no router can beat");
	puts("scenarios:");
	scenario_list(stdout);
	return EXIT_GOOD;
}

static int
carry_out(struct simulate *s)
{
	const struct pilot_ops *pilot;

	if (s->list)
		return list();
	if (!slice_u64(slice_of(s->seed), &s->scenario.seed))
		return complain("--seed", "a whole number", s->seed);
	if (s->speed != NULL && !read_number(s->speed, &s->scenario.speed))
		return complain(
		    "--speed", "more than 0, at most 1e6", s->speed);
	pilot = pilot_find(s->router);
	if (pilot == NULL && strcmp(s->router, BOUND) != 0)
		return unknown_router(s->router);
	if (pilot != NULL && s->spend != NULL)
		return complain("--spend", "--router " BOUND, s->router);
	if (pilot != NULL && s->floors != NULL)
		return complain("--floor", "--router " BOUND, s->router);
	if (s->profiles != NULL)
		return with_profiles(s, pilot);
	return simulate(s, pilot);
}

int
command_simulate(int argc, char **argv)
{
	struct simulate s = {
		.scenario = { .name = "steady" }, .router = "slo", .seed = "1"
	};
	const struct command_option options[] = {
		{ "scenario", 's', "NAME", "or a file; default: steady",
		    &s.scenario.name, NULL },
		{ "router", 'r', "NAME", "default: slo", &s.router, NULL },
		{ "seed", 0, "N", "equal seeds give equal bytes; default: 1",
		    &s.seed, NULL },
		{ "trace", 0, "FILE",
		    "arrivals and lengths: TIMESTAMP,ContextTokens,"
		    "GeneratedTokens; .csv or .csv.gz",
		    &s.scenario.trace, NULL },
		{ "speed", 0, "X",
		    "times the trace's, at most 1e6; default: 1.8, or 1 for "
		    "--trace with --config",
		    &s.speed, NULL },
		{ "classes", 0, "LIST", "premium,standard,batch: drop the rest",
		    &s.classes, NULL },
		{ "config", 'c', "FILE", "your own fleet: a gateway.conf",
		    &s.scenario.config, NULL },
		{ "profiles", 0, "FILE",
		    "speeds as measured: of 'backend list --json', or "
		    "http://... of the admin listener",
		    &s.profiles, NULL },
		{ "duration", 0, "SPAN", "no arrivals after it", &s.duration,
		    NULL },
		{ "pinned-table", 0, "FILE",
		    "of class-pinned; default: scenarios/pinned.conf",
		    &s.pinned_table, NULL },
		{ "spend", 0, "USD", "of bound: how many for that money",
		    &s.spend, NULL },
		{ "floor", 0, "LIST",
		    "of bound: premium=SHARE,...: who meets as much of it",
		    &s.floors, NULL },
		{ "requests-out", 0, "FILE", "a line of CSV per request",
		    &s.requests_out, NULL },
		{ "json", 0, NULL, "as JSON", NULL, &s.json },
		{ "list", 0, NULL, "routers and scenarios", NULL, &s.list },
	};
	int code;

	if (!command_only_options(argc, argv, "pointsman simulate [OPTION]...",
		COMMAND_OPTIONS(options), &code))
		return code;
	return carry_out(&s);
}
