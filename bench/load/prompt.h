/* bench/load/prompt.h - bodies of chat completions, as long as asked for.
 *
 * No two prompts are alike, nor those of two runs: a prefix that a server has
 * seen before would cost it less than it should. */
#ifndef BENCH_LOAD_PROMPT_H
#define BENCH_LOAD_PROMPT_H

#include "gateway/lib/buf.h"
#include "gateway/lib/rng.h"

struct prompt_setup {
	const char *model; /* NULL: the server's choice */
	unsigned tokens; /* of the prompt, about */
	unsigned max_tokens; /* 0: not said */
	struct slice extra; /* further members: "\"a\":1,\"b\":2"; or empty */
};

/* Words that are one token each in the usual vocabularies, and four bytes with
 * their blank, as tokens_of_bytes() has it. Streams; asks for usage. */
void prompt_render(const struct prompt_setup *, struct rng *, struct buf *out);

#endif
