/* gateway/lib/clock.h - time as monotonic microseconds.
 *
 * Code that decides takes `now` as an argument; only the edges (a loop turn,
 * main) call clock_now(). Tests and the simulator pass times of their own. */
#ifndef GATEWAY_LIB_CLOCK_H
#define GATEWAY_LIB_CLOCK_H

#include <stdint.h>

typedef int64_t usec; /* a point in time, or a span of it */

#define USEC_MS ((usec)1000)
#define USEC_SEC ((usec)1000000)
#define USEC_NEVER INT64_MAX

/* CLOCK_MONOTONIC: never steps, unrelated to the calendar. */
usec clock_now(void);

/* CLOCK_REALTIME, microseconds since 1970: for logs and wire formats only. */
usec clock_wall(void);

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

#endif
