/* gateway/front/private.h - what front's own files share.
 *
 * A front owns daemons, a daemon its connections, a connection at most one
 * exchange at a time. libmicrohttpd may let go of an exchange before the core
 * has heard of it: then exchange.connection is NULL, and front_settle() tells
 * the core and frees it. Only front_settle() calls MHD_run(), and the core is
 * called back from inside it only by on_headers and on_request. */
#ifndef GATEWAY_FRONT_PRIVATE_H
#define GATEWAY_FRONT_PRIVATE_H

#include <microhttpd.h>

#include "gateway/front/front.h"
#include "gateway/lib/list.h"

struct daemon;
struct tunnel;

#define TLS_OPTIONS 5

/* What a connection waits for; a kind is a queue in order of `since`. */
enum wait {
	WAIT_IDLE, /* a request line: idle_timeout */
	WAIT_HEADERS, /* the rest of the headers: header_timeout */
	WAIT_BODY, /* more of the body: body_timeout */
	WAIT_REFUSED, /* the same, of one that is only drained */
	WAIT_CLIENT, /* that the client reads: client_stall */
	WAIT_KINDS,
	WAIT_NOTHING = WAIT_KINDS
};

struct front {
	uv_loop_t *loop;
	const struct front_ops *ops;
	void *arg;
	struct front_settings settings;
	struct front_budget *budget;
	int listen_fd; /* borrowed */
	int watch_fd; /* epoll: which clients have left */
	uv_poll_t accept_poll, watch_poll;
	uv_timer_t tick;
	usec ticked, heard; /* when it last did, and before that: what clients
			     * had sent by then has been read */
	uv_idle_t spin; /* active while settle has left work undone */
	uv_timer_t rest; /* active while a daemon rests; see daemon.c */
	unsigned n_own; /* of these five handles, those that are open */
	unsigned n_handles; /* still open: the daemons', own ones at the end */
	struct list daemons; /* struct daemon.node */
	struct list dirty; /* struct daemon.dirty: MHD_run() has work */
	struct list touched; /* struct exchange.touched */
	struct list waits[WAIT_KINDS]; /* struct connection.wait_node */
	struct list lingers; /* struct lingering.node */
	unsigned n_connections; /* those that linger too */
	unsigned n_exchanges;
	bool accepting, draining, closing;
	usec drained; /* when that began; 0: it has not */
	void (*on_closed)(void *);
	void *closed_arg;
};

struct daemon {
	struct list node, dirty;
	struct front *front;
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	struct list connections; /* struct connection.node */
	unsigned n_connections;
	unsigned n_silent; /* of them, those that have not asked anything yet */
	unsigned fruitless; /* runs in a row that nothing came of */
	bool resting;
	uint64_t header_limit;
	unsigned char tls[CONF_KEY_BYTES]; /* conf_tls.id; zeroes: plain */
};

struct connection {
	struct list node;
	struct front *front;
	struct daemon *daemon;
	int fd; /* libmicrohttpd's */
	struct exchange *exchange; /* in progress, or NULL */
	struct list wait_node;
	enum wait wait;
	usec since;
	bool spoken; /* has asked something, ever */
	bool left; /* the client has closed, at least its half */
	bool sending; /* the client may be, when it is closed */
	bool cut; /* there is no answer that a reset could destroy */
	bool certificate_read;
	struct buf certificate; /* its names, once read; see tls.c */
	char peer[56]; /* for logs: "127.0.0.1:5000" or "unix" */
};

enum stage {
	STAGE_HEAD, /* headers are coming; the core knows nothing yet */
	STAGE_BODY,
	STAGE_ASKED, /* the core has been asked, the answer is not queued */
	STAGE_ANSWER, /* libmicrohttpd has the response and pulls from it */
	STAGE_TUNNEL, /* it has changed protocols; see tunnel.c */
};

struct exchange {
	struct front *front;
	struct connection *connection; /* NULL: libmicrohttpd has let go */
	struct MHD_Connection *mhd; /* likewise */
	void *arg;
	struct sink sink;
	struct list touched;
	enum stage stage;
	bool suspended;
	bool known; /* to the core, by on_headers */
	bool gone; /* the client has left before the answer was whole */
	bool gone_told;
	bool dead; /* to be cut off at the next chance */
	bool closed; /* libmicrohttpd has let go; on_closed is due */
	bool completed; /* the whole answer has been sent */

	/* the request */
	char method[24];
	char *target; /* as sent */
	struct slice host, path, query; /* of it; host: mostly not there */
	char *peer;
	uint64_t names; /* of headers that it has; framing_name() */
	bool http10, head;
	bool keep_body; /* what comes is kept, not drained */
	bool close_after; /* the connection cannot be used again */
	struct exchange_refusal refusal;
	struct buf body;
	size_t held; /* of the body, counted in the budget */
	uint64_t coming; /* likewise: announced and not come */
	uint64_t seen; /* bytes of the body, kept or not */
	usec began, received, body_began;

	/* the answer */
	int64_t length;
	struct buf headers; /* name NUL value NUL ... */
	struct buf queue; /* body bytes; those before `taken` are sent */
	size_t taken;
	uint64_t written; /* bytes taken from the core, ever */
	bool given; /* the queue's memory, by give(): not for long */
	bool choked; /* write() has said no; on_drain is owed */
	bool drained; /* and due */
	bool ended;
	int status; /* 0: sink.headers() was not called yet */
	struct tunnel *tunnel; /* of an answer that is a 101; else NULL */
};

/* --- front.c --- */
/* front_settle() will look at it. */
void front_touch(struct front *, struct exchange *);
/* There is a connection: what waits is looked at from now on. */
void front_start_tick(struct front *);
void front_handle_closed(uv_handle_t *); /* data: the front */
/* A connection is over. */
void front_uncount(struct front *);

