/* gateway/probe.h - asks backends how they are, from the main thread.
 *
 * A health probe, then a load probe where the adapter has one, every
 * probe_interval; often while a backend is loading, seldom where requests
 * are metered. What comes back goes to the router. */
#ifndef GATEWAY_PROBE_H
#define GATEWAY_PROBE_H

#include "backends/backend.h"
#include "gateway/app.h"

struct prober;

struct prober *prober_new(struct app *);
/* Starts afresh with the backends of app->conf. */
void prober_configure(struct prober *);
/* A child came up: ask it now. */
void prober_hurry(struct prober *, uint32_t backend);
/* Where a question is put. False: a child that does not listen yet. */
bool probe_url(struct app *, const struct conf_backend *,
    const struct probe_request *, char *out, size_t cap);
/* Ends probes; their handles close with the loop's next turns. */
void prober_free(struct prober **);

#endif
