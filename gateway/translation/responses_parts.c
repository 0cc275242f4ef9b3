/* gateway/translation/responses_parts.c - what a message of responses, or an
 * output, is made of. */
#include <stdio.h>

#include "gateway/lib/count.h"
#include "gateway/translation/files.h"
#include "gateway/translation/responses_input.h"

#define PLACE_MAX 64
/* Of text in base64, in a request: in JSON it may be six times as long, and it
 * takes 3 ms a MB. No model reads as much. */
#define TEXT_FILES_MAX ((size_t)8 << 20)
#define SEALED "gAAAAA" /* how what is encrypted begins: Fernet's mark */

/* --- complaints --- */

static void
print_place(const struct reader *r, char place[PLACE_MAX])
{
	if (r->list != NULL)
		snprintf(place, PLACE_MAX, "input[%zu].%s[%zu]", r->item,
		    r->list, r->part);
	else
		snprintf(place, PLACE_MAX, "input[%zu]", r->item);
}

enum err
input_invalid(const struct reader *r, const char *what)
{
	char place[PLACE_MAX];

	print_place(r, place);
	return fail(r->why, ERR_INVALID, "%s: %s", place, what);
}

enum err
input_unsupported(const struct reader *r, const char *what, struct slice type)
{
	char place[PLACE_MAX];

	print_place(r, place);
	return fail(r->why, ERR_UNSUPPORTED,
	    "%s: %s%.*s has no counterpart in chat" RESPONSES_ELSEWHERE, place,
	    what, SLICE_SHORT(type, 40));
}

enum err
input_count(struct reader *r)
{
	r->pieces += !r->unseen;
	return r->pieces > TRANSLATION_PARTS
	    ? input_invalid(r, "want fewer items and parts")
	    : OK;
}

/* --- parts --- */

static enum err
read_text(struct reader *r, struct slice part, const char *member)
{
	struct scan_member m;

	if (!scan_get(part, member, &m) || m.type != SCAN_STRING)
		return input_invalid(r, "its text is not a string");
	if (!r->unseen)
		chat_writer_text(&r->messages, scan_inside(&m));
	return OK;
}

/* What Codex's agents tell each other is named so; where the model that said it
 * is none of OpenAI's it is the text. */
static enum err
read_sealed(struct reader *r, struct slice part)
{
	struct slice text = responses_get_text(part, "encrypted_content");

	if (slice_starts(text, SLICE(SEALED)))
		return input_unsupported(r, "", SLICE("encrypted_content"));
	return read_text(r, part, "encrypted_content");
}

/* Whether it is the user's turn to show what is of that type: else it waits, or
 * *rc. */
static bool
may_show(struct reader *r, const char *type, enum err *rc)
{
	*rc = OK;
	if (r->messages.role == CHAT_USER)
		return true;
	if (r->messages.role == CHAT_TOOL)
		r->waits = true;
	else
		*rc = input_unsupported(
		    r, "what only a user shows, ", slice_of(type));
	return false;
}

