/* gateway/telemetry/otlp.h - a request as spans, in the words of OpenTelemetry.
 *
 * OTLP 1.0 over HTTP, JSON encoding: ids are hexadecimal, times are decimal
 * strings of nanoseconds. One span for the request (server), one for each wait
 * in the queue (internal), one for each attempt (client); attributes after the
 * semantic conventions for GenAI where those have one, pointsman.* else. */
#ifndef GATEWAY_TELEMETRY_OTLP_H
#define GATEWAY_TELEMETRY_OTLP_H

#include "gateway/lib/inference.h"
#include "gateway/telemetry/trace_context.h"

#define WAITS_KEPT 4

struct wait_span {
	usec from, to;
};

/* Points in time are microseconds since 1970; what the outcome has of them is
 * relative to `arrived`. */
struct trace_record {
	struct trace_context context;
	struct outcome outcome; /* with strings that live as long as this */
	usec began, arrived, ended;
	struct wait_span waits[WAITS_KEPT];
	unsigned n_waits;
};

/* The document of one export; `instance` tells this process from others. */
void otlp_begin(struct buf *, const char *instance);
void otlp_add(struct buf *, const struct trace_record *, bool first);
void otlp_end(struct buf *);

#endif
