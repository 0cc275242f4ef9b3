/* gateway/upstream/trust.h - certificate authorities: the system's are read
 * once, and other files when they have changed.
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
#include "gateway/lib/list.h"
#include "gateway/upstream/certificate.h"

struct trust {
	char *bundle; /* NULL: this libcurl is to see to it alone */
	X509_STORE *store; /* NULL until it is first needed */
	usec loaded;
	struct list files; /* those that were asked for */
	struct certificates certificates;
	bool ours; /* libcurl's TLS library is the one that we link */
};

/* What a connection is to be made with; it lives as long as the handle. */
struct trust_ask {
	struct trust *trust;
	uint32_t peer; /* 0: nobody in particular */
	bool bundle; /* the system's authorities are asked */
};

void trust_init(struct trust *);
void trust_fini(struct trust *);

/* How often that file has changed, as far as was noticed: it is looked at once
 * a second. 0 without memory. */
unsigned trust_version(struct trust *, const char *ca_file, usec now);
/* Makes the handle trust that version of a file. libcurl keeps what it has
 * read, connections and TLS sessions by the file's name: each version has its
 * own. */
CURLcode trust_file(
    struct trust_ask *, CURL *, const char *ca_file, unsigned version);

/* Makes the handle, as reset, trust the system's. */
CURLcode trust_apply(struct trust_ask *, CURL *);

#endif
