/* gateway/ledger/ledger.c - rows from any thread, one that writes.
 *
 * Rows gather in `queue`; the writer swaps it for its own buffer and writes
 * without the lock. It is woken when the queue begins to fill and then lets it
 * fill a little longer: a transaction costs more than its rows.
 *
 * Invariant: both buffers have all their memory from the start, so adding a
 * row never allocates and never fails but for a full queue. */
#include "gateway/ledger/ledger.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/ledger/store.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/log.h"
#include "gateway/lib/writer.h"

#define QUEUE_MAX ((size_t)4 << 20) /* bytes; some 20,000 rows */
#define GATHER (500 * USEC_MS)
#define RETRY_AFTER USEC_SEC
#define PRUNE_EVERY (60 * USEC_SEC)
#define PRUNE_FOR (100 * USEC_MS) /* at a time: as many come at high rates */
#define PRUNE_NEXT (100 * USEC_MS) /* when there is more */
#define GIVE_UP (5 * USEC_SEC) /* after ledger_close() */

struct ledger {
	atomic_ullong written, dropped, failures;
	_Atomic int64_t keep;
	char *path;

	struct writer writer; /* its lock is for what follows */
	struct buf queue;
	size_t n_queued; /* rows in it */
	bool closing;

	/* the writer's own */
	struct buf batch;
	size_t n_batch;
	struct store store;
	usec prune_at, give_up;
	bool failing; /* has been said */
};

/* --- the writer --- */

static void
say_failure(struct ledger *l, const char *text)
{
	atomic_fetch_add(&l->failures, 1);
	if (!l->failing)
		log_error("ledger reason=write_failed text=\"%s\"", text);
	l->failing = true;
}

static void
say_recovery(struct ledger *l)
{
	if (l->failing)
		log_info("ledger recovered rows=%zu", l->n_batch);
	l->failing = false;
}

/* With the lock; until then, or until it is woken. */
static void
wait_until(struct ledger *l, usec until)
{
	struct timespec ts = { .tv_sec = (time_t)(until / USEC_SEC),
		.tv_nsec = (long)(until % USEC_SEC * 1000) };

	pthread_cond_timedwait(&l->writer.wake, &l->writer.lock, &ts);
}

static void
gather(struct ledger *l)
{
	usec until = clock_now() + GATHER;

	while (!l->closing && l->queue.n < QUEUE_MAX / 2 && clock_now() < until)
		wait_until(l, until);
}

static void
take_queue(struct ledger *l)
{
	struct buf taken = l->queue;

	l->queue = l->batch;
	l->batch = taken;
	l->n_batch = l->n_queued;
	l->n_queued = 0;
}

/* Who moves the file away, or deletes it, gets a new one by its name. */
static bool
follow_file(struct ledger *l)
{
	struct errmsg why;

	if (!store_moved(&l->store))
		return true;
	if (l->store.db != NULL)
		log_warn("ledger reason=other_file path=%s", l->path);
	store_close(&l->store);
	if (store_open(&l->store, l->path, &why) == OK)
		return true;
	say_failure(l, why.text);
	return false;
}

/* False: the batch is still to be written. */
static bool
write_batch(struct ledger *l)
{
	struct errmsg why;

	if (!follow_file(l))
		return false;
	if (store_add(&l->store, l->batch.p, l->batch.n, &why) != OK) {
		say_failure(l, why.text);
		return false;
	}
	say_recovery(l);
	atomic_fetch_add(&l->written, l->n_batch);
	buf_reset(&l->batch);
	l->n_batch = 0;
	return true;
}

static void
prune(struct ledger *l, usec now)
{
	usec keep = atomic_load(&l->keep), wall = clock_wall();
	struct errmsg why;
	bool more = follow_file(l);

	while (more && clock_now() < now + PRUNE_FOR)
		if (store_prune(&l->store, keep > 0 ? wall - keep : 0, wall,
			&more, &why) != OK) {
			say_failure(l, why.text);
			more = false;
		}
	l->prune_at = now + (more ? PRUNE_NEXT : PRUNE_EVERY);
}

