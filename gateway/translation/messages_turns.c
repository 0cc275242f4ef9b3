/* gateway/translation/messages_turns.c - a conversation in Anthropic's messages
 * as one of chat.
 *
 * Messages of one role that follow each other are one turn, as they are for
 * Anthropic; templates of many models want roles to alternate. A turn is read
 * more than once: surveyed, which finds all that is wrong with it, and then
 * written. Results of tools go before what else a user says, as messages of
 * their own; pictures and files among them have no place there and follow.
 *
 * Text blocks become one string, a line each, but beside those. Thinking is
 * returned to who thought it, where there are tools: in the middle of a turn
 * some insist. Others' is left out. */
#include "gateway/lib/count.h"
#include "gateway/translation/files.h"
#include "gateway/translation/messages_turns.h"
#include "gateway/translation/returned.h"

#define MESSAGES_MAX 100000 /* as Anthropic has it */
#define BILLING "x-anthropic-billing-header:"

/* --- content, written --- */

static void
open_content(struct writer *w, bool parts)
{
	w->parts = parts;
	w->n = 0;
	buf_add_char(w->out, parts ? '[' : '"');
}

static void
close_content(struct writer *w)
{
	buf_add_char(w->out, w->parts ? ']' : '"');
}

/* As it is written, without its quotes. */
static void
add_text(struct writer *w, struct slice text)
{
	if (text.n == 0)
		return;
	if (!w->parts) {
		if (w->n++ > 0)
			buf_add_str(w->out, "\\n");
		buf_add(w->out, text);
		return;
	}
	if (w->n++ > 0)
		buf_add_char(w->out, ',');
	buf_add_str(w->out, "{\"type\":\"text\",\"text\":\"");
	buf_add(w->out, text);
	buf_add_str(w->out, "\"}");
}

static void
add_string(struct writer *w, const struct scan_member *m)
{
	if (m->type == SCAN_STRING)
		add_text(w, scan_inside(m));
}

