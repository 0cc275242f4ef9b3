/* gateway/lib/chat_finish.h - why an answer of chat ended, in whatever words
 * its backend says so. */
#ifndef GATEWAY_LIB_CHAT_FINISH_H
#define GATEWAY_LIB_CHAT_FINISH_H

#include "gateway/lib/scan.h"

enum chat_finish {
	CHAT_GOES_ON, /* not said yet */
	CHAT_STOP, /* the model was done, as also by words that are not known */
	CHAT_LENGTH, /* a limit */
	CHAT_TOOL_CALLS,
	CHAT_FILTERED,
	CHAT_FAILED, /* the backend gave up */
};

/* finish_reason is a member of a choice. */
enum chat_finish chat_finish_of(const struct scan_member *finish_reason);

#endif
