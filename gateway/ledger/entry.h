/* gateway/ledger/entry.h - a request as the ledger keeps it: numbers, and names
 * behind them, in one run of bytes.
 *
 * Written by the worker that had the request, read by the writer's thread; in
 * between entries lie one after the other in a queue. */
#ifndef GATEWAY_LEDGER_ENTRY_H
#define GATEWAY_LEDGER_ENTRY_H

#include "gateway/lib/inference.h"

#define ENTRY_TEXT_MAX 255 /* bytes of one name; the rest is cut off */

enum entry_text {
	TEXT_RECEIPT,
	TEXT_TENANT,
	TEXT_KEY,
	TEXT_MODEL,
	TEXT_BACKEND, /* empty: no attempt was made */
	TEXT_UPSTREAM,
	TEXT_SLO,
	TEXT_COUNT
};

struct entry {
	uint16_t size; /* in bytes, names and padding included */
	uint16_t status; /* 0: none was sent */
	uint8_t dialect, result, fault;
	uint8_t missed; /* bits: 1 << enum phase */
	bool stream, declared, met, estimated;
	uint8_t text[TEXT_COUNT]; /* lengths, in the order of their bytes */
	uint32_t attempts;
	uint32_t input, output, cached; /* tokens */
	int64_t names; /* their number in the file; the writer's */
	usec ended; /* since 1970 */
	usec queue, ttft, itl, total; /* spans; -1: not measured */
	double cost; /* USD; negative: unknown */
	double charged; /* to budgets, USD */
};

#define ENTRY_MAX                                                              \
	(sizeof(struct entry) + TEXT_COUNT * (ENTRY_TEXT_MAX + 1) + 12)

/* Room for one, aligned. */
union entry_room {
	struct entry entry;
	char bytes[ENTRY_MAX];
};

void entry_write(union entry_room *, const struct outcome *, usec wall);
/* Where its names begin; one follows the other, each with a NUL at its end. */
const char *entry_names(const struct entry *);

#endif
