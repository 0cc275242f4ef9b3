/* gateway/lib/sse.h - cuts a byte stream into server-sent events.
 *
 * Incremental: resumes at any byte. Lines end in LF, CRLF or a lone CR; an
 * event ends with a blank line. Bytes are never changed: an event's raw span
 * is exactly what came, so that it can be relayed as it is.
 * After the WHATWG HTML standard, "Server-sent events". */
#ifndef GATEWAY_LIB_SSE_H
#define GATEWAY_LIB_SSE_H

#include "gateway/lib/buf.h"

/* A longer event is a failure. Those with an image in base64 have some MB. */
#define SSE_EVENT_MAX ((size_t)16 << 20)

struct sse {
	bool line_start; /* the next byte begins a line */
	bool after_cr; /* the last byte was CR: LF would belong to it */
	bool any; /* the current event has a byte that is not a newline */
	size_t length; /* of the current event so far */
};

void sse_init(struct sse *);

enum sse_state {
	SSE_MORE, /* all bytes taken, the event is not complete yet */
	SSE_EVENT, /* an event ends at *taken */
	SSE_LONG, /* the event is longer than SSE_EVENT_MAX */
};

/* Reads bytes up to the end of one event or of the bytes; *taken is how many.
 * Spans that follow each other are the stream. A CR ends a line at once: its LF
 * is taken along when it is among the bytes, else it leads the next span.
 * Newlines ahead of an event belong to its span. At the end of the stream
 * sse.any tells whether an event was left unfinished. */
enum sse_state sse_scan(struct sse *, struct slice bytes, size_t *taken);

/* The fields of one raw event. */
struct sse_fields {
	struct slice event; /* last `event:` value, or empty */
	struct slice data; /* `data:` lines joined by LF, or empty */
	bool has_data;
	bool comment_only; /* nothing but comments and blank lines */
};

/* One data line is returned in place; several are joined in *scratch, which
 * is reset first: where it meets its cap, buf_err() says so and data is cut
 * short. A leading BOM is ignored. */
void sse_parse(struct slice raw, struct sse_fields *, struct buf *scratch);

#endif
