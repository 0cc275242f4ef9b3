/* backends/probe.h - what the adapters' probes share. */
#ifndef BACKENDS_PROBE_H
#define BACKENDS_PROBE_H

#include <jansson.h>

#include "backends/adapters.h"

/* True: a good answer came and is to be read. Otherwise out->fault says why
 * not, or FAULT_NONE where the server merely lacks that page. */
bool probe_answered(int status, struct slice body, struct probe_result *out);

/* Names of a list of models, one per line, appended to out->models. */
void probe_read_models(struct slice body, struct probe_result *out);

/* A JSON document, or NULL; the caller drops the reference. */
json_t *probe_json(struct slice body);

/* Unless unknown, sets the member and its bit. */
void probe_set_gauges(struct load *, struct slice page, const char *running,
    const char *waiting, const char *cache_use);

/* Whether there may be so many. */
struct gauge;
bool probe_is_count(const struct gauge *);

void probe_set_warm(struct load *, bool warm);

#endif
