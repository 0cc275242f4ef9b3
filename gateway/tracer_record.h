/* gateway/tracer_record.h - a finished request on its way to a collector;
 * private to tracer.c and tracing.c. */
#ifndef GATEWAY_TRACER_RECORD_H
#define GATEWAY_TRACER_RECORD_H

#include "gateway/conf/conf.h"
#include "gateway/telemetry/otlp.h"
#include "gateway/tracer.h"

struct tracer_record {
	struct tracer_record *next;
	struct conf *conf; /* pinned: names of the outcome lie in it */
	struct trace_record trace;
	char id[32], model[256], slo[72], asked[256];
};

void tracer_record_free(struct tracer_record *);
/* Takes it, or says that there is no room; NULL, no memory, counts so, too. */
bool tracer_add(struct tracer *, struct tracer_record *);

#endif
