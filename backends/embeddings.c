/* backends/embeddings.c - a vector as a list of numbers, or as base64.
 *
 * Both official SDKs ask for base64 and decode blindly what comes; servers
 * that know only lists answer with lists.
 *
 * Invariant: `out` is the reply up to `copied`, but for what has been written
 * of the vector that is at work; `vector` is what is left of that one. */
#include "backends/embeddings.h"

#include <float.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/scan.h"

#define FLOAT_BYTES 4
#define FLOAT_TEXT 16 /* "-1.17549435e-38," */
/* Floats at a time: three of them are a whole number of base64's groups. */
#define RUN ((size_t)768)
#define RUN_BYTES (RUN * FLOAT_BYTES)
#define RUN_BASE64 (RUN_BYTES / 3 * 4)

struct transcoder {
	struct slice reply;
	struct slice data; /* elements that are left of the list */
	struct slice vector; /* n is 0: none is at work */
	const char *copied; /* up to here the reply is in out, or replaced */
	bool base64; /* what is wanted */
	bool any; /* a vector was written anew */
	bool begun; /* a number of the list at work is in out */
	bool spoilt; /* something is no vector */
	struct buf out;
};

/* --- little-endian float32 --- */

static void
put_float(float f, unsigned char out[FLOAT_BYTES])
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	for (int i = 0; i < FLOAT_BYTES; i++)
		out[i] = (unsigned char)(bits >> (8 * i));
}

