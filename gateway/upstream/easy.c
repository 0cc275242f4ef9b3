/* gateway/upstream/easy.c - an easy handle that is used again and again. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/text.h"
#include "gateway/upstream/easy_parts.h"

#define RECEIVE_STREAMED 1024L /* kept as long as a stream is open */
/* Of HTTP/2 libcurl reads 32 KB at a time (H2_BUFSIZE), whatever fits here.
 * What does not is handed on only when something else comes (7.88): an event
 * would be as late as the next one, the end of an answer would never come. So
 * all of it has to fit, headers unpacked. */
#define RECEIVE_TLS 65536L
#define KEEPALIVE_SECONDS 60L
#define HEAD_STARTS 4 /* of an address, in the time to connect */
#define CONNECTION_SECONDS (24 * 3600L)
#define HEADERS_MAX ((size_t)256 * 1024) /* bytes of a request's headers */

/* libcurl keeps what it holds to be the header line before, for lines that
 * continue one, beyond the transfer and its memory: 7.83 up to 8.1. */
static bool
keeps_last_line(void)
{
	unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;

	return version >= 0x075300 && version < 0x080200;
}

/* CURLOPT_DEBUGFUNCTION: sees a line before libcurl stores it. One that
 * continues none is made one that libcurl does not store. */
static int
on_line(CURL *curl, curl_infotype type, char *line, size_t n, void *arg)
{
	(void)curl;
	(void)arg;
	if (type == CURLINFO_HEADER_IN && n > 0 &&
	    (line[0] == ' ' || line[0] == '\t'))
		line[0] = '\n';
	return 0;
}

static CURLcode
set_callbacks(struct easy *e)
{
	const struct easy_callbacks *cb = &e->callbacks;
	CURLcode rc = CURLE_OK;

	SET(e, rc, CURLOPT_HEADERFUNCTION, cb->on_header);
	SET(e, rc, CURLOPT_HEADERDATA, cb->arg);
	SET(e, rc, CURLOPT_WRITEFUNCTION, cb->on_bytes);
	SET(e, rc, CURLOPT_WRITEDATA, cb->arg);
	SET(e, rc, CURLOPT_OPENSOCKETFUNCTION, cb->on_open);
	SET(e, rc, CURLOPT_OPENSOCKETDATA, cb->arg);
	SET(e, rc, CURLOPT_CLOSESOCKETFUNCTION, cb->on_close);
	SET(e, rc, CURLOPT_CLOSESOCKETDATA, cb->close_arg);
	SET(e, rc, CURLOPT_PRIVATE, cb->arg);
	SET(e, rc, CURLOPT_READFUNCTION, easy_on_read);
	SET(e, rc, CURLOPT_READDATA, e);
	SET(e, rc, CURLOPT_SEEKFUNCTION, easy_on_seek);
	SET(e, rc, CURLOPT_SEEKDATA, e);
	SET(e, rc, CURLOPT_SHARE, cb->share);
	SET(e, rc, CURLOPT_ERRORBUFFER, e->error);
	SET(e, rc, CURLOPT_DEBUGFUNCTION, on_line);
	return rc;
}

