/* gateway/lib/clock.c - time as monotonic microseconds. */
#include "gateway/lib/clock.h"

#include <time.h>

static usec
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000;
}

usec
clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

struct instant
clock_instant(usec now)
{
	return (struct instant){ now, clock_wall() - (clock_now() - now) };
}

usec
clock_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
clock_pause(usec span)
{
	const struct timespec t = { (time_t)(span / USEC_SEC),
		(long)(span % USEC_SEC) * 1000 };

	nanosleep(&t, NULL);
}
