/* gateway/upstream/trust.c - certificate authorities: the system's are read
 * once, and other files when they have changed. */
#include "gateway/upstream/trust.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/log.h"
#include "gateway/lib/slice.h"

#define STORE_MAX_AGE (24 * 3600 * USEC_SEC) /* the bundle may be updated */

#define FILE_LOOK USEC_SEC /* between two looks at a file */
#define FILE_NAMES 64 /* of one file; by then the first is forgotten */
#define FILE_NAME_MAX ((size_t)8192)

struct file {
	struct list link;
	char *path;
	struct stat seen; /* zeros: it was not there */
	unsigned version;
	usec looked;
};

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
	list_init(&t->files);
	certificates_init(&t->certificates);
	t->ours = same_library();
	if (!t->ours)
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

static void
files_free(struct list *files)
{
	struct list *node;
	struct file *f;

	while ((node = list_pop(files)) != NULL) {
		f = CONTAINER_OF(node, struct file, link);
		free(f->path);
		free(f);
	}
}

void
trust_fini(struct trust *t)
{
	files_free(&t->files);
	certificates_fini(&t->certificates);
	X509_STORE_free(t->store);
	free(t->bundle);
	*t = (struct trust){ 0 };
}

/* --- files --- */

static struct file *
file_find(struct trust *t, const char *path)
{
	struct list *node;
	struct file *f;

	for (node = t->files.next; node != &t->files; node = node->next) {
		f = CONTAINER_OF(node, struct file, link);
		if (strcmp(f->path, path) == 0)
			return f;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->path = slice_dup(slice_of(path));
	if (f->path == NULL) {
		free(f);
		return NULL;
	}
	list_append(&t->files, &f->link);
	return f;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

unsigned
trust_version(struct trust *t, const char *ca_file, usec now)
{
	struct file *f = file_find(t, ca_file);
	struct stat st = { 0 };

	if (f == NULL)
		return 0;
	if (f->looked != 0 && now - f->looked < FILE_LOOK)
		return f->version;
	(void)stat(ca_file, &st);
	if (f->looked != 0 && !is_same(&f->seen, &st))
		f->version++;
	f->looked = now;
	f->seen = st;
	return f->version;
}

/* --- the system's --- */

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

static CURLcode
use_store(struct trust *t, SSL_CTX *ctx)
{
	usec now = clock_now();

	if (t->store == NULL || now - t->loaded > STORE_MAX_AGE)
		trust_load(t, now);
	if (t->store == NULL)
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(ctx, t->store);
	return CURLE_OK;
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode
on_ssl_ctx(CURL *curl, void *ctx, void *arg)
{
	struct trust_ask *ask = arg;

	(void)curl;
	certificates_watch(&ask->trust->certificates, ask->peer, ctx);
	return ask->bundle ? use_store(ask->trust, ctx) : CURLE_OK;
}

/* False: this libcurl does not let us. */
static bool
see_context(struct trust_ask *ask, CURL *curl, bool bundle)
{
	ask->bundle = bundle;
	return ask->trust->ours &&
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx) ==
	    CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, ask) == CURLE_OK;
}

CURLcode
trust_file(
    struct trust_ask *ask, CURL *curl, const char *ca_file, unsigned version)
{
	char text[FILE_NAME_MAX];
	struct buf name;
	CURLcode rc;

	buf_on(&name, text, sizeof(text));
	for (unsigned i = 0; i < version % FILE_NAMES; i++)
		buf_add_str(&name, ca_file[0] == '/' ? "/." : "./");
	buf_add_str(&name, ca_file);
	buf_add_char(&name, '\0');
	if (buf_err(&name) != OK)
		return CURLE_OUT_OF_MEMORY;
	(void)see_context(ask, curl, false);
	rc = curl_easy_setopt(curl, CURLOPT_CAINFO, text);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	return rc;
}

CURLcode
trust_apply(struct trust_ask *ask, CURL *curl)
{
	bool bundle = ask->trust->bundle != NULL;
	CURLcode rc;

	if (!see_context(ask, curl, bundle) || !bundle)
		return CURLE_OK; /* the defaults stay */
	rc = curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	return rc;
}
