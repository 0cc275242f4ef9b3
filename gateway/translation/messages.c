/* gateway/translation/messages.c - Anthropic's messages. */
#include "gateway/translation/messages.h"

struct scan_member
messages_member(const struct scan_member *object, const char *name)
{
	struct scan_member m;

	if (object->type != SCAN_OBJECT || !scan_get(object->value, name, &m))
		m = (struct scan_member){ .type = SCAN_NULL };
	return m;
}

const struct translation_format translation_messages = {
	.dialect = DIALECT_MESSAGES,
	.state_bytes = sizeof(struct messages_state),
	.request = messages_request,
	.event = messages_event,
	.end = messages_end,
	.answer = messages_answer,
};