static void
add_image(struct writer *w, const struct block *b)
{
	const struct source s = source_of(b);

	if (w->n++ > 0)
		buf_add_char(w->out, ',');
	buf_add_str(
	    w->out, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
	if (s.kind == SOURCE_URL) {
		buf_add(w->out, scan_inside(&s.url));
	} else {
		buf_add_str(w->out, "data:");
		buf_add(w->out, scan_inside(&s.media_type));
		buf_add_str(w->out, ";base64,");
		buf_add(w->out, scan_inside(&s.data));
	}
	buf_add_str(w->out, "\"}}");
}

/* Its name is ours: what it is called is written ahead. */
static void
add_file(struct writer *w, const struct source *s)
{
	if (w->n++ > 0)
		buf_add_char(w->out, ',');
	files_add_part(w->out, SLICE("document.pdf"),
	    scan_inside(&s->media_type), scan_inside(&s->data));
}

/* What is its text, and of its blocks what is visited. */
static enum err
write_document(struct writer *w, struct turn *t, const struct block *b,
    const struct source *s, turn_visit *visit)
{
	add_string(w, &b->title);
	add_string(w, &b->context);
	if (s->kind == SOURCE_TEXT)
		add_string(w, &s->data);
	return s->kind == SOURCE_BLOCKS
	    ? content_each_block(w, t, &s->content, visit)
	    : OK;
}

static enum err
write_search(
    struct writer *w, struct turn *t, const struct block *b, turn_visit *visit)
{
	add_string(w, &b->title);
	add_string(w, &b->source);
	return content_each_block(w, t, &b->content, visit);
}

static enum err
write_text(struct writer *w, struct turn *t, const struct block *b)
{
	struct source s;

	switch (b->kind) {
	case KIND_TEXT:
		add_string(w, &b->text);
		return OK;
	case KIND_DOCUMENT:
		s = source_of(b);
		return write_document(w, t, b, &s, write_text);
	case KIND_SEARCH:
		return write_search(w, t, b, write_text);
	default:
		return OK;
	}
}

static enum err
write_content(struct writer *w, struct turn *t, const struct block *b)
{
	struct source s;
	enum err rc;

	switch (b->kind) {
	case KIND_IMAGE:
		add_image(w, b);
		return OK;
	case KIND_DOCUMENT:
		s = source_of(b);
		rc = write_document(w, t, b, &s, write_content);
		if (s.kind == SOURCE_BYTES)
			add_file(w, &s);
		return rc;
	case KIND_SEARCH:
		return write_search(w, t, b, write_content);
	default:
		return write_text(w, t, b);
	}
}

/* All that write_text() leaves. */
static enum err
write_media(struct writer *w, struct turn *t, const struct block *b)
{
	struct source s;

	switch (b->kind) {
	case KIND_IMAGE:
		add_image(w, b);
		return OK;
	case KIND_DOCUMENT:
		s = source_of(b);
		if (s.kind == SOURCE_BYTES)
			add_file(w, &s);
		return s.kind == SOURCE_BLOCKS
		    ? content_each_block(w, t, &s.content, write_media)
		    : OK;
	case KIND_SEARCH:
		return content_each_block(w, t, &b->content, write_media);
	default:
		return OK;
	}
}

/* --- messages, written --- */

static void
begin_message(struct writer *w, const char *role)
{
	if (w->any)
		buf_add_char(w->out, ',');
	w->any = true;
	buf_add_str(w->out, "{\"role\":\"");
	buf_add_str(w->out, role);
	buf_add_str(w->out, "\",\"content\":");
}

/* Chat has no other way to say that it failed. */
static enum err
write_result(struct writer *w, struct turn *t, const struct call *c)
{
	enum err rc;

	begin_message(w, "tool");
	open_content(w, false);
	if (c->is_error)
		buf_add_str(w->out, "Error: ");
	rc = content_each_block(w, t, &c->body, write_text);
	close_content(w);
	buf_add_str(w->out, ",\"tool_call_id\":\"");
	buf_add(w->out, returned_id(messages_inside(c->id)));
	buf_add_str(w->out, "\"}");
	return rc;
}

static enum err
write_any_result(struct writer *w, struct turn *t, const struct block *b)
{
	const struct call c = call_of(b);

	return b->kind == KIND_RESULT ? write_result(w, t, &c) : OK;
}

/* Whether one of the first n calls of the turn has that id. */
static bool
has_call(const struct turn *t, size_t n, struct slice id)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(t->calls[i].id, id))
			return true;
	return false;
}

/* In the order of the calls, of the turn before: many templates show no ids,
 * and then that alone tells whose they are. */
static enum err
write_results(struct writer *w, struct turn *t, const struct turn *before)
{
	enum err rc = OK;

	if (t->results > TURN_CALLS || before->uses > TURN_CALLS)
		return turn_each_block(w, t, write_any_result);
	for (size_t i = 0; i < before->uses; i++)
		for (size_t k = 0; rc == OK && k < t->results; k++)
			if (slice_eq(t->calls[k].id, before->calls[i].id) &&
			    !has_call(before, i, t->calls[k].id))
				rc = write_result(w, t, &t->calls[k]);
	for (size_t k = 0; rc == OK && k < t->results; k++)
		if (!has_call(before, before->uses, t->calls[k].id))
			rc = write_result(w, t, &t->calls[k]);
	return rc;
}

static enum err
write_media_of_result(struct writer *w, struct turn *t, const struct block *b)
{
	if (b->kind != KIND_RESULT)
		return OK;
	return content_each_block(w, t, &b->content, write_media);
}

