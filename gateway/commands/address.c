/* gateway/commands/address.c - where a gateway listens. */
#include "gateway/commands/address.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "gateway/commands/command.h"
#include "gateway/conf/conf.h"

/* An address to listen on, as one to connect to. */
static void
name_listener(const struct conf_listen *l, bool tls, struct address *a)
{
	const char *host = l->address, *scheme = tls ? "https" : "http";

	if (l->path != NULL) {
		snprintf(a->base, sizeof(a->base), "%s://localhost", scheme);
		snprintf(a->unix_path, sizeof(a->unix_path), "%s", l->path);
		return;
	}
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(host, "::") == 0)
		host = "::1";
	snprintf(a->base, sizeof(a->base),
	    strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
	    host, l->port);
}

/* Of the first certificate, which is the gateway's own; as libcurl wants it. */
static void
pin_key(const char *pem, char pin[ADDRESS_PIN])
{
	static const char prefix[] = "sha256//";
	BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	unsigned char *key = NULL, digest[SHA256_DIGEST_LENGTH];
	int n = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key) : -1;

	if (n > 0) {
		SHA256(key, (size_t)n, digest);
		memcpy(pin, prefix, sizeof(prefix) - 1);
		EVP_EncodeBlock((unsigned char *)pin + sizeof(prefix) - 1,
		    digest, sizeof(digest));
	}
	OPENSSL_free(key);
	X509_free(x);
	BIO_free(bio);
}

static bool
read_config(const char *config, enum address_of of, struct address *a)
{
	const bool admin = of == ADDRESS_ADMIN;
	const struct conf_tls *tls;
	struct conf *conf = command_config(config,
	    admin ? "where the admin listener is with --admin URL"
		  : "where the gateway is with --url URL");
	size_t n;

	if (conf == NULL)
		return false;
	tls = admin ? &conf->admin_tls : &conf->tls;
	name_listener(
	    admin ? &conf->admin : &conf->listen, tls->certificate != NULL, a);
	if (tls->certificate != NULL)
		pin_key(tls->certificate_pem, a->pin);
	n = strlen(a->base);
	if (!admin)
		snprintf(a->base + n, sizeof(a->base) - n, "/v1");
	conf_unref(&conf);
	return true;
}

bool
address_find(
    const char *url, const char *config, enum address_of of, struct address *a)
{
	const char *usual =
	    of == ADDRESS_ADMIN ? ADDRESS_USUAL_ADMIN : ADDRESS_USUAL_LISTEN;
	size_t n;

	*a = (struct address){ "", "", "" };
	if (url == NULL && config != NULL)
		return read_config(config, of, a);
	n = (size_t)snprintf(
	    a->base, sizeof(a->base), "%s", url != NULL ? url : usual);
	if (n >= sizeof(a->base)) {
		fprintf(stderr,
		    "pointsman: want a URL of at most %zu bytes, got %zu\n",
		    sizeof(a->base) - 1, n);
		return false;
	}
	while (n > 0 && a->base[n - 1] == '/')
		a->base[--n] = '\0';
	if (n == 0)
		fprintf(stderr,
		    "pointsman: want a URL such as %s, got \"%s\"\n", usual,
		    url);
	return n > 0;
}
