/* gateway/guard.h - ends a child when the gateway is killed.
 *
 * A gateway that gets SIGKILL, or crashes, can end nobody. So a process of its
 * own reads a pipe that only the gateway holds, and takes its end for ours. The
 * kernel's PR_SET_PDEATHSIG would reach one process; what a `sh -c` or a
 * launcher has started would live on, with the model in its memory. */
#ifndef GATEWAY_GUARD_H
#define GATEWAY_GUARD_H

#include <uv.h>

/* Watches over the process group of that leader for as long as *pipe is open;
 * to dismiss it, kill it with SIGKILL before closing *pipe. 0, or an error of
 * uv's: then the handle has still to be closed if its type is set, and *pipe
 * is -1. */
int guard_spawn(uv_loop_t *, uv_process_t *, uv_exit_cb, int leader, int *pipe);

#endif
