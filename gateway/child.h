/* gateway/child.h - one supervised child process: a backend with `command`.
 *
 * Chooses a loopback port, starts the command with {port} replaced, logs what
 * it prints, restarts it with back-off (1 s doubling to 30 s, forgotten after
 * 60 s up), and ends it with the gateway. */
#ifndef GATEWAY_CHILD_H
#define GATEWAY_CHILD_H

#include <uv.h>

#include "gateway/conf/conf.h"

struct child;

/* Called from the loop. */
struct child_ops {
	/* It runs, and will listen at url ("http://127.0.0.1:PORT/v1"). */
	void (*on_up)(void *arg, const char *url);
	/* It has ended, or could not be started; a restart will follow. */
	void (*on_down)(void *arg);
};

/* Starts at once; name and command are copied. cwd may be NULL. NULL without
 * memory. */
struct child *child_new(uv_loop_t *, const char *name,
    const char *const *command, const char *cwd, const struct child_ops *,
    void *arg);

/* SIGTERM, then SIGKILL after 5 s. on_stopped(arg) when it and its handles are
 * gone; no other callback comes any more. A NULL child has stopped already. */
void child_stop(struct child **, void (*on_stopped)(void *), void *arg);

#endif
