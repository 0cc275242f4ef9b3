/* backends/embeddings.h - an embeddings reply in the encoding asked for.
 *
 * A vector is a list of numbers, or base64 of little-endian float32. Only the
 * vectors are written anew: the rest of the reply stays, byte for byte. */
#ifndef BACKENDS_EMBEDDINGS_H
#define BACKENDS_EMBEDDINGS_H

#include "gateway/lib/buf.h"

struct transcoder;

enum transcoding {
	TRANSCODE_MORE, /* the reply is long: call again, others have a turn */
	TRANSCODE_DONE,
	TRANSCODE_NOTHING, /* it already is, or is no such reply */
	TRANSCODE_FAILED, /* no memory, or more than max bytes */
};

/* `reply` is one that backend_decode() found no fault with, and is
 * borrowed until the end; what is made of it has `max` bytes at most. NULL
 * without memory. */
struct transcoder *transcoder_new(struct slice reply, bool base64, size_t max);
void transcoder_free(struct transcoder **);

/* TRANSCODE_SLICE bytes of the reply at a time, or one vector that stays as it
 * is: at most 1.1 ms of lists and 2.2 ms of base64, measured (AMD EPYC,
 * 2,048 vectors of 1,536 floats; all at once 0.7 and 1.2 s). */
#define TRANSCODE_SLICE ((size_t)32 << 10)
enum transcoding transcoder_run(struct transcoder *);

/* The whole reply, once it is TRANSCODE_DONE; *out is initialised. */
void transcoder_take(struct transcoder *, struct buf *out);

#endif
