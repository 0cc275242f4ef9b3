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

/* The last field of this number and type, as the format has it where there are
 * several; `out` stays as it is where there is none. False: not well formed. */
static bool
find_field(
    struct slice message, unsigned number, unsigned type, struct field *out)
{
	struct field f = { .number = 0 };

	while (message.n > 0) {
		if (!take_field(&message, &f))
			return false;
		if (f.number == number && f.type == type)
			*out = f;
	}
	return true;
}

static bool
read_status(struct slice status, struct otlp_answer *a)
{
	struct field message = { .bytes = SLICE("") };

	if (!find_field(status, STATUS_MESSAGE, PROTOBUF_LENGTH, &message))
		return false;
	a->message = message.bytes;
	return true;
}

static bool
read_success(struct slice success, struct otlp_answer *a)
{
	struct field partial = { .bytes = SLICE("") };
	struct field message = { .bytes = SLICE("") };
	struct field rejected = { .value = 0 };

	if (!find_field(success, PARTIAL_SUCCESS, PROTOBUF_LENGTH, &partial) ||
	    !find_field(
		partial.bytes, REJECTED_SPANS, PROTOBUF_VARINT, &rejected) ||
	    !find_field(
		partial.bytes, ERROR_MESSAGE, PROTOBUF_LENGTH, &message))
		return false;
	a->rejected = (int64_t)rejected.value > 0 ? rejected.value : 0;
	a->message = message.bytes;
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
