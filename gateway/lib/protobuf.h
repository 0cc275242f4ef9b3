/* gateway/lib/protobuf.h - writes Protocol Buffers, straight into memory.
 *
 * Each function writes at p and returns where it stopped; whoever calls has
 * made room. Encoding: https://protobuf.dev/programming-guides/encoding/. */
#ifndef GATEWAY_LIB_PROTOBUF_H
#define GATEWAY_LIB_PROTOBUF_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PROTOBUF_VARINT 0
#define PROTOBUF_FIXED64 1
#define PROTOBUF_LENGTH 2 /* text, bytes, a message; its length comes first */
/* What a field begins with; its number is 15 at most. */
#define PROTOBUF_TAG(field, type) ((char)((field) << 3 | (type)))
#define PROTOBUF_LENGTH_LIKELY 2 /* bytes: of 128 to 16,383 bytes */

static inline size_t
protobuf_varint_size(uint64_t v)
{
	size_t n = 1;

	while ((v >>= 7) > 0)
		n++;
	return n;
}

static inline char *
protobuf_varint(char *p, uint64_t v)
{
	for (; v > 127; v >>= 7)
		*p++ = (char)(v | 128);
	*p++ = (char)v;
	return p;
}

static inline char *
protobuf_fixed64(char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline char *
protobuf_double(char *p, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return protobuf_fixed64(p, bits);
}

/* Bytes with their length. */
static inline char *
protobuf_bytes(char *p, const void *bytes, size_t n)
{
	p = protobuf_varint(p, n);
	memcpy(p, bytes, n);
	return p + n;
}

/* A message of which the length is not known before its end: what _begin()
 * returns is where it is to be written, and what _end() wants back. Others than
 * those of the likely length are moved by a byte. */
static inline char *
protobuf_begin(char *p)
{
	return p + PROTOBUF_LENGTH_LIKELY;
}

static inline char *
protobuf_end(char *begin, char *end)
{
	const size_t n = (size_t)(end - begin), size = protobuf_varint_size(n);
	char *at = begin - PROTOBUF_LENGTH_LIKELY;

	if (size != PROTOBUF_LENGTH_LIKELY)
		memmove(at + size, begin, n);
	return protobuf_varint(at, n) + n;
}

#endif
