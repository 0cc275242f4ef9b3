/* gateway/front/tls.c - TLS of clients, by libmicrohttpd's GnuTLS.
 *
 * A daemon is made with one certificate and keeps it; after a reload new
 * connections go to new daemons and old ones stay where they are, so that
 * nobody is cut off (daemon.c). */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/front/private.h"
#include "gateway/lib/count.h"
#include "gateway/lib/hex.h"

#define NAME_LONGEST 256
#define NAMES_MOST 16 /* of one certificate that are looked at */
#define DIGEST_BYTES 32
#define FINGERPRINT "sha256:"

void
tls_options(const struct conf_tls *t, struct MHD_OptionItem out[TLS_OPTIONS])
{
	const struct {
		enum MHD_OPTION option;
		const char *text;
	} rows[] = {
		{ MHD_OPTION_HTTPS_PRIORITIES, conf_tls_priorities(t) },
		{ MHD_OPTION_HTTPS_MEM_CERT, t->certificate_pem },
		{ MHD_OPTION_HTTPS_MEM_KEY, t->key_pem },
		{ MHD_OPTION_HTTPS_MEM_TRUST, t->client_ca_pem },
	};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].text != NULL)
			out[n++] = (struct MHD_OptionItem){ rows[i].option, 0,
				(void *)(uintptr_t)rows[i].text };
	out[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

bool
tls_same(const struct conf_tls *t, const unsigned char id[CONF_KEY_BYTES])
{
	static const unsigned char plain[CONF_KEY_BYTES];

	return memcmp(t != NULL ? t->id : plain, id, CONF_KEY_BYTES) == 0;
}

/* --- bytes --- */

void *
tls_of(const struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info != NULL ? info->tls_session : NULL;
}

static ssize_t
to_socket(gnutls_transport_ptr_t fd, const void *bytes, size_t n)
{
	return send((int)(intptr_t)fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
tls_send_by(
    void *tls, ssize_t (*push)(void *arg, const void *, size_t), void *arg)
{
	gnutls_transport_ptr_t in, out;

	gnutls_transport_get_ptr2(tls, &in, &out);
	gnutls_transport_set_ptr2(tls, in, push != NULL ? arg : in);
	gnutls_transport_set_push_function(
	    tls, push != NULL ? push : to_socket);
}

/* Nobody needs a second handshake. */
static ssize_t
done(ssize_t n)
{
	if (n >= 0)
		return n;
	errno = n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)n)
	    ? EIO
	    : EAGAIN;
	return -1;
}

ssize_t
tls_recv(void *tls, char *out, size_t n)
{
	return done(gnutls_record_recv(tls, out, n));
}

ssize_t
tls_send(void *tls, const char *bytes, size_t n)
{
	return done(gnutls_record_send(tls, bytes, n));
}

/* --- who the client is --- */

/* A name with a NUL inside would be read as its beginning; one that looks like
 * a fingerprint is not the certificate's to say. */
static void
add_name(struct buf *names, const char *name, size_t n)
{
	if (n == 0 || memchr(name, '\0', n) != NULL ||
	    slice_istarts(slice_make(name, n), SLICE(FINGERPRINT)))
		return;
	buf_add(names, slice_make(name, n));
	buf_add_char(names, '\0');
}

static void
add_names(gnutls_x509_crt_t crt, struct buf *names)
{
	char name[NAME_LONGEST];
	size_t n;
	int type;

	for (unsigned i = 0; i < NAMES_MOST; i++) {
		n = sizeof(name);
		type = gnutls_x509_crt_get_subject_alt_name(
		    crt, i, name, &n, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_URI ||
		    type == GNUTLS_SAN_RFC822NAME)
			add_name(names, name, n);
	}
	n = sizeof(name);
	if (gnutls_x509_crt_get_dn_by_oid(
		crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &n) == 0)
		add_name(names, name, n);
}

static void
add_fingerprint(const gnutls_datum_t *der, struct buf *names)
{
	unsigned char digest[DIGEST_BYTES];
	char hex[2 * DIGEST_BYTES + 1];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, digest) !=
	    0)
		return;
	hex_write(digest, sizeof(digest), hex);
	buf_add_str(names, FINGERPRINT);
	buf_add_str(names, hex);
	buf_add_char(names, '\0');
}

static bool
is_vouched_for(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (void *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT };
	unsigned status = 1;

	return gnutls_certificate_verify_peers(session, &purpose, 1, &status) ==
	    0 &&
	    status == 0;
}

static void
read_peer(gnutls_session_t session, struct buf *names)
{
	const gnutls_datum_t *list;
	gnutls_x509_crt_t crt;
	unsigned n = 0;

	list = gnutls_certificate_get_peers(session, &n);
	if (list == NULL || n == 0 || !is_vouched_for(session) ||
	    gnutls_x509_crt_init(&crt) != 0)
		return;
	if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) == 0) {
		add_fingerprint(&list[0], names);
		add_names(crt, names);
	}
	gnutls_x509_crt_deinit(crt);
}

bool
exchange_certificate(const struct exchange *x, struct slice *names)
{
	struct connection *c = x->connection;
	void *tls;

	if (c == NULL || x->mhd == NULL)
		return false;
	if (!c->certificate_read) {
		c->certificate_read = true;
		buf_init(&c->certificate, (NAMES_MOST + 2) * NAME_LONGEST);
		tls = tls_of(x);
		if (tls != NULL)
			read_peer(tls, &c->certificate);
	}
	*names = buf_slice(&c->certificate);
	return names->n > 0 && buf_err(&c->certificate) == OK;
}
