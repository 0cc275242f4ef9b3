/* gateway/translation/messages.c - Anthropic's messages. */
#include "gateway/translation/messages.h"

#include <stdlib.h>

struct scan_member
messages_member(const struct scan_member *object, const char *name)
{
	struct scan_member m;

	if (object->type != SCAN_OBJECT || !scan_get(object->value, name, &m))
		m = (struct scan_member){ .type = SCAN_NULL };
	return m;
}

static void
fini(void *state)
{
	struct messages_state *s = state;

	free(s->calls_open);
}

const struct translation_format translation_messages = {
	.dialect = DIALECT_MESSAGES,
	.state_bytes = sizeof(struct messages_state),
	.request = messages_request,
	.event = messages_event,
	.end = messages_end,
	.answer = messages_answer,
	.fini = fini,
};