/* --- daemon.c --- */
/* The least loaded daemon with room, a new one if need be; NULL: none. */
struct daemon *daemon_pick(struct front *, struct errmsg *why);
void daemon_touch(struct daemon *);
void daemon_run(struct daemon *);
bool daemon_is_tls(const struct daemon *);
/* Closes its connections at once; their exchanges are left to be settled. */
void daemon_stop(struct daemon *);

/* --- connection.c --- */
struct connection *connection_of(struct MHD_Connection *);
/* For MHD_OPTION_NOTIFY_CONNECTION; cls is the daemon. */
void connection_notify(void *cls, struct MHD_Connection *, void **context,
    enum MHD_ConnectionNotificationCode);
void connection_wait(struct connection *, enum wait);
/* A first request has begun: there is no handshake to wait for any more. */
void connection_spoke(struct connection *);
/* Makes libmicrohttpd see the end of it. With reset, a client that waits for
 * the close as the end of the body sees a failure. */
void connection_cut(struct connection *, bool reset);
/* Ends what has waited too long. */
void connections_expire(struct front *, usec now);
/* Ends the one that has waited for that the longest; false: nobody has waited
 * so long. */
bool connections_end_oldest(struct front *, enum wait, usec at_least);
/* For the uv_poll on front.watch_fd. */
void connections_watch(uv_poll_t *, int status, int events);

/* --- linger.c --- */
/* That descriptor is about to be closed. Where its client sends, or has `more`
 * to send, the connection lingers (true) and counts until it is over. */
bool linger_for(struct front *, int fd, bool more);
void lingers_expire(struct front *, usec now);
bool lingers_end_oldest(struct front *); /* false: none lingers */
void lingers_end(struct front *);

/* --- tls.c --- */
/* What a daemon needs for it, and an end. The texts stay borrowed only until
 * the daemon has started. */
void tls_options(
    const struct conf_tls *, struct MHD_OptionItem out[TLS_OPTIONS]);
/* Whether that is the id of these; NULL: of none. */
bool tls_same(const struct conf_tls *, const unsigned char id[CONF_KEY_BYTES]);
/* What speaks it on the exchange's connection; NULL: nothing does. Ours to use
 * while libmicrohttpd has the connection suspended. */
void *tls_of(const struct exchange *);
/* Where its records go: to push, which is as send() and has to take all of
 * them; NULL: to the connection's socket, as ever. */
void tls_send_by(
    void *tls, ssize_t (*push)(void *arg, const void *, size_t), void *arg);
/* As recv() and send() that do not wait. */
ssize_t tls_recv(void *tls, char *out, size_t n);
ssize_t tls_send(void *tls, const char *bytes, size_t n);

/* --- framing.c --- */
struct framing {
	uint64_t length; /* announced bytes of the body */
	bool chunked; /* a length was not announced */
	bool expects; /* the client waits for a 100 */
};

/* The bit for all names of this length and first letter, whatever their case:
 * where it is not set, libmicrohttpd need not look for such a header. */
static inline uint64_t
framing_name(struct slice name)
{
	unsigned first = name.n > 0 ? (unsigned char)name.p[0] | 0x20 : 0;

	return UINT64_C(1) << (name.n * 5 + first) % 64;
}

/* Notes the names of its headers; fills its refusal (and says false) where a
 * proxy and we could disagree on where the request ends. */
bool framing_check(struct exchange *, struct slice method, struct framing *);

/* --- exchange.c --- */
struct exchange *exchange_new(
    struct connection *, struct MHD_Connection *, const char *target);
/* The access handler of libmicrohttpd. */
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *,
    const char *url, const char *method, const char *version, const char *data,
    size_t *n, void **state);
/* libmicrohttpd has let go of it. */
void exchange_detach(struct exchange *, bool completed);
void exchange_refuse(
    struct exchange *, int status, const char *code, const char *message);
/* Of a body that comes too slowly. */
void exchange_refuse_slow(struct exchange *);
/* The client has left, or reads no more. Not from inside libmicrohttpd. */
void exchange_gone(struct exchange *);
/* From outside libmicrohttpd, as the next one. */
void exchange_resume(struct exchange *);
/* Does what is due; may free it. */
void exchange_settle(struct exchange *);

/* --- room.c --- */
/* Whether one more request fits, with a body of so many bytes; those are
 * promised to it then. */
bool room_admit(struct exchange *, uint64_t announced);
/* So many have come. False: more than was announced, and it does not fit. */
bool room_take(struct exchange *, uint64_t n);
/* No more of it will be kept. */
void room_forget(struct exchange *);

/* --- answer.c --- */
extern const struct sink_ops answer_ops;
/* Queues the response if it is known well enough, else suspends. From inside
 * the access handler only. */
enum MHD_Result answer_queue(struct exchange *);
/* Would resuming lead to anything? */
bool answer_ready(const struct exchange *);
/* So many bytes more of the queue are sent. */
void answer_took(struct exchange *, size_t n);

/* --- tunnel.c --- */
/* The 101 of an exchange that has a tunnel. */
struct MHD_Response *tunnel_response(struct exchange *);
/* It has one, and libmicrohttpd is to have no part in it. */
bool tunnel_is_apart(const struct exchange *);
/* Opens such a one, of an exchange that is suspended. False: it is dead. */
bool tunnel_open(struct exchange *);
/* Does what is due, in STAGE_TUNNEL. */
void tunnel_settle(struct exchange *);
/* Frees it. Where it has opened, libmicrohttpd closes the connection, and lets
 * go of the exchange, in its next run. */
void tunnel_close(struct exchange *);

#endif
