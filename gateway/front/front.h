/* gateway/front/front.h - HTTP to clients; the only user of libmicrohttpd.
 *
 * One front per event loop. It accepts from a listening descriptor that all
 * fronts share, spreads connections over many daemons (about 64 each), reads
 * bodies up to a limit, and notices clients that leave. An exchange is one
 * request and its answer; its sink takes the answer. */
#ifndef GATEWAY_FRONT_FRONT_H
#define GATEWAY_FRONT_FRONT_H

#include <uv.h>

#include "gateway/conf/conf.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/sink.h"

struct front;
struct exchange;

/* A bound, listening, non-blocking descriptor. ERR_IO with "port 7070 is in
 * use" and the like. A stale Unix socket (nobody answers) is replaced. */
enum err front_listen(
    const struct conf_listen *, int *fd, struct errmsg *why) MUST_USE;
/* Nobody begins to connect to a TCP listener any more (Linux): that packet is
 * dropped, so that a client tries once more and is refused then. Who had begun
 * gets in. Whoever is in the backlog when the listener closes is reset. */
void front_bar(int fd);
/* Removes the path of a Unix socket; closes. */
void front_unlisten(const struct conf_listen *, int fd);

/* Shared by all fronts; starts as all zeroes. */
struct front_budget {
	atomic_ullong held; /* bytes of request bodies, for limits.bodies */
	atomic_uint connections; /* open, for limits.connections */
	/* for limits.memory, in bytes: as last read; let in since the
	 * reading before; announced by bodies and not come yet */
	atomic_ullong resident, since, coming;
	uint64_t counted; /* of since, by the last reading; the reader's */
	atomic_ullong shed; /* requests refused for it, ever */
};

/* So many bytes more of an answer are held for its client; they count as let
 * in. False: max_memory has no room for them, nor what it keeps free for those
 * under way. */
bool front_hold(struct front *, uint64_t n);

/* The process's resident set, read a few times a second. Always the same
 * thread, which may be any. */
void front_memory_read(struct front_budget *, uint64_t bytes);

enum front_verdict {
	FRONT_READ, /* read the body, then on_request */
	FRONT_REFUSE, /* drain the body (up to a cap), then on_request; the
			 exchange's body stays empty */
};

struct front_ops {
	/* Request line and headers are in. Called inside libmicrohttpd: look,
	 * decide, set exchange_arg and the sink's callbacks; write nothing.
	 * Always comes first, also for what front refuses by itself: then
	 * exchange_refusal() says so and the verdict does not count. */
	enum front_verdict (*on_headers)(void *arg, struct exchange *);
	/* The body is there, or has been drained or refused: see
	 * exchange_refusal(). From here on the sink may be written to, at
	 * once or later. Called inside libmicrohttpd. Does not come where the
	 * client leaves, or is cut off, before its body is whole. */
	void (*on_request)(void *arg, struct exchange *);
	/* The exchange is over and about to vanish, whatever happened. Comes
	 * once for each on_headers, after sink.on_gone where the answer was
	 * not whole; called from front_settle() or front_close(). */
	void (*on_closed)(void *arg, struct exchange *);
};

struct front_settings {
	struct conf_limits limits;
	usec header_timeout, body_timeout, idle_timeout, client_stall;
	/* NULL: plain HTTP. Borrowed until the next front_configure(); it
	 * holds for new connections. */
	const struct conf_tls *tls;
};

struct front *front_new(uv_loop_t *, int listen_fd,
    const struct front_settings *, struct front_budget *,
    const struct front_ops *, void *arg, struct errmsg *why);
/* For later connections and requests; a reload calls it. */
void front_configure(struct front *, const struct front_settings *);
/* Answers carry `connection: close` from here on. */
void front_drain(struct front *);
/* After front_drain(). What waits in the backlog is let in, then nobody, and
 * the listener may be closed. */
void front_stop_accepting(struct front *);
unsigned front_exchanges(const struct front *); /* open now */
unsigned front_connections(const struct front *);
/* Closes every connection. on_closed(arg) when all handles are. */
void front_close(struct front **, void (*on_closed)(void *), void *arg);
/* Runs daemons that have something to do until none has; true when any did.
 * Called from the loop's prepare and check. */
bool front_settle(struct front *);

/* --- an exchange --- */
struct slice exchange_method(const struct exchange *);
struct slice exchange_path(const struct exchange *); /* as sent, no query */
struct slice exchange_query(const struct exchange *); /* after '?', or empty */
/* Case is ignored; empty slice with NULL pointer: not there. Once the client
 * has left or the answer has been sent no header is there any more. */
struct slice exchange_header(const struct exchange *, const char *name);
/* Adds what all headers of that name say, with commas between, as a list has it
 * that is spread over several (RFC 9110, 5.3). */
void exchange_header_list(
    const struct exchange *, const char *name, struct buf *);
struct slice exchange_body(const struct exchange *);
void exchange_free_body(struct exchange *); /* returns it to the budget */
struct sink *exchange_sink(struct exchange *);
void exchange_set_arg(struct exchange *, void *);
void *exchange_arg(const struct exchange *);
/* Clock times: the connection's first byte of this request, as far as known;
 * its headers complete and, from on_request on, its body. */
usec exchange_began(const struct exchange *);
usec exchange_received(const struct exchange *);

/* Who the client is by its certificate, where that is one that tls.client_ca
 * vouches for: "sha256:HEX" of it, then its alternative names (DNS, URI,
 * mail) and its common name, each with a NUL behind it. False: nobody. The
 * connection's. */
bool exchange_certificate(const struct exchange *, struct slice *names);

/* What front found wrong before the core was asked; 0 status: nothing. The
 * core words the answer, so that every error has one shape. */
struct exchange_refusal {
	int status; /* 400, 408, 413, 417, 501, 503; 408, and 503 with
			"connection_limit", are for logs only: the connection
			has been cut */
	const char *code, *message; /* static */
};
const struct exchange_refusal *exchange_refusal(const struct exchange *);

/* --- an exchange that changes protocols --- */

/* NULL: it may. Else why not; its message is for the client. */
const struct exchange_refusal *exchange_untunnelled(const struct exchange *);
/* Before the sink's headers, with a 101; false without memory. What the client
 * sends from then on comes to on_bytes, with the sink's arg, from the loop or
 * from front_settle(). False: no more of it until exchange_tunnel_resume().
 * What is written to the sink goes out as it is, and its end closes the
 * connection. */
bool exchange_tunnel(
    struct exchange *, bool (*on_bytes)(void *arg, struct slice));
void exchange_tunnel_resume(struct exchange *);

#endif
