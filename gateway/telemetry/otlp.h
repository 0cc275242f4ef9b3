/* gateway/telemetry/otlp.h - a request as spans, in the words of OpenTelemetry.
 *
 * OTLP 1.0 over HTTP, Protobuf encoding (opentelemetry/proto/trace/v1). One
 * span for the request (server), one for each wait in the queue (internal), one
 * for each attempt (client); attributes after the semantic conventions for
 * GenAI where those have one, pointsman.* else. */
#ifndef GATEWAY_TELEMETRY_OTLP_H
#define GATEWAY_TELEMETRY_OTLP_H

#include "gateway/lib/inference.h"
#include "gateway/telemetry/trace_context.h"

#define WAITS_KEPT 4
#define OTLP_TYPE "application/x-protobuf"

struct wait_span {
	usec from, to;
};

/* All borrowed. Points in time are `to_wall` microseconds earlier than by the
 * calendar; what the outcome has is relative to `arrived`. */
struct trace_record {
	const struct trace_context *context;
	const struct outcome *outcome;
	usec began, arrived, ended;
	const struct wait_span *waits;
	unsigned n_waits; /* WAITS_KEPT at most */
	usec to_wall;
};

#define OTLP_TEXT_MAX 255 /* bytes of a name or reason; the rest is cut off */
/* Room for the numbers and keys of a span, and for its texts. */
#define OTLP_SPAN_MAX(texts) (1024 + (texts) * (OTLP_TEXT_MAX + 8))
#define OTLP_REQUEST_MAX                                                       \
	(OTLP_SPAN_MAX(12) + WAITS_KEPT * OTLP_SPAN_MAX(2) +                   \
	    ATTEMPTS_KEPT * OTLP_SPAN_MAX(8))
#define OTLP_HEAD_MAX 512

/* The spans of a request; those of others may follow. Returns their bytes. */
size_t otlp_spans(char room[OTLP_REQUEST_MAX], const struct trace_record *);
/* What stands before `spans` bytes of them to make an export of it; `instance`
 * tells this process from others, in 64 bytes at most. */
size_t otlp_head(char room[OTLP_HEAD_MAX], const char *instance, size_t spans);

#endif
