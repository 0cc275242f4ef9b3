/* gateway/commands/loadtest_run.h - open-loop load, from the client's side.
 *
 * Requests go out when they are due, whether or not the server keeps up, and
 * all times count from then: waiting for a slow server is part of what is
 * measured (Tene's "coordinated omission"). One thread, one uv loop, one
 * upstream, as the gateway's own workers have it. */
#ifndef GATEWAY_COMMANDS_LOADTEST_RUN_H
#define GATEWAY_COMMANDS_LOADTEST_RUN_H

#include <stdio.h>

#include "bench/load/options.h"
#include "bench/traffic/score.h"

struct loadtest_result {
	struct score score;
	struct score_class of[LOADTEST_CLASSES]; /* as the options' classes */
	double seconds; /* from the start to the last answer */
	uint64_t sent, failed;
	uint64_t abandoned; /* unanswered when the second SIGINT came: not
			       scored */
	uint64_t unsent; /* due, but without a place, at the first: likewise */
	struct hist late; /* from due to sent: we are the bottleneck */
	uint64_t faults[FAULT_COUNT]; /* how exchanges failed */
	uint64_t statuses[600]; /* 0: none came; [599] and above together */
	uint64_t unpriced; /* requests that no price is for */
	uint64_t priced[LOADTEST_PRICES]; /* answers that each is for */
	char first_flaw[240]; /* the first answer that was not 2xx; "": none */
};

/* Runs to the end; progress goes to stderr. ERR_IO etc. when it could not
 * begin, or *out could not be written. `csv` may be NULL. */
enum err loadtest_run(const struct loadtest_options *, FILE *csv,
    struct loadtest_result *out, struct errmsg *) MUST_USE;

#endif
