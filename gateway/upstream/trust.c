/* gateway/upstream/trust.c - the system's certificate authorities, read once. */
#include "gateway/upstream/trust.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/log.h"
#include "gateway/lib/slice.h"

#define STORE_MAX_AGE (24 * 3600 * USEC_SEC) /* the bundle may be updated */

/* libcurl hands us its SSL_CTX: it must be of the library that we link. */
static bool
same_library(void)
{
	const char *theirs = curl_version_info(CURLVERSION_NOW)->ssl_version;
	char ours[32];

	snprintf(
	    ours, sizeof(ours), "OpenSSL/%lu.", OpenSSL_version_num() >> 28);
	return theirs != NULL && strncmp(theirs, ours, strlen(ours)) == 0;
}

void
trust_init(struct trust *t)
{
	char *bundle = NULL;
	CURL *curl;

	*t = (struct trust){ 0 };
	if (!same_library())
		return;
	curl = curl_easy_init();
#if LIBCURL_VERSION_NUM >= 0x075400
	if (curl != NULL)
		(void)curl_easy_getinfo(curl, CURLINFO_CAINFO, &bundle);
#endif
	if (bundle != NULL)
		t->bundle = slice_dup(slice_of(bundle));
	curl_easy_cleanup(curl);
}

void
trust_fini(struct trust *t)
{
	X509_STORE_free(t->store);
	free(t->bundle);
	*t = (struct trust){ 0 };
}

/* On failure an older store stays in use. */
static void
trust_load(struct trust *t, usec now)
{
	X509_STORE *store = X509_STORE_new();

	t->loaded = now;
	if (store == NULL ||
	    X509_STORE_load_locations(store, t->bundle, NULL) != 1) {
		log_error("upstream_trust file=%s reason=\"cannot be read\"",
		    t->bundle);
		X509_STORE_free(store);
		return;
	}
	/* As libcurl does: a certificate in the bundle is an anchor, be it
	 * an intermediate one. */
	X509_STORE_set_flags(
	    store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE_free(t->store);
	t->store = store;
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode
on_ssl_ctx(CURL *curl, void *ctx, void *arg)
{
	struct trust *t = arg;
	usec now = clock_now();

	(void)curl;
	if (t->store == NULL || now - t->loaded > STORE_MAX_AGE)
		trust_load(t, now);
	if (t->store == NULL)
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(ctx, t->store);
	return CURLE_OK;
}

CURLcode
trust_apply(struct trust *t, CURL *curl)
{
	CURLcode rc;

	if (t->bundle == NULL ||
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx) !=
		CURLE_OK)
		return CURLE_OK; /* the defaults stay */
	rc = curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, t);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	return rc;
}
