/* bench/sim/scenario.h - a fleet, its truth, its traffic and its mishaps.
 *
 * Read from a file in libconfig's syntax (bench/scenarios has them, its
 * README.md says what may stand in one). The fleet is a gateway.conf, loaded
 * twice: once as the truth about its backends, and once as what the operator
 * would have written, whose first estimates of speed are off by a factor
 * between 0.5 and 2 per backend, drawn from the seed. */
#ifndef BENCH_SIM_SCENARIO_H
#define BENCH_SIM_SCENARIO_H

#include <stdio.h>

#include "bench/sim/machine.h"
#include "bench/sim/speeds.h"
#include "bench/traffic/workload.h"
#include "gateway/conf/conf.h"

#define SCENARIO_INCIDENTS_MAX 32
#define SCENARIO_TEXT 256

enum incident_kind {
	INCIDENT_SLOW, /* all steps take `factor` times longer */
	INCIDENT_DRIFT, /* the same, by 10 % more and more each `every` */
	INCIDENT_DOWN, /* connections are refused, streams are cut */
	INCIDENT_SILENT, /* accepts and does nothing; probes are well */
	INCIDENT_GRAY, /* steps without prefill take `factor` times longer */
	INCIDENT_TRUNCATE, /* answers break off after a random share */
	INCIDENT_SINKHOLE, /* a 200 full of garbage, at once */
	INCIDENT_FLAP, /* down for `every`, up for `every`, and so on */
	INCIDENT_KINDS
};
const char *incident_kind_name(enum incident_kind);

struct incident {
	const char *backend, *kind_name;
	double factor;
	double at, length; /* shares of the run */
	usec every;
	/* settled */
	enum incident_kind kind;
	size_t where; /* index of the backend */
};

/* What is true of a backend beyond the settings of gateway.conf. */
struct backend_truth {
	struct machine_facts facts;
	usec rtt;
	usec cold; /* to load the model, after start and outage */
	bool starts_cold;
	bool unknown; /* the operator has written no profile */
	double rate, burst; /* requests a second; rate 0: not limited */
};

struct scenario {
	char name[SCENARIO_TEXT], path[SCENARIO_TEXT];
	char fleet_path[SCENARIO_TEXT];
	const char *summary;
	struct conf *fleet; /* the truth */
	struct conf *told; /* what the router is told */
	struct backend_truth *truth; /* by index in fleet->backends */
	struct serving_speed *speeds; /* in fleet->servings; NULL: as truth */
	struct measured_fleet *measured; /* borrowed; NULL: nothing was */
	struct incident incident[SCENARIO_INCIDENTS_MAX];
	size_t n_incidents;
	struct workload_options traffic;
	double load; /* times the speed, whatever the options say */
	bool retry_after; /* shed clients come back once, when told to */
	bool batch_whole; /* batch asks for no stream */
	bool max_tokens; /* requests say how long an answer they want */
	/* deviation of the logarithm of a prompt's bytes by its tokens */
	double tokens_vary;
	uint64_t seed;
	void *tree; /* libconfig's, which the strings live in */
};

struct scenario_options {
	const char *name; /* or the path of a file */
	const char *config; /* another fleet; NULL: the scenario's own */
	uint64_t seed;
	struct measured_fleet *measured; /* NULL: nothing was */
	const char *trace; /* NULL: generated */
	double speed; /* 0: the scenario's */
};

/* Notes that are no errors are added to *notes, a line each. */
enum err scenario_load(struct scenario *, const struct scenario_options *,
    struct buf *notes, struct errmsg *why) MUST_USE;
void scenario_fini(struct scenario *);

/* Finds the file of a scenario: a path as it is; a name in bench/scenarios
 * below this folder, the program's or that of its installation. False: there
 * is none. */
bool scenario_find(const char *name, char path[SCENARIO_TEXT]);
/* Their names and summaries, a line each, sorted. */
void scenario_list(FILE *);

#endif
