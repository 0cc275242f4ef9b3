/* gateway/lib/writer.h - a thread that writes what others leave for it.
 *
 * That gathers in `queue`; the thread swaps it for a buffer of its own and
 * writes without the lock, so a slow disk or a full pipe delays nobody. It is
 * woken when the queue begins to fill and then lets it fill a little longer:
 * a wakeup, or a transaction, costs more than what one request leaves.
 *
 * Invariant: both buffers have all their memory from the start, so adding never
 * allocates and never fails but for a full queue. */
#ifndef GATEWAY_LIB_WRITER_H
#define GATEWAY_LIB_WRITER_H

#include <pthread.h>
#include <stdbool.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/clock.h"

struct writer {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake; /* timed waits are by CLOCK_MONOTONIC */
	struct buf queue;
	size_t n_queued; /* that were added */
	uint64_t n_added; /* since the start */
	bool hurried; /* somebody waits for what is queued */
	usec closing; /* since then; 0: not */

	/* the thread's own */
	struct buf batch;
	size_t n_batch;
};

/* Runs run(arg) in a thread that takes no signals, with a queue of as many
 * bytes. False: there is none, and nothing to end. */
bool writer_start(
    struct writer *, size_t bytes, void *(*run)(void *), void *arg);
/* Tells run() that it is to return, by `closing`, and waits for it. Only the
 * two counts can be read then. */
void writer_end(struct writer *);

/* Any thread. False: the queue is full. */
bool writer_add(struct writer *, struct slice);

/* Any thread: what was added is to be written at once. How many that are, since
 * the start. */
uint64_t writer_hurry(struct writer *);

/* --- the thread's, with the lock --- */

/* Until then, or until it is woken. */
void writer_await(struct writer *, usec until);
/* For so long, unless the queue is half full, somebody hurries it, or it is to
 * end. */
void writer_gather(struct writer *, usec span);
/* The queue becomes the batch, which is to be empty, and the other way round.
 */
void writer_take(struct writer *);

#endif
