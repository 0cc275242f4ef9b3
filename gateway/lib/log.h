/* gateway/lib/log.h - key=value lines, one write(2) each.
 *
 * Safe from any thread. Never a prompt, never a key: callers pass names,
 * numbers and reasons only. A line that a full pipe or a stopped terminal would
 * not take at once is dropped and counted: nobody waits for whoever reads the
 * log. (A file on a slow disk is waited for.) */
#ifndef GATEWAY_LIB_LOG_H
#define GATEWAY_LIB_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/err.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

void log_set_level(enum log_level);
bool log_wants(enum log_level);
/* "error", "warn", "info", "debug"; false for any other. */
bool log_level_parse(const char *name, enum log_level *);

/* fmt gives `event key=value key=value`; a time and the level go before it.
 * Control characters in the result become '?', so that no value can forge a
 * line, and so does what is not UTF-8, be it a character that was cut. Values
 * with spaces are the caller's to quote (%s inside '"'). */
void log_line(enum log_level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Lines lost so far, of all threads. */
uint64_t log_dropped(void);

/* As write(2), of whole lines and PIPE_BUF bytes at most; EAGAIN instead of
 * waiting for a reader. For others who write to standard error: one at a time
 * does, so that none takes the room that another has just found. */
ssize_t log_write(int fd, const char *lines, size_t n);

/* What strangers can cause must not fill a disk. Static and safe from any
 * thread; only event and most are the owner's to set. */
struct log_limit {
	const char *event; /* the lines' own first word */
	uint32_t most; /* lines in one second */
	atomic_uint_fast64_t window; /* the second, and the lines in it */
};
/* Whether the line may be written. The first of a later second is preceded by
 * one that says how many were not. */
bool log_limit_pass(struct log_limit *, usec now);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                         \
	do {                                                                   \
		if (log_wants(LOG_DEBUG))                                      \
			log_line(LOG_DEBUG, __VA_ARGS__);                      \
	} while (0)

#endif
