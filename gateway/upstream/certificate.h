/* gateway/upstream/certificate.h - until when backends' certificates are good.
 *
 * TLS looks at a certificate in a full handshake alone. A session that is
 * resumed, with a new ticket each time, would go on for ever: past the end of
 * the certificate, and unaware of a newer one. So none is resumed once the
 * certificate has expired, or an hour after it was last looked at (Go's
 * crypto/tls does the first as well). */
#ifndef GATEWAY_UPSTREAM_CERTIFICATE_H
#define GATEWAY_UPSTREAM_CERTIFICATE_H

#include <openssl/ssl.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/list.h"

#define CERTIFICATE_BELIEVED (3600 * USEC_SEC)

struct certificates {
	struct list known; /* one for each peer */
	/* The first of the chain to expire does so then, since 1970; from
	 * within a handshake. May be NULL. */
	void (*on_read)(void *arg, uint32_t peer, usec until);
	void *arg;
};

void certificates_init(struct certificates *);
void certificates_fini(struct certificates *);

/* Of a connection to that peer, about to be made; one that verifies nothing is
 * left alone. Without memory nothing is known of it. */
void certificates_watch(struct certificates *, uint32_t peer, SSL_CTX *);

#endif
