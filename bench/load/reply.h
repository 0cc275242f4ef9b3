/* bench/load/reply.h - reads HTTP/1.1 replies as they come.
 *
 * Bodies by Content-Length, chunked, or up to the end of the connection.
 * Resumes at any byte. */
#ifndef BENCH_LOAD_REPLY_H
#define BENCH_LOAD_REPLY_H

#include "gateway/lib/buf.h"

#define REPLY_LINE_MAX ((size_t)16 << 10)

enum reply_at {
	REPLY_AT_STATUS,
	REPLY_AT_HEADERS,
	REPLY_AT_BODY, /* `left` bytes more */
	REPLY_AT_REST, /* all there is */
	REPLY_AT_SIZE, /* a chunk's first line */
	REPLY_AT_CHUNK, /* `left` bytes more */
	REPLY_AT_CRLF, /* behind a chunk */
	REPLY_AT_TRAILERS,
	REPLY_AT_END
};

struct reply {
	enum reply_at at;
	struct buf line; /* an unfinished one */
	int status;
	bool chunked, has_length, closes, events; /* text/event-stream */
	uint64_t left;
};

enum reply_state {
	REPLY_MORE, /* all bytes taken */
	REPLY_BODY, /* *body is the next piece of it */
	REPLY_END, /* the reply is over; bytes may be left */
	REPLY_BAD
};

void reply_init(struct reply *);
void reply_fini(struct reply *);
/* For the next reply of the connection. */
void reply_reset(struct reply *);

/* Takes bytes off the front of *in. Call again while it says REPLY_BODY. */
enum reply_state reply_read(
    struct reply *, struct slice *in, struct slice *body);
/* The connection has ended: true if the reply is whole all the same. */
bool reply_eof(const struct reply *);
/* After REPLY_END: another request may go out. */
bool reply_reusable(const struct reply *);

#endif