static enum err
write_user(struct writer *w, struct turn *t, const struct turn *before)
{
	enum err rc = OK;

	if (t->results > 0)
		rc = write_results(w, t, before);
	if (rc != OK || (t->results > 0 && t->texts + t->media == 0))
		return rc;
	begin_message(w, "user");
	open_content(w, t->media > 0);
	if (t->results > 0 && t->media > 0)
		rc = turn_each_block(w, t, write_media_of_result);
	if (rc == OK)
		rc = turn_each_block(w, t, write_content);
	close_content(w);
	buf_add_char(w->out, '}');
	return rc;
}

static void
write_use(struct writer *w, const struct call *c)
{
	if (w->n++ > 0)
		buf_add_char(w->out, ',');
	buf_add_str(w->out, "{\"id\":\"");
	buf_add(w->out, returned_id(messages_inside(c->id)));
	buf_add_str(w->out, "\",\"type\":\"function\",\"function\":{\"name\":");
	messages_add_name(w->out, c->name);
	buf_add_str(w->out, ",\"arguments\":");
	if (c->body.type == SCAN_OBJECT)
		buf_add_json(w->out, c->body.value);
	else
		buf_add_str(w->out, "\"{}\"");
	buf_add_char(w->out, '}');
	returned_add_extra(w->out, messages_inside(c->id), w->t->origin);
	buf_add_char(w->out, '}');
}

static enum err
write_any_use(struct writer *w, struct turn *t, const struct block *b)
{
	const struct call c = call_of(b);

	(void)t;
	if (b->kind == KIND_USE)
		write_use(w, &c);
	return OK;
}

static enum err
write_uses(struct writer *w, struct turn *t)
{
	enum err rc = OK;

	buf_add_str(w->out, ",\"tool_calls\":[");
	w->n = 0;
	if (t->uses > TURN_CALLS)
		rc = turn_each_block(w, t, write_any_use);
	else
		for (size_t i = 0; i < t->uses; i++)
			write_use(w, &t->calls[i]);
	buf_add_char(w->out, ']');
	return rc;
}

static enum err
write_assistant(struct writer *w, struct turn *t)
{
	enum err rc = OK;

	begin_message(w, "assistant");
	if (t->texts > 0 || t->uses == 0) {
		open_content(w, false);
		rc = turn_each_block(w, t, write_text);
		close_content(w);
	} else {
		buf_add_str(w->out, "null");
	}
	if (rc == OK && t->thinks != NULL)
		rc = thoughts_write(w, t);
	if (rc == OK && t->uses > 0)
		rc = write_uses(w, t);
	buf_add_char(w->out, '}');
	return rc;
}

/* *before gets the calls of the one that was written. */
static enum err
write_turn(struct writer *w, struct turn *t, struct turn *before)
{
	enum err rc = turn_survey(w, t);

	if (rc == OK)
		rc = t->assistant ? write_assistant(w, t)
				  : write_user(w, t, before);
	before->uses = t->uses;
	for (size_t i = 0; i < t->uses && i < TURN_CALLS; i++)
		before->calls[i] = t->calls[i];
	return rc;
}

/* --- all of them --- */

/* To the next of them; false: there is none, or it is none: *rc. */
static bool
next_message(struct writer *w, struct scan_walk *walk, size_t at,
    enum role *role, enum err *rc)
{
	enum scan_type type;

	if (*rc != OK || !scan_walk_element(walk, &type))
		return false;
	w->message = at;
	*role = type == SCAN_OBJECT ? role_at(*walk) : ROLE_UNKNOWN;
	if (type != SCAN_OBJECT)
		*rc = turn_invalid(w, ": want an object");
	else if (*role == ROLE_UNKNOWN)
		*rc = turn_invalid(w, ".role: want user or assistant");
	else if (at >= MESSAGES_MAX)
		*rc = turn_invalid(w, ": want fewer messages");
	return *rc == OK;
}

/* What Claude Code tells Anthropic of who is to pay is no instruction, and in
 * front of all else it differs with each conversation: no backend could reuse
 * what it has read for another. */