/* What is the same for every request. */
static CURLcode
set_basics(struct easy *e)
{
	CURLcode rc = set_callbacks(e);

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(e, rc, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(e, rc, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Cancelling during a slow name look-up would wait for it otherwise,
	 * and the loop with it. */
	SET(e, rc, CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(e, rc, CURLOPT_NOSIGNAL, 1L);
	SET(e, rc, CURLOPT_FOLLOWLOCATION, 0L);
	SET(e, rc, CURLOPT_HTTP09_ALLOWED, 0L);
	SET(e, rc, CURLOPT_PATH_AS_IS, 1L);
	SET(e, rc, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* Has it unpack what somebody on the way has packed all the same. What
	 * is asked for our own headers say: easy_list.c. */
	SET(e, rc, CURLOPT_ACCEPT_ENCODING, "identity");
	SET(e, rc, CURLOPT_TCP_NODELAY, 1L);
	SET(e, rc, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(e, rc, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS);
	SET(e, rc, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS);
	e->upload_buffer = RECEIVE_BYTES;
	SET(e, rc, CURLOPT_UPLOAD_BUFFERSIZE, e->upload_buffer);
	SET(e, rc, CURLOPT_PIPEWAIT, 0L);
#if LIBCURL_VERSION_NUM >= 0x075000
	/* Whose certificate is looked at once a day, at least. */
	SET(e, rc, CURLOPT_MAXLIFETIME_CONN, CONNECTION_SECONDS);
#endif
	/* A libcurl without HTTP/2 says no: then it is HTTP/1.1. */
	(void)curl_easy_setopt(
	    e->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	return rc;
}

enum err
easy_init(struct easy *e, const struct easy_callbacks *cb, struct errmsg *why)
{
	CURLcode rc;

	*e = (struct easy){ .callbacks = *cb, .ask.trust = cb->trust };
	buf_init(&e->header_text, HEADERS_MAX);
	buf_init(&e->header_lines, HEADERS_MAX);
	buf_init(&e->copy, EASY_COPY_MAX);
	e->guards = keeps_last_line();
	e->curl = curl_easy_init();
	if (e->curl == NULL)
		return fail(why, ERR_MEMORY, "libcurl: out of memory");
	rc = set_basics(e);
	if (rc != CURLE_OK) {
		easy_fini(e);
		return fail(why, ERR_UNSUPPORTED, "libcurl %s: %s",
		    curl_version_info(CURLVERSION_NOW)->version,
		    curl_easy_strerror(rc));
	}
	return OK;
}

static void
forget_place(struct easy *e)
{
	free(e->url);
	free(e->opening);
	free(e->unix_path);
	free(e->ca_file);
	free(e->pin);
	e->url = e->opening = e->unix_path = e->ca_file = e->pin = NULL;
}

void
easy_fini(struct easy *e)
{
	curl_easy_cleanup(e->curl);
	curl_url_cleanup(e->parsed);
	curl_slist_free_all(e->resolve);
	forget_place(e);
	buf_fini(&e->header_text);
	buf_fini(&e->header_lines);
	buf_fini(&e->copy);
	free(e->headers);
	free(e->pieces);
	*e = (struct easy){ 0 };
}

/* --- the place --- */

static unsigned
ca_version(const struct easy *e, const char *ca_file)
{
	if (ca_file == NULL)
		return 0;
	return trust_version(e->callbacks.trust, ca_file, clock_now());
}

/* It may become HTTP/2. */
static bool
is_tls(const struct transfer_request *req)
{
	return slice_istarts(slice_of(req->url), SLICE("https:"));
}

static bool
same_peer(const struct easy *e, const struct transfer_request *req)
{
	return e->url != NULL && e->tls == is_tls(req) &&
	    same_text(e->unix_path, req->unix_path) &&
	    same_text(e->ca_file, req->ca_file) &&
	    same_text(e->pin, req->pin) &&
	    e->ca_version == ca_version(e, req->ca_file) &&
	    e->tls_insecure == req->tls_insecure && e->local == req->local;
}

bool
easy_is_for(const struct easy *e, const struct transfer_request *req)
{
	return same_text(e->url, req->url) && same_peer(e, req);
}

/* Keeps a copy of `from`; true also where there is nothing to copy. */
static bool
keep(char **to, const char *from)
{
	*to = from != NULL ? slice_dup(slice_of(from)) : NULL;
	return from == NULL || *to != NULL;
}

static CURLcode
set_tls(struct easy *e)
{
	bool named = !e->tls_insecure && e->pin == NULL;
	long verify = named ? 1 : 0;
	CURLcode rc = CURLE_OK;

	SET(e, rc, CURLOPT_SSL_VERIFYPEER, verify);
	SET(e, rc, CURLOPT_SSL_VERIFYHOST, 2 * verify);
	if (e->pin != NULL)
		SET(e, rc, CURLOPT_PINNEDPUBLICKEY, e->pin);
	if (rc == CURLE_OK && e->ca_file != NULL) {
		rc = trust_file(&e->ask, e->curl, e->ca_file, e->ca_version);
	} else if (rc == CURLE_OK && named) {
		rc = trust_apply(&e->ask, e->curl);
	}
	return rc;
}

/* As new. A handle may still have its buffer, as after a name that did not
 * resolve: reset, libcurl 7.88 would take that for one of the default size and
 * write beyond its end. */
static CURLcode
renew(struct easy *e)
{
	CURL *other;

	if (curl_easy_setopt(e->curl, CURLOPT_BUFFERSIZE, RECEIVE_BYTES) ==
	    CURLE_OK) {
		curl_easy_reset(e->curl);
		return CURLE_OK;
	}
	other = curl_easy_init();
	if (other == NULL)
		return CURLE_OUT_OF_MEMORY;
	curl_easy_cleanup(e->curl);
	e->curl = other;
	return CURLE_OK;
}

/* Whether the environment names a proxy, for whatever scheme. */
static bool
names_proxy(void)
{
	static const char *const names[] = { "http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (getenv(names[i]) != NULL)
			return true;
	return false;
}

static CURLcode
set_peer(struct easy *e, const struct transfer_request *req)
{
	bool kept;
	CURLcode rc;

	forget_place(e);
	rc = renew(e);
	if (rc != CURLE_OK)
		return rc;
	easy_forget_head(e);
	e->guarded = false;
	e->fresh = e->forbidden = false;
	rc = set_basics(e);
	kept = keep(&e->unix_path, req->unix_path) &&
	    keep(&e->ca_file, req->ca_file) && keep(&e->pin, req->pin);
	if (!kept)
		return CURLE_OUT_OF_MEMORY;
	e->ca_version = ca_version(e, req->ca_file);
	e->tls = is_tls(req);
	e->tls_insecure = req->tls_insecure;
	e->local = req->local;
	if (e->unix_path != NULL)
		SET(e, rc, CURLOPT_UNIX_SOCKET_PATH, e->unix_path);
	e->proxied = !e->local && e->unix_path == NULL && names_proxy();
	if (!e->proxied)
		SET(e, rc, CURLOPT_NOPROXY, "*");
	if (rc == CURLE_OK)
		rc = set_tls(e);
	return rc;
}

static CURLcode
set_place(struct easy *e, const struct transfer_request *req)
{
	CURLcode rc = CURLE_OK;

	if (same_text(e->url, req->url) && same_peer(e, req))
		return CURLE_OK;
	if (!same_peer(e, req))
		rc = set_peer(e, req);
	free(e->url);
	e->url = NULL; /* on failure the next request starts from a reset */
	if (rc == CURLE_OK)
		rc = easy_set_url(e, req->url);
	if (rc == CURLE_OK && !keep(&e->url, req->url))
		rc = CURLE_OUT_OF_MEMORY;
	return rc;
}

/* --- a request --- */

static size_t
total_of(const struct transfer_request *req)
{
	size_t total = 0;

	for (size_t i = 0; i < req->n_body; i++)
		total += req->body[i].n;
	return total;
}

/* How much it reads at once. */
static long
receives(const struct easy *e, const struct transfer_request *req)
{
	if (e->tls)
		return RECEIVE_TLS;
	return req->streamed ? RECEIVE_STREAMED : RECEIVE_BYTES;
}

/* For libcurl a request with a body is a POST, whatever it is called. */
static bool
has_body(const struct transfer_request *req, size_t total)
{
	return total > 0 || strcmp(req->method, "POST") == 0;
}

/* Of a first address, before one of the other family is tried: as long as
 * libcurl's own, but not most of what there is. */
static long
head_start(usec connect_ms)
{
	usec ms = connect_ms / HEAD_STARTS;

	return ms < CURL_HET_DEFAULT ? (long)ms + 1 : CURL_HET_DEFAULT;
}

static CURLcode
set_request(struct easy *e, const struct transfer_request *req)
{
	usec ms = (req->connect_timeout + USEC_MS - 1) / USEC_MS;
	size_t total = total_of(req);
	CURLcode rc;

	easy_drop_address(e);
	if (ms <= 0 || ms > INT_MAX)
		ms = INT_MAX; /* 0 would mean libcurl's own 300 s */
	e->ask.peer = req->peer;
	rc = set_place(e, req);
	if (rc == CURLE_OK)
		rc = easy_set_headers(e, req->headers, req->more,
		    has_body(req, total) ? (int64_t)total : -1);
	if (rc == CURLE_OK)
		rc = easy_set_body(e, req, total);
	if (rc == CURLE_OK)
		rc = easy_set_method(e, req, has_body(req, total));
	/* Refused to a handle that still has its buffer, as after a name that
	 * did not resolve. */
	(void)curl_easy_setopt(e->curl, CURLOPT_BUFFERSIZE, receives(e, req));
	SET(e, rc, CURLOPT_CONNECTTIMEOUT_MS, (long)ms);
	SET(e, rc, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, head_start(ms));
	if (e->fresh)
		SET(e, rc, CURLOPT_FRESH_CONNECT, 0L);
	if (e->forbidden)
		SET(e, rc, CURLOPT_FORBID_REUSE, 0L);
	e->fresh = e->forbidden = false;
	return rc;
}

enum err
easy_prepare(
    struct easy *e, const struct transfer_request *req, struct errmsg *why)
{
	CURLcode rc = set_request(e, req);

	if (rc == CURLE_OK)
		return OK;
	return fail(why,
	    rc == CURLE_OUT_OF_MEMORY ? ERR_MEMORY : ERR_UNSUPPORTED,
	    "libcurl: %s", curl_easy_strerror(rc));
}

void
easy_guard(struct easy *e, bool on)
{
	if (!e->guards || e->guarded == on)
		return;
	(void)curl_easy_setopt(e->curl, CURLOPT_VERBOSE, (long)on);
	e->guarded = on;
}

void
easy_begin(struct easy *e, struct held_address *h, usec now)
{
	e->error[0] = '\0';
	easy_guard(e, false);
	easy_doubt_address(e, h, now);
}

void
easy_retry(struct easy *e)
{
	(void)curl_easy_setopt(e->curl, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(e->curl, CURLOPT_FORBID_REUSE, 0L);
	e->fresh = true;
	e->forbidden = false;
	e->piece = e->offset = 0;
}

/* Its connection is closed. Of HTTP/2 libcurl would keep it otherwise. */
void
easy_abandon(struct easy *e)
{
	(void)curl_easy_setopt(e->curl, CURLOPT_FORBID_REUSE, 1L);
	e->forbidden = true;
}
