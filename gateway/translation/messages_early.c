/* gateway/translation/messages_early.c - what comes of a call before its name,
 * without which its block cannot begin. Kept until then; what never gets a name
 * nobody could answer. */
#include <stdlib.h>

#include "gateway/translation/messages.h"

/* Of all that is kept; more is a failure. Calls are bounded by their index. */
#define EARLY_BYTES ((size_t)1 << 20)
#define EARLY_INDEX 64

struct messages_early {
	struct messages_early *next;
	uint64_t index;
	bool indexed;
	struct buf id, arguments; /* as JSON has them */
};

void
messages_early_free(struct messages_early **ep)
{
	struct messages_early *e = *ep;

	if (e == NULL)
		return;
	buf_fini(&e->id);
	buf_fini(&e->arguments);
	free(e);
	*ep = NULL;
}

void
messages_early_free_all(struct messages_state *s)
{
	struct messages_early *e;

	while ((e = s->early) != NULL) {
		s->early = e->next;
		messages_early_free(&e);
	}
}

/* Where it is, or the end. */
static struct messages_early **
find(struct messages_state *s, const struct chat_call *part)
{
	struct messages_early **at = &s->early;

	while (*at != NULL &&
	    ((*at)->indexed != part->indexed ||
		(part->indexed && (*at)->index != part->index)))
		at = &(*at)->next;
	return at;
}

struct messages_early *
messages_early_take(struct messages_state *s, const struct chat_call *part)
{
	struct messages_early **at = find(s, part), *e = *at;

	if (part->indexed && part->index < EARLY_INDEX)
		s->begun_calls |= UINT64_C(1) << part->index;
	if (e != NULL)
		*at = e->next;
	return e;
}

struct slice
messages_early_id(const struct messages_early *e)
{
	return buf_slice(&e->id);
}

struct slice
messages_early_arguments(const struct messages_early *e)
{
	return buf_slice(&e->arguments);
}

/* What comes of a call after its end is none of the next. */
static bool
may_be_named(const struct messages_state *s, const struct chat_call *part)
{
	if (!part->indexed)
		return s->calls == 0;
	return part->index < EARLY_INDEX &&
	    (s->begun_calls >> part->index & 1) == 0;
}

static struct messages_early *
find_or_add(struct messages_state *s, const struct chat_call *part)
{
	struct messages_early **at = find(s, part), *e = *at;

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->index = part->index;
	e->indexed = part->indexed;
	buf_init(&e->id, EARLY_BYTES);
	buf_init(&e->arguments, EARLY_BYTES);
	*at = e;
	return e;
}

static enum err
keep(struct messages_state *s, const struct chat_call *part,
    struct slice arguments)
{
	struct messages_early *e;

	s->early_bytes += part->id.n + arguments.n;
	if (s->early_bytes > EARLY_BYTES)
		return ERR_LIMIT;
	e = find_or_add(s, part);
	if (e == NULL)
		return ERR_MEMORY;
	if (e->id.n == 0)
		buf_add(&e->id, part->id);
	buf_add(&e->arguments, arguments);
	return buf_err(&e->id) != OK ? buf_err(&e->id) : buf_err(&e->arguments);
}

void
messages_early_keep(
    struct translation *t, const struct chat_call *part, struct buf *out)
{
	struct slice arguments;
	struct buf room;

	if (!may_be_named(t->state, part))
		return;
	buf_init(&room, EARLY_BYTES);
	arguments = chat_arguments(part, &room);
	translation_fail(t,
	    buf_err(&room) != OK ? buf_err(&room)
				 : keep(t->state, part, arguments),
	    "more than 1 MiB of calls without a name", out);
	buf_fini(&room);
}
