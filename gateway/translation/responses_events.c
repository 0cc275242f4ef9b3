/* gateway/translation/responses_events.c - a stream of chat as one of
 * responses.
 *
 * What the model says is one item for as long as it is of one kind. A call is
 * added once its name is known, and ends with the stream: its arguments may
 * come in turns with another's.
 *
 *	created, in_progress
 *	output_item.added, content_part.added, delta..., done,
 *	    content_part.done, output_item.done		for each item
 *	completed, or incomplete */
#include <string.h>

#include "gateway/lib/digits.h"
#include "gateway/translation/responses.h"

#define TOO_LONG "more than 3 MiB of text in a stream"

/* --- one event --- */

static void
add_number(struct buf *out, const char *name, uint64_t n)
{
	char digits[DIGITS_MAX];

	buf_add_str(out, ",\"");
	buf_add_str(out, name);
	buf_add_str(out, "\":");
	buf_add(out, slice_make(digits, digits_u64(digits, n)));
}

static void
begin_event(struct translation *t, const char *type, struct buf *out)
{
	struct responses_state *s = t->state;

	buf_add_str(out, "event: ");
	buf_add_str(out, type);
	buf_add_str(out, "\ndata: {\"type\":\"");
	buf_add_str(out, type);
	buf_add_char(out, '"');
	add_number(out, "sequence_number", s->sequence++);
}

static void
end_event(struct buf *out)
{
	buf_add_str(out, "}\n\n");
}

static void
add_response(struct translation *t, const char *type, const struct usage *usage,
    struct buf *out)
{
	begin_event(t, type, out);
	buf_add_str(out, ",\"response\":");
	responses_add_response(t, usage, out);
	end_event(out);
}

static void
add_item(struct translation *t, const struct responses_item *item, bool begins,
    struct buf *out)
{
	begin_event(t,
	    begins ? "response.output_item.added" : "response.output_item.done",
	    out);
	add_number(out, "output_index", item->place);
	buf_add_str(out, ",\"item\":");
	responses_add_item(t, item, begins, out);
	end_event(out);
}

/* Of an item's part, or of its text. */
static void
begin_part_event(struct translation *t, const struct responses_item *item,
    const char *type, struct buf *out)
{
	const struct responses_words *words = responses_words(item->kind);

	begin_event(t, type, out);
	buf_add_str(out, ",\"item_id\":");
	responses_add_id(t, item, out);
	add_number(out, "output_index", item->place);
	if (words->part_index != NULL)
		add_number(out, words->part_index, 0);
}

static void
add_part(struct translation *t, const struct responses_item *item, bool begins,
    struct buf *out)
{
	const struct responses_words *words = responses_words(item->kind);

	if (words->part_added == NULL)
		return;
	begin_part_event(
	    t, item, begins ? words->part_added : words->part_done, out);
	buf_add_str(out, ",\"part\":");
	responses_add_part(item, begins, out);
	end_event(out);
}

static void
add_text(struct translation *t, const struct responses_item *item,
    const char *type, const char *name, struct slice text, struct buf *out)
{
	begin_part_event(t, item, type, out);
	if (item->kind == RESPONSES_SAID)
		buf_add_str(out, ",\"logprobs\":[]");
	buf_add_str(out, ",\"");
	buf_add_str(out, name);
	buf_add_str(out, "\":\"");
	buf_add(out, text);
	buf_add_char(out, '"');
	end_event(out);
}

static void
add_delta(struct translation *t, const struct responses_item *item,
    struct slice text, struct buf *out)
{
	const char *type = responses_words(item->kind)->delta;

	if (text.n > 0 && type != NULL)
		add_text(t, item, type, "delta", text, out);
}

/* --- items --- */

static void
begin(struct translation *t, struct buf *out)
{
	struct responses_state *s = t->state;

	if (s->begun)
		return;
	s->begun = true;
	add_response(t, "response.created", NULL, out);
	add_response(t, "response.in_progress", NULL, out);
}

static bool
is_call(const struct responses_item *item)
{
	return item->kind >= RESPONSES_CALL;
}

/* What only is known of a call at its end has not been told of before. */
static void
end_item(struct translation *t, struct responses_item *item, const char *status,
    struct buf *out)
{
	const struct responses_words *words = responses_words(item->kind);
	bool untold = item->kind > RESPONSES_CALL ||
	    (item->kind == RESPONSES_CALL && item->text.n == 0);

	if (item->done || !item->added)
		return;
	item->done = true;
	item->status = status;
	responses_settle_text(t, item, out);
	if (untold)
		add_delta(t, item, responses_text_of(item), out);
	if (words->done != NULL)
		add_text(t, item, words->done, words->text,
		    responses_text_of(item), out);
	add_part(t, item, false, out);
	add_item(t, item, false, out);
}

/* The one that is being said, if it is no call. */
static struct responses_item *
open_item(struct responses_state *s)
{
	for (size_t i = s->n; i > 0; i--)
		if (!is_call(&s->items[i - 1]))
			return s->items[i - 1].done ? NULL : &s->items[i - 1];
	return NULL;
}

