/* bench/load/answer.h - what a reply says: tokens, and whether it is whole.
 *
 * A token event is one with text, reasoning or a tool call in it, never a
 * role-only chunk. They are found by their members' names, without parsing:
 * good enough for answers whose words are known. */
#ifndef BENCH_LOAD_ANSWER_H
#define BENCH_LOAD_ANSWER_H

#include "gateway/lib/clock.h"
#include "gateway/lib/sse.h"

struct answer {
	struct sse sse;
	struct buf partial; /* of an event */
	uint64_t tokens, bytes;
	usec first, last; /* token events; 0: none */
	bool finished, done, error; /* finish_reason, [DONE], "error" */
	uint32_t usage_in, usage_out; /* tokens as the server counts them; 0:
					 it has not said */
};

void answer_init(struct answer *);
void answer_fini(struct answer *);
void answer_reset(struct answer *);

/* A piece of a stream; on_token hears of each token event. False: an event is
 * too long. */
bool answer_events(struct answer *, struct slice, usec now,
    void (*on_token)(void *arg, const struct answer *, usec now), void *arg);
/* A piece of a reply that is no stream. */
void answer_plain(struct answer *, struct slice);

/* The stream has ended well: nothing is cut short or an error. */
bool answer_whole(const struct answer *);
/* The same of servers that leave out [DONE], once HTTP has ended well. */
bool answer_complete(const struct answer *);

#endif
