/* gateway/busy_poll.h - a loop that goes on asking for a while instead of
 * sleeping.
 *
 * To be woken takes a thread some microseconds, where the processor had to
 * be woken with it some tens, more in a virtual machine. For a span after
 * the last event the loop therefore polls without waiting. Belongs to the
 * loop's thread; only `spent` may be read by others. */
#ifndef GATEWAY_BUSY_POLL_H
#define GATEWAY_BUSY_POLL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "gateway/lib/clock.h"

struct busy_poll {
	uv_idle_t idle; /* active: the loop does not sleep */
	usec from, until; /* while it is */
	atomic_ullong spent; /* microseconds of it that brought nothing */
};

void busy_poll_init(struct busy_poll *, uv_loop_t *);
/* To be called before each poll, once all that it brought is done. `now` is
 * when that began, `active` whether there was anything to do; span 0: never
 * spins. */
void busy_poll_turn(struct busy_poll *, usec span, bool active, usec now);
/* The memory may go when the loop has closed its handle. */
void busy_poll_close(struct busy_poll *);

#endif
