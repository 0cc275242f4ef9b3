/* gateway/warm.h - connections kept open for premium requests.
 *
 * One per worker, on its loop. A premium request should find a connection with
 * its TLS handshake done, and backends close what idles, some after five
 * seconds. policies/warmth.h says how many there are to be and when a backend
 * is to be asked something; this asks it how it is, as its probes do. */
#ifndef GATEWAY_WARM_H
#define GATEWAY_WARM_H

#include "gateway/conf/conf.h"

struct warm;
struct worker;

/* NULL without memory. */
struct warm *warm_new(struct worker *);
/* The loop must still turn; on_closed(arg) says when it is gone. Before the
 * worker's upstream is closed. NULL is fine, and said at once. */
void warm_close(struct warm **, void (*on_closed)(void *), void *arg);

/* A premium attempt on the backend begins, and is over; cut: with its
 * connection. False: its connections are not kept, and the end need not be
 * told. */
bool warm_begin(struct warm *, const struct conf_backend *, usec now);
void warm_end(struct warm *, const struct conf_backend *, bool cut);

#endif
