/* gateway/upstream/wire.c - a connection that libcurl makes and we speak on.
 *
 * Invariant: the socket is polled only between wire_goes_on() and wire_free(),
 * and libcurl never watches it meanwhile. */
#include "gateway/upstream/wire.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/uri.h"
#include "gateway/upstream/easy_parts.h"
#include "gateway/upstream/inner.h"

#define HEAD_MAX ((size_t)64 << 10) /* bytes of an answer's */
#define BODY_MAX ((size_t)64 << 10) /* of an answer that is no 101 */
#define OUT_MAX ((size_t)4 << 20) /* whatever comes before on_drain */
#define OUT_HIGH ((size_t)64 << 10)
#define OUT_LOW ((size_t)32 << 10)
#define OUT_IDLE ((size_t)2 << 10) /* memory of either that stays */
#define PIECE ((size_t)16 << 10) /* bytes read at once */

enum wire_phase { WIRE_CONNECTS, WIRE_HEAD, WIRE_BODY, WIRE_TUNNEL, WIRE_OVER };

struct wire {
	uv_poll_t poll;
	struct upstream *up;
	enum wire_phase phase;
	bool open; /* the poll is */
	int watched; /* UV_* events */
	bool choked; /* on_drain is owed */
	bool chunked; /* the body of an answer that is no 101 */
	int64_t length; /* of that; -1: up to its end */
	struct buf out; /* what waits behind `going` */
	/* TLS wants what it could not send once more, at the same place: it is
	 * neither moved nor added to before all of it is sent. */
	struct buf going;
	size_t sent; /* bytes of it */
	struct buf in; /* a head that is not complete, or that body */
};

/* --- the request --- */

static void
add_lines(struct buf *out, struct slice lines)
{
	struct slice line;

	while (slice_next(&lines, '\n', &line)) {
		if (line.n == 0 || slice_istarts(line, SLICE("content-type:")))
			continue;
		buf_add(out, line);
		buf_add(out, SLICE("\r\n"));
	}
}

static void
write_request(struct buf *out, const struct transfer_request *req)
{
	struct slice rest, host;

	(void)uri_after_scheme(slice_of(req->url), &rest, NULL);
	host = slice_make(rest.p, strcspn(rest.p, "/?#"));
	rest = slice_make(rest.p + host.n, strcspn(rest.p + host.n, "#"));
	buf_addf(out, "%s %s%.*s HTTP/1.1\r\nHost: %.*s\r\n", req->method,
	    slice_starts(rest, SLICE("/")) ? "" : "/", SLICE_ARG(rest),
	    SLICE_ARG(host));
	buf_add_str(out, "user-agent: pointsman/" POINTSMAN_VERSION "\r\n");
	add_lines(out, req->headers);
	add_lines(out, req->more);
	buf_add(out, SLICE("\r\n"));
}

bool
wire_new(
    struct transfer *t, const struct transfer_request *req, struct errmsg *why)
{
	struct wire *w = calloc(1, sizeof(*w));
	CURLcode rc = CURLE_OK;

