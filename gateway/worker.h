/* gateway/worker.h - one thread: one loop, one front, one upstream.
 *
 * A request lives and dies on one worker, so nothing of it needs a lock. The
 * main thread leaves orders under a mutex and wakes the loop. */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include <stdatomic.h>
#include <uv.h>

#include "gateway/busy_poll.h"
#include "gateway/conf/conf.h"
#include "gateway/front/front.h"
#include "gateway/lib/list.h"
#include "gateway/lib/pool.h"
#include "gateway/upstream/upstream.h"

struct app;
struct warm;

#define WORKER_RANDOM 480 /* bytes drawn at once: forty ids */

/* What the main thread may read at any time. */
struct worker_gauges {
	atomic_uint requests, connections, transfers, connections_made;
	atomic_ullong heartbeats; /* sent since the start */
	atomic_uint draining; /* 1: it accepts no more, nor looks at what the
				 app listens on */
	atomic_uint over, told; /* requests, ever */
};

struct worker {
	struct app *app;
	unsigned index;
	uv_thread_t thread;
	bool started;
	uv_loop_t loop;
	uv_async_t wake;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t last_call;
	struct busy_poll spin;
	unsigned
	    open_handles; /* warm, front, upstream: until they say closed */

	struct front *front;
	struct upstream *upstream;
	struct warm *warm; /* NULL: no memory for it */
	struct conf *conf; /* the newest; requests pin their own */
	struct list runnable; /* requests with something to do */
	struct list live; /* all requests */
	struct list owed; /* requests that are over and not told of yet */
	struct list graveyard; /* freed at the end of the turn */
	struct pool requests, parsed; /* their memory */
	usec now; /* for a request that runs: after all that has woken it */
	usec polled; /* what backends had sent by then has been read: a loop
			that was stopped, or long busy, is behind `now` */
	unsigned char random[WORKER_RANDOM]; /* the first random_left of them */
	size_t random_left; /* are good for ids */
	bool draining;
	struct worker_gauges gauges;

	uv_mutex_t orders; /* guards what follows */
	struct conf *next_conf;
	uint64_t adopted; /* version of the configuration in use */
	uv_cond_t on_adopted;
	bool order_drain, order_abort, order_stop;
};

/* Its own thread: a request is over, by its node in `owed`. Whoever counts it
 * is told at the end of the turn, when the answer is out. */
void worker_owes(struct worker *, struct list *request);

/* listen_fd is shared by all workers and not owned. */
enum err worker_start(struct worker *, struct app *, unsigned index,
    int listen_fd, struct errmsg *why) MUST_USE;
/* From any thread. */
void worker_wake(struct worker *);
/* Waits, for microseconds, until all are told of what was over before: who has
 * read an answer may ask for its receipt at once. After 100 ms, for all n
 * together, it gives up: a worker that hangs is no reason not to answer those
 * who ask about it. */
void workers_await_told(struct worker *list, unsigned n);
void worker_configure(struct worker *, struct conf *); /* takes a reference */
/* Whether it uses that configuration, or a later one; waits for it for as long.
 * Once it does, no new request is judged by an older one. */
bool worker_adopts(struct worker *, uint64_t version, usec patience);
void worker_drain(struct worker *); /* no new connections */
void worker_abort(struct worker *); /* ends what is still running, loudly */
void worker_stop(struct worker *); /* ends the loop */
void worker_join(struct worker *);
/* After all have been joined: one may still wake another until then. */
void worker_close(struct worker *);

#endif
