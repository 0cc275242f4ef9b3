/* gateway/ledger/ledger.c - rows from any thread, one that writes. */
#include "gateway/ledger/ledger.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/ledger/store.h"
#include "gateway/lib/log.h"
#include "gateway/lib/writer.h"

#define QUEUE_MAX ((size_t)4 << 20) /* bytes; some 20,000 rows */
#define GATHER (500 * USEC_MS)
#define RETRY_AFTER USEC_SEC
#define PRUNE_EVERY (60 * USEC_SEC)
#define PRUNE_FOR (100 * USEC_MS) /* at a time: as many come at high rates */
#define PRUNE_NEXT (100 * USEC_MS) /* when there is more */
#define FLUSH_MAX USEC_SEC
#define FLUSH_LOOK (2 * USEC_MS)
#define GIVE_UP (5 * USEC_SEC) /* after ledger_close() */

struct ledger {
	atomic_ullong written, dropped, failures;
	_Atomic int64_t keep;
	char *path;
	struct writer writer;

	/* its thread's own */
	struct store store;
	usec prune_at;
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
		log_info("ledger recovered rows=%zu", l->writer.n_batch);
	l->failing = false;
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
	struct writer *w = &l->writer;
	struct errmsg why;

	if (!follow_file(l))
		return false;
	if (store_add(&l->store, w->batch.p, w->batch.n, &why) != OK) {
		say_failure(l, why.text);
		return false;
	}
	say_recovery(l);
	atomic_fetch_add(&l->written, w->n_batch);
	buf_reset(&w->batch);
	w->n_batch = 0;
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
	struct writer *w = &l->writer;
	usec closing = w->closing;
	bool done;

	if (w->n_batch == 0)
		writer_take(w);
	pthread_mutex_unlock(&w->lock);
	done = w->n_batch == 0 || write_batch(l);
	if (done && closing == 0 && clock_now() >= l->prune_at)
		prune(l, clock_now());
	pthread_mutex_lock(&w->lock);
	if (done)
		return closing == 0 || w->queue.n > 0;
	if (closing != 0 && clock_now() >= closing + GIVE_UP)
		return false;
	writer_await(w, clock_now() + (closing != 0 ? GATHER : RETRY_AFTER));
	return true;
}

static void *
write_all(void *arg)
{
	struct ledger *l = arg;
	struct writer *w = &l->writer;

	pthread_mutex_lock(&w->lock);
	do {
		while (w->queue.n == 0 && w->n_batch == 0 && w->closing == 0 &&
		    clock_now() < l->prune_at)
			writer_await(w, l->prune_at);
		if (w->n_batch == 0)
			writer_gather(w, GATHER);
	} while (write_turn(l));
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- opening and closing --- */

static void
release(struct ledger *l)
{
	store_close(&l->store);
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
	atomic_init(&l->keep, keep);
	rc = store_open(&l->store, path, why);
	l->path = strdup(path);
	if (rc == OK &&
	    (l->path == NULL ||
		!writer_start(&l->writer, QUEUE_MAX, write_all, l)))
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
	writer_end(&l->writer);
	lost = l->writer.n_batch + l->writer.n_queued;
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

	entry_write(&room, o, wall);
	if (!writer_add(&l->writer, slice_make(room.bytes, room.entry.size)))
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
}

void
ledger_flush(struct ledger *l)
{
	const struct timespec moment = { .tv_nsec = FLUSH_LOOK * 1000 };
	uint64_t n = writer_hurry(&l->writer);
	usec until = clock_now() + FLUSH_MAX;

	while (atomic_load(&l->written) < n && clock_now() < until)
		nanosleep(&moment, NULL);
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
