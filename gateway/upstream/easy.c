/* gateway/upstream/easy.c - an easy handle that is used again and again. */
#include "gateway/upstream/easy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_BYTES 16384L /* one read; the least libcurl uploads with */
#define UPLOAD_BYTES 131072L /* one write of a long body, at most */
#define RECEIVE_STREAMED 1024L /* kept as long as a stream is open */
#define KEEPALIVE_SECONDS 60L
#define HEADERS_MAX ((size_t)256 * 1024) /* bytes of a request's headers */
#define REST_BYTES 8192 /* of body memory that a resting handle keeps */

/* Collects failures of curl_easy_setopt(); stays a macro because the option
 * decides the type of its value. */
#define SET(easy, rc, option, value)                                           \
	do {                                                                   \
		CURLcode set_rc =                                              \
		    curl_easy_setopt((easy)->curl, option, value);             \
		if ((rc) == CURLE_OK)                                          \
			(rc) = set_rc;                                         \
	} while (0)

/* CURLOPT_READFUNCTION */
static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
	struct easy *e = arg;
	size_t room = size * n, done = 0, part;

	while (done < room && e->piece < e->n_pieces) {
		const struct slice *s = &e->pieces[e->piece];

		if (e->body_gone)
			return CURL_READFUNC_ABORT;
		part = s->n - e->offset;
		if (part > room - done)
			part = room - done;
		memcpy(to + done, s->p + e->offset, part);
		done += part;
		e->offset += part;
		if (e->offset == s->n) {
			e->piece++;
			e->offset = 0;
		}
	}
	return done;
}

/* CURLOPT_SEEKFUNCTION: libcurl only ever goes back to the start, to say it
 * all again when a kept-alive connection turned out to be dead. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct easy *e = arg;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	e->piece = e->offset = 0;
	return CURL_SEEKFUNC_OK;
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
	SET(e, rc, CURLOPT_READFUNCTION, on_read);
	SET(e, rc, CURLOPT_READDATA, e);
	SET(e, rc, CURLOPT_SEEKFUNCTION, on_seek);
	SET(e, rc, CURLOPT_SEEKDATA, e);
	SET(e, rc, CURLOPT_SHARE, cb->share);
	SET(e, rc, CURLOPT_ERRORBUFFER, e->error);
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
	SET(e, rc, CURLOPT_TCP_NODELAY, 1L);
	SET(e, rc, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(e, rc, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS);
	SET(e, rc, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS);
	SET(e, rc, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_BYTES);
	SET(e, rc, CURLOPT_PIPEWAIT, 0L);
	/* A libcurl without HTTP/2 says no: then it is HTTP/1.1. */
	(void)curl_easy_setopt(
	    e->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	return rc;
}

enum err
easy_init(struct easy *e, const struct easy_callbacks *cb, struct errmsg *why)
{
	CURLcode rc;

	*e = (struct easy){ .callbacks = *cb };
	buf_init(&e->header_text, HEADERS_MAX);
	buf_init(&e->header_lines, HEADERS_MAX);
	buf_init(&e->copy, EASY_COPY_MAX);
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
	free(e->unix_path);
	free(e->ca_file);
	e->url = e->unix_path = e->ca_file = NULL;
}

void
easy_fini(struct easy *e)
{
	curl_easy_cleanup(e->curl);
	curl_url_cleanup(e->parsed);
	forget_place(e);
	buf_fini(&e->header_text);
	buf_fini(&e->header_lines);
	buf_fini(&e->copy);
	free(e->headers);
	free(e->pieces);
	*e = (struct easy){ 0 };
}

/* --- the place --- */

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_peer(const struct easy *e, const struct transfer_request *req)
{
	return e->url != NULL && same(e->unix_path, req->unix_path) &&
	    same(e->ca_file, req->ca_file) &&
	    e->tls_insecure == req->tls_insecure && e->local == req->local;
}

