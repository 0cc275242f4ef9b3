/* backends/embeddings.c - a vector as a list of numbers, or as base64.
 *
 * Both official SDKs ask for base64 and decode blindly what comes; servers
 * that know only lists answer with lists. Only the vectors are written anew:
 * the rest of the reply stays, byte for byte. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <openssl/evp.h>
#include <string.h>

#include "backends/backend.h"

#define FLOAT_BYTES 4

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

/* --- one vector; false: it is none --- */

static bool
read_list(struct slice list, struct buf *raw)
{
	struct slice number;
	enum scan_type type;
	unsigned char bytes[FLOAT_BYTES];
	double v;

	while (scan_next_element(&list, &number, &type)) {
		if (type != SCAN_NUMBER || !slice_double(number, &v) ||
		    fabs(v) > (double)FLT_MAX)
			return false;
		put_float((float)v, bytes);
		buf_add(raw, slice_make((const char *)bytes, sizeof(bytes)));
	}
	return buf_err(raw) == OK;
}

static bool
list_to_base64(struct slice list, struct buf *out, struct buf *raw)
{
	int n;

	if (!read_list(list, raw) || raw->n > INT_MAX / 2)
		return false;
	buf_add_char(out, '"');
	/* In whole groups of three, and a NUL. */
	if (!buf_reserve(out, (raw->n + 2) / 3 * 4 + 1))
		return true;
	n = EVP_EncodeBlock((unsigned char *)out->p + out->n,
	    (const unsigned char *)raw->p, (int)raw->n);
	out->n += (size_t)n;
	buf_add_char(out, '"');
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
read_base64(struct slice text, struct buf *raw)
{
	int n;

	if (text.n == 0)
		return true;
	if (text.n % 4 != 0 || text.n > INT_MAX / 2 ||
	    !buf_reserve(raw, text.n / 4 * 3))
		return false;
	n = EVP_DecodeBlock((unsigned char *)raw->p,
	    (const unsigned char *)text.p, (int)text.n);
	if (n < 0)
		return false;
	raw->n = (size_t)n - padding(text);
	return raw->n % FLOAT_BYTES == 0;
}

static bool
base64_to_list(struct slice string, struct buf *out, struct buf *raw)
{
	const unsigned char *p;
	float f;

	if (!read_base64(slice_make(string.p + 1, string.n - 2), raw))
		return false;
	p = (const unsigned char *)raw->p;
	buf_add_char(out, '[');
	for (size_t i = 0; i < raw->n; i += FLOAT_BYTES) {
		f = get_float(p + i);
		if (!isfinite(f))
			return false;
		buf_addf(out, i == 0 ? "%.9g" : ",%.9g", (double)f);
	}
	buf_add_char(out, ']');
	return true;
}

/* --- the reply --- */

struct conversion {
	struct slice reply;
	size_t copied; /* bytes of reply that are in out, or were replaced */
	bool base64; /* what is wanted */
	bool any; /* a vector was converted */
	struct buf out, raw;
};

static bool
convert_vector(struct conversion *c, const struct scan_member *embedding)
{
	const struct slice *v = &embedding->value;
	size_t at = (size_t)(v->p - c->reply.p);
	bool good;

	if (embedding->type != (c->base64 ? SCAN_ARRAY : SCAN_STRING))
		return true;
	buf_add(&c->out, slice_make(c->reply.p + c->copied, at - c->copied));
	buf_reset(&c->raw);
	if (c->base64)
		good = list_to_base64(*v, &c->out, &c->raw);
	else
		good = base64_to_list(*v, &c->out, &c->raw);
	c->copied = at + v->n;
	c->any = true;
	return good;
}

static bool
convert_data(struct conversion *c, struct slice data)
{
	struct slice value;
	struct scan_member embedding;
	enum scan_type type;

	while (scan_next_element(&data, &value, &type))
		if (type == SCAN_OBJECT &&
		    scan_get(value, "embedding", &embedding) &&
		    !convert_vector(c, &embedding))
			return false;
	buf_add(&c->out,
	    slice_make(c->reply.p + c->copied, c->reply.n - c->copied));
	return c->any;
}

/* The list named data, at the top level. */
static bool
find_data(struct slice reply, struct slice *data)
{
	struct errmsg why;
	struct scan_member m;
	size_t n;

	if (scan_object(reply, NULL, 0, &n, &why) != OK)
		return false;
	while (reply.n > 0 && reply.p[0] != '{') {
		reply.p++;
		reply.n--;
	}
	if (!scan_get(reply, "data", &m) || m.type != SCAN_ARRAY)
		return false;
	*data = m.value;
	return true;
}

bool
backend_convert_embeddings(struct slice reply, bool base64, struct buf *out)
{
	struct conversion c = { .reply = reply, .base64 = base64 };
	struct slice data;
	bool converted;

	if (!find_data(reply, &data))
		return false;
	buf_init(&c.out, out->max - out->n);
	/* A digit and a comma can stand for a float. */
	buf_init(&c.raw, FLOAT_BYTES * (reply.n / 2 + 1));
	converted = convert_data(&c, data);
	if (converted && buf_err(&c.out) != OK)
		out->err = buf_err(&c.out);
	else if (converted)
		buf_add(out, buf_slice(&c.out));
	buf_fini(&c.out);
	buf_fini(&c.raw);
	return converted;
}
