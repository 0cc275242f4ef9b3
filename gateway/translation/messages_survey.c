/* gateway/translation/messages_survey.c - what a turn of Anthropic's messages
 * is made of, and what of it cannot be said in chat. */
#include <stdio.h>

#include "gateway/lib/count.h"
#include "gateway/translation/messages_turns.h"

/* --- complaints --- */

void
turn_place(const struct writer *w, char out[PLACE_MAX])
{
	int n;

	if (w->in_system) {
		snprintf(out, PLACE_MAX, "system.%zu", w->inner);
		return;
	}
	n = snprintf(out, PLACE_MAX, "messages.%zu", w->message);
	if (w->in_block)
		n += snprintf(
		    out + n, (size_t)(PLACE_MAX - n), ".content.%zu", w->block);
	if (w->in_inner)
		snprintf(
		    out + n, (size_t)(PLACE_MAX - n), ".content.%zu", w->inner);
}

enum err
turn_invalid(const struct writer *w, const char *complaint)
{
	char where[PLACE_MAX];

	turn_place(w, where);
	return fail(w->why, ERR_INVALID, "%s%s", where, complaint);
}

enum err
turn_unsupported(const struct writer *w, const char *what, struct slice type)
{
	char where[PLACE_MAX];

	turn_place(w, where);
	return fail(w->why, ERR_UNSUPPORTED,
	    "%s: %s%.*s has no counterpart in chat: use a backend that speaks "
	    "/v1/messages",
	    where, what, SLICE_SHORT(type, 48));
}

/* --- blocks --- */

static enum kind
kind_of(const struct scan_member *type)
{
	static const struct {
		const char *name;
		enum kind kind;
	} kinds[] = {
		{ "text", KIND_TEXT },
		{ "tool_reference", KIND_TEXT }, /* its tool's name */
		{ "image", KIND_IMAGE },
		{ "document", KIND_DOCUMENT },
		{ "search_result", KIND_SEARCH },
		{ "tool_use", KIND_USE },
		{ "tool_result", KIND_RESULT },
		{ "thinking", KIND_THOUGHT },
		{ "redacted_thinking", KIND_UNSAID },
		{ "fallback", KIND_UNSAID },
		{ "mcp_tool_listing", KIND_UNSAID },
	};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (scan_string_is(type, kinds[i].name))
			return kinds[i].kind;
	return KIND_OTHER;
}

static struct scan_member *
member_for(struct block *b, const struct scan_member *m)
{
	const struct {
		const char *name;
		struct scan_member *to;
	} rows[] = {
		{ "type", &b->type },
		{ "text", &b->text },
		{ "tool_name", &b->text },
		{ "content", &b->content },
		{ "tool_use_id", &b->id },
		{ "id", &b->id },
		{ "name", &b->name },
		{ "input", &b->input },
		{ "source", &b->source },
		{ "title", &b->title },
		{ "context", &b->context },
		{ "citations", &b->citations },
		{ "thinking", &b->thinking },
		{ "signature", &b->signature },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (scan_key_is(m, rows[i].name))
			return rows[i].to;
	return NULL;
}

/* The one that the walk stands at. What is no object has no type. */
static void
read_block(struct scan_walk *walk, enum scan_type type, struct block *out)
{
	static const struct scan_member none = { .type = SCAN_NULL };
	struct scan_member m, *to;

	*out = (struct block){ .type = none,
		.text = none,
		.id = none,
		.name = none,
		.input = none,
		.content = none,
		.source = none,
		.title = none,
		.context = none,
		.citations = none,
		.thinking = none,
		.signature = none };
	if (type != SCAN_OBJECT) {
		(void)scan_walk_skip(walk);
	} else {
		scan_walk_enter(walk);
		while (scan_walk_member(walk, &m)) {
			m.value = scan_walk_skip(walk);
			out->is_error |=
			    m.type == SCAN_TRUE && scan_key_is(&m, "is_error");
			to = member_for(out, &m);
			if (to != NULL)
				*to = m;
		}
	}
	out->kind = kind_of(&out->type);
}

static enum err
visit_text(struct writer *w, struct turn *t, const struct scan_member *text,
    turn_visit *visit)
{
	const struct block b = { .kind = KIND_TEXT, .text = *text };

	return visit(w, t, &b);
}

static enum err
each_element(struct writer *w, struct turn *t, struct scan_walk *walk,
    size_t *number, turn_visit *visit)
{
	enum scan_type type;
	enum err rc = OK;
	struct block b;

	scan_walk_enter(walk);
	for (*number = 0; rc == OK && scan_walk_element(walk, &type);
	     ++*number) {
		read_block(walk, type, &b);
		rc = visit(w, t, &b);
	}
	return rc;
}

enum err
content_each_block(struct writer *w, struct turn *t,
    const struct scan_member *content, turn_visit *visit)
{
	const size_t inner = w->inner;
	const bool in_inner = w->in_inner;
	struct scan_walk walk;
	enum err rc;

	if (content->type == SCAN_STRING)
		return visit_text(w, t, content, visit);
	if (content->type == SCAN_NULL)
		return OK;
	if (content->type != SCAN_ARRAY)
		return turn_invalid(w, ".content: want a string or an array");
	walk = scan_walk_at(content->value);
	w->in_inner = true;
	rc = each_element(w, t, &walk, &w->inner, visit);
	w->in_inner = in_inner;
	w->inner = inner;
	return rc;
}

static enum err
each_of_content(struct writer *w, struct turn *t, struct scan_walk *walk,
    struct scan_member *content, turn_visit *visit)
{
	enum err rc;

	if (content->type == SCAN_STRING) {
		content->value = scan_walk_skip(walk);
		return visit_text(w, t, content, visit);
	}
	if (content->type != SCAN_ARRAY)
		return turn_invalid(w, ".content: want a string or an array");
	w->in_block = true;
	rc = each_element(w, t, walk, &w->block, visit);
	w->in_block = false;
	return rc;
}

enum err
message_each_block(
    struct writer *w, struct turn *t, struct scan_walk *walk, turn_visit *visit)
{
	struct scan_member m;
	bool found = false;
	enum err rc = OK;

	scan_walk_enter(walk);
	while (rc == OK && scan_walk_member(walk, &m)) {
		if (!found && scan_key_is(&m, "content")) {
			found = true;
			rc = each_of_content(w, t, walk, &m, visit);
		} else {
			(void)scan_walk_skip(walk);
		}
	}
	return rc == OK && !found
	    ? turn_invalid(w, ".content: want a string or an array")
	    : rc;
}

enum role
role_at(struct scan_walk walk)
{
	static const char *const roles[] = { "user", "assistant", "system" };
	struct scan_member m;

	scan_walk_enter(&walk);
	while (scan_walk_member(&walk, &m)) {
		m.value = scan_walk_skip(&walk);
		if (!scan_key_is(&m, "role"))
			continue;
		for (size_t i = 0; i < COUNT(roles); i++)
			if (scan_string_is(&m, roles[i]))
				return (enum role)i;
		break;
	}
	return ROLE_UNKNOWN;
}

enum err
turn_each_block(struct writer *w, struct turn *t, turn_visit *visit)
{
	struct scan_walk walk = t->start;
	enum scan_type type;
	enum err rc = OK;

	for (size_t i = 0; rc == OK && i < t->n; i++) {
		(void)scan_walk_element(&walk, &type);
		w->message = t->at + i;
		if (t->opening && role_at(walk) == ROLE_SYSTEM)
			(void)scan_walk_skip(&walk);
		else
			rc = message_each_block(w, t, &walk, visit);
	}
	return rc;
}

/* --- the survey --- */

enum err
turn_count_block(struct writer *w)
{
	return ++w->blocks > TRANSLATION_PARTS
	    ? turn_invalid(w, ": want fewer blocks")
	    : OK;
}

/* What a result of a tool may hold, too. */
static enum err
survey_content(struct writer *w, struct turn *t, const struct block *b)
{
	switch (b->kind) {
	case KIND_TEXT:
		t->texts += scan_nonempty_string(&b->text);
		return b->text.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".text: want a string");
	case KIND_IMAGE:
		return survey_image(w, t, b);
	case KIND_DOCUMENT:
		return survey_document(w, t, b);
	case KIND_SEARCH:
		return survey_search(w, t, b);
	default:
		return b->type.type == SCAN_STRING
		    ? turn_unsupported(
			  w, "a block of type ", scan_inside(&b->type))
		    : turn_invalid(w, ".type: want a string");
	}
}

