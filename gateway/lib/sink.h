/* gateway/lib/sink.h - where an answer goes.
 *
 * The request core writes to a sink and knows no HTTP server. Embedded in its
 * owner; ops may be called from the owner's thread only. Nothing is called
 * back from inside an op. */
#ifndef GATEWAY_LIB_SINK_H
#define GATEWAY_LIB_SINK_H

#include "gateway/lib/buf.h"
#include "gateway/lib/slice.h"

struct header {
	struct slice name, value;
};

/* Those of one answer; where there is no room, or no value, one is left out.
 * Names and values are borrowed. */
#define HEADER_LIST_MAX 24
struct header_list {
	struct header list[HEADER_LIST_MAX];
	size_t n;
};

static inline void
header_add(struct header_list *h, const char *name, struct slice value)
{
	if (h->n < HEADER_LIST_MAX && value.n > 0)
		h->list[h->n++] = (struct header){ slice_of(name), value };
}

#define SINK_STREAMED (-1) /* length of a body that is not known yet */

enum sink_end {
	SINK_CLEAN, /* the body is whole */
	SINK_ABORT, /* cut the connection: the client must see a failure */
};

struct sink;

struct sink_ops {
	/* Once, first. Headers and values are copied. length is the exact
	 * body length, or SINK_STREAMED. */
	void (*headers)(struct sink *, int status, const struct header *,
	    size_t n, int64_t length);
	/* Copies the bytes. False: enough is queued, hold the source until
	 * on_drain; what was passed has been taken all the same. */
	bool (*write)(struct sink *, struct slice);
	/* The same without a copy: the buf's memory is the sink's then, and the
	 * buf is empty. */
	bool (*give)(struct sink *, struct buf *);
	/* Once, last. The sink may vanish any time after. */
	void (*end)(struct sink *, enum sink_end);
};

struct sink {
	const struct sink_ops *ops;
	/* Set by whoever writes; called by the sink, from its loop turn. */
	void (*on_drain)(void *arg); /* write again */
	void (*on_gone)(void *arg); /* the client has left */
	void *arg;
};

#endif