static float
get_float(const unsigned char in[FLOAT_BYTES])
{
	uint32_t bits = 0;
	float f;

	for (int i = 0; i < FLOAT_BYTES; i++)
		bits |= (uint32_t)in[i] << (8 * i);
	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* --- a run of a vector; false: it is none --- */

/* *n bytes; fewer than RUN_BYTES: the list has ended. */
static bool
read_list(struct slice *list, unsigned char raw[RUN_BYTES], size_t *n)
{
	struct slice number;
	enum scan_type type;
	double v;

	*n = 0;
	while (*n < RUN_BYTES && scan_next_element(list, &number, &type)) {
		if (type != SCAN_NUMBER || !slice_double(number, &v) ||
		    fabs(v) > (double)FLT_MAX)
			return false;
		put_float((float)v, raw + *n);
		*n += FLOAT_BYTES;
	}
	return true;
}

static bool
list_run(struct transcoder *t)
{
	unsigned char raw[RUN_BYTES];
	size_t n;

	if (!read_list(&t->vector, raw, &n))
		return false;
	if (buf_reserve(&t->out, (n + 2) / 3 * 4 + 1)) /* and a NUL */
		t->out.n += (size_t)EVP_EncodeBlock(
		    (unsigned char *)t->out.p + t->out.n, raw, (int)n);
	if (n < RUN_BYTES)
		t->vector.n = 0;
	return true;
}

/* EVP_DecodeBlock() counts what padding stands for as bytes. */
static size_t
padding(struct slice text)
{
	size_t n = 0;

	while (n < 2 && n < text.n && text.p[text.n - 1 - n] == '=')
		n++;
	return n;
}

static bool
read_base64(struct slice *text, unsigned char raw[RUN_BYTES], size_t *n)
{
	struct slice run =
	    slice_make(text->p, text->n < RUN_BASE64 ? text->n : RUN_BASE64);

	text->p += run.n;
	text->n -= run.n;
	/* Of fewer bytes there were spaces. */
	if (EVP_DecodeBlock(raw, (const unsigned char *)run.p, (int)run.n) !=
	    (int)(run.n / 4 * 3))
		return false;
	*n = run.n / 4 * 3 - (text->n == 0 ? padding(run) : 0);
	return *n % FLOAT_BYTES == 0;
}

static void
add_float(struct transcoder *t, float f)
{
	if (!buf_reserve(&t->out, FLOAT_TEXT))
		return;
	t->out.n += (size_t)snprintf(t->out.p + t->out.n, FLOAT_TEXT + 1,
	    t->begun ? ",%.9g" : "%.9g", (double)f);
	t->begun = true;
}

static bool
base64_run(struct transcoder *t)
{
	unsigned char raw[RUN_BYTES];
	size_t n;
	float f;

	if (!read_base64(&t->vector, raw, &n))
		return false;
	for (size_t i = 0; i < n; i += FLOAT_BYTES) {
		f = get_float(raw + i);
		if (!isfinite(f))
			return false;
		add_float(t, f);
	}
	return true;
}

/* --- a vector --- */

static void
begin_vector(struct transcoder *t, struct slice value)
{
	t->any = true;
	buf_add(&t->out, slice_make(t->copied, (size_t)(value.p - t->copied)));
	buf_add_char(&t->out, t->base64 ? '"' : '[');
	t->copied = value.p + value.n;
	t->vector = value;
	t->begun = false;
	if (t->base64)
		return;
	t->vector = slice_make(value.p + 1, value.n - 2);
	t->spoilt = t->vector.n % 4 != 0;
	if (t->vector.n == 0)
		buf_add_char(&t->out, ']');
}

static void
go_on_with_vector(struct transcoder *t)
{
	if (!(t->base64 ? list_run(t) : base64_run(t)))
		t->spoilt = true;
	if (t->vector.n == 0)
		buf_add_char(&t->out, t->base64 ? '"' : ']');
}

/* --- the reply --- */

/* The list named data, at the top level, with whatever follows it: where it
 * ends need not be known. */
static struct slice
find_data(struct slice reply)
{
	const char *end = reply.p + reply.n;
	struct scan_walk w;
	struct scan_member m;

	while (reply.n > 0 && reply.p[0] != '{') {
		reply.p++;
		reply.n--;
	}
	if (reply.n == 0)
		return SLICE("");
	w = scan_walk_at(reply);
	scan_walk_enter(&w);
	while (scan_walk_member(&w, &m)) {
		if (scan_key_is(&m, "data"))
			return m.type == SCAN_ARRAY
			    ? slice_make(w.p, (size_t)(end - w.p))
			    : SLICE("");
		scan_walk_skip(&w);
	}
	return SLICE("");
}

struct transcoder *
transcoder_new(struct slice reply, bool base64, size_t max)
{
	struct transcoder *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->reply = reply;
	t->data = find_data(reply);
	t->copied = reply.p;
	t->base64 = base64;
	buf_init(&t->out, max);
	return t;
}

void
transcoder_free(struct transcoder **tp)
{
	struct transcoder *t = *tp;

	if (t == NULL)
		return;
	buf_fini(&t->out);
	free(t);
	*tp = NULL;
}

/* False: there is none any more. */
static bool
next_vector(struct transcoder *t)
{
	const enum scan_type other = t->base64 ? SCAN_ARRAY : SCAN_STRING;
	struct slice value;
	struct scan_member embedding;
	enum scan_type type;

	if (!scan_next_element(&t->data, &value, &type))
		return false;
	if (type == SCAN_OBJECT && scan_get(value, "embedding", &embedding) &&
	    embedding.type == other)
		begin_vector(t, embedding.value);
	return true;
}

static enum transcoding
end_reply(struct transcoder *t)
{
	const char *end = t->reply.p + t->reply.n;

	if (!t->any)
		return TRANSCODE_NOTHING;
	buf_add(&t->out, slice_make(t->copied, (size_t)(end - t->copied)));
	return buf_err(&t->out) == OK ? TRANSCODE_DONE : TRANSCODE_FAILED;
}

/* Where it stands in the reply. */
static const char *
position(const struct transcoder *t)
{
	return t->vector.n > 0 ? t->vector.p : t->data.p;
}

enum transcoding
transcoder_run(struct transcoder *t)
{
	const char *from = position(t);

	do {
		if (t->vector.n > 0)
			go_on_with_vector(t);
		else if (!next_vector(t))
			return end_reply(t);
		/* memory first: what was not written judges nothing */
		if (buf_err(&t->out) != OK)
			return TRANSCODE_FAILED;
		if (t->spoilt)
			return TRANSCODE_NOTHING;
	} while (position(t) < from + TRANSCODE_SLICE);
	return TRANSCODE_MORE;
}

void
transcoder_take(struct transcoder *t, struct buf *out)
{
	buf_fini(out);
	*out = t->out;
	buf_init(&t->out, 0);
}
