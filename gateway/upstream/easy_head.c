/* gateway/upstream/easy_head.c - the head of a request: URL, headers, method.
 *
 * Headers in a list are printed by libcurl's own printf, a byte at a time: some
 * 65 instructions each in 7.88, a third of what it takes for a request. The
 * request target it copies, since 8.5 by its manual "verbatim ... without any
 * filter or other safe guards". So where a request can be nothing but HTTP/1.1,
 * with no proxy on the way, all lines go behind the target:
 *
 *	/x HTTP/1.1\r\nHost: h\r\nname: value\r\n...user-agent: pointsman/0.1.0
 *
 * and the " HTTP/1.1" that libcurl writes next ends the last of them. What may
 * become HTTP/2 or asks a proxy has the list, and so has all that goes by a
 * libcurl of another release than the one this was tested with. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/digits.h"
#include "gateway/upstream/easy_parts.h"

#define TARGET_MAX 2048 /* bytes, with the lines; else the list */
#define TESTED_RELEASE 0x0758 /* of libcurl: 7.88 */
#define LAST_LINE "user-agent: pointsman/" POINTSMAN_VERSION

/* These it has to know of: it would say them twice. */
static const struct slice its_own[] = {
	{ "connection", 10 },
	{ "content-length", 14 },
	{ "expect", 6 },
	{ "host", 4 },
	{ "te", 2 },
	{ "transfer-encoding", 17 },
	{ "user-agent", 10 },
};

/* As it is found at run time, not as it was compiled with. */
static bool
is_tested_libcurl(void)
{
	return curl_version_info(CURLVERSION_NOW)->version_num >> 8 ==
	    TESTED_RELEASE;
}

/* --- the URL --- */

static CURLcode
drop_target(struct easy *e)
{
	CURLcode rc = CURLE_OK;

	if (e->targeted)
		SET(e, rc, CURLOPT_REQUEST_TARGET, NULL);
	e->targeted = e->headed = false;
	return rc;
}

void
easy_forget_head(struct easy *e)
{
	e->targeted = e->headed = false;
}

void
easy_drop_head(struct easy *e)
{
	if (!e->targeted)
		return;
	(void)curl_easy_setopt(e->curl, CURLOPT_REQUEST_TARGET, NULL);
	buf_fini(&e->header_text);
	e->headed = false;
}

/* Adds a part of the URL, as libcurl would write it; where there is none, and
 * that is not `needed`, nothing. A name that is not ASCII has another form. */
static bool
add_part(struct easy *e, struct buf *out, const char *before, CURLUPart which,
    unsigned flags, bool needed)
{
	char *part = NULL;
	bool plain = true;

	if (curl_url_get(e->parsed, which, &part, flags) != CURLUE_OK)
		return !needed;
	for (const char *p = part; *p != '\0'; p++)
		plain = plain && *p > ' ' && *p <= '~';
	buf_add_str(out, before);
	buf_add_str(out, part);
	curl_free(part);
	return plain;
}

/* What libcurl would ask for, and whom; left out where a proxy is to hear the
 * whole URL, or without memory. */
static void
keep_opening(struct easy *e, const char *url)
{
	struct buf b;

	free(e->opening);
	e->opening = NULL;
	if (e->proxied || e->parsed == NULL || !is_tested_libcurl() ||
	    !slice_istarts(slice_of(url), SLICE("http://")))
		return;
	buf_init(&b, TARGET_MAX);
	if (add_part(e, &b, "", CURLUPART_PATH, CURLU_URLENCODE, true) &&
	    add_part(e, &b, "?", CURLUPART_QUERY, 0, false) &&
	    add_part(e, &b, " HTTP/1.1\r\nHost: ", CURLUPART_HOST, 0, true) &&
	    add_part(e, &b, ":", CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, false))
		e->opening = buf_take(&b, NULL);
	buf_fini(&b);
}

/* What libcurl cannot parse here it is left to complain of in the transfer. */
CURLcode
easy_set_url(struct easy *e, const char *url)
{
	CURLU *parsed = curl_url();
	CURLcode rc;

	if (parsed == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS) !=
	    CURLUE_OK) {
		curl_url_cleanup(parsed);
		parsed = NULL;
	}
	rc = drop_target(e);
	SET(e, rc, CURLOPT_CURLU, parsed);
	SET(e, rc, CURLOPT_URL, url);
	curl_url_cleanup(e->parsed);
	e->parsed = parsed;
	keep_opening(e, url);
	return rc;
}

/* --- headers behind the target --- */

static bool
is_its_own(struct slice name)
{
	for (size_t i = 0; i < COUNT(its_own); i++)
		if (slice_ieq(name, its_own[i]))
			return true;
	return false;
}

