/* gateway/upstream/inner.h - what upstream.c and transfer*.c share.
 *
 * A transfer is in one place at a time: at rest, waiting to be started,
 * inside a CURLM, or done and waiting for on_done.
 *
 *	REST --start--> QUEUED --settle--> RUNNING --libcurl--> DONE --+
 *	  ^                ^                  |                        |
 *	  |                +---once more------+                        |
 *	  +---------------------- settle ------------------------------+
 *
 * transfer_cancel() flags it in any of them; settle takes it to REST. One that
 * was let end goes on as ever, unheard. */
#ifndef GATEWAY_UPSTREAM_INNER_H
#define GATEWAY_UPSTREAM_INNER_H

#include "gateway/lib/list.h"
#include "gateway/upstream/easy.h"
#include "gateway/upstream/multi.h"
#include "gateway/upstream/trust.h"
#include "gateway/upstream/upstream.h"
#include "gateway/upstream/wire.h"

struct upstream {
	struct multi_set multis;
	CURLSH *share; /* name look-ups and TLS sessions */
	struct trust trust;
	struct list live; /* transfers that somebody started */
	struct list
	    ending; /* likewise, and left alone; the first is due first */
	struct list resting;
	struct list work; /* transfers that settle must see to */
	struct list done; /* transfers whose on_done is due */
	uv_timer_t linger; /* until the first of those that end must have */
	unsigned n_live, n_resting, connections_made;
	unsigned open; /* handles, and the multis, that are not closed */
	void (*on_closed)(void *arg);
	void *arg;
};

enum transfer_state {
	TRANSFER_REST,
	TRANSFER_QUEUED,
	TRANSFER_RUNNING,
	TRANSFER_DONE,
};

struct transfer {
	struct list place; /* in live, ending or resting */
	struct list task; /* in work or done, or in neither */
	struct upstream *up;
	struct easy easy;
	struct multi *multi; /* while RUNNING */
	uint32_t peer; /* whose connection it takes */
	bool cancelled; /* no callback any more */
	bool bomb; /* its body is far more than came */
	bool wired; /* it has had a wire: its handle is of no other use */
	const struct transfer_ops *ops;
	void *arg;
	enum transfer_state state;
	int open_error; /* errno, where we could not make a socket */
	struct wire *wire; /* of one that asks for another protocol; or NULL */
	usec until; /* while it is in `ending`: then it is cancelled */
	bool paused; /* on_bytes said false and nobody resumed */
	bool held; /* libcurl was told to hold its bytes */
	bool again; /* has had its second chance */
	bool misdirected; /* a 421 came, of which nobody is told */
	/* the answer */
	bool answered; /* any byte of it */
	bool interim; /* within a 1xx, which nobody is told of */
	bool headed; /* the final response's headers are complete */
	uint8_t trailers; /* lines behind its body */
	curl_off_t taken; /* bytes of its body, unpacked */
	struct transfer_result result;
};

/* A resting or new one; NULL and *why. */
struct transfer *transfer_take(
    struct upstream *, const struct transfer_request *, struct errmsg *why);
void transfer_rest(struct transfer *);
void transfer_free(struct transfer *);
/* Something of it, or a wire of its, has closed. */
void upstream_part_closed(struct upstream *);
/* upstream_settle() will see to it. */
void transfer_look(struct transfer *);
/* Sees to what was asked of it. */
void transfer_work(struct transfer *);
/* Calls on_done. */
void transfer_report(struct transfer *);
/* transfer_answer.c: CURLOPT_HEADERFUNCTION, CURLOPT_WRITEFUNCTION; the
 * argument is the transfer. */
size_t transfer_on_header(char *, size_t size, size_t n, void *arg);
size_t transfer_on_bytes(char *, size_t size, size_t n, void *arg);
/* For multi_set: libcurl has finished with it. */
void transfer_on_complete(CURL *, CURLcode);

#endif
