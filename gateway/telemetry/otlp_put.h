/* gateway/telemetry/otlp_put.h - texts and attributes of OTLP, written where
 * there is room for them; private to otlp.c. */
#ifndef GATEWAY_TELEMETRY_OTLP_PUT_H
#define GATEWAY_TELEMETRY_OTLP_PUT_H

#include <stdbool.h>

#include "gateway/lib/protobuf.h"
#include "gateway/lib/slice.h"
#include "gateway/lib/utf8.h"
#include "gateway/telemetry/otlp.h"

#define VARINT(field) PROTOBUF_TAG(field, PROTOBUF_VARINT)
#define FIXED64(field) PROTOBUF_TAG(field, PROTOBUF_FIXED64)
#define LENGTH(field) PROTOBUF_TAG(field, PROTOBUF_LENGTH)

/* KeyValue, AnyValue */
#define KEY LENGTH(1)
#define VALUE LENGTH(2)
#define VALUE_TEXT LENGTH(1)
#define VALUE_BOOL VARINT(2)
#define VALUE_INT VARINT(3)
#define VALUE_DOUBLE FIXED64(4)

/* --- text --- */

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Copies n bytes, a word at a time, the last ones twice; true: all ASCII. */
static inline bool
copy_plain(char *to, const char *from, size_t n)
{
	uint64_t word, all = 0;
	size_t i;

	if (n < sizeof(word)) {
		for (i = 0; i < n; i++)
			all |= (unsigned char)(to[i] = from[i]);
		return (all & HIGH_BITS) == 0;
	}
	for (i = 0; i < n - sizeof(word); i += sizeof(word)) {
		memcpy(&word, from + i, sizeof(word));
		memcpy(to + i, &word, sizeof(word));
		all |= word;
	}
	memcpy(&word, from + n - sizeof(word), sizeof(word));
	memcpy(to + n - sizeof(word), &word, sizeof(word));
	return ((all | word) & HIGH_BITS) == 0;
}

/* One string that is not UTF-8, and readers refuse the whole document. */
static inline char *
put_utf8(char *p, struct slice s)
{
	if (!copy_plain(p, s.p, s.n))
		utf8_mend(p, s.n);
	return p + s.n;
}

static inline char *
put_text(char *p, struct slice s)
{
	return put_utf8(protobuf_varint(p, s.n), s);
}

/* As much of it as there is room for. */
static inline struct slice
shortened(const char *s)
{
	return slice_make(s, utf8_cut(s, strlen(s), OTLP_TEXT_MAX));
}

/* --- attributes --- */

/* All of one but its value, which takes n bytes. */
static inline char *
put_key(char *p, char tag, struct slice key, size_t n)
{
	*p++ = tag;
	p = protobuf_varint(p, 1 + 1 + key.n + 1 + protobuf_varint_size(n) + n);
	*p++ = KEY;
	p = protobuf_bytes(p, key.p, key.n);
	*p++ = VALUE;
	return protobuf_varint(p, n);
}

static inline char *
put_string(char *p, char tag, struct slice key, const char *value)
{
	struct slice s;

	if (value == NULL || value[0] == '\0' ||
	    (value[0] == '-' && value[1] == '\0'))
		return p;
	s = shortened(value);
	p = put_key(p, tag, key, 1 + protobuf_varint_size(s.n) + s.n);
	*p++ = VALUE_TEXT;
	return put_text(p, s);
}

static inline char *
put_count(char *p, char tag, struct slice key, uint64_t value)
{
	p = put_key(p, tag, key, 1 + protobuf_varint_size(value));
	*p++ = VALUE_INT;
	return protobuf_varint(p, value);
}

static inline char *
put_number(char *p, char tag, struct slice key, double value)
{
	p = put_key(p, tag, key, 1 + sizeof(value));
	*p++ = VALUE_DOUBLE;
	return protobuf_double(p, value);
}

static inline char *
put_bool(char *p, char tag, struct slice key, bool value)
{
	p = put_key(p, tag, key, 2);
	*p++ = VALUE_BOOL;
	*p++ = value;
	return p;
}

#endif
