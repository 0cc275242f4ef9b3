/* gateway/telemetry/fixture.h - outcomes for tests. */
#ifndef GATEWAY_TELEMETRY_FIXTURE_H
#define GATEWAY_TELEMETRY_FIXTURE_H

#include "gateway/lib/inference.h"

/* A streamed request that serving 1 answered well at once. */
static inline struct outcome
outcome_good(void)
{
	return (struct outcome){
		.id = "req-1",
		.tenant = "acme",
		.model = "gemma",
		.slo = "voice",
		.reason = "cheapest_adequate",
		.path = "/v1/chat/completions",
		.dialect = DIALECT_CHAT,
		.result = RESULT_OK,
		.status = 200,
		.stream = true,
		.slo_declared = true,
		.slo_met = true,
		.slo_target = 0.95,
		.bytes_in = 1000,
		.bytes_out = 4000,
		.usage = { .known = true, .input = 100, .output = 50 },
		.recv = 90,
		.auth = 4,
		.queue = 0,
		.route = 2,
		.connect = -1,
		.tls = -1,
		.ttft = 80000,
		.itl = 4000,
		.total = 280000,
		.cost = 0.25,
		.n_attempts = 1,
		.answered = 1,
		.attempts = { {
		    .serving = 1,
		    .backend = "cerebras",
		    .model = "gemma-4-31b",
		    .status = 200,
		    .connect = -1,
		    .tls = -1,
		    .ttft = 79000,
		    .itl = 4000,
		    .total = 279000,
		} },
	};
}

/* The same after serving 2 has failed. */
static inline struct outcome
outcome_after(enum fault_kind fault)
{
	struct outcome o = outcome_good();

	o.n_attempts = o.answered = 2;
	o.attempts[1] = o.attempts[0];
	o.attempts[0] = (struct attempt_report){ .serving = 2,
		.backend = "gpu",
		.model = "google/gemma",
		.fault = fault,
		.connect = 700,
		.tls = -1,
		.ttft = -1,
		.itl = -1,
		.total = 1500 };
	return o;
}

/* No backend saw it. */
static inline struct outcome
outcome_refused(int status)
{
	struct outcome o = outcome_good();

	o.status = status;
	o.result = RESULT_REFUSED;
	o.reason = "unknown_key";
	o.slo_declared = o.slo_met = false;
	o.usage = (struct usage){ 0 };
	o.ttft = o.itl = o.queue = o.route = -1;
	o.cost = -1;
	o.n_attempts = o.answered = 0;
	return o;
}

#endif
