/* gateway/conf/tls.c - the files of the TLS listener, read and checked with the
 * configuration: what is loaded is what is served, until the next reload. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <strings.h>

#include "gateway/conf/loader.h"
#include "gateway/conf/source.h"
#include "gateway/lib/count.h"
#include "gateway/lib/hex.h"

#define PEM_MAX ((size_t)4 << 20)
#define SOON (14 * 24 * 3600) /* seconds */

static const config_setting_t *
place(struct loader *l, const char *member)
{
	const config_setting_t *tls =
	    loader_member(config_root_setting(&l->tree), "tls");

	return loader_is_set(tls, member) ? loader_member(tls, member) : tls;
}

static const config_setting_t *
admin_place(struct loader *l)
{
	return loader_member(
	    loader_member(config_root_setting(&l->tree), "admin"), "tls");
}

/* The file's bytes and a NUL; NULL after a complaint. */
static const char *
read_pem(struct loader *l, const char *member, const char *path)
{
	const char *text = NULL;
	struct errmsg why;
	struct buf raw;

	buf_init(&raw, PEM_MAX);
	if (source_read(path, &raw, &why) == OK)
		text = loader_dup(l, buf_slice(&raw));
	else
		complain(l, place(l, member),
		    "want a PEM file, got an error: %s: %s", path, why.text);
	buf_fini(&raw);
	return text;
}

static BIO *
reader(const char *pem)
{
	return BIO_new_mem_buf(pem, (int)strlen(pem));
}

/* A key under a passphrase would make the library ask on the terminal. */
static int
no_passphrase(char *out, int n, int writing, void *arg)
{
	(void)out;
	(void)n;
	(void)writing;
	(void)arg;
	return 0;
}