/* False where they are better left to libcurl. */
static bool
write_lines(struct slice lines, struct buf *out)
{
	struct slice line;
	ptrdiff_t colon;

	if (slice_find(lines, '\0') >= 0 || slice_find(lines, '\r') >= 0)
		return false;
	while (slice_next(&lines, '\n', &line)) {
		if (line.n == 0)
			continue;
		colon = slice_find(line, ':');
		if (colon <= 0 || is_its_own(slice_make(line.p, (size_t)colon)))
			return false;
		buf_add(out, line);
		buf_add(out, SLICE("\r\n"));
	}
	return true;
}

/* What begins the target, whatever the request; nothing where it cannot. */
static void
write_head(const struct easy *e, struct slice lines, struct buf *out)
{
	if (e->opening == NULL)
		return;
	buf_add_str(out, e->opening);
	buf_add(out, SLICE("\r\n"));
	if (!write_lines(lines, out) || buf_err(out) != OK)
		buf_reset(out);
}

static void
write_length(int64_t length, struct buf *out)
{
	char digits[DIGITS_MAX + 2];
	size_t n;

	if (length < 0)
		return;
	n = digits_u64(digits, (uint64_t)length);
	digits[n++] = '\r';
	digits[n++] = '\n';
	buf_add(out, SLICE("Content-Length: "));
	buf_add(out, slice_make(digits, n));
}

/* False where it cannot be, or does not fit. */
static bool
write_target(
    const struct easy *e, struct slice more, int64_t length, struct buf *out)
{
	static const char last[] = LAST_LINE; /* with its NUL */
	struct slice head = buf_slice(&e->header_text);

	head = slice_make(head.p + e->header_n, head.n - e->header_n);
	if (head.n == 0)
		return false;
	buf_add(out, head);
	if (!write_lines(more, out))
		return false;
	write_length(length, out);
	buf_add(out, slice_make(last, sizeof(last)));
	return buf_err(out) == OK;
}

/* The path of the URL is not read any more, only taken apart each time. */
static CURLcode
set_target(struct easy *e, const char *target)
{
	CURLcode rc = CURLE_OK;

	if (!e->targeted) {
		rc = easy_list_nothing(e);
		if (rc != CURLE_OK)
			return rc;
		(void)curl_url_set(e->parsed, CURLUPART_PATH, NULL, 0);
		(void)curl_url_set(e->parsed, CURLUPART_QUERY, NULL, 0);
	}
	e->targeted = true;
	SET(e, rc, CURLOPT_REQUEST_TARGET, target);
	return rc;
}

static CURLcode
set_list(struct easy *e, struct slice more)
{
	struct slice lines = slice_make(e->header_text.p, e->header_n);
	CURLcode rc;

	if (e->targeted)
		(void)curl_url_set(
		    e->parsed, CURLUPART_URL, e->url, CURLU_PATH_AS_IS);
	rc = drop_target(e);
	return rc == CURLE_OK ? easy_list(e, lines, more) : rc;
}

static bool
are_set(const struct easy *e, struct slice lines)
{
	return e->headed &&
	    slice_eq(slice_make(e->header_text.p, e->header_n), lines);
}

static bool
keep_lines(struct easy *e, struct slice lines)
{
	char text[TARGET_MAX];
	struct buf head;

	e->headed = false;
	buf_on(&head, text, sizeof(text));
	write_head(e, lines, &head);
	buf_reset(&e->header_text);
	(void)buf_reserve_exactly(&e->header_text, lines.n + head.n);
	buf_add(&e->header_text, lines);
	buf_add(&e->header_text, buf_slice(&head));
	e->header_n = lines.n;
	return buf_err(&e->header_text) == OK;
}

CURLcode
easy_set_headers(
    struct easy *e, struct slice lines, struct slice more, int64_t length)
{
	bool same = are_set(e, lines);
	char text[TARGET_MAX];
	struct buf target;
	CURLcode rc;

	if (same && e->alone && more.n == 0 &&
	    (!e->targeted || e->length == length))
		return CURLE_OK;
	if (!same && !keep_lines(e, lines))
		return CURLE_OUT_OF_MEMORY;
	buf_on(&target, text, sizeof(text));
	rc = write_target(e, more, length, &target) ? set_target(e, text)
						    : set_list(e, more);
	e->length = length;
	e->alone = more.n == 0;
	e->headed = rc == CURLE_OK;
	return rc;
}

/* --- the method --- */

CURLcode
easy_set_method(
    struct easy *e, const struct transfer_request *req, bool has_body)
{
	const char *natural = "POST";
	CURLcode rc = CURLE_OK;

	if (has_body) {
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
