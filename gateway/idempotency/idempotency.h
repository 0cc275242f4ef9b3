/* gateway/idempotency/idempotency.h - answers kept under the client's
 * Idempotency-Key.
 *
 * One table for the process, as a client that asks again may reach another
 * worker. A claim is one request's hold on a key: the first to claim it works,
 * those with the same body wait for it, and are given its answer; where it has
 * none to give, one of them is the first. Keys and bodies are kept as SHA-256
 * digests only, answers as they went out, within a window and two bounds; the
 * oldest goes first.
 *
 *	claim_begin --> FIRST --keep--> kept --> REPLAY, until it expires
 *	            |     |
 *	            |     +--drop, failed: those who wait are woken
 *	            +--> WAIT, until woken: begin again. After a keep: REPLAY
 *	            +--> OTHER: the key stands for another request */
#ifndef GATEWAY_IDEMPOTENCY_IDEMPOTENCY_H
#define GATEWAY_IDEMPOTENCY_IDEMPOTENCY_H

#include <stdatomic.h>

#include "gateway/conf/conf.h"
#include "gateway/lib/list.h"

#define IDEMPOTENCY_DIGEST 32 /* bytes: SHA-256 */

struct idempotency;
struct idempotent_key; /* a key in use, or with an answer */

/* A whole answer, shared by all who send it. */
struct kept_answer {
	atomic_uint refs;
	const char *backend, *model; /* that made it; behind `body` */
	struct slice left_out; /* of its request, in translation; so is it */
	struct slice body;
};

enum claim_verdict {
	CLAIM_FIRST, /* do it; then claim_keep() or claim_drop() */
	CLAIM_WAIT, /* another is at it: begin again when woken */
	CLAIM_REPLAY, /* *answer is a reference for the caller */
	CLAIM_OTHER, /* the key was used for another request */
	CLAIM_NONE, /* no memory for it: do it, unprotected */
};

enum claim_naming {
	CLAIM_NAMED,
	CLAIM_NAMING, /* the body is long: call again, others have a turn */
	CLAIM_NAMELESS, /* no digests: do it, unprotected */
};

/* Of one request; begins as zeroes. */
struct claim {
	bool named; /* the digests are there */
	unsigned char key[IDEMPOTENCY_DIGEST], request[IDEMPOTENCY_DIGEST];
	void *hash; /* while it is named, or NULL */
	size_t hashed; /* bytes of the body that are in it */
	struct idempotent_key *of; /* it works or waits there, or NULL */
	bool first;
	struct list on; /* of those who wait, or who were woken */
	struct kept_answer *answer; /* a reference: what it waited for */
	unsigned worker;
	void *owner; /* whom idempotency_next() names */
};

/* Names the request: who asks, under which key, what. The same arguments with
 * each call, CLAIM_SLICE bytes of the body at a time. */
#define CLAIM_SLICE ((size_t)256 << 10)
enum claim_naming claim_name(struct claim *, struct slice tenant,
    struct slice key, struct slice path, struct slice body);
/* Gives up in the middle. */
void claim_name_end(struct claim *);

/* The key by which that backend is to know the request for its model, in that
 * format: no two tenants' are the same, nor those of two servings, which a
 * provider may well keep in one account, nor those of two formats, whose bodies
 * differ. False: no digest. */
bool idempotency_key_for(struct slice tenant, struct slice key,
    struct slice backend, struct slice model, struct slice format,
    char hex[2 * IDEMPOTENCY_DIGEST + 1]);

/* wake(arg, worker) is called outside the lock, from any worker's thread:
 * claims of that worker are to begin again. */
struct idempotency *idempotency_new(
    unsigned workers, void (*wake)(void *arg, unsigned worker), void *arg);
/* No claim may be left. */
void idempotency_free(struct idempotency **);

/* The bounds from now on; what is beyond them goes. */
void idempotency_configure(
    struct idempotency *, const struct conf_idempotency *, usec now);
/* Frees what has expired. */
void idempotency_tick(struct idempotency *, usec now);

/* Also for a claim that waits already. */
enum claim_verdict claim_begin(struct idempotency *, struct claim *, usec now,
    struct kept_answer **answer);
/* The first is done, with a whole answer. It is copied; those who wait get it,
 * also where it is larger than the bound allows and not kept. */
void claim_keep(
    struct idempotency *, struct claim *, const struct kept_answer *, usec now);
/* The request is over, or waits no more. Nothing where there is no claim. */
void claim_drop(struct idempotency *, struct claim *);
/* The owner of a woken claim; NULL: no more of that worker. */
void *idempotency_next(struct idempotency *, unsigned worker);

/* kept_answer.c: of one reference; NULL without memory. */
struct kept_answer *kept_answer_copy(const struct kept_answer *);
void kept_answer_unref(struct kept_answer **);
size_t kept_answer_size(const struct kept_answer *); /* bytes */

struct idempotency_stats {
	uint64_t answers, bytes; /* kept now */
	uint64_t replays, conflicts, evicted; /* since the start; evicted:
						 before the window's end */
};
void idempotency_stats(struct idempotency *, struct idempotency_stats *);

#endif
