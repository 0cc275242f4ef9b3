/* gateway/child_output.h - what a child process prints, line by line in our
 * log.
 *
 * Lives inside whoever starts the child, for one of its two streams. A line is
 * cut at CHILD_LINE bytes. */
#ifndef GATEWAY_CHILD_OUTPUT_H
#define GATEWAY_CHILD_OUTPUT_H

#include <uv.h>

#include "gateway/lib/log.h"

#define CHILD_LINE 512

struct child_output {
	uv_pipe_t pipe; /* for uv_spawn() */

	/* the owner's to set, once; borrowed */
	const char *name; /* the child's, in the log */
	struct log_limit *limit; /* of its lines */
	void (*on_closed)(void *arg); /* from the loop */
	void *arg;

	size_t n; /* of line */
	size_t last; /* of line, when that was logged */
	char line[CHILD_LINE];
	char chunk[4096];
};

/* Before each start of the child; whatever follows, it has to be closed. */
void child_output_init(struct child_output *, uv_loop_t *);
/* The child has been started. */
void child_output_read(struct child_output *);
/* Logs what no newline has ended, then on_closed(arg). It does so by itself
 * where the child's end is closed; again is nothing. */
void child_output_close(struct child_output *);
/* Of what is closed: the last line that was not empty, as UTF-8 without
 * control characters and a NUL. cap > 0. */
void child_output_last(const struct child_output *, char *to, size_t cap);

#endif
