/* gateway/translation/messages.c - Anthropic's messages. */
#include "gateway/translation/messages.h"

#include <stdlib.h>

#include "gateway/lib/arena.h"
#include "gateway/lib/map.h"
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

/* From what chat calls them to where they stand in what is kept. */
struct messages_names {
	struct map map;
	struct arena chat; /* the former */
};

static void
names_free(struct messages_names **np)
{
	if (*np == NULL)
		return;
	map_fini(&(*np)->map);
	arena_fini(&(*np)->chat);
	free(*np);
	*np = NULL;
}

/* Of two that are the same in chat the first is meant. */
static enum err
names_add(struct messages_names *n, struct slice name, char *at)
{
	const char *copy;

	if (name.n != CHAT_NAME_MAX || map_get(&n->map, name) != NULL)
		return OK;
	copy = arena_dup(&n->chat, name);
	if (copy == NULL)
		return ERR_MEMORY;
	return map_put(&n->map, slice_make(copy, name.n), at);
}

/* An answer may have as many calls as a request has tools. */
static struct messages_names *
names_new(const struct buf *kept)
{
	struct messages_names *n = calloc(1, sizeof(*n));
	struct slice rest = buf_slice(kept), one;
	enum scan_type type;
	struct buf chat;
	enum err rc = OK;

	if (n == NULL)
		return NULL;
	map_init(&n->map);
	arena_init(&n->chat, 2 * kept->n);
	buf_init(&chat, kept->n);
	while (rc == OK && scan_next_element(&rest, &one, &type)) {
		buf_reset(&chat);
		buf_add(&chat, messages_inside(one));
		chat_writer_shorten(&chat, 0);
		rc = buf_err(&chat);
		if (rc == OK)
			rc = names_add(
			    n, buf_slice(&chat), kept->p + (one.p - kept->p));
	}
	buf_fini(&chat);
	if (rc != OK)
		names_free(&n);
	return n;
}

void
messages_add_meant(struct translation *t, struct slice name, struct buf *out)
{
	struct messages_state *s = t->state;
	struct scan_walk at;

	if (t->kept.n > 0 && name.n == CHAT_NAME_MAX) {
		if (s->names == NULL)
			s->names = names_new(&t->kept);
		if (s->names == NULL) {
			translation_fail(t, ERR_MEMORY, NULL, out);
			return;
		}
		at.p = map_get(&s->names->map, name);
		at.end = t->kept.p + t->kept.n;
		if (at.p != NULL)
			name = messages_inside(scan_walk_skip(&at));
	}
	buf_add(out, name);
}

static void
fini(void *state)
{
	struct messages_state *s = state;

	free(s->calls_open);
	messages_early_free_all(s);
	names_free(&s->names);
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