struct call
call_of(const struct block *b)
{
	return (struct call){ .id = b->id.value,
		.name = b->name.value,
		.body = b->kind == KIND_USE ? b->input : b->content,
		.is_error = b->is_error };
}

static enum err
survey_in_result(struct writer *w, struct turn *t, const struct block *b)
{
	enum err rc = turn_count_block(w);

	return rc == OK ? survey_content(w, t, b) : rc;
}

static enum err
survey_result(struct writer *w, struct turn *t, const struct block *b)
{
	size_t texts = t->texts;
	enum err rc;

	if (t->assistant)
		return turn_invalid(w, ": a tool_result is the user's to give");
	if (!scan_nonempty_string(&b->id))
		return turn_invalid(w, ".tool_use_id: want a string");
	if (t->results < TURN_CALLS)
		t->calls[t->results] = call_of(b);
	t->results++;
	rc = content_each_block(w, t, &b->content, survey_in_result);
	t->texts = texts; /* those are not the user's */
	return rc;
}

static enum err
survey_use(struct writer *w, struct turn *t, const struct block *b)
{
	if (!t->assistant)
		return turn_invalid(
		    w, ": a tool_use is the assistant's to make");
	if (!scan_nonempty_string(&b->id))
		return turn_invalid(w, ".id: want a string");
	if (!scan_nonempty_string(&b->name))
		return turn_invalid(w, ".name: want a string");
	if (b->input.type != SCAN_OBJECT && b->input.type != SCAN_NULL)
		return turn_invalid(w, ".input: want an object");
	if (t->uses < TURN_CALLS)
		t->calls[t->uses] = call_of(b);
	t->uses++;
	return OK;
}

static enum err
survey(struct writer *w, struct turn *t, const struct block *b)
{
	enum err rc = turn_count_block(w);

	if (rc != OK)
		return rc;
	switch (b->kind) {
	case KIND_UNSAID:
		return OK;
	case KIND_THOUGHT:
		return survey_thought(w, t, b);
	case KIND_RESULT:
		return survey_result(w, t, b);
	case KIND_USE:
		return survey_use(w, t, b);
	default:
		break;
	}
	rc = survey_content(w, t, b);
	if (rc == OK && t->assistant && t->media > 0)
		rc = turn_unsupported(
		    w, "an image or a file of the assistant's", SLICE(""));
	return rc;
}

enum err
turn_survey(struct writer *w, struct turn *t)
{
	return turn_each_block(w, t, survey);
}
