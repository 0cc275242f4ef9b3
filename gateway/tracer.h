/* gateway/tracer.h - spans of sampled requests, sent to a collector.
 *
 * Workers leave records, at most TRACER_QUEUE of them; the main thread makes
 * documents of up to TRACER_BATCH, once a second or when there are as many,
 * and posts one at a time (OTLP over HTTP, JSON). A collector that is busy is
 * tried again for a while; what does not fit meanwhile is dropped and
 * counted. Nobody ever waits for it but the process's end, for two seconds. */
#ifndef GATEWAY_TRACER_H
#define GATEWAY_TRACER_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

struct app;
struct attempt;
struct buf;
struct request;
struct tracer;

#define TRACER_QUEUE 4096
#define TRACER_BATCH 256

struct tracer *tracer_new(struct app *);
void tracer_free(struct tracer **);

/* --- from a request's worker --- */

/* Which trace it belongs to; before its first attempt. */
void tracing_begin(struct request *);
/* The lines that go out with an attempt's other headers: without a collector,
 * those that came in. */
void tracing_headers(const struct attempt *, struct buf *headers);
/* Its outcome is complete. */
void tracing_end(struct request *, usec now);

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
