/* bench/load/reply.c - HTTP/1.1 replies. See reply.h. */
#include "bench/load/reply.h"

#include <string.h>

#include "gateway/lib/hex.h"

void
reply_init(struct reply *r)
{
	*r = (struct reply){ .at = REPLY_AT_STATUS };
	buf_init(&r->line, REPLY_LINE_MAX);
}

void
reply_fini(struct reply *r)
{
	buf_fini(&r->line);
}

void
reply_reset(struct reply *r)
{
	struct buf line = r->line;

	buf_reset(&line);
	*r = (struct reply){ .at = REPLY_AT_STATUS, .line = line };
}

/* "HTTP/1.1 200 OK" */
static bool
read_status(struct reply *r, struct slice line)
{
	uint64_t status;

	if (!slice_starts(line, SLICE("HTTP/1.")) || line.n < 12 ||
	    !slice_u64(slice_make(line.p + 9, 3), &status) || status < 100)
		return false;
	r->status = (int)status;
	r->closes = line.p[7] == '0';
	r->at = REPLY_AT_HEADERS;
	return true;
}

static bool
read_header(struct reply *r, struct slice line)
{
	ptrdiff_t colon = slice_find(line, ':');
	struct slice name, value;

	if (colon <= 0)
		return false;
	name = slice_make(line.p, (size_t)colon);
	value = slice_trim(
	    slice_make(line.p + colon + 1, line.n - (size_t)colon - 1));
	if (slice_iis(name, "content-length")) {
		r->has_length = true;
		return slice_u64(value, &r->left);
	}
	if (slice_iis(name, "transfer-encoding")) {
		r->chunked = slice_iis(value, "chunked");
		return r->chunked;
	}
	if (slice_iis(name, "connection"))
		r->closes = slice_iis(value, "close") ||
		    (r->closes && !slice_iis(value, "keep-alive"));
	else if (slice_iis(name, "content-type"))
		r->events = slice_istarts(value, SLICE("text/event-stream"));
	return true;
}

static void
end_head(struct reply *r)
{
	if (r->status < 200)
		r->at = REPLY_AT_STATUS; /* 100 Continue and the like */
	else if (r->status == 204 || r->status == 304)
		r->at = REPLY_AT_END;
	else if (r->chunked)
		r->at = REPLY_AT_SIZE;
	else if (!r->has_length)
		r->at = REPLY_AT_REST;
	else
		r->at = r->left > 0 ? REPLY_AT_BODY : REPLY_AT_END;
}

/* "1f", perhaps with an extension behind it. */
static bool
read_size(struct reply *r, struct slice line)
{
	uint64_t n = 0;
	size_t i;
	int digit;

	for (i = 0; i < line.n && i < 15; i++) {
		digit = hex_value(line.p[i]);
		if (digit < 0)
			break;
		n = n * 16 + (uint64_t)digit;
	}
	if (i == 0 || (i < line.n && line.p[i] != ';' && line.p[i] != ' '))
		return false;
	r->left = n;
	r->at = n > 0 ? REPLY_AT_CHUNK : REPLY_AT_TRAILERS;
	return true;
}

static bool
take_line(struct reply *r, struct slice line)
{
	switch (r->at) {
	case REPLY_AT_STATUS:
		return read_status(r, line);
	case REPLY_AT_HEADERS:
		if (line.n > 0)
			return read_header(r, line);
		end_head(r);
		return true;
	case REPLY_AT_SIZE:
		return read_size(r, line);
	case REPLY_AT_CRLF:
		r->at = REPLY_AT_SIZE;
		return line.n == 0;
	default:
		if (line.n == 0)
			r->at = REPLY_AT_END;
		return true;
	}
}

static struct slice
without_cr(struct slice line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* One line off the front of *in, or what there is of it. */
static bool
read_line(struct reply *r, struct slice *in)
{
	const char *end = memchr(in->p, '\n', in->n);
	size_t n = end != NULL ? (size_t)(end - in->p) : in->n;
	struct slice line = slice_make(in->p, n);
	bool good;

	if (end == NULL || r->line.n > 0) {
		buf_add(&r->line, line);
		line = buf_slice(&r->line);
	}
	*in = slice_make(in->p + n, in->n - n);
	if (buf_err(&r->line) != OK)
		return false;
	if (end == NULL)
		return true;
	*in = slice_make(in->p + 1, in->n - 1);
	good = take_line(r, without_cr(line));
	buf_reset(&r->line);
	return good;
}

static struct slice
take_body(struct reply *r, struct slice *in)
{
	size_t n = in->n;
	struct slice body;

	if (r->at != REPLY_AT_REST) {
		n = n < r->left ? n : (size_t)r->left;
		r->left -= n;
		if (r->left == 0)
			r->at = r->at == REPLY_AT_CHUNK ? REPLY_AT_CRLF
							: REPLY_AT_END;
	}
	body = slice_make(in->p, n);
	*in = slice_make(in->p + n, in->n - n);
	return body;
}

enum reply_state
reply_read(struct reply *r, struct slice *in, struct slice *body)
{
	for (;;) {
		if (r->at == REPLY_AT_END)
			return REPLY_END;
		if (in->n == 0)
			return REPLY_MORE;
		if (r->at == REPLY_AT_BODY || r->at == REPLY_AT_REST ||
		    r->at == REPLY_AT_CHUNK) {
			*body = take_body(r, in);
			return REPLY_BODY;
		}
		if (!read_line(r, in))
			return REPLY_BAD;
	}
}

bool
reply_eof(const struct reply *r)
{
	return r->at == REPLY_AT_REST || r->at == REPLY_AT_END;
}

bool
reply_reusable(const struct reply *r)
{
	return r->at == REPLY_AT_END && !r->closes;
}
