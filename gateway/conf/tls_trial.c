/* gateway/conf/tls_trial.c - whether what a listener is to have will do, by the
 * libraries of its own side and of most clients.
 *
 * Daemons are made when clients come: what GnuTLS does not take would turn them
 * all away then. So would a key that it takes and cannot use (RSA of 512 bits,
 * a curve that nobody offers): a client in memory shakes hands with it. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/buf.h"

#define FLIGHT_MAX ((size_t)1 << 20)
#define FLIGHTS 16 /* more than any handshake has */
#define LEVEL 2 /* OpenSSL's, of 3.2 and of Debian: 112 bits */

/* GnuTLS knows what is sound; it is only told where to begin. */
#define FROM_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define FROM_1_3 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

const char *
conf_tls_priorities(const struct conf_tls *t)
{
	return strcmp(t->min_version, "1.3") == 0 ? FROM_1_3 : FROM_1_2;
}

/* --- two ends --- */

struct end {
	gnutls_session_t session;
	gnutls_certificate_credentials_t has;
	struct buf in; /* what has come and is not read */
	struct end *peer;
};

static ssize_t
push(gnutls_transport_ptr_t arg, const void *bytes, size_t n)
{
	struct end *e = arg;

	buf_add(&e->peer->in, slice_make(bytes, n));
	return (ssize_t)n;
}

static ssize_t
pull(gnutls_transport_ptr_t arg, void *out, size_t n)
{
	struct end *e = arg;
	struct slice in = buf_slice(&e->in);

	if (in.n == 0) {
		gnutls_transport_set_errno(e->session, EAGAIN);
		return -1;
	}
	if (n > in.n)
		n = in.n;
	memcpy(out, in.p, n);
	buf_consume(&e->in, n);
	return (ssize_t)n;
}

static int
end_init(struct end *e, unsigned side, const char *priorities)
{
	int rc = gnutls_init(&e->session, side);

	if (rc == 0)
		rc = gnutls_priority_set_direct(e->session, priorities, NULL);
	if (rc == 0)
		rc = gnutls_credentials_set(
		    e->session, GNUTLS_CRD_CERTIFICATE, e->has);
	if (rc < 0)
		return rc;
	gnutls_transport_set_ptr(e->session, e);
	gnutls_transport_set_push_function(e->session, push);
	gnutls_transport_set_pull_function(e->session, pull);
	return 0;
}

static void
end_fini(struct end *e)
{
	if (e->session != NULL)
		gnutls_deinit(e->session);
	if (e->has != NULL)
		gnutls_certificate_free_credentials(e->has);
	buf_fini(&e->in);
}

static bool
goes_on(int rc)
{
	return rc < 0 && gnutls_error_is_fatal(rc) == 0;
}

/* What the server finds says more than that its client is turned away. */
static int
shake(struct end *server, struct end *client)
{
	int there = GNUTLS_E_AGAIN, here = GNUTLS_E_AGAIN;

	for (int i = 0; i < FLIGHTS && (goes_on(here) || goes_on(there)); i++) {
		if (goes_on(there))
			there = gnutls_handshake(client->session);
		if (goes_on(here))
			here = gnutls_handshake(server->session);
		if (here < 0 && !goes_on(here))
			return here;
	}
	return here < 0 ? here : there;
}

static int
meet(struct end *server, struct end *client, const char *priorities)
{
	int rc = gnutls_certificate_allocate_credentials(&client->has);

	if (rc == 0)
		rc = end_init(server, GNUTLS_SERVER, priorities);
	if (rc == 0)
		rc = end_init(client, GNUTLS_CLIENT, "NORMAL");
	if (rc == 0)
		rc = shake(server, client);
	return rc;
}

/* --- what will do --- */

static gnutls_datum_t
pem_datum(const char *pem)
{
	return (gnutls_datum_t){ UNCONST(pem), (unsigned)strlen(pem) };
}

const char *
tls_pair_flaw(const struct conf_tls *t)
{
	gnutls_datum_t certificate = pem_datum(t->certificate_pem);
	gnutls_datum_t key = pem_datum(t->key_pem);
	struct end server = { 0 }, client = { .peer = &server };
	int rc = gnutls_certificate_allocate_credentials(&server.has);

	server.peer = &client;
	buf_init(&server.in, FLIGHT_MAX);
	buf_init(&client.in, FLIGHT_MAX);
	if (rc == 0)
		rc = gnutls_certificate_set_x509_key_mem(
		    server.has, &certificate, &key, GNUTLS_X509_FMT_PEM);
	if (rc >= 0)
		rc = meet(&server, &client, conf_tls_priorities(t));
	end_fini(&client);
	end_fini(&server);
	return rc < 0 ? gnutls_strerror(rc) : NULL;
}

const char *
tls_authorities_flaw(const struct conf_tls *t)
{
	gnutls_datum_t pem = pem_datum(t->client_ca_pem);
	gnutls_certificate_credentials_t trial;
	int rc = gnutls_certificate_allocate_credentials(&trial);

	if (rc == 0) {
		rc = gnutls_certificate_set_x509_trust_mem(
		    trial, &pem, GNUTLS_X509_FMT_PEM);
		gnutls_certificate_free_credentials(trial);
	}
	return rc < 0 ? gnutls_strerror(rc) : NULL;
}

const char *
tls_weakness(const X509 *x)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	const char *flaw = NULL;

	if (context == NULL)
		return NULL;
	SSL_CTX_set_security_level(context, LEVEL);
	if (SSL_CTX_use_certificate(context, UNCONST(x)) != 1)
		flaw = ERR_reason_error_string(ERR_peek_last_error());
	SSL_CTX_free(context);
	ERR_clear_error();
	return flaw;
}
