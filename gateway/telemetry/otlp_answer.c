/* gateway/telemetry/otlp_answer.c - what a collector says to an export. */
#include "gateway/telemetry/otlp_answer.h"

#include "gateway/lib/protobuf.h"

/* ExportTraceServiceResponse; ExportTracePartialSuccess; Status */
#define PARTIAL_SUCCESS 1
#define REJECTED_SPANS 1
#define ERROR_MESSAGE 2
#define STATUS_MESSAGE 2

#define VARINT_BITS 64
#define FIXED32 5

struct field {
	uint64_t number, value; /* value: of a varint */
	unsigned type;
	struct slice bytes; /* PROTOBUF_LENGTH */
};

static bool
take_varint(struct slice *rest, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < VARINT_BITS && rest->n > 0;
	     shift += 7) {
		unsigned char byte = (unsigned char)*rest->p;

		rest->p++;
		rest->n--;
		v |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			*out = v;
			return true;
		}
	}
	return false;
}

static bool
take_bytes(struct slice *rest, uint64_t n, struct slice *out)
{
	if (n > rest->n)
		return false;
	*out = slice_make(rest->p, (size_t)n);
	rest->p += n;
	rest->n -= (size_t)n;
	return true;
}

static bool
take_field(struct slice *rest, struct field *f)
{
	uint64_t tag, n;

	if (!take_varint(rest, &tag))
		return false;
	f->number = tag >> 3;
	f->type = tag & 7;
	switch (f->type) {
	case PROTOBUF_VARINT:
		return take_varint(rest, &f->value);
	case PROTOBUF_FIXED64:
		return take_bytes(rest, sizeof(uint64_t), &f->bytes);
	case FIXED32:
		return take_bytes(rest, sizeof(uint32_t), &f->bytes);
	case PROTOBUF_LENGTH:
		return take_varint(rest, &n) && take_bytes(rest, n, &f->bytes);
	default:
		return false;
	}
}

static bool
is(const struct field *f, unsigned number, unsigned type)
{
	return f->number == number && f->type == type;
}

static bool
read_partial(struct slice rest, struct otlp_answer *a)
{
	struct field f = { .number = 0 };

	while (rest.n > 0) {
		if (!take_field(&rest, &f))
			return false;
		if (is(&f, REJECTED_SPANS, PROTOBUF_VARINT))
			a->rejected = (int64_t)f.value > 0 ? f.value : 0;
		else if (is(&f, ERROR_MESSAGE, PROTOBUF_LENGTH))
			a->message = f.bytes;
	}
	return true;
}

static bool
read_status(struct slice rest, struct otlp_answer *a)
{
	struct field f = { .number = 0 };

	while (rest.n > 0) {
		if (!take_field(&rest, &f))
			return false;
		if (is(&f, STATUS_MESSAGE, PROTOBUF_LENGTH))
			a->message = f.bytes;
	}
	return true;
}

static bool
read_success(struct slice rest, struct otlp_answer *a)
{
	struct field f = { .number = 0 };

	while (rest.n > 0) {
		if (!take_field(&rest, &f))
			return false;
		if (is(&f, PARTIAL_SUCCESS, PROTOBUF_LENGTH) &&
		    !read_partial(f.bytes, a))
			return false;
	}
	return true;
}

bool
otlp_read_answer(struct slice body, bool taken, struct otlp_answer *out)
{
	struct otlp_answer a = { .message = SLICE("") };
	bool good = taken ? read_success(body, &a) : read_status(body, &a);

	*out = good ? a : (struct otlp_answer){ .message = SLICE("") };
	return good;
}
