/* gateway/telemetry/otlp_answer.h - what a collector says to an export.
 *
 * In Protobuf an ExportTraceServiceResponse where it took the spans, or some of
 * them; else a google.rpc.Status (OTLP 1.0, "OTLP/HTTP Response"). */
#ifndef GATEWAY_TELEMETRY_OTLP_ANSWER_H
#define GATEWAY_TELEMETRY_OTLP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/lib/slice.h"

struct otlp_answer {
	uint64_t rejected; /* spans that it did not take, of those it could */
	struct slice message; /* for people; empty: none. Of the body */
};

/* `taken`: with a 2xx. False where it does not parse, and then it says nothing;
 * members that are not known are passed over. */
bool otlp_read_answer(struct slice body, bool taken, struct otlp_answer *);

#endif
