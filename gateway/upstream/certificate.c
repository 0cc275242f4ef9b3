/* gateway/upstream/certificate.c - until when backends' certificates are good.
 */
#include "gateway/upstream/certificate.h"

#include <stdlib.h>
#include <time.h>

struct certified {
	struct list link;
	struct certificates *all;
	uint32_t peer;
	usec looked; /* at the certificate, in a full handshake; 0: never */
	usec until; /* since 1970 */
};

void
certificates_init(struct certificates *all)
{
	*all = (struct certificates){ .on_read = NULL };
	list_init(&all->known);
}

void
certificates_fini(struct certificates *all)
{
	struct list *node;

	while ((node = list_pop(&all->known)) != NULL)
		free(CONTAINER_OF(node, struct certified, link));
}

static struct certified *
certified_of(struct certificates *all, uint32_t peer)
{
	struct certified *c;

	for (struct list *n = all->known.next; n != &all->known; n = n->next) {
		c = CONTAINER_OF(n, struct certified, link);
		if (c->peer == peer)
			return c;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->all = all;
	c->peer = peer;
	list_append(&all->known, &c->link);
	return c;
}

static usec
end_of(const X509 *x)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return USEC_NEVER;
	return (usec)timegm(&tm) * USEC_SEC;
}

/* Whichever of the chain expires first ends all of it. */
static void
look(struct certified *c, const SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	usec until = USEC_NEVER, end;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		end = end_of(sk_X509_value(chain, i));
		if (end < until)
			until = end;
	}
	if (until == USEC_NEVER)
		return;
	c->looked = clock_now();
	c->until = until;
	if (c->all->on_read != NULL)
		c->all->on_read(c->all->arg, c->peer, until);
}

static bool
is_believed(const struct certified *c)
{
	return c->looked != 0 &&
	    clock_now() - c->looked < CERTIFICATE_BELIEVED &&
	    clock_wall() < c->until;
}

static void
on_handshake(const SSL *ssl, int where, int ret)
{
	struct certified *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)ret;
	if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0)
		return;
	if (where == SSL_CB_HANDSHAKE_START && !is_believed(c))
		(void)SSL_set_session((SSL *)(uintptr_t)ssl, NULL);
	else if (where == SSL_CB_HANDSHAKE_DONE && !SSL_session_reused(ssl))
		look(c, ssl);
}

void
certificates_watch(struct certificates *all, uint32_t peer, SSL_CTX *ctx)
{
	struct certified *c = certified_of(all, peer);

	if (c == NULL)
		return;
	SSL_CTX_set_app_data(ctx, c);
	SSL_CTX_set_info_callback(ctx, on_handshake);
}
