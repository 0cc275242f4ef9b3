/* gateway/upstream/transfer_answer.c - what libcurl brings of an answer, read
 * and passed on.
 *
 * Pausing: libcurl's own way is to refuse bytes, which it then keeps. on_bytes
 * has taken its bytes when it says false, so the refusal is the next call's,
 * if there ever is one: a consumer that resumes in time costs nothing. */
#include "gateway/upstream/inner.h"
#include "gateway/upstream/result.h"

#define TRAILERS_MAX 100 /* lines */

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static void
read_status(struct transfer *t, struct slice line)
{
	ptrdiff_t space = slice_find(line, ' ');
	struct slice rest, code;
	uint64_t status;

	if (space < 0)
		return;
	rest = slice_make(line.p + space + 1, line.n - (size_t)space - 1);
	if (!slice_next(&rest, ' ', &code) || !slice_u64(code, &status) ||
	    status > 999)
		return;
	t->interim = status >= 100 && status < 200 && status != 101;
	t->result.status = t->interim ? 0 : (int)status;
}

static void
read_header(struct transfer *t, struct slice line)
{
	ptrdiff_t colon = slice_find(line, ':');

	if (colon <= 0)
		return;
	if (t->ops->on_header != NULL)
		t->ops->on_header(t->arg, slice_make(line.p, (size_t)colon),
		    slice_trim(slice_make(
			line.p + colon + 1, line.n - (size_t)colon - 1)));
}

/* A line that begins with a space continues the one before it: an old form that
 * no header of interest comes in. See easy_guard() for those that continue
 * none. */
static bool
is_continuation(struct slice line)
{
	return line.p[0] == ' ' || line.p[0] == '\t' ||
	    (line.p[0] == '\n' && line.n > 1);
}

/* Behind one name there may be many machines, and other ones tomorrow: a
 * connection to one that fails would hold on to it for as long as it is
 * asked. */
static bool
is_last_on_connection(int status)
{
	return status >= 500 || status == 421;
}

/* A connection that was kept may lead to who has nothing to do with it any
 * more; whatever was asked, it may be asked for over another (RFC 9110,
 * 15.5.20). */
static bool
is_misdirected(const struct transfer *t)
{
	long made = 0;

	return t->result.status == 421 && !t->again &&
	    curl_easy_getinfo(t->easy.curl, CURLINFO_NUM_CONNECTS, &made) ==
	    CURLE_OK &&
	    made == 0;
}

static void
end_headers(struct transfer *t)
{
	t->headed = true;
	t->trailers = 0;
	if (is_last_on_connection(t->result.status))
		easy_abandon(&t->easy);
	if (t->ops->on_headers_end != NULL)
		t->ops->on_headers_end(t->arg, t->result.status);
}

/* One whole line a call. Trailers come here too, and are left alone; libcurl
 * keeps each, and would keep them without end. */
size_t
transfer_on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct slice raw = slice_make(p, n * size), line = slice_trim(raw);
	bool is_status = slice_starts(line, SLICE("HTTP/"));

	if (t->cancelled)
		return 0;
	t->answered = true;
	if (t->headed && ++t->trailers > TRAILERS_MAX)
		return 0;
	if (t->headed || is_continuation(raw))
		return raw.n;
	easy_guard(&t->easy, is_status);
	if (is_status) {
		read_status(t, line);
		t->misdirected = is_misdirected(t);
		if (!t->misdirected)
			return raw.n;
		easy_abandon(&t->easy);
		return 0;
	}
	if (line.n == 0 && !t->interim)
		end_headers(t);
	else if (!t->interim)
		read_header(t, raw);
	return t->cancelled ? 0 : raw.n;
}

size_t
transfer_on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->cancelled)
		return 0;
	if (t->paused) {
		t->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (result_is_bomb(t, n * size))
		return 0;
	if (!t->ops->on_bytes(t->arg, slice_make(p, n * size)))
		t->paused = true;
	return t->cancelled ? 0 : n * size;
}
