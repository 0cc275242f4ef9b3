/* gateway/ledger/batch.h - entries in memory as a table of SQLite's, `batch`,
 * with the columns of `rows`: one statement copies all of them into the file.
 *
 * https://www.sqlite.org/vtab.html, an eponymous one. */
#ifndef GATEWAY_LEDGER_BATCH_H
#define GATEWAY_LEDGER_BATCH_H

#include <sqlite3.h>

#include "gateway/ledger/entry.h"

struct batch {
	const char *p,
	    *end; /* entries; borrowed while a statement reads them */
	usec at; /* where there is one entry: its `time`; 0: when it ended */
	usec newest; /* the latest `time` in the file */
};

/* The column `facts`: which bits are what. Numbers of names are those of their
 * enum, which therefore only grows at its end. */
#define FACT_DIALECT 0
#define FACT_DIALECT_N 4 /* how many bits */
#define FACT_RESULT 4
#define FACT_RESULT_N 4
#define FACT_FAULT 8 /* 0: none */
#define FACT_FAULT_N 8
#define FACT_MISSED 16 /* a bit per phase */
#define FACT_MISSED_N 8
#define FACT_STREAM 24
#define FACT_DECLARED 25
#define FACT_MET 26
#define FACT_ESTIMATED 27
#define FACT_STATUS 28 /* 0: none was sent */
#define FACT_STATUS_N 12
#define FACT_ATTEMPTS 40
#define FACT_ATTEMPTS_N 23

#define BATCH_NEAR USEC_MS /* a row may be as far from its request's end */

/* The `time` of a row behind one of `last`: two workers' requests may end in
 * the same microsecond. */
static inline usec
batch_time(usec ended, usec last)
{
	return ended <= last && last - ended < BATCH_NEAR ? last + 1 : ended;
}

/* From now on the connection has it; it outlives the connection. An error of
 * SQLite's. */
int batch_register(sqlite3 *, struct batch *);

#endif