	if (w == NULL) {
		fail(why, ERR_MEMORY, "out of memory");
		return false;
	}
	w->up = t->up;
	w->length = -1;
	buf_init(&w->out, OUT_MAX);
	buf_init(&w->going, OUT_MAX);
	buf_init(&w->in, HEAD_MAX);
	write_request(&w->out, req);
	t->wire = w;
	SET(&t->easy, rc, CURLOPT_CONNECT_ONLY, 1L);
	SET(&t->easy, rc, CURLOPT_HTTPPROXYTUNNEL, 1L);
	SET(&t->easy, rc, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	easy_retry(&t->easy);
	if (rc == CURLE_OK && buf_err(&w->out) == OK)
		return true;
	fail(why, ERR_UNSUPPORTED, "libcurl: %s", curl_easy_strerror(rc));
	return false;
}

/* --- its life --- */

static void
on_poll_closed(uv_handle_t *h)
{
	struct wire *w = CONTAINER_OF((uv_poll_t *)h, struct wire, poll);
	struct upstream *up = w->up;

	free(w);
	upstream_part_closed(up);
}

void
wire_free(struct transfer *t)
{
	struct wire *w = t->wire;

	t->wire = NULL;
	buf_fini(&w->out);
	buf_fini(&w->going);
	buf_fini(&w->in);
	if (w->open)
		uv_close((uv_handle_t *)&w->poll, on_poll_closed);
	else
		free(w);
}

static void
end(struct transfer *t, CURLcode code)
{
	t->wire->phase = WIRE_OVER;
	uv_poll_stop(&t->wire->poll);
	transfer_on_complete(t->easy.curl, code);
}

/* --- an answer that is no 101 --- */

/* "1a;name=value\r" */
static size_t
chunk_length(struct slice line)
{
	size_t n = 0;
	int digit;

	for (size_t i = 0;
	     i < line.n && isxdigit((unsigned char)line.p[i]) && n <= BODY_MAX;
	     i++) {
		digit = line.p[i] | 0x20;
		n = n << 4 |
		    (size_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
	}
	return n;
}

/* What is not understood, or not whole, is left out. */
static void
hand_on_chunks(struct transfer *t, struct slice body)
{
	struct slice line;
	size_t n;

	while (!t->cancelled && slice_next(&body, '\n', &line)) {
		n = chunk_length(line);
		if (n == 0 || n + 2 > body.n)
			return;
		(void)t->ops->on_bytes(t->arg, slice_make(body.p, n));
		body = slice_make(body.p + n + 2, body.n - n - 2);
	}
}

static void
end_body(struct transfer *t)
{
	struct slice body = buf_slice(&t->wire->in);

	if (t->wire->chunked)
		hand_on_chunks(t, body);
	else if (body.n > 0)
		(void)t->ops->on_bytes(t->arg, body);
	end(t, CURLE_OK);
}

static bool
is_whole(const struct wire *w)
{
	struct slice body = buf_slice(&w->in);

	if (w->chunked)
		return slice_is(body, "0\r\n\r\n") ||
		    slice_ends(body, SLICE("\r\n0\r\n\r\n"));
	return w->length >= 0 && body.n >= (size_t)w->length;
}

/* The beginning of it says what is wrong: as much as there is room for. */
static void
take_body(struct transfer *t, struct slice bytes)
{
	struct wire *w = t->wire;
	size_t room = BODY_MAX - 1 - w->in.n;

	buf_add(&w->in, slice_make(bytes.p, bytes.n < room ? bytes.n : room));
	if (bytes.n >= room || is_whole(w))
		end_body(t);
}

/* --- the answer's head --- */

static void
note_framing(struct wire *w, struct slice line)
{
	struct slice length = SLICE("content-length:");
	struct slice coding = SLICE("transfer-encoding:");
	uint64_t n;

	if (slice_istarts(line, length) &&
	    slice_u64(
		slice_trim(slice_make(line.p + length.n, line.n - length.n)),
		&n) &&
	    n <= BODY_MAX)
		w->length = (int64_t)n;
	w->chunked |= slice_istarts(line, coding);
}

/* Line by line, as libcurl hands them on. False: it is no HTTP. */
static bool
read_lines(struct transfer *t, struct slice *rest)
{
	ptrdiff_t at;
	size_t n;

	while (!t->headed && (at = slice_find(*rest, '\n')) >= 0) {
		n = (size_t)at + 1;
		if (t->result.status == 0 && !t->interim &&
		    !slice_starts(*rest, SLICE("HTTP/1.")))
			return false;
		note_framing(t->wire, slice_make(rest->p, n));
		if (t->easy.callbacks.on_header(
			(char *)(uintptr_t)rest->p, 1, n, t) != n)
			return false;
		*rest = slice_make(rest->p + n, rest->n - n);
	}
	return true;
}

static void
hand_on(struct transfer *t, struct slice bytes)
{
	if (bytes.n > 0 && !t->ops->on_bytes(t->arg, bytes))
		t->paused = t->held = true;
}

static void
begin_answer(struct transfer *t)
{
	struct wire *w = t->wire;

	if (t->result.status != 101) {
		w->phase = WIRE_BODY;
		take_body(t, SLICE(""));
		return;
	}
	w->phase = WIRE_TUNNEL;
	hand_on(t, buf_slice(&w->in));
	buf_fini(&w->in);
}

static void
take_head(struct transfer *t, struct slice bytes)
{
	struct wire *w = t->wire;
	struct slice rest;
	bool good;

	t->answered = true;
	t->taken += (curl_off_t)bytes.n;
	buf_add(&w->in, bytes);
	rest = buf_slice(&w->in);
	good = buf_err(&w->in) == OK && t->taken <= (curl_off_t)HEAD_MAX &&
	    read_lines(t, &rest);
	if (t->cancelled)
		return;
	if (!good) {
		end(t, CURLE_WEIRD_SERVER_REPLY);
		return;
	}
	buf_consume(&w->in, w->in.n - rest.n);
	if (t->headed)
		begin_answer(t);
}

/* --- bytes --- */

static void
take(struct transfer *t, struct slice bytes)
{
	switch (t->wire->phase) {
	case WIRE_HEAD:
		take_head(t, bytes);
		break;
	case WIRE_BODY:
		take_body(t, bytes);
		break;
	case WIRE_TUNNEL:
		hand_on(t, bytes);
		break;
	case WIRE_CONNECTS:
	case WIRE_OVER:
		break;
	}
}

static bool
is_at_work(const struct transfer *t)
{
	return !t->cancelled && t->wire != NULL && t->wire->open &&
	    t->wire->phase != WIRE_OVER;
}

static void
end_in(struct transfer *t, CURLcode code)
{
	if (t->wire->phase == WIRE_BODY && code == CURLE_OK)
		end_body(t);
	else if (t->wire->phase == WIRE_HEAD && code == CURLE_OK)
		end(t, CURLE_GOT_NOTHING);
	else
		end(t, code);
}

/* Until nothing is left: of what TLS has unpacked already poll knows nothing.
 * Whoever takes it says when it is enough. */
static void
read_some(struct transfer *t)
{
	char bytes[PIECE];
	CURLcode rc;
	size_t n;

	while (is_at_work(t) && !t->paused) {
		n = 0;
		rc = curl_easy_recv(t->easy.curl, bytes, sizeof(bytes), &n);
		if (rc == CURLE_AGAIN)
			return;
		if (rc != CURLE_OK || n == 0) {
			end_in(t, rc);
			return;
		}
		take(t, slice_make(bytes, n));
	}
}

static size_t
unsent(const struct wire *w)
{
	return w->going.n - w->sent + w->out.n;
}

/* False: nothing is left. */
static bool
send_next(struct wire *w)
{
	struct buf old = w->going;

	if (w->sent < w->going.n)
		return true;
	if (old.cap > OUT_IDLE)
		buf_fini(&old);
	buf_reset(&old);
	w->sent = 0;
	w->going = w->out;
	w->out = old;
	return w->going.n > 0;
}

static void
write_some(struct transfer *t)
{
	struct wire *w = t->wire;
	CURLcode rc = CURLE_OK;
	size_t n;

	/* a gap would be read as something else */
	if (buf_err(&w->out) != OK) {
		end(t, CURLE_OUT_OF_MEMORY);
		return;
	}
	while (rc == CURLE_OK && send_next(w)) {
		n = 0;
		rc = curl_easy_send(t->easy.curl, w->going.p + w->sent,
		    w->going.n - w->sent, &n);
		w->sent += n;
	}
	/* what it said before it went may still be there to read */
	if (rc != CURLE_OK && rc != CURLE_AGAIN) {
		read_some(t);
		if (is_at_work(t))
			end(t, rc);
	}
}

static void
tell_drained(struct transfer *t)
{
	struct wire *w = t->wire;

	if (!w->choked || unsent(w) >= OUT_LOW)
		return;
	w->choked = false;
	if (t->ops->on_drain != NULL)
		t->ops->on_drain(t->arg);
}

static void on_poll(uv_poll_t *, int status, int events);

static void
watch(struct transfer *t)
{
	struct wire *w = t->wire;
	int events = t->paused ? 0 : UV_READABLE;

	if (unsent(w) > 0)
		events |= UV_WRITABLE;
	if (events == w->watched)
		return;
	w->watched = events;
	if (events != 0)
		uv_poll_start(&w->poll, events, on_poll);
	else
		uv_poll_stop(&w->poll);
}

void
wire_run(struct transfer *t)
{
	if (is_at_work(t))
		write_some(t);
	if (is_at_work(t))
		read_some(t);
	if (is_at_work(t))
		tell_drained(t);
	if (is_at_work(t))
		watch(t);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	(void)status; /* reading says what it is */
	(void)events;
	wire_run(h->data);
}

bool
wire_is_open(const struct wire *w)
{
	return w->open;
}

bool
wire_write(struct transfer *t, struct slice bytes)
{
	struct wire *w = t->wire;

	if (!is_at_work(t))
		return true;
	buf_add(&w->out, bytes);
	transfer_look(t);
	w->choked |= unsent(w) > OUT_HIGH;
	return !w->choked;
}

bool
wire_goes_on(struct transfer *t, CURLcode code)
{
	struct wire *w = t->wire;
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (code != CURLE_OK || w->phase != WIRE_CONNECTS)
		return false;
	curl_easy_getinfo(t->easy.curl, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD)
		return false;
	sock_let_go(&t->up->multis.socks, fd);
	if (uv_poll_init(t->up->multis.loop, &w->poll, fd) != 0)
		return false;
	w->poll.data = t;
	w->open = true;
	w->up->open++;
	w->phase = WIRE_HEAD;
	transfer_look(t);
	return true;
}
