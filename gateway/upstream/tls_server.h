/* gateway/upstream/tls_server.h - for tests: certificates for a scripted
 * server, made on the spot. After testing.h, which cmocka's macros come
 * with. */
#ifndef GATEWAY_UPSTREAM_TLS_SERVER_H
#define GATEWAY_UPSTREAM_TLS_SERVER_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "gateway/upstream/scripted.h"

#define BRIEF_S 3 /* `brief` is good, from when it is made */

/* A CA, and a server's certificate for localhost, in a folder. */
struct pki {
	char dir[64], ca[96], cert[96], key[96], wrong[96], brief[96];
};

static inline EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

static inline void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

/* Signed by the issuer, or by itself as a CA where issuer is NULL. */
static inline X509 *
new_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	char alt[64];

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer != NULL ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	if (issuer == NULL) {
		X509_set_issuer_name(cert, subject);
		add_extension(
		    cert, cert, NID_basic_constraints, "critical,CA:TRUE");
		X509_sign(cert, key, EVP_sha256());
		return cert;
	}
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	snprintf(alt, sizeof(alt), "DNS:%s", name);
	add_extension(cert, issuer, NID_subject_alt_name, alt);
	X509_sign(cert, issuer_key, EVP_sha256());
	return cert;
}

static inline void
write_cert(const char *path, X509 *cert)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	PEM_write_X509(f, cert);
	fclose(f);
}

static inline int
make_pki(void **state)
{
	struct pki *p = calloc(1, sizeof(*p));
	EVP_PKEY *ca_key = new_key(), *key = new_key();
	X509 *ca, *cert, *wrong, *brief;
	FILE *f;

	snprintf(p->dir, sizeof(p->dir), "/tmp/tls-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->ca, sizeof(p->ca), "%s/ca.pem", p->dir);
	snprintf(p->cert, sizeof(p->cert), "%s/cert.pem", p->dir);
	snprintf(p->key, sizeof(p->key), "%s/key.pem", p->dir);
	snprintf(p->wrong, sizeof(p->wrong), "%s/wrong.pem", p->dir);
	snprintf(p->brief, sizeof(p->brief), "%s/brief.pem", p->dir);
	ca = new_cert("test CA", ca_key, NULL, NULL);
	cert = new_cert("localhost", key, ca, ca_key);
	wrong = new_cert("elsewhere.test", key, ca, ca_key);
	brief = new_cert("localhost", key, ca, ca_key);
	X509_gmtime_adj(X509_getm_notAfter(brief), BRIEF_S);
	X509_sign(brief, ca_key, EVP_sha256());
	write_cert(p->brief, brief);
	X509_free(brief);
	write_cert(p->ca, ca);
	write_cert(p->cert, cert);
	write_cert(p->wrong, wrong);
	f = fopen(p->key, "w");
	assert_non_null(f);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(ca);
	X509_free(cert);
	X509_free(wrong);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	*state = p;
	return 0;
}

static inline int
remove_pki(void **state)
{
	struct pki *p = *state;

	unlink(p->ca);
	unlink(p->cert);
	unlink(p->key);
	unlink(p->wrong);
	unlink(p->brief);
	rmdir(p->dir);
	free(p);
	return 0;
}

static inline SSL_CTX *
tls_of(const struct pki *p, const char *cert)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	assert_int_equal(
	    SSL_CTX_use_certificate_file(tls, cert, SSL_FILETYPE_PEM), 1);
	assert_int_equal(
	    SSL_CTX_use_PrivateKey_file(tls, p->key, SSL_FILETYPE_PEM), 1);
	return tls;
}

#endif
