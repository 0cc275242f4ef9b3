/* gateway/commands/loop.h - a loop with an upstream on it, for the subcommands
 * that send requests. */
#ifndef GATEWAY_COMMANDS_LOOP_H
#define GATEWAY_COMMANDS_LOOP_H

#include "gateway/upstream/upstream.h"

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_check_t check;
	struct upstream *upstream; /* settled in each turn */
};

/* On failure there is nothing to close. */
enum err loop_open(struct loop *, struct errmsg *why) MUST_USE;
/* Cancels transfers, and turns until all handles are closed; to close its own
 * is for their owner to ask before. */
void loop_close(struct loop *);

#endif
