/* gateway/front/framing.c - where does a request end?
 *
 * libmicrohttpd lets through what a proxy before us may read in another way:
 * several lengths, a length and a coding, codings that it does not know. Such
 * a request is refused, never guessed at (RFC 9112, 6.1 and 6.3). */
#include <string.h>

#include "gateway/front/private.h"

/* libmicrohttpd keeps all of a connection in `header_limit` bytes: the head as
 * it came, what it knows of each header and cookie, a copy of the cookies, and
 * then the head of the answer. */
#define RECORD ((size_t)64) /* of a header, of a cookie */
#define ANSWER_HEAD ((size_t)2048) /* or a quarter of all, if that is less */

struct headers_seen {
	unsigned n, n_length, n_coding, n_expect, n_host;
	size_t cookies; /* bytes that they take */
	struct slice length, coding, expect, host;
	uint64_t names;
	const char *end; /* of the last value, in memory */
	bool hidden; /* bytes between a value and the next name */
	bool broken; /* a value's byte that could end a line, further on */
	bool misnamed; /* a name that is no token */
	bool folded; /* a line that continues the one before it */
};

/* RFC 9110, 5.6.2. */
static bool
is_token_byte(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-')
		return true;
	return c != '\0' && strchr("!#$%&'*+.^_`|~", c) != NULL;
}

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_byte(s.p[i]))
			return false;
	return s.n > 0;
}

/* Before 0.9.77 libmicrohttpd appends what such a line says to the header's
 * name: "Content-Length:" and " 5" become "Content-Length5:", which is no
 * length, and "Content-: 5" and " Length" one that nobody has sent. For that it
 * moves the name, to behind the headers as they came. */
static bool
is_folded(const char *name, const char *value)
{
	return value != NULL && (uintptr_t)name > (uintptr_t)value;
}

/* Before 0.9.77 libmicrohttpd takes a line that begins with a colon for the
 * empty one at the end of the headers: for a proxy before us they go on. It
 * makes zeros of what ends a line, and after the last value there are to be two
 * such ends, each of one byte or each of two. */
static bool
is_cut_short(
    const struct exchange *x, const char *head, const struct headers_seen *h)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(
	    x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	ptrdiff_t rest;

	if (MHD_VERSION >= 0x00097701 || size == NULL || h->end == NULL)
		return false;
	rest = head + size->header_size - h->end;
	return rest != 2 && rest != 4;
}

/* Before 0.9.77 a value ends for libmicrohttpd at the first NUL, also one that
 * the client has sent: what follows is there for others to read. Of the line's
 * own end one or two zeros are left. */
static bool
hides_something(const struct headers_seen *h, const char *name)
{
	const uintptr_t gap = (uintptr_t)name - (uintptr_t)h->end;

	return MHD_VERSION < 0x00097701 && h->end != NULL && gap != 1 &&
	    gap != 2;
}

static size_t
cookie_size(struct slice v)
{
	size_t n = 1;

	for (size_t i = 0; i < v.n; i++)
		n += v.p[i] == ';';
	return v.n + n * RECORD;
}

static bool
leaves_no_room(const struct exchange *x, const struct headers_seen *h)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(
	    x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const uint64_t all = x->connection->daemon->header_limit;
	const uint64_t answer = all / 4 < ANSWER_HEAD ? all / 4 : ANSWER_HEAD;

	return size != NULL &&
	    size->header_size + h->n * RECORD + h->cookies + answer > all;
}

/* libmicrohttpd takes a carriage return that no newline follows for a part of
 * the value (RFC 9110, 5.5 and RFC 9112, 2.2). */
