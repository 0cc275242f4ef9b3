/* gateway/upstream/easy_list.c - headers in a list, of our own nodes: libcurl
 * only reads it, and no line costs an allocation. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/upstream/easy_parts.h"

/* libcurl adds these by itself unless told not to; the last two are needed, and
 * left to it where there is a list. */
static const char *const unwanted[] = { "Expect:", "Accept:",
	"Accept-Encoding:", "Content-Type:", "Host:", "Content-Length:" };
#define UNWANTED COUNT(unwanted)
#define UNWANTED_IN_LIST (UNWANTED - 2)

static bool
list_room(struct easy *e, size_t n)
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

/* Behind the n that are there: the first so many of what is not wanted. */
static CURLcode
end_list(struct easy *e, size_t n, size_t n_unwanted, const bool *given)
{
	CURLcode rc = CURLE_OK;

	for (size_t i = 0; i < n_unwanted; i++)
		if (!given[i])
			append_header(e, n++, (char *)(uintptr_t)unwanted[i]);
	SET(e, rc, CURLOPT_HTTPHEADER, n > 0 ? e->headers : NULL);
	return rc;
}

/* Cuts header_lines into nodes; how many there are. */
static size_t
cut_lines(struct easy *e, bool *given)
{
	char *stop = e->header_lines.p + e->header_lines.n, *end;
	size_t n = 0;

	for (char *line = e->header_lines.p; line < stop; line = end + 1) {
		struct slice s;

		end = memchr(line, '\n', (size_t)(stop - line));
		s = slice_make(line, (size_t)(end - line));
		*end = '\0';
		for (size_t i = 0; i < UNWANTED_IN_LIST; i++)
			if (slice_istarts(s, slice_of(unwanted[i])))
				given[i] = true;
		if (usable_line(s, line))
			append_header(e, n++, line);
	}
	return n;
}

CURLcode
easy_list(struct easy *e, struct slice lines, struct slice more)
{
	bool given[UNWANTED_IN_LIST] = { false };
	size_t n_max = UNWANTED_IN_LIST;

	buf_reset(&e->header_lines);
	(void)buf_reserve_exactly(&e->header_lines, lines.n + more.n + 2);
	buf_add(&e->header_lines, lines);
	buf_add_char(&e->header_lines, '\n');
	buf_add(&e->header_lines, more);
	buf_add_char(&e->header_lines, '\n');
	for (size_t i = 0; i < e->header_lines.n; i++)
		n_max += e->header_lines.p[i] == '\n';
	if (buf_err(&e->header_lines) != OK || !list_room(e, n_max))
		return CURLE_OUT_OF_MEMORY;
	return end_list(e, cut_lines(e, given), UNWANTED_IN_LIST, given);
}

CURLcode
easy_list_nothing(struct easy *e)
{
	static const bool none[UNWANTED];
	CURLcode rc;

	if (!list_room(e, UNWANTED))
		return CURLE_OUT_OF_MEMORY;
	rc = end_list(e, 0, UNWANTED, none);
	if (rc == CURLE_OK)
		buf_fini(&e->header_lines);
	return rc;
}
