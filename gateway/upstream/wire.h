/* gateway/upstream/wire.h - a connection that libcurl makes and we speak on.
 *
 * For a request that asks for another protocol. libcurl looks up names, goes
 * through proxies, does TLS and checks certificates (CURLOPT_CONNECT_ONLY);
 * then the request goes out from here, and if a 101 answers it, bytes go both
 * ways. Its owner's callbacks are those of any transfer.
 *
 *	CONNECTS -> HEAD -> TUNNEL -> OVER
 *	              \---> BODY --/	an answer that is no 101
 */
#ifndef GATEWAY_UPSTREAM_WIRE_H
#define GATEWAY_UPSTREAM_WIRE_H

#include <curl/curl.h>
#include <stdbool.h>

#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

struct transfer;
struct transfer_request;
struct wire;

/* After easy_prepare(). False: *why. */
bool wire_new(
    struct transfer *, const struct transfer_request *, struct errmsg *why);
/* libcurl has connected, or has not: true where the transfer goes on. */
bool wire_goes_on(struct transfer *, CURLcode);
/* Until then it may begin once more. */
bool wire_is_open(const struct wire *);
/* Reads, if nobody holds it, and writes what there is. */
void wire_run(struct transfer *);
/* False: enough is queued; on_drain() will come. */
bool wire_write(struct transfer *, struct slice);
/* Before libcurl closes the connection. */
void wire_free(struct transfer *);

#endif
