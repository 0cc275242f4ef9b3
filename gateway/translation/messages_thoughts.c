/* gateway/translation/messages_thoughts.c - what a model has thought before, in
 * the history that a client sends, for the backend that thought it. */
#include "gateway/translation/messages_turns.h"
#include "gateway/translation/returned.h"

/* What the backend calls it, if it was its own. */
static const char *
name_of(const struct translation *t, const struct block *b)
{
	return scan_nonempty_string(&b->thinking)
	    ? returned_name(scan_inside(&b->signature), t->origin)
	    : NULL;
}

/* Another's is left out, as is one of which nobody knows whose it was. */
enum err
survey_thought(struct writer *w, struct turn *t, const struct block *b)
{
	const struct messages_state *s = w->t->state;
	const char *name = name_of(w->t, b);

	if (t->assistant && s->has_tools && name != NULL)
		t->thinks = name;
	return OK;
}

static enum err
write_thought(struct writer *w, struct turn *t, const struct block *b)
{
	if (b->kind == KIND_THOUGHT && name_of(w->t, b) == t->thinks)
		buf_add(w->out, scan_inside(&b->thinking));
	return OK;
}

enum err
thoughts_write(struct writer *w, struct turn *t)
{
	enum err rc;

	buf_add_str(w->out, ",\"");
	buf_add_str(w->out, t->thinks);
	buf_add_str(w->out, "\":\"");
	rc = turn_each_block(w, t, write_thought);
	buf_add_char(w->out, '"');
	return rc;
}
