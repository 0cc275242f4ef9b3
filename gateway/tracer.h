/* gateway/tracer.h - spans of sampled requests, sent to a collector.
 *
 * Workers write the spans of a request when it ends; the main thread posts what
 * has gathered, once a second or when it is TRACER_CHUNK bytes, one post at a
 * time (OTLP over HTTP, Protobuf). A collector that is busy is tried again for
 * a while; what comes meanwhile and does not fit in TRACER_CHUNKS of those is
 * dropped and counted. Nobody ever waits for it but the process's end, for two
 * seconds. */
#ifndef GATEWAY_TRACER_H
#define GATEWAY_TRACER_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

struct app;
struct attempt;
struct buf;
struct request;
struct trace_record;
struct tracer;

/* Collectors take at least a megabyte. */
#define TRACER_CHUNK ((size_t)1000 * 1000)
#define TRACER_CHUNKS 4

struct tracer *tracer_new(struct app *);
void tracer_free(struct tracer **);

/* --- from a request's worker --- */

/* Which trace it belongs to; before its first attempt. */
void tracing_begin(struct request *);
#define TRACING_HEADERS_MAX 640 /* bytes */
/* The lines that go out with an attempt's other headers: without a collector,
 * those that came in. */
void tracing_headers(const struct attempt *, struct buf *headers);
/* The caller's trace, for its outcome, unless he has left with his headers. */
void tracing_note(struct request *);
/* Its outcome is complete. */
void tracing_end(struct request *, struct instant);
/* The spans of one request, or nothing where there is no room. */
void tracer_add(struct tracer *, const struct trace_record *);

/* --- main thread --- */

void tracer_tick(struct tracer *, usec now);
/* The process wants to end: false while something is still to be sent. */
bool tracer_drained(struct tracer *, usec now);
/* Cancels what is under way. */
void tracer_stop(struct tracer *);

struct tracer_stats {
	uint64_t sent, dropped; /* requests */
};
void tracer_stats(struct tracer *, struct tracer_stats *);

#endif
