/* gateway/upstream/trust.h - the system's certificate authorities, read once.
 *
 * libcurl reads the whole bundle anew for each CURLM: 20 ms that the loop
 * stands still, and a copy in memory, for every 32 transfers. Here one store
 * serves all connections of an upstream. A ca_file is left to libcurl: it is
 * short, and connections made with different ones must not be mixed up. */
#ifndef GATEWAY_UPSTREAM_TRUST_H
#define GATEWAY_UPSTREAM_TRUST_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "gateway/lib/clock.h"

struct trust {
	char *bundle; /* NULL: this libcurl is to see to it alone */
	X509_STORE *store; /* NULL until it is first needed */
	usec loaded;
};

void trust_init(struct trust *);
void trust_fini(struct trust *);

/* Makes the handle, as reset, trust them; arg lives as long as it does. */
CURLcode trust_apply(struct trust *, CURL *);

#endif
