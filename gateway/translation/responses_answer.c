/* gateway/translation/responses_answer.c - a whole answer of chat as one of
 * responses. */
#include "gateway/translation/responses.h"

/* NULL: there is nothing to add, or *out has failed. */
static struct responses_item *
add_item(struct translation *t, enum responses_kind kind, struct slice text,
    struct buf *out)
{
	struct responses_item *item;

	if (text.n == 0 && kind != RESPONSES_CALL)
		return NULL;
	item = responses_new_item(t, kind, out);
	if (item == NULL)
		return NULL;
	item->whole = text;
	if (kind != RESPONSES_CALL)
		responses_place_item(t->state, item);
	return item;
}

/* One without a name nobody could answer. */
static void
add_call(struct translation *t, const struct chat_call *c, struct buf *out)
{
	struct responses_item *item;

	if (c->name.n == 0)
		return;
	item = add_item(t, RESPONSES_CALL, c->arguments, out);
	if (item == NULL)
		return;
	if (c->object.n > 0)
		item->whole = chat_arguments(c, &item->text);
	translation_fail(t, buf_err(&item->text), NULL, out);
	responses_say_call(t, item, c, out);
	responses_name_call(t, item, out);
	responses_settle_text(t, item, out);
}

void
responses_answer(struct translation *t, struct slice body,
    const struct usage *usage, struct buf *out)
{
	struct responses_state *s = t->state;
	const enum responses_kind thought = responses_thought(s);
	struct chat_answer a;
	struct chat_part part;
	struct chat_call call;

	chat_read(slice_trim(body), &a);
	if (a.reasoning.n > 0)
		s->thinks = a.thinks;
	(void)add_item(t, thought, a.reasoning, out);
	(void)add_item(t, RESPONSES_SAID, a.text, out);
	while (buf_err(out) == OK && chat_next_part(&a.parts, &part))
		(void)add_item(
		    t, part.thought ? thought : RESPONSES_SAID, part.text, out);
	(void)add_item(t, RESPONSES_REFUSED, a.refusal, out);
	while (buf_err(out) == OK && chat_next_call(&a.calls, &call))
		add_call(t, &call, out);
	s->finish = a.finish;
	if (s->n_added > 0)
		s->items[s->order[s->n_added - 1]].status =
		    responses_status(a.finish);
	responses_add_response(t, usage, out);
}