static enum err
write_system(struct writer *w, struct turn *t, const struct block *b)
{
	enum err rc = turn_count_block(w);

	if (rc != OK)
		return rc;
	if (b->kind != KIND_TEXT && b->type.type == SCAN_STRING)
		return turn_unsupported(w, "a block of the system's of type ",
		    scan_inside(&b->type));
	if (b->kind != KIND_TEXT || b->text.type != SCAN_STRING)
		return turn_invalid(w, ": want a block of text");
	if (slice_starts(scan_inside(&b->text), SLICE(BILLING)))
		return OK;
	return write_text(w, t, b);
}

/* The text of `system`, and of messages of the system's before the assistant's
 * first; many templates take none elsewhere. */
static enum err
write_systems(
    struct writer *w, const struct scan_member *system, struct scan_walk walk)
{
	enum role role = ROLE_USER;
	enum err rc;

	w->in_system = true;
	rc = content_each_block(w, NULL, system, write_system);
	w->in_system = false;
	for (size_t at = 0;
	     next_message(w, &walk, at, &role, &rc) && role != ROLE_ASSISTANT;
	     at++)
		if (role == ROLE_SYSTEM)
			rc = message_each_block(w, NULL, &walk, write_system);
		else
			(void)scan_walk_skip(&walk);
	return rc;
}

static enum err
add_system(
    struct writer *w, const struct scan_member *system, struct scan_walk walk)
{
	size_t before = w->out->n;
	enum err rc;

	begin_message(w, "system");
	open_content(w, false);
	rc = write_systems(w, system, walk);
	close_content(w);
	buf_add_char(w->out, '}');
	if (w->n == 0 && buf_err(w->out) == OK) {
		w->out->n = before;
		w->any = false;
	}
	return rc;
}

static void
begin_turn(struct turn *t, struct scan_walk start, size_t at, enum role role)
{
	t->start = start;
	t->at = at;
	t->n = 0;
	t->assistant = role == ROLE_ASSISTANT;
	t->opening &= !t->assistant;
	t->texts = t->media = t->uses = t->results = 0;
	t->thinks = NULL;
}

/* What the system says later on is said by the user: templates know no other
 * place for it. */
static enum err
add_turns(struct writer *w, struct scan_walk walk)
{
	struct turn t = { .opening = true }, before = { .n = 0 };
	struct scan_walk here = walk;
	enum role role = ROLE_USER;
	enum err rc = OK;

	for (size_t at = 0; next_message(w, &walk, at, &role, &rc);
	     at++, here = walk) {
		(void)scan_walk_skip(&walk);
		if (t.n > 0 && t.assistant != (role == ROLE_ASSISTANT)) {
			rc = write_turn(w, &t, &before);
			t.n = 0;
		}
		if (t.n == 0)
			begin_turn(&t, here, at, role);
		if (t.n > 0 || !t.opening || role != ROLE_SYSTEM)
			t.n++;
	}
	return rc == OK && t.n > 0 ? write_turn(w, &t, &before) : rc;
}

enum err
messages_turns(struct translation *t, const struct scan_member *system,
    const struct scan_member *messages, struct errmsg *why)
{
	struct writer w = { .t = t, .out = &t->chat, .why = why };
	struct scan_walk walk;
	enum err rc;

	if (!scan_has_elements(messages))
		return fail(why, ERR_INVALID,
		    "messages: want an array, and not an empty one");
	if (system->type != SCAN_NULL && system->type != SCAN_STRING &&
	    system->type != SCAN_ARRAY)
		return fail(
		    why, ERR_INVALID, "system: want a string or an array");
	buf_add_char(w.out, '[');
	walk = scan_walk_at(messages->value);
	scan_walk_enter(&walk);
	rc = add_system(&w, system, walk);
	if (rc == OK)
		rc = add_turns(&w, walk);
	buf_add_char(w.out, ']');
	return rc;
}