bool
easy_is_for(const struct easy *e, const struct transfer_request *req)
{
	return same(e->url, req->url) && same_peer(e, req);
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
	long verify = e->tls_insecure ? 0 : 1;
	CURLcode rc = CURLE_OK;

	SET(e, rc, CURLOPT_SSL_VERIFYPEER, verify);
	SET(e, rc, CURLOPT_SSL_VERIFYHOST, 2 * verify);
	if (e->ca_file != NULL) {
		SET(e, rc, CURLOPT_CAINFO, e->ca_file);
		SET(e, rc, CURLOPT_CAPATH, NULL);
	} else if (rc == CURLE_OK && !e->tls_insecure) {
		rc = trust_apply(e->callbacks.trust, e->curl);
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

static CURLcode
set_peer(struct easy *e, const struct transfer_request *req)
{
	bool kept;
	CURLcode rc;

	forget_place(e);
	rc = renew(e);
	if (rc != CURLE_OK)
		return rc;
	buf_reset(&e->header_text); /* so that the list is set again */
	e->fresh = e->forbidden = e->uploads = false;
	rc = set_basics(e);
	kept = keep(&e->unix_path, req->unix_path) &&
	    keep(&e->ca_file, req->ca_file);
	if (!kept)
		return CURLE_OUT_OF_MEMORY;
	e->tls_insecure = req->tls_insecure;
	e->local = req->local;
	if (e->unix_path != NULL)
		SET(e, rc, CURLOPT_UNIX_SOCKET_PATH, e->unix_path);
	if (e->local || e->unix_path != NULL)
		SET(e, rc, CURLOPT_NOPROXY, "*");
	if (rc == CURLE_OK)
		rc = set_tls(e);
	return rc;
}

/* What libcurl cannot parse here it is left to complain of in the transfer. */
static CURLcode
set_url(struct easy *e, const char *url)
{
	CURLU *parsed = curl_url();
	CURLcode rc = CURLE_OK;

	if (parsed == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS) !=
	    CURLUE_OK) {
		curl_url_cleanup(parsed);
		parsed = NULL;
	}
	SET(e, rc, CURLOPT_CURLU, parsed);
	SET(e, rc, CURLOPT_URL, url);
	curl_url_cleanup(e->parsed);
	e->parsed = parsed;
	return rc;
}

static CURLcode
set_place(struct easy *e, const struct transfer_request *req)
{
	CURLcode rc = CURLE_OK;

	if (same(e->url, req->url) && same_peer(e, req))
		return CURLE_OK;
	if (!same_peer(e, req))
		rc = set_peer(e, req);
	free(e->url);
	e->url = NULL; /* on failure the next request starts from a reset */
	if (rc == CURLE_OK)
		rc = set_url(e, req->url);
	if (rc == CURLE_OK && !keep(&e->url, req->url))
		rc = CURLE_OUT_OF_MEMORY;
	return rc;
}

/* --- headers --- */

/* libcurl adds these by itself unless told not to. */
static const char *const unwanted[] = { "Expect:", "Accept:", "Content-Type:" };
#define UNWANTED (sizeof(unwanted) / sizeof(unwanted[0]))

static bool
headers_room(struct easy *e, size_t n)
{
	struct curl_slist *p;

	if (n <= e->headers_cap)
		return true;
	p = realloc(e->headers, n * sizeof(*p));
	if (p == NULL)
		return false;
	e->headers = p;
	e->headers_cap = n;
	return true;
}

/* One line of header_lines, which ends in NUL by now. "name:" would have
 * libcurl leave the header out; "name;" is how to send it empty. */
static bool
usable_line(struct slice line, char *text)
{
	ptrdiff_t colon = slice_find(line, ':');

	if (colon <= 0)
		return false;
	if (slice_trim(
		slice_make(line.p + colon + 1, line.n - (size_t)colon - 1))
		.n == 0) {
		text[colon] = ';';
		text[colon + 1] = '\0';
	}
	return true;
}

static void
append_header(struct easy *e, size_t i, char *text)
{
	e->headers[i] = (struct curl_slist){ .data = text };
	if (i > 0)
		e->headers[i - 1].next = &e->headers[i];
}

/* The list is made of our own nodes: libcurl only reads it, and no line costs
 * an allocation. */
static CURLcode
set_headers(struct easy *e, struct slice text)
{
	size_t n_max = UNWANTED + 1, n = 0;
	bool given[UNWANTED] = { false };
	CURLcode rc = CURLE_OK;
	char *line, *end, *stop;

	if (e->header_text.n > 0 && slice_eq(buf_slice(&e->header_text), text))
		return CURLE_OK;
	buf_reset(&e->header_text);
	buf_reset(&e->header_lines);
	(void)buf_reserve_exactly(&e->header_text, text.n);
	(void)buf_reserve_exactly(&e->header_lines, text.n + 1);
	buf_add(&e->header_text, text);
	buf_add(&e->header_lines, text);
	buf_add_char(&e->header_lines, '\n');
	for (size_t i = 0; i < text.n; i++)
		n_max += text.p[i] == '\n';
	if (buf_err(&e->header_text) != OK || buf_err(&e->header_lines) != OK ||
	    !headers_room(e, n_max)) {
		buf_reset(&e->header_text);
		return CURLE_OUT_OF_MEMORY;
	}
	stop = e->header_lines.p + e->header_lines.n;
	for (line = e->header_lines.p; line < stop; line = end + 1) {
		struct slice s;

		end = memchr(line, '\n', (size_t)(stop - line));
		s = slice_make(line, (size_t)(end - line));
		*end = '\0';
		for (size_t i = 0; i < UNWANTED; i++)
			if (slice_istarts(s, slice_of(unwanted[i])))
				given[i] = true;
		if (usable_line(s, line))
			append_header(e, n++, line);
	}
	for (size_t i = 0; i < UNWANTED; i++)
		if (!given[i])
			append_header(e, n++, (char *)(uintptr_t)unwanted[i]);
	SET(e, rc, CURLOPT_HTTPHEADER, e->headers);
	return rc;
}

/* --- method and body --- */

static size_t
total_of(const struct transfer_request *req)
{
	size_t total = 0;

	for (size_t i = 0; i < req->n_body; i++)
		total += req->body[i].n;
	return total;
}

static bool
borrow_body(struct easy *e, const struct transfer_request *req)
{
	struct slice *p;

	if (req->n_body > e->pieces_cap) {
		p = realloc(e->pieces, req->n_body * sizeof(*p));
		if (p == NULL)
			return false;
		e->pieces = p;
		e->pieces_cap = req->n_body;
	}
	for (size_t i = 0; i < req->n_body; i++)
		if (req->body[i].n > 0)
			e->pieces[e->n_pieces++] = req->body[i];
	return true;
}

static CURLcode
set_body(struct easy *e, const struct transfer_request *req, size_t total)
{
	CURLcode rc = CURLE_OK;

	e->n_pieces = e->piece = e->offset = 0;
	e->total = total;
	e->body_gone = false;
	buf_reset(&e->copy);
	if (e->uploads != (total > EASY_COPY_MAX)) {
		e->uploads = !e->uploads;
		SET(e, rc, CURLOPT_UPLOAD_BUFFERSIZE,
		    e->uploads ? UPLOAD_BYTES : RECEIVE_BYTES);
	}
	SET(e, rc, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)total);
	if (total > EASY_COPY_MAX) {
		if (!borrow_body(e, req))
			return CURLE_OUT_OF_MEMORY;
		SET(e, rc, CURLOPT_POSTFIELDS, NULL);
		return rc;
	}
	(void)buf_reserve_exactly(&e->copy, total);
	for (size_t i = 0; i < req->n_body; i++)
		buf_add(&e->copy, req->body[i]);
	if (buf_err(&e->copy) != OK)
		return CURLE_OUT_OF_MEMORY;
	SET(e, rc, CURLOPT_POSTFIELDS, total > 0 ? e->copy.p : "");
	return rc;
}

