/* gateway/lib/clock.h - time as monotonic microseconds.
 *
 * Code that decides takes `now` as an argument; only the edges (a loop turn,
 * main) call clock_now(). Tests and the simulator pass times of their own. */
#ifndef GATEWAY_LIB_CLOCK_H
#define GATEWAY_LIB_CLOCK_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

typedef int64_t usec; /* a point in time, or a span of it */

#define USEC_MS ((usec)1000)
#define USEC_SEC ((usec)1000000)
#define USEC_NEVER INT64_MAX

/* CLOCK_MONOTONIC: never steps, unrelated to the calendar. */
usec clock_now(void);

/* CLOCK_REALTIME, microseconds since 1970: for logs and wire formats only. */
usec clock_wall(void);

/* By the calendar, RFC 3339, with so many decimals (1..6) of a second:
 * "2026-11-21T03:27:17.123Z". How many bytes; there is no NUL. */
#define CLOCK_TEXT 64 /* room for whatever it writes */
size_t clock_text(char out[CLOCK_TEXT], usec wall, unsigned decimals);

/* A point in time by both. */
struct instant {
	usec now, wall;
};
/* What the calendar said at `now`, not long ago. */
struct instant clock_instant(usec now);

/* CLOCK_THREAD_CPUTIME_ID: what this thread has used of a processor. */
usec clock_cpu(void);

/* Sleeps; a signal ends it early. */
void clock_pause(usec span);

/* A descriptor that is readable from a point in time on, to the microsecond
 * (libuv's own timers are of milliseconds); until it is set anew, or read. -1,
 * and errno. */
int clock_alarm(void);
void clock_alarm_at(int alarm, usec at); /* 0: not at all */

/* A time since 1970, as strptime() has its format. False: it is not written so,
 * or no calendar has it. */
bool clock_read(const char *text, const char *format, usec *out);

#endif
