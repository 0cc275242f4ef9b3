/* gateway/ledger/ledger.h - a row per request in an SQLite file: who asked for
 * what, who answered, what it took and cost. Never a prompt, an answer or a
 * key.
 *
 * Workers leave their rows in a bounded queue, without waiting for anything
 * but each other; one thread writes what has gathered, twice a second at
 * most, in one transaction that is on the disk when it ends. So a kill loses
 * what came in since, and ledger_close() nothing. What cannot be written (a
 * full disk, another process that holds the file) is tried again every second;
 * a queue that fills up meanwhile drops rows, and counts them. */
#ifndef GATEWAY_LEDGER_LEDGER_H
#define GATEWAY_LEDGER_LEDGER_H

#include "gateway/lib/err.h"
#include "gateway/lib/inference.h"

struct ledger;

/* Makes the file where there is none. ERR_INVALID: it is another program's, of
 * a later version, or damaged; ERR_IO: it cannot be written. keep: how long a
 * row stays, from when its request ended; 0: for ever. */
enum err ledger_open(
    const char *path, usec keep, struct ledger **, struct errmsg *why) MUST_USE;
/* Whether ledger_open() might take it, by its first bytes: nothing is locked,
 * made or changed. */
enum err ledger_look(const char *path, struct errmsg *why) MUST_USE;
/* Writes what is queued; gives up after 5 s of failing, and says in the log how
 * many rows were lost. Nobody may write any more. */
void ledger_close(struct ledger **);

/* A request that ended at `wall`. From any thread; never waits for the disk. */
void ledger_write(struct ledger *, const struct outcome *, usec wall);

/* Any thread. What came before is written at once: waits for that, for a second
 * at most. */
void ledger_flush(struct ledger *);
/* Any thread. */
void ledger_keep(struct ledger *, usec keep);
const char *ledger_path(const struct ledger *);

struct ledger_stats {
	uint64_t written, dropped; /* rows, ever */
	uint64_t failures; /* transactions, ever */
};
void ledger_stats(const struct ledger *, struct ledger_stats *);

/* --- what was spent --- */

/* Of one tenant and key since the UTC day, and month, of `wall` began. Names
 * are as in the rows, "-" where there is none, and borrowed for the call. */
struct ledger_spent {
	const char *tenant, *key;
	double day, month; /* USD, as charged: what was cut off by estimate */
};
/* Calls each() for all who spent anything this month, from what is on the disk.
 * Sums per day are kept apart from the rows, whatever `keep` says. */
enum err ledger_spent(struct ledger *, usec wall,
    void (*each)(void *arg, const struct ledger_spent *), void *arg,
    struct errmsg *why) MUST_USE;

#endif