static void
end_open_item(struct translation *t, struct buf *out)
{
	struct responses_item *item = open_item(t->state);

	if (item != NULL)
		end_item(t, item, "completed", out);
}

static void
keep(struct translation *t, struct responses_item *item, struct slice text,
    struct buf *out)
{
	struct responses_state *s = t->state;

	s->bytes += text.n;
	buf_add(&item->text, text);
	translation_fail(t,
	    s->bytes > RESPONSES_BYTES ? ERR_LIMIT : buf_err(&item->text),
	    TOO_LONG, out);
}

static void
take_text(struct translation *t, enum responses_kind kind, struct slice text,
    struct buf *out)
{
	struct responses_state *s = t->state;
	struct responses_item *item = open_item(s);

	if (text.n == 0)
		return;
	if (item == NULL || item->kind != kind) {
		end_open_item(t, out);
		item = responses_new_item(t, kind, out);
		if (item == NULL)
			return;
		responses_place_item(s, item);
		add_item(t, item, true, out);
		add_part(t, item, true, out);
	}
	keep(t, item, text, out);
	add_delta(t, item, text, out);
}

/* --- calls --- */

/* Whether a part that names its call goes on with this one. Some say the same
 * index for all their calls, some make up an id for each part. */
static bool
goes_on(const struct responses_item *item, const struct chat_call *c)
{
	if (c->name.n == 0 || item->name.n == 0)
		return true;
	if (c->id.n == 0 || item->call_id.n == 0)
		return c->indexed;
	return slice_eq(c->id, buf_slice(&item->call_id));
}

static struct responses_item *
find_call(struct responses_state *s, const struct chat_call *c)
{
	for (size_t i = s->n; i > 0; i--) {
		struct responses_item *item = &s->items[i - 1];

		if (!is_call(item))
			continue;
		if (c->indexed && item->indexed && item->index != c->index)
			continue;
		return goes_on(item, c) ? item : NULL;
	}
	return NULL;
}

static struct responses_item *
call_of(struct translation *t, const struct chat_call *c, struct buf *out)
{
	struct responses_state *s = t->state;
	struct responses_item *item = find_call(s, c);

	if (item != NULL)
		return item;
	end_open_item(t, out);
	item = responses_new_item(t, RESPONSES_CALL, out);
	if (item == NULL)
		return NULL;
	item->index = c->index;
	item->indexed = c->indexed;
	return item;
}

/* Free text is told of once it has been taken out of the arguments. */
static void
take_part_of_call(struct translation *t, const struct chat_call *c,
    struct slice arguments, struct buf *out)
{
	struct responses_item *item = call_of(t, c, out);
	struct slice text = arguments;

	if (item == NULL)
		return;
	keep(t, item, arguments, out);
	if (!item->added) {
		responses_say_call(t, item, c, out);
		if (item->name.n == 0 || buf_err(out) != OK)
			return;
		responses_name_call(t, item, out);
		add_item(t, item, true, out);
		text = buf_slice(&item->text);
	}
	if (item->kind == RESPONSES_CALL)
		add_delta(t, item, text, out);
}

static void
take_call(struct translation *t, const struct chat_call *c, struct buf *out)
{
	struct slice arguments;
	struct buf room;

	buf_init(&room, RESPONSES_BYTES);
	arguments = chat_arguments(c, &room);
	translation_fail(t, buf_err(&room), TOO_LONG, out);
	if (buf_err(out) == OK)
		take_part_of_call(t, c, arguments, out);
	buf_fini(&room);
}

/* --- the stream --- */

void
responses_event(struct translation *t, struct slice data, struct buf *out)
{
	struct responses_state *s = t->state;
	const enum responses_kind thought = responses_thought(s);
	struct chat_answer a;
	struct chat_part part;
	struct chat_call call;

	chat_read(slice_trim(data), &a);
	begin(t, out);
	if (s->finish != CHAT_GOES_ON)
		return;
	if (a.reasoning.n > 0)
		s->thinks = a.thinks;
	take_text(t, thought, a.reasoning, out);
	take_text(t, RESPONSES_SAID, a.text, out);
	while (buf_err(out) == OK && chat_next_part(&a.parts, &part))
		take_text(
		    t, part.thought ? thought : RESPONSES_SAID, part.text, out);
	take_text(t, RESPONSES_REFUSED, a.refusal, out);
	while (buf_err(out) == OK && chat_next_call(&a.calls, &call))
		take_call(t, &call, out);
	s->finish = a.finish;
}

/* What was cut short is the last item. */
void
responses_end(struct translation *t, const struct usage *usage, struct buf *out)
{
	struct responses_state *s = t->state;
	const char *status = responses_status(s->finish);

	begin(t, out);
	for (size_t i = 0; i < s->n_added; i++)
		end_item(t, &s->items[s->order[i]],
		    i + 1 == s->n_added ? status : "completed", out);
	add_response(t,
	    strcmp(status, "completed") == 0 ? "response.completed"
					     : "response.incomplete",
	    usage, out);
}
