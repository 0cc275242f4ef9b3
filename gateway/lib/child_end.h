/* gateway/lib/child_end.h - how a child process ended last. */
#ifndef GATEWAY_LIB_CHILD_END_H
#define GATEWAY_LIB_CHILD_END_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/lib/clock.h"

struct child_end {
	uint64_t n; /* ends, and starts that failed; 0: no more is told */
	usec wall; /* since 1970 */
	bool started; /* false: it could not be */
	int64_t status; /* of its exit */
	int signal; /* that ended it, or 0 */
	char text[256]; /* its last line on stderr, or why no start; UTF-8 */
};

#endif