/* Whether what comes next in the file is a certificate, or nothing does. */
static bool
are_sound(BIO *bio)
{
	X509 *x;

	while ((x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL)
		X509_free(x);
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

/* NULL after a complaint, which may be of one behind it. */
static X509 *
first_certificate(
    struct loader *l, const char *member, const char *pem, const char *path)
{
	BIO *bio = reader(pem);
	X509 *x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

	if (x == NULL) {
		complain(l, place(l, member),
		    "want a certificate in PEM, got none in %s", path);
	} else if (!are_sound(bio)) {
		complain(l, place(l, member),
		    "want certificates in PEM, got a broken one behind the "
		    "first in %s",
		    path);
		X509_free(x);
		x = NULL;
	}
	BIO_free(bio);
	ERR_clear_error();
	return x;
}

/* --- tried with the libraries of both sides --- */

static void
try_pair(struct loader *l, const X509 *x, const struct conf_tls *t)
{
	const char *flaw = tls_pair_flaw(t);

	if (flaw != NULL) {
		complain(l, place(l, "certificate"),
		    "want a chain and a key that TLS can use, got those of %s: "
		    "%s",
		    t->certificate, flaw);
		return;
	}
	flaw = tls_weakness(x);
	if (flaw != NULL)
		warn(l, place(l, "certificate"),
		    "want a certificate that clients take, got one that "
		    "OpenSSL's refuse, unless they are told not to, in %s: %s",
		    t->certificate, flaw);
}

static void
try_authorities(struct loader *l, const struct conf_tls *t)
{
	const char *flaw = tls_authorities_flaw(t);

	if (flaw != NULL)
		complain(l, place(l, "client_ca"),
		    "want certificates in PEM, got: %s", flaw);
}

/* --- the files --- */

static void
check_dates(struct loader *l, const X509 *x)
{
	time_t now = time(NULL), soon = now + SOON;

	if (X509_cmp_time(X509_get0_notAfter(x), &now) < 0)
		warn(l, place(l, "certificate"),
		    "want a certificate that is valid, got one that has "
		    "expired");
	else if (X509_cmp_time(X509_get0_notAfter(x), &soon) < 0)
		warn(l, place(l, "certificate"),
		    "want a certificate for longer than two weeks, got one "
		    "that expires before");
	if (X509_cmp_time(X509_get0_notBefore(x), &now) > 0)
		warn(l, place(l, "certificate"),
		    "want a certificate that is valid, got one that is not "
		    "yet");
}

static usec
end_of(const X509 *x)
{
	struct tm tm;

	return ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1
	    ? (usec)timegm(&tm) * USEC_SEC
	    : 0;
}

/* Then the file has its chain the wrong way round. */
static bool
is_of_a_later_one(EVP_PKEY *key, const char *pem)
{
	BIO *bio = reader(pem);
	bool found = false;
	X509 *x;

	while (!found &&
	    (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		found = X509_check_private_key(x, key) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	return found;
}

static bool
check_key(struct loader *l, X509 *x, const struct conf_tls *t)
{
	BIO *bio = reader(t->key_pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool fits = key != NULL && X509_check_private_key(x, key) == 1;

	BIO_free(bio);
	if (key == NULL)
		complain(l, place(l, "key"),
		    "want a private key in PEM without a passphrase, got none "
		    "in %s",
		    t->key);
	else if (!fits && is_of_a_later_one(key, t->certificate_pem))
		complain(l, place(l, "certificate"),
		    "want the certificate of tls.key first, got another "
		    "before it in %s",
		    t->certificate);
	else if (!fits)
		complain(l, place(l, "key"),
		    "want the private key of the certificate, got another");
	EVP_PKEY_free(key);
	ERR_clear_error();
	return fits;
}

static void
check_pair(struct loader *l, struct conf_tls *t)
{
	X509 *x;

	if (t->certificate_pem == NULL || t->key_pem == NULL)
		return;
	x = first_certificate(
	    l, "certificate", t->certificate_pem, t->certificate);
	if (x == NULL)
		return;
	t->expires = end_of(x);
	check_dates(l, x);
	if (check_key(l, x, t))
		try_pair(l, x, t);
	X509_free(x);
}

/* Changes with anything that a listener is made from. */
static void
identify(struct loader *l, struct conf_tls *t)
{
	const char *const parts[] = { t->certificate_pem, t->key_pem,
		t->client_ca_pem, t->min_version };
	struct buf all;

	buf_init(&all, 4 * PEM_MAX);
	for (size_t i = 0; i < COUNT(parts); i++) {
		buf_add(&all, slice_of(parts[i]));
		buf_add_char(&all, '\0');
	}
	if (buf_err(&all) != OK || !conf_key_digest(buf_slice(&all), t->id))
		l->err = ERR_MEMORY;
	buf_fini(&all);
}

static void
read_files(struct loader *l, struct conf_tls *t)
{
	X509 *x;

	t->certificate_pem = read_pem(l, "certificate", t->certificate);
	if (!l->env->secretless)
		t->key_pem = read_pem(l, "key", t->key);
	check_pair(l, t);
	if (t->client_ca == NULL)
		return;
	t->client_ca_pem = read_pem(l, "client_ca", t->client_ca);
	if (t->client_ca_pem == NULL)
		return;
	x = first_certificate(l, "client_ca", t->client_ca_pem, t->client_ca);
	if (x != NULL)
		try_authorities(l, t);
	X509_free(x);
}

/* As libcurl reads it, for each connection anew. */
bool
tls_are_authorities(const char *path)
{
	X509_STORE *store = X509_STORE_new();
	bool good =
	    store != NULL && X509_STORE_load_locations(store, path, NULL) == 1;

	X509_STORE_free(store);
	ERR_clear_error();
	return good;
}

/* --- who may come by a certificate --- */

/* A fingerprint is written in small letters, whatever the file has. */
static struct slice
certificate_name(struct loader *l, const config_setting_t *at, const char *name)
{
	unsigned char digest[CONF_KEY_BYTES];
	char text[16 + 2 * CONF_KEY_BYTES];

	if (strncasecmp(name, "sha256:", 7) != 0)
		return slice_of(name);
	if (!conf_key_from_hex(name + 7, digest)) {
		complain(l, at,
		    "want 64 hexadecimal digits after \"sha256:\", got \"%s\"",
		    name);
		return slice_of(name);
	}
	memcpy(text, "sha256:", 7);
	hex_write(digest, sizeof(digest), text + 7);
	return slice_of(loader_dup(l, slice_of(text)));
}

static void
add_names(struct loader *l, size_t i)
{
	const struct conf_tenant *t = &l->conf->tenants[i];
	const config_setting_t *list =
	    loader_at(l, "tenants", i, "certificates");
	const config_setting_t *at;
	struct slice name;

	for (unsigned j = 0;
	     t->certificates != NULL && t->certificates[j] != NULL; j++) {
		at = config_setting_get_elem(list, j);
		name = certificate_name(l, at, t->certificates[j]);
		if (name.n == 0)
			complain(l, at, "want a name, got nothing");
		else if (map_get(&l->conf->certificates, name) != NULL)
			complain(l, at,
			    "want a name of its own, got \"%.*s\", which is "
			    "taken",
			    SLICE_ARG(name));
		else if (map_put(&l->conf->certificates, name, UNCONST(t)) !=
		    OK)
			l->err = ERR_MEMORY;
		if (l->conf->tls.client_ca == NULL)
			complain(l, list,
			    "want tls.client_ca, which vouches for them, got "
			    "none");
	}
}

/* The same certificate; operators are not asked for theirs. */
static void
settle_admin(struct loader *l, const struct conf_tls *t)
{
	struct conf_tls *own = &l->conf->admin_tls;

	*own = *t;
	own->client_ca = own->client_ca_pem = NULL;
	own->require_client = false;
	identify(l, own);
}

void
tls_settle(struct loader *l)
{
	struct conf_tls *t = &l->conf->tls;
	const config_setting_t *at =
	    loader_member(config_root_setting(&l->tree), "tls");

	for (size_t i = 0; i < l->conf->n_tenants && l->err == OK; i++)
		add_names(l, i);
	if (!loader_is_set(config_root_setting(&l->tree), "tls")) {
		if (l->conf->admin.tls)
			complain(l, admin_place(l),
			    "want tls.certificate and tls.key for it, got "
			    "neither");
		return;
	}
	if (t->certificate == NULL || t->key == NULL) {
		complain(l, at, "want certificate and key, got %s",
		    t->certificate == t->key ? "neither" : "one of two");
		return;
	}
	if (t->require_client && t->client_ca == NULL)
		complain(l, place(l, "require_client"),
		    "want client_ca, which vouches for clients, got none");
	read_files(l, t);
	if (l->err == OK)
		identify(l, t);
	if (l->err == OK && l->conf->admin.tls)
		settle_admin(l, t);
}

const struct conf_tenant *
conf_authenticate_certificate(const struct conf *c, struct slice names)
{
	const struct conf_tenant *t = NULL;
	struct slice name;

	while (t == NULL && slice_next(&names, '\0', &name))
		t = map_get(&c->certificates, name);
	return t;
}