static bool
breaks(struct slice s)
{
	return slice_find(s, '\r') >= 0 || slice_find(s, '\n') >= 0 ||
	    slice_find(s, '\0') >= 0;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
    const char *value, size_t value_n)
{
	struct headers_seen *h = cls;
	struct slice key = slice_make(name, name_n);
	struct slice v = slice_make(value, value == NULL ? 0 : value_n);

	(void)kind;
	h->n++;
	h->names |= framing_name(key);
	h->broken = h->broken || breaks(v);
	h->misnamed = h->misnamed || !is_token(key);
	h->folded = h->folded || is_folded(name, value);
	h->hidden = h->hidden || hides_something(h, name);
	if (v.p != NULL && (h->end == NULL || v.p + v.n > h->end))
		h->end = v.p + v.n;
	if (slice_iis(key, "content-length")) {
		h->n_length++;
		h->length = v;
	} else if (slice_iis(key, "transfer-encoding")) {
		h->n_coding++;
		h->coding = v;
	} else if (slice_iis(key, "expect")) {
		h->n_expect++;
		h->expect = v;
	} else if (slice_iis(key, "host")) {
		h->n_host++;
		h->host = v;
	} else if (v.p != NULL && slice_iis(key, "cookie")) {
		h->cookies += cookie_size(v);
	}
	return MHD_YES;
}

static bool
refuse(struct exchange_refusal *r, int status, const char *code,
    const char *message)
{
	*r = (struct exchange_refusal){
		.status = status, .code = code, .message = message
	};
	return false;
}

/* Digits only: no sign, no list, no space inside. */
static bool
read_length(struct slice s, uint64_t *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return slice_u64(s, out);
}

static bool
check_body(const struct headers_seen *h, bool http10, struct framing *f,
    struct exchange_refusal *r)
{
	if (h->n_length > 1)
		return refuse(r, 400, "bad_framing",
		    "The request has more than one Content-Length header.");
	if (h->n_length > 0 && h->n_coding > 0)
		return refuse(r, 400, "bad_framing",
		    "The request has both Content-Length and "
		    "Transfer-Encoding.");
	if (h->n_coding > 1 ||
	    (h->n_coding == 1 && !slice_iis(h->coding, "chunked")))
		return refuse(r, 400, "bad_framing",
		    "The only Transfer-Encoding taken here is chunked.");
	if (h->n_coding > 0 && http10)
		return refuse(r, 400, "bad_framing",
		    "HTTP/1.0 has no Transfer-Encoding.");
	if (h->n_length > 0 && !read_length(h->length, &f->length))
		return refuse(r, 400, "bad_framing",
		    "The Content-Length header is not a number.");
	f->chunked = h->n_coding > 0;
	return true;
}

static bool
check_host(const struct headers_seen *h, const struct exchange *x,
    struct exchange_refusal *r)
{
	if (h->n_host > 1 || (h->n_host == 0 && !x->http10))
		return refuse(
		    r, 400, "bad_host", "The request needs one Host header.");
	if (x->host.p != NULL && h->n_host > 0 &&
	    !slice_ieq(x->host, slice_trim(h->host)))
		return refuse(r, 400, "bad_host",
		    "The request target and the Host header name two hosts.");
	return true;
}

bool
framing_check(struct exchange *x, struct slice method, struct framing *f)
{
	struct exchange_refusal *r = &x->refusal;
	struct headers_seen h = { 0 };

	*f = (struct framing){ 0 };
	MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, on_header, &h);
	x->names = h.names;
	if (!is_token(method))
		return refuse(r, 400, "bad_method",
		    "The request's method is not a word.");
	if (h.folded)
		return refuse(r, 400, "bad_header",
		    "A header is folded over several lines.");
	if (leaves_no_room(x, &h))
		return refuse(r, 431, "header_too_large",
		    "The request's headers are too many or too long for this "
		    "gateway's header_limit, which an answer's share.");
	if (h.hidden || is_cut_short(x, method.p, &h))
		return refuse(r, 400, "bad_header",
		    "A header has no name, or a NUL in it, or lines end in "
		    "several ways.");
	if (!check_body(&h, x->http10, f, r))
		return false;
	if (h.misnamed)
		return refuse(r, 400, "bad_header",
		    "The name of a header has a space, or another byte that "
		    "is not allowed, in it.");
	if (h.broken)
		return refuse(r, 400, "bad_header",
		    "A header has a carriage return, a newline or a NUL in "
		    "it.");
	if (slice_find(slice_of(x->target), ' ') >= 0)
		return refuse(r, 400, "bad_target",
		    "The request target has a space in it.");
	if (!check_host(&h, x, r))
		return false;
	if (h.n_expect > 0 && !slice_iis(h.expect, "100-continue"))
		return refuse(r, 417, "expectation_failed",
		    "The only expectation taken here is 100-continue.");
	f->expects = h.n_expect > 0;
	return true;
}
