/* gateway/translation/messages_survey.c - what a turn of Anthropic's messages
 * is made of, and what of it cannot be said in chat. */
#include <stdio.h>

#include "gateway/lib/count.h"
#include "gateway/translation/messages_turns.h"

/* --- complaints --- */

#define PLACE_MAX 96

static void
place(const struct writer *w, char out[PLACE_MAX])
{
	int n;

	if (w->in_system) {
		snprintf(out, PLACE_MAX, "system[%zu]", w->inner);
		return;
	}
	n = snprintf(out, PLACE_MAX, "messages[%zu]", w->message);
	if (w->in_block)
		n += snprintf(out + n, (size_t)(PLACE_MAX - n), ".content[%zu]",
		    w->block);
	if (w->in_inner)
		snprintf(out + n, (size_t)(PLACE_MAX - n), ".content[%zu]",
		    w->inner);
}

enum err
turn_invalid(const struct writer *w, const char *complaint)
{
	char where[PLACE_MAX];

	place(w, where);
	return fail(w->why, ERR_INVALID, "%s%s", where, complaint);
}

static enum err
unsupported(const struct writer *w, const char *what, struct slice type)
{
	char where[PLACE_MAX];

	place(w, where);
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
		{ "image", KIND_IMAGE },
		{ "document", KIND_DOCUMENT },
		{ "tool_use", KIND_USE },
		{ "tool_result", KIND_RESULT },
		{ "thinking", KIND_THINKING },
		{ "redacted_thinking", KIND_THINKING },
	};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (scan_string_is(type, kinds[i].name))
			return kinds[i].kind;
	return KIND_OTHER;
}

/* What is no object is one without a type. */
static void
read_block(struct slice value, enum scan_type type, struct block *out)
{
	static const struct scan_member none = { .type = SCAN_NULL };
	struct scan_member m;
	const struct {
		const char *name;
		struct scan_member *to;
	} rows[] = {
		{ "type", &out->type },
		{ "text", &out->text },
		{ "content", &out->content },
		{ "tool_use_id", &out->id },
		{ "id", &out->id },
		{ "name", &out->name },
		{ "input", &out->input },
		{ "source", &out->source },
		{ "title", &out->title },
		{ "context", &out->context },
	};

	out->is_error = false;
	for (size_t i = 0; i < COUNT(rows); i++)
		*rows[i].to = none;
	while (type == SCAN_OBJECT && scan_next_member(&value, &m)) {
		out->is_error |=
		    scan_key_is(&m, "is_error") && m.type == SCAN_TRUE;
		for (size_t i = 0; i < COUNT(rows); i++)
			if (scan_key_is(&m, rows[i].name)) {
				*rows[i].to = m;
				break;
			}
	}
	out->kind = kind_of(&out->type);
}

static struct block
text_block(const struct scan_member *text)
{
	return (struct block){ .kind = KIND_TEXT, .text = *text };
}

/* Each block of a content: one of text, where it is a string. */
enum err
content_each_block(struct writer *w, struct turn *t,
    const struct scan_member *content, turn_visit *visit)
{
	struct slice rest = content->value, value;
	enum scan_type type;
	enum err rc = OK;
	struct block b;

	if (content->type == SCAN_STRING) {
		b = text_block(content);
		return visit(w, t, &b);
	}
	if (content->type != SCAN_ARRAY)
		return content->type == SCAN_NULL
		    ? OK
		    : turn_invalid(w, ".content: want a string or an array");
	w->in_inner = true;
	for (w->inner = 0; rc == OK && scan_next_element(&rest, &value, &type);
	     w->inner++) {
		read_block(value, type, &b);
		rc = visit(w, t, &b);
	}
	w->in_inner = false;
	return rc;
}

enum err
message_each_block(
    struct writer *w, struct turn *t, struct slice message, turn_visit *visit)
{
	struct scan_member content;
	struct slice rest, value;
	enum scan_type type;
	enum err rc = OK;
	struct block b;

	if (!scan_get(message, "content", &content) ||
	    (content.type != SCAN_STRING && content.type != SCAN_ARRAY))
		return turn_invalid(w, ".content: want a string or an array");
	if (content.type == SCAN_STRING) {
		b = text_block(&content);
		return visit(w, t, &b);
	}
	rest = content.value;
	w->in_block = true;
	for (w->block = 0; rc == OK && scan_next_element(&rest, &value, &type);
	     w->block++) {
		read_block(value, type, &b);
		rc = visit(w, t, &b);
	}
	w->in_block = false;
	return rc;
}

bool
turn_role_is(struct slice message, const char *role)
{
	struct scan_member m;

	return scan_get(message, "role", &m) && scan_string_is(&m, role);
}

enum err
turn_each_block(struct writer *w, struct turn *t, turn_visit *visit)
{
	struct slice rest = t->rest, message;
	enum scan_type type;
	enum err rc = OK;

	for (size_t i = 0; rc == OK && i < t->n; i++) {
		(void)scan_next_element(&rest, &message, &type);
		if (t->opening && turn_role_is(message, "system"))
			continue;
		w->message = t->at + i;
		rc = message_each_block(w, t, message, visit);
	}
	return rc;
}

/* --- the survey --- */

static enum err
survey_image(struct writer *w, struct turn *t, const struct block *b)
{
	struct scan_member type = messages_member(&b->source, "type");
	struct scan_member url = messages_member(&b->source, "url");
	struct scan_member media = messages_member(&b->source, "media_type");
	struct scan_member data = messages_member(&b->source, "data");

	t->images++;
	if (scan_string_is(&type, "url"))
		return url.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".source.url: want a string");
	if (scan_string_is(&type, "base64"))
		return media.type == SCAN_STRING && data.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".source: want media_type and data");
	if (type.type != SCAN_STRING)
		return turn_invalid(w, ".source.type: want a string");
	return unsupported(
	    w, "an image from a source of type ", messages_inside(&type));
}

static enum err
survey_document(struct writer *w, struct turn *t, const struct block *b)
{
	struct scan_member type = messages_member(&b->source, "type");
	struct scan_member data = messages_member(&b->source, "data");

	t->texts++;
	if (scan_string_is(&type, "text"))
		return data.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".source.data: want a string");
	if (type.type != SCAN_STRING)
		return turn_invalid(w, ".source.type: want a string");
	return unsupported(
	    w, "a document from a source of type ", messages_inside(&type));
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
	default:
		return b->type.type == SCAN_STRING
		    ? unsupported(
			  w, "a block of type ", messages_inside(&b->type))
		    : turn_invalid(w, ".type: want a string");
	}
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
	t->results++;
	rc = content_each_block(w, t, &b->content, survey_content);
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
	if (t->uses < TURN_IDS)
		t->ids[t->uses] = b->id.value;
	t->uses++;
	return OK;
}

static enum err
survey(struct writer *w, struct turn *t, const struct block *b)
{
	switch (b->kind) {
	case KIND_THINKING:
		return OK;
	case KIND_RESULT:
		return survey_result(w, t, b);
	case KIND_USE:
		return survey_use(w, t, b);
	case KIND_IMAGE:
		if (t->assistant)
			return unsupported(
			    w, "an image of the assistant's", SLICE(""));
		break;
	default:
		break;
	}
	return survey_content(w, t, b);
}

enum err
turn_survey(struct writer *w, struct turn *t)
{
	return turn_each_block(w, t, survey);
}
