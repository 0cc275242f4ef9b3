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

#define CLIENT_HEADERS_MAX ((size_t)16384) /* bytes of a request's */
#define CLIENT_KEY_MAX ((size_t)8192)

/* The key of that environment variable, if it is set: what stands on a command
 * line, everybody can read. False: it is said on stderr what is wrong. */
bool client_add_key(const char *variable, struct buf *headers);

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
