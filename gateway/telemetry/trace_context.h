/* gateway/telemetry/trace_context.h - which trace a request belongs to.
 *
 * W3C Trace Context, Recommendation of 2021, level 1: the header `traceparent`.
 * Ids are bytes as they are written, in hexadecimal; an id of zeroes is
 * none. */
#ifndef GATEWAY_TELEMETRY_TRACE_CONTEXT_H
#define GATEWAY_TELEMETRY_TRACE_CONTEXT_H

#include "gateway/lib/buf.h"

#define TRACE_ID 16
#define SPAN_ID 8
#define TRACEPARENT 55 /* bytes of a traceparent, version 00 */

struct trace_context {
	unsigned char trace[TRACE_ID];
	unsigned char parent[SPAN_ID]; /* the caller's span, or zeroes */
	unsigned char span[SPAN_ID]; /* the request's own */
	bool sampled; /* its spans are kept */
};

/* Fills in all but the span; false where it is not well-formed, and then the
 * header counts as absent. Later versions are read as far as this one goes. */
bool trace_parse(struct slice traceparent, struct trace_context *);

/* A span of its own, and a new trace where there is none, made of the 24
 * hexadecimal digits of a request's random id, with which a new trace begins.
 * A new one is sampled with the probability `share`. */
void trace_begin(struct trace_context *, struct slice digits, double share);

/* The span of an attempt of the request, by its number. */
void trace_attempt(
    const struct trace_context *, unsigned number, unsigned char span[SPAN_ID]);
/* "00-...": what goes out with it. */
void trace_write(
    const struct trace_context *, const unsigned char *span, struct buf *);

#endif
