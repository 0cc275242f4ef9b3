/* gateway/translation/messages.c - Anthropic's messages. */
#include "gateway/translation/messages.h"

#include <stdlib.h>

#include "gateway/translation/chat_writer.h"

struct scan_member
messages_member(const struct scan_member *object, const char *name)
{
	struct scan_member m;

	if (object->type != SCAN_OBJECT || !scan_get(object->value, name, &m))
		m = (struct scan_member){ .type = SCAN_NULL };
	return m;
}

void
messages_add_name(struct buf *out, struct slice string)
{
	size_t from = out->n + 1;

	buf_add_char(out, '"');
	buf_add(out, messages_inside(string));
	if (buf_err(out) == OK)
		chat_writer_shorten(out, from);
	buf_add_char(out, '"');
}

/* Those that chat knows by another are the elements of an array. */
void
messages_keep_name(struct translation *t, struct slice string)
{
	if (string.n <= CHAT_NAME_MAX + 2)
		return;
	buf_add_char(&t->kept, t->kept.n == 0 ? '[' : ',');
	buf_add(&t->kept, string);
}

struct slice
messages_name_of(const struct translation *t, struct slice name)
{
	struct slice rest = buf_slice(&t->kept), one, found = name;
	enum scan_type type;
	struct buf chat;

	if (rest.n == 0 || name.n != CHAT_NAME_MAX)
		return name;
	buf_init(&chat, rest.n);
	while (found.p == name.p && scan_next_element(&rest, &one, &type)) {
		buf_reset(&chat);
		buf_add(&chat, messages_inside(one));
		chat_writer_shorten(&chat, 0);
		if (slice_eq(buf_slice(&chat), name))
			found = messages_inside(one);
	}
	buf_fini(&chat);
	return found;
}

static void
fini(void *state)
{
	struct messages_state *s = state;

	free(s->calls_open);
	messages_early_free_all(s);
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