/* Entered and left with the lock; false: there is nothing more to do. */
static bool
write_turn(struct ledger *l)
{
	bool done, closing = l->closing;

	if (l->n_batch == 0)
		take_queue(l);
	pthread_mutex_unlock(&l->writer.lock);
	done = l->n_batch == 0 || write_batch(l);
	if (done && !closing && clock_now() >= l->prune_at)
		prune(l, clock_now());
	if (closing && l->give_up == 0)
		l->give_up = clock_now() + GIVE_UP;
	pthread_mutex_lock(&l->writer.lock);
	if (done)
		return !closing || l->queue.n > 0;
	if (l->give_up != 0 && clock_now() >= l->give_up)
		return false;
	wait_until(l, clock_now() + (closing ? GATHER : RETRY_AFTER));
	return true;
}

static void *
write_all(void *arg)
{
	struct ledger *l = arg;

	pthread_mutex_lock(&l->writer.lock);
	do {
		while (l->queue.n == 0 && l->n_batch == 0 && !l->closing &&
		    clock_now() < l->prune_at)
			wait_until(l, l->prune_at);
		if (l->n_batch == 0)
			gather(l);
	} while (write_turn(l));
	pthread_mutex_unlock(&l->writer.lock);
	return NULL;
}

/* --- opening and closing --- */

static void
release(struct ledger *l)
{
	store_close(&l->store);
	buf_fini(&l->queue);
	buf_fini(&l->batch);
	free(l->path);
	free(l);
}

enum err
ledger_open(
    const char *path, usec keep, struct ledger **out, struct errmsg *why)
{
	struct ledger *l = calloc(1, sizeof(*l));
	enum err rc;

	if (l == NULL)
		return fail(why, ERR_MEMORY, "ledger: out of memory");
	buf_init(&l->queue, QUEUE_MAX);
	buf_init(&l->batch, QUEUE_MAX);
	atomic_init(&l->keep, keep);
	rc = store_open(&l->store, path, why);
	l->path = strdup(path);
	if (rc == OK &&
	    (l->path == NULL || !buf_reserve(&l->queue, QUEUE_MAX) ||
		!buf_reserve(&l->batch, QUEUE_MAX) ||
		!writer_start(&l->writer, write_all, l)))
		rc = fail(why, ERR_MEMORY, "ledger: out of memory");
	if (rc != OK) {
		release(l);
		return rc;
	}
	*out = l;
	return OK;
}

void
ledger_close(struct ledger **lp)
{
	struct ledger *l = *lp;
	size_t lost;

	if (l == NULL)
		return;
	pthread_mutex_lock(&l->writer.lock);
	l->closing = true;
	pthread_cond_signal(&l->writer.wake);
	pthread_mutex_unlock(&l->writer.lock);
	writer_end(&l->writer);
	lost = l->n_batch + l->n_queued;
	if (lost > 0)
		log_error("ledger reason=gave_up lost=%zu", lost);
	release(l);
	*lp = NULL;
}

/* --- writing --- */

void
ledger_write(struct ledger *l, const struct outcome *o, usec wall)
{
	union entry_room room;
	size_t before;
	bool fits;

	entry_write(&room, o, wall);
	pthread_mutex_lock(&l->writer.lock);
	before = l->queue.n;
	fits = room.entry.size <= QUEUE_MAX - before;
	if (fits) {
		buf_add(&l->queue, slice_make(room.bytes, room.entry.size));
		l->n_queued++;
	}
	if (before == 0 ||
	    (before < QUEUE_MAX / 2 && l->queue.n >= QUEUE_MAX / 2))
		pthread_cond_signal(&l->writer.wake);
	pthread_mutex_unlock(&l->writer.lock);
	if (!fits)
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
}

void
ledger_keep(struct ledger *l, usec keep)
{
	atomic_store(&l->keep, keep);
}

const char *
ledger_path(const struct ledger *l)
{
	return l->path;
}

void
ledger_stats(const struct ledger *l, struct ledger_stats *out)
{
	*out = (struct ledger_stats){ .written = atomic_load(&l->written),
		.dropped = atomic_load(&l->dropped),
		.failures = atomic_load(&l->failures) };
}

enum err
ledger_spent(struct ledger *l, usec wall,
    void (*each)(void *arg, const struct ledger_spent *), void *arg,
    struct errmsg *why)
{
	return store_spent(l->path, wall, each, arg, why);
}