static CURLcode
set_method(struct easy *e, const struct transfer_request *req, size_t total)
{
	const char *natural = "POST";
	CURLcode rc = CURLE_OK;

	if (total > 0 || strcmp(req->method, "POST") == 0) {
		SET(e, rc, CURLOPT_POST, 1L);
	} else if (strcmp(req->method, "HEAD") == 0) {
		SET(e, rc, CURLOPT_NOBODY, 1L);
		natural = "HEAD";
	} else {
		SET(e, rc, CURLOPT_HTTPGET, 1L);
		natural = "GET";
	}
	SET(e, rc, CURLOPT_CUSTOMREQUEST,
	    strcmp(req->method, natural) == 0 ? NULL : req->method);
	return rc;
}

static CURLcode
set_request(struct easy *e, const struct transfer_request *req)
{
	usec ms = (req->connect_timeout + USEC_MS - 1) / USEC_MS;
	size_t total = total_of(req);
	CURLcode rc;

	if (ms <= 0 || ms > INT_MAX)
		ms = INT_MAX; /* 0 would mean libcurl's own 300 s */
	rc = set_place(e, req);
	if (rc == CURLE_OK)
		rc = set_headers(e, req->headers);
	if (rc == CURLE_OK)
		rc = set_body(e, req, total);
	if (rc == CURLE_OK)
		rc = set_method(e, req, total);
	/* Refused to a handle that still has its buffer, as after a name that
	 * did not resolve. */
	(void)curl_easy_setopt(e->curl, CURLOPT_BUFFERSIZE,
	    req->streamed ? RECEIVE_STREAMED : RECEIVE_BYTES);
	SET(e, rc, CURLOPT_CONNECTTIMEOUT_MS, (long)ms);
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
easy_retry(struct easy *e)
{
	(void)curl_easy_setopt(e->curl, CURLOPT_FRESH_CONNECT, 1L);
	e->fresh = true;
	e->piece = e->offset = 0;
}

/* Its connection is closed where nobody else uses it; else it is not taken for
 * new transfers any more, and RST_STREAM says the rest. Where libcurl would
 * keep that to itself multi.c has nobody share. */
void
easy_abandon(struct easy *e)
{
	(void)curl_easy_setopt(e->curl, CURLOPT_FORBID_REUSE, 1L);
	e->forbidden = true;
}

bool
easy_body_taken(const struct easy *e)
{
	return e->piece == e->n_pieces;
}

void
easy_free_body(struct easy *e)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(e->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (sent < 0 || (size_t)sent < e->total)
		return;
	buf_fini(&e->copy);
	/* libcurl drops its buffer when it is told of a size for it */
	(void)curl_easy_setopt(
	    e->curl, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_BYTES);
	e->uploads = false;
}

void
easy_rest(struct easy *e)
{
	e->n_pieces = 0;
	if (e->copy.cap > REST_BYTES)
		buf_fini(&e->copy);
	if (e->pieces_cap * sizeof(*e->pieces) > REST_BYTES) {
		free(e->pieces);
		e->pieces = NULL;
		e->pieces_cap = 0;
	}
}
