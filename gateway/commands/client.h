/* gateway/commands/client.h - one HTTP request at a time, for the subcommands.
 *
 * A loop and an upstream of its own; client_send() returns when the exchange
 * is over. */
#ifndef GATEWAY_COMMANDS_CLIENT_H
#define GATEWAY_COMMANDS_CLIENT_H

#include "gateway/lib/buf.h"
#include "gateway/upstream/upstream.h"

/* To a gateway, with its name and TLS: three times there and back, and a packet
 * that is sent anew after a second. */
#define CLIENT_CONNECT_TIMEOUT (4 * USEC_SEC)

struct client;

struct client *client_new(struct errmsg *why);
void client_free(struct client **);

/* Any callback may be NULL. on_bytes must take all. */
struct client_ops {
	void (*on_header)(void *arg, struct slice name, struct slice value);
	void (*on_bytes)(void *arg, struct slice);
};

/* Fills *out; after `timeout` the transfer is given up as
 * FAULT_TOTAL_TIMEOUT. */
void client_send(struct client *, const struct transfer_request *,
    const struct client_ops *, void *arg, usec timeout,
    struct transfer_result *out);

#endif