/* Of how closely to look chat knows two words. */
static enum err
read_picture(struct reader *r, struct slice part)
{
	struct buf *out = r->messages.out;
	struct slice url = responses_get_text(part, "image_url");
	struct slice detail = responses_get_text(part, "detail");
	enum err rc;

	if (!may_show(r, "input_image", &rc))
		return rc;
	if (url.n == 0 && responses_get_text(part, "file_id").n > 0)
		return input_unsupported(r, "a picture by file_id", SLICE(""));
	if (url.n == 0)
		return input_invalid(r, "it has no image_url");
	chat_writer_part(&r->messages);
	buf_add_str(out, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
	buf_add(out, url);
	if (slice_is(detail, "low") || slice_is(detail, "high")) {
		buf_add_str(out, "\",\"detail\":\"");
		buf_add(out, detail);
	}
	buf_add_str(out, "\"}}");
	return OK;
}

static enum err
read_sound(struct reader *r, struct slice part)
{
	struct buf *out = r->messages.out;
	struct scan_member m;
	enum err rc;

	if (!may_show(r, "input_audio", &rc))
		return rc;
	if (!scan_get(part, "input_audio", &m) || m.type != SCAN_OBJECT)
		return input_invalid(r, "it has no input_audio");
	chat_writer_part(&r->messages);
	buf_add_str(out, "{\"type\":\"input_audio\",\"input_audio\":");
	buf_add(out, m.value);
	buf_add_char(out, '}');
	return OK;
}

/* Text in base64, under its name. */
static enum err
read_text_file(struct reader *r, struct slice name, struct slice base64)
{
	struct slice quoted;
	struct buf room;
	enum err rc;

	if (r->unseen)
		return OK;
	r->text_files += base64.n;
	if (r->text_files > TEXT_FILES_MAX)
		return input_unsupported(
		    r, "more than 8 MiB of text in base64", SLICE(""));
	buf_init(&room, 6 * base64.n + 2);
	rc = files_read_text(base64, &room);
	if (rc == OK) {
		quoted = buf_slice(&room);
		chat_writer_text(&r->messages, name);
		chat_writer_text(
		    &r->messages, slice_make(quoted.p + 1, quoted.n - 2));
	}
	buf_fini(&room);
	return rc == ERR_INVALID
	    ? input_invalid(r, "its file_data is not in base64")
	    : rc;
}

static enum err
refuse_file(const struct reader *r)
{
	char place[PLACE_MAX];

	print_place(r, place);
	return fail(r->why, ERR_UNSUPPORTED,
	    "%s: " TRANSLATION_NO_FILE "/v1/responses", place);
}

/* Text may stand wherever a part may. */
static enum err
read_file(struct reader *r, struct slice part)
{
	static const char *const elsewhere[] = { "file_id", "file_url" };
	struct slice data = responses_get_text(part, "file_data");
	struct slice name = responses_get_text(part, "filename"), base64;
	enum err rc;

	for (size_t i = 0; i < COUNT(elsewhere) && data.n == 0; i++)
		if (responses_get_text(part, elsewhere[i]).n > 0)
			return input_unsupported(
			    r, "a file by ", slice_of(elsewhere[i]));
	if (data.n == 0)
		return input_invalid(r, "it has no file_data");
	if (files_is_text(data, &base64))
		return read_text_file(r, name, base64);
	if (!r->t->files)
		return refuse_file(r);
	if (!may_show(r, "input_file", &rc))
		return rc;
	chat_writer_part(&r->messages);
	files_add_part(r->messages.out, name, SLICE(""), data);
	return OK;
}

static enum err
read_part(struct reader *r, struct slice part)
{
	static const struct {
		const char *type;
		const char *text; /* its member, or NULL */
		enum err (*read)(struct reader *, struct slice part);
	} rows[] = {
		{ "input_text", "text", NULL },
		{ "output_text", "text", NULL },
		{ "text", "text", NULL },
		{ "refusal", "refusal", NULL },
		{ "input_image", NULL, read_picture },
		{ "input_audio", NULL, read_sound },
		{ "input_file", NULL, read_file },
		{ "encrypted_content", NULL, read_sealed },
	};
	struct slice type = responses_get_text(part, "type");

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!slice_is(type, rows[i].type))
			continue;
		return rows[i].text != NULL ? read_text(r, part, rows[i].text)
					    : rows[i].read(r, part);
	}
	if (type.n == 0)
		return input_invalid(r, "it has no type");
	return input_unsupported(r, "", type);
}

enum err
input_content(struct reader *r, const struct scan_member *m)
{
	struct slice rest = m->value, part;
	enum scan_type type;
	enum err rc = OK;

	if (m->type == SCAN_STRING) {
		if (!r->unseen)
			chat_writer_text(&r->messages, scan_inside(m));
		return OK;
	}
	if (m->type != SCAN_ARRAY)
		return input_invalid(
		    r, "its content is neither a string nor parts");
	for (r->part = 0; rc == OK && scan_next_element(&rest, &part, &type);
	     r->part++) {
		rc = input_count(r);
		if (rc == OK)
			rc = type == SCAN_OBJECT
			    ? read_part(r, part)
			    : input_invalid(r, "it is not an object");
	}
	return rc;
}
