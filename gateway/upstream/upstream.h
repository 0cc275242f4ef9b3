/* gateway/upstream/upstream.h - HTTP to backends; the only user of libcurl.
 *
 * One upstream per event loop. Transfers are spread over many CURLMs of at
 * most 32 each, because libcurl's cost per new transfer grows with the open
 * transfers of a multi. All but on_done run from inside libcurl: they may take
 * bytes and set flags. transfer_start(), _resume() and _cancel() only leave
 * word and may be called from anywhere; upstream_settle() carries them out. */
#ifndef GATEWAY_UPSTREAM_UPSTREAM_H
#define GATEWAY_UPSTREAM_UPSTREAM_H

#include <uv.h>

#include "gateway/lib/err.h"
#include "gateway/lib/inference.h"
#include "gateway/lib/slice.h"

struct upstream;
struct transfer;

struct upstream *upstream_new(uv_loop_t *, struct errmsg *why);
/* Cancels what is left. The loop must still turn once for handles to close;
 * on_closed(arg) says when that is done and the memory is gone. */
void upstream_close(struct upstream **, void (*on_closed)(void *), void *arg);
/* Carries out what callbacks and callers asked for, until nothing is left to
 * do; true when it did anything. Called from the loop's prepare and check. */
bool upstream_settle(struct upstream *);

struct transfer_request {
	const char *method; /* "POST", "GET" */
	const char *url; /* whole */
	const char *unix_path; /* or NULL */
	const char *ca_file; /* or NULL: the system's */
	bool tls_insecure;
	const char *pin; /* "sha256//...": it has this public key, whatever
			    its certificate says; or NULL */
	bool local; /* no proxy look-up */
	bool streamed; /* the answer comes in small pieces */
	bool fresh; /* on a connection of its own, to be kept for others */
	bool upgrade; /* it has no body, asks for another protocol, and goes by
			 HTTP/1.1 on a connection of its own: after a 101
			 on_bytes is what the far end sends, as it comes, and
			 transfer_write() what it is sent */
	uint32_t peer; /* whoever has the same shares connections; or 0 */
	struct slice headers; /* "name: value\n" lines: as they were last time,
				 where they can be, they cost nothing */
	struct slice more; /* the same, of this request alone */
	const struct slice *body; /* pieces; the array is copied, the bytes
				     stay until transfer_body_done(),
				     on_done or transfer_cancel() */
	size_t n_body;
	usec connect_timeout; /* TCP and TLS together; 0: none */
};

struct transfer_result {
	enum fault_kind fault; /* FAULT_NONE: the HTTP exchange is whole */
	int status; /* 0: no answer came */
	bool sent; /* some of the request was */
	bool reused; /* no connection had to be made */
	usec connect, tls; /* spans; -1: none was made */
	char message[160]; /* libcurl's words, for logs */
};

struct transfer_ops {
	/* The final response's headers, then on_headers_end. Both may be
	 * NULL. */
	void (*on_header)(void *arg, struct slice name, struct slice value);
	void (*on_headers_end)(void *arg, int status);
	/* False: pause; these bytes have been taken. */
	bool (*on_bytes)(void *arg, struct slice);
	/* After transfer_write() said false: write again. May be NULL. */
	void (*on_drain)(void *arg);
	/* Once, last; not after transfer_cancel(), but perhaps while paused:
	 * all bytes have then been handed on. The transfer is gone when it
	 * returns. Called from upstream_settle(), never inside libcurl. */
	void (*on_done)(void *arg, const struct transfer_result *);
};

/* NULL without memory. Starts at the next settle. */
struct transfer *transfer_start(struct upstream *,
    const struct transfer_request *, const struct transfer_ops *, void *arg);
/* As in the result, so far. */
bool transfer_was_sent(const struct transfer *);
/* As in the result, for a transfer whose answer has begun. */
void transfer_timing(const struct transfer *, usec *connect, usec *tls);
/* Hands on more bytes after on_bytes said false. */
void transfer_resume(struct transfer *);
/* After a 101. Copies the bytes; they leave at the next settle. False: enough
 * is queued, hold the source until on_drain. */
bool transfer_write(struct transfer *, struct slice);
/* No callback comes any more; the connection closes at the next settle. */
void transfer_cancel(struct transfer **);
/* No callback comes any more, as all that matters of the answer is here. If
 * the rest comes within TRANSFER_LINGER the connection stays open for others.
 * With a body that is not done it is a transfer_cancel(). */
#define TRANSFER_LINGER (100 * USEC_MS)
void transfer_let_end(struct transfer **);
/* The body's bytes are not needed any more: it was short and has been copied,
 * or it is sent and the answer has begun. */
bool transfer_body_done(const struct transfer *);
/* Gives back what it holds of the body, where that is sent and the answer has
 * begun. */
void transfer_free_body(struct transfer *);

/* How connections to a peer stand. */
struct upstream_peer {
	unsigned open; /* or being opened */
	unsigned idle; /* of them */
	usec used; /* when the last of the idle ones was; 0: none idles */
};
void upstream_peer(
    const struct upstream *, uint32_t peer, struct upstream_peer *);
/* From now on: called from the loop when the far end has closed a connection to
 * a peer that had idled for so long. */
void upstream_on_lost(struct upstream *,
    void (*on_lost)(void *arg, uint32_t peer, usec idled), void *arg);

/* From now on: called from the loop, within libcurl, when a peer's certificate
 * was verified in a full handshake: the first of its chain to expire does so at
 * `until`, since 1970. */
void upstream_on_certificate(struct upstream *,
    void (*on_certificate)(void *arg, uint32_t peer, usec until), void *arg);

struct upstream_stats {
	unsigned transfers, multis, connections_made;
};
void upstream_stats(const struct upstream *, struct upstream_stats *);

#endif
