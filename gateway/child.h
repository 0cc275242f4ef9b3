/* gateway/child.h - one supervised child process: a backend with `command`.
 *
 * Chooses a loopback port, starts the command with {port} replaced, logs what
 * it prints, restarts it with back-off, and ends it with the gateway. It gets
 * a session of its own: what it starts in turn ends with it, and a ctrl-C at
 * the terminal leaves it alone while the gateway drains. */
#ifndef GATEWAY_CHILD_H
#define GATEWAY_CHILD_H

#include <uv.h>

#include "gateway/lib/child_end.h"
#include "gateway/lib/slice.h"

struct child;

/* Called from the loop, and on_up or on_down from child_new(). */
struct child_ops {
	/* It runs, and will listen at url ("http://127.0.0.1:PORT/v1"). */
	void (*on_up)(void *arg, const char *url);
	/* It has ended, or could not be started; a restart will follow. */
	void (*on_down)(void *arg);
	/* Whether that environment variable is kept from it. NULL: none is. */
	bool (*withholds)(void *arg, struct slice variable);
};

struct child_timing {
	usec restart_first, restart_max; /* back-off: doubles between them */
	usec restart_forget; /* up for so long: the back-off starts over */
	usec grace; /* from SIGTERM to SIGKILL */
};
#define CHILD_TIMING                                                           \
	((struct child_timing){ .restart_first = USEC_SEC,                     \
	    .restart_max = 30 * USEC_SEC,                                      \
	    .restart_forget = 60 * USEC_SEC,                                   \
	    .grace = 5 * USEC_SEC })

/* Starts at once; name and command are copied. NULL without memory. */
struct child *child_new(uv_loop_t *, const char *name,
    const char *const *command, const struct child_ops *, void *arg);
/* Other times than CHILD_TIMING. */
void child_set_timing(struct child *, const struct child_timing *);

/* Lives as long as the child. */
const struct child_end *child_last_end(const struct child *);

/* SIGTERM, then SIGKILL after the grace. on_stopped(arg) when it and its
 * handles are gone; no other callback comes any more. A NULL child has
 * stopped already. */
void child_stop(struct child **, void (*on_stopped)(void *), void *arg);

#endif
