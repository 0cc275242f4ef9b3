/* gateway/upstream/target.h - how a configured backend is reached. */
#ifndef GATEWAY_UPSTREAM_TARGET_H
#define GATEWAY_UPSTREAM_TARGET_H

#include "gateway/conf/conf.h"
#include "gateway/upstream/upstream.h"

/* Who shares connections with it. */
uint32_t transfer_peer(const struct conf_backend *);
uint32_t transfer_backend(uint32_t peer); /* its id, of a peer */
/* Socket, trust, proxy, peer and connect timeout; the rest is left as it is. */
void transfer_target(struct transfer_request *, const struct conf_backend *);

#endif
