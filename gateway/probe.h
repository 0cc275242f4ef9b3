/* gateway/probe.h - asks backends how they are, from the main thread.
 *
 * A health probe, then a load probe where the adapter has one, every
 * probe_interval; often while a backend is loading, seldom where those
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
/* A question to a backend. */
struct probe_call {
	struct app *app;
	struct upstream *upstream; /* whose connections it takes */
	const struct conf_backend *backend;
	const struct conf_api_key *key; /* to show; NULL: none */
	const struct probe_request *request;
	bool fresh; /* on a connection of its own */
};
/* NULL: it cannot be put now, as to a child that does not listen yet. */
struct transfer *probe_send(
    const struct probe_call *, const struct transfer_ops *, void *arg);
/* Ends probes; their handles close with the loop's next turns. */
void prober_free(struct prober **);

#endif
