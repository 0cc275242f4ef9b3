/* gateway/translation/messages_sources.c - pictures, documents and what
 * searches have found in Anthropic's messages, and what of them cannot be said
 * in chat: what a server would have to fetch, or has stored. */
#include "gateway/lib/count.h"
#include "gateway/translation/messages_turns.h"

static enum source_kind
source_kind_of(const struct scan_member *type)
{
	static const char *const kinds[SOURCE_OTHER] = {
		[SOURCE_TEXT] = "text",
		[SOURCE_BLOCKS] = "content",
		[SOURCE_BYTES] = "base64",
		[SOURCE_URL] = "url",
	};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (scan_string_is(type, kinds[i]))
			return (enum source_kind)i;
	return SOURCE_OTHER;
}

/* They may be long: each is read once. */
struct source
source_of(const struct block *b)
{
	static const struct scan_member none = { .type = SCAN_NULL };
	struct source s = { SOURCE_OTHER, none, none, none, none, none };
	const struct {
		const char *name;
		struct scan_member *to;
	} rows[] = {
		{ "type", &s.type },
		{ "url", &s.url },
		{ "media_type", &s.media_type },
		{ "data", &s.data },
		{ "content", &s.content },
	};
	struct slice rest = b->source.value;
	struct scan_member m;

	while (b->source.type == SCAN_OBJECT && scan_next_member(&rest, &m))
		for (size_t i = 0; i < COUNT(rows); i++)
			if (scan_key_is(&m, rows[i].name))
				*rows[i].to = m;
	s.kind = source_kind_of(&s.type);
	return s;
}

static enum err
unknown_source(const struct writer *w, const struct source *s, const char *what)
{
	if (s->type.type != SCAN_STRING)
		return turn_invalid(w, ".source.type: want a string");
	return turn_unsupported(w, what, scan_inside(&s->type));
}

static enum err
check_bytes(const struct writer *w, const struct source *s)
{
	return s->media_type.type == SCAN_STRING && s->data.type == SCAN_STRING
	    ? OK
	    : turn_invalid(w, ".source: want media_type and data");
}

enum err
survey_image(struct writer *w, struct turn *t, const struct block *b)
{
	const struct source s = source_of(b);

	t->media++;
	if (s.kind == SOURCE_URL)
		return s.url.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".source.url: want a string");
	return s.kind == SOURCE_BYTES
	    ? check_bytes(w, &s)
	    : unknown_source(w, &s, "an image from a source of type ");
}

/* Anthropic knows no others. */
static enum err
survey_file(struct writer *w, struct turn *t, const struct source *s)
{
	char where[PLACE_MAX];
	enum err rc = check_bytes(w, s);

	t->media++;
	if (rc != OK)
		return rc;
	if (!scan_string_is(&s->media_type, "application/pdf"))
		return turn_unsupported(
		    w, "a document of type ", scan_inside(&s->media_type));
	if (w->t->files)
		return OK;
	turn_place(w, where);
	return fail(w->why, ERR_UNSUPPORTED,
	    "%s: " TRANSLATION_NO_FILE "/v1/messages", where);
}

/* Of a document, or of what a search has found. */
static enum err
survey_inside(struct writer *w, struct turn *t, const struct block *b)
{
	enum err rc = turn_count_block(w);

	if (rc != OK)
		return rc;
	if (b->kind == KIND_IMAGE)
		return survey_image(w, t, b);
	if (b->kind == KIND_TEXT)
		return b->text.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".text: want a string");
	return b->type.type == SCAN_STRING
	    ? turn_unsupported(
		  w, "in another a block of type ", scan_inside(&b->type))
	    : turn_invalid(w, ".type: want a string");
}

static void
leave_out_citations(struct writer *w, const struct block *b)
{
	struct scan_member wanted = messages_member(&b->citations, "enabled");

	if (wanted.type == SCAN_TRUE)
		translation_leave_out(w->t, "citations");
}

enum err
survey_document(struct writer *w, struct turn *t, const struct block *b)
{
	const struct source s = source_of(b);

	t->texts++;
	leave_out_citations(w, b);
	switch (s.kind) {
	case SOURCE_TEXT:
		return s.data.type == SCAN_STRING
		    ? OK
		    : turn_invalid(w, ".source.data: want a string");
	case SOURCE_BLOCKS:
		return content_each_block(w, t, &s.content, survey_inside);
	case SOURCE_BYTES:
		return survey_file(w, t, &s);
	default:
		return unknown_source(
		    w, &s, "a document from a source of type ");
	}
}

enum err
survey_search(struct writer *w, struct turn *t, const struct block *b)
{
	t->texts++;
	leave_out_citations(w, b);
	return content_each_block(w, t, &b->content, survey_inside);
}
