/* gateway/upstream/inner.h - what upstream.c and transfer.c share.
 *
 * A transfer is in one place at a time: at rest, waiting to be started,
 * inside a CURLM, or done and waiting for on_done.
 *
 *	REST --start--> QUEUED --settle--> RUNNING --libcurl--> DONE --+
 *	  ^                ^                  |                        |
 *	  |                +---once more------+                        |
 *	  +---------------------- settle ------------------------------+
 *
 * transfer_cancel() flags it in any of them; settle takes it to REST. */
#ifndef GATEWAY_UPSTREAM_INNER_H
#define GATEWAY_UPSTREAM_INNER_H

#include "gateway/lib/list.h"
#include "gateway/upstream/easy.h"
#include "gateway/upstream/multi.h"
#include "gateway/upstream/trust.h"
#include "gateway/upstream/upstream.h"

struct upstream {
	struct multi_set multis;
	CURLSH *share; /* name look-ups and TLS sessions */
	struct trust trust;
	struct list live; /* transfers that somebody started */
	struct list resting;
	struct list work; /* transfers that settle must see to */
	struct list done; /* transfers whose on_done is due */
	unsigned n_live, n_resting, connections_made;
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
	struct list place; /* in live or resting */
	struct list task; /* in work or done, or in neither */
	struct upstream *up;
	struct easy easy;
	struct multi *multi; /* while RUNNING */
	uint32_t peer; /* whose connection it takes */
	const struct transfer_ops *ops;
	void *arg;
	enum transfer_state state;
	bool cancelled; /* no callback any more */
	bool paused; /* on_bytes said false and nobody resumed */
	bool held; /* libcurl was told to hold its bytes */
	bool again; /* has had its second chance */
	/* the answer */
	bool answered; /* any byte of it */
	bool interim; /* within a 1xx, which nobody is told of */
	bool headed; /* the final response's headers are complete */
	int open_error; /* errno, where we could not make a socket */
	struct transfer_result result;
};

/* A resting or new one; NULL and *why. */
struct transfer *transfer_take(
    struct upstream *, const struct transfer_request *, struct errmsg *why);
void transfer_rest(struct transfer *);
void transfer_free(struct transfer *);
/* Sees to what was asked of it. */
void transfer_work(struct transfer *);
/* Calls on_done. */
void transfer_report(struct transfer *);
/* For multi_set: libcurl has finished with it. */
void transfer_on_complete(CURL *, CURLcode);

#endif
