/* gateway/translation/chat_writer.c - the messages of a request of chat. */
#include "gateway/translation/chat_writer.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define PART "{\"type\":\"text\",\"text\":\""
#define CONTENT "\"content\":"
#define LINE "\\n" /* as JSON has it */
#define MOVES_MAX 16 /* of calls, to make room ahead: what is more costs */

void
chat_writer_init(struct chat_writer *w, struct buf *out)
{
	*w = (struct chat_writer){ .out = out, .role = CHAT_NOBODY };
}

void
chat_writer_end(struct chat_writer *w)
{
	static const char *const ends[] = {
		[CHAT_IN_TEXT] = "\"}",
		[CHAT_IN_PART] = "\"}]}",
		[CHAT_AT_PART] = "]}",
		[CHAT_AT_CALL] = "]}",
	};

	if (w->role != CHAT_NOBODY)
		buf_add_str(w->out, ends[w->inside]);
}

static void
begin(struct chat_writer *w, enum chat_role role, struct slice call_id)
{
	static const char *const names[] = {
		[CHAT_SYSTEM] = "system",
		[CHAT_USER] = "user",
		[CHAT_ASSISTANT] = "assistant",
		[CHAT_TOOL] = "tool",
	};

	chat_writer_end(w);
	if (w->role != CHAT_NOBODY)
		buf_add_char(w->out, ',');
	buf_add_str(w->out, "{\"role\":\"");
	buf_add_str(w->out, names[role]);
	if (role == CHAT_TOOL) {
		buf_add_str(w->out, "\",\"tool_call_id\":\"");
		buf_add(w->out, call_id);
	}
	buf_add_str(w->out, "\"," CONTENT);
	w->role = role;
	w->inside = CHAT_IN_TEXT;
	w->content = w->out->n;
	w->gap = "";
	w->calls = w->moved = w->thoughts = 0;
	w->thought_end = 0;
	buf_add_char(w->out, '"');
}

void
chat_writer_turn(struct chat_writer *w, enum chat_role role)
{
	if (role == CHAT_SYSTEM && w->role > CHAT_SYSTEM)
		role = CHAT_USER;
	if (w->role != role)
		begin(w, role, SLICE(""));
	else if (w->gap[0] != '\0')
		w->gap = LINE LINE;
}

void
chat_writer_result(struct chat_writer *w, struct slice call_id)
{
	begin(w, CHAT_TOOL, call_id);
}

/* Into what has been written: *at is behind it then. */
static void
insert(struct buf *b, size_t *at, struct slice s)
{
	if (!buf_reserve(b, s.n))
		return;
	memmove(b->p + *at + s.n, b->p + *at, b->n - *at);
	memcpy(b->p + *at, s.p, s.n);
	b->n += s.n;
	*at += s.n;
}

/* To where text goes on. */
static void
enter_text(struct chat_writer *w)
{
	if (w->inside == CHAT_AT_PART) {
		buf_add_str(w->out, "," PART);
		w->inside = CHAT_IN_PART;
	} else {
		buf_add_str(w->out, w->gap);
	}
	w->gap = LINE;
}

/* Behind calls there is text after all. */
static void
fill_null(struct chat_writer *w)
{
	if (w->text_end > 0 || buf_err(w->out) != OK)
		return;
	memcpy(w->out->p + w->content, "\"\"  ", 4);
	w->text_end = w->content + 1;
}

void
chat_writer_text(struct chat_writer *w, struct slice text)
{
	if (text.n == 0)
		return;
	if (w->inside == CHAT_AT_CALL && w->moved++ == MOVES_MAX)
		begin(w, w->role, SLICE(""));
	if (w->inside != CHAT_AT_CALL) {
		enter_text(w);
		buf_add(w->out, text);
		return;
	}
	fill_null(w);
	insert(w->out, &w->text_end, slice_of(w->gap));
	insert(w->out, &w->text_end, text);
	w->gap = LINE;
}

void
chat_writer_json(struct chat_writer *w, struct slice json)
{
	enter_text(w);
	chat_writer_escape(w->out, json);
}

void
chat_writer_part(struct chat_writer *w)
{
	size_t at = w->content;
	bool empty = w->out->n == w->content + 1;

	if (w->inside == CHAT_AT_PART) {
		buf_add_char(w->out, ',');
	} else if (w->inside == CHAT_IN_TEXT && empty) {
		w->out->n = w->content;
		buf_add_char(w->out, '[');
	} else {
		if (w->inside == CHAT_IN_TEXT) /* which has its quote */
			insert(w->out, &at,
			    slice_make("[" PART, sizeof("[" PART) - 2));
		buf_add_str(w->out, "\"},");
	}
	w->inside = CHAT_AT_PART;
}

/* Text that is empty some refuse. */
static void
begin_calls(struct chat_writer *w)
{
	bool empty = w->out->n == w->content + 1;

	w->text_end = empty ? 0 : w->out->n;
	if (empty)
		w->out->n = w->content;
	buf_add_str(w->out, empty ? "null" : "\"");
	buf_add_str(w->out, ",\"tool_calls\":[");
}

void
chat_writer_call(struct chat_writer *w)
{
	if (w->inside != CHAT_AT_CALL) {
		begin_calls(w);
		w->inside = CHAT_AT_CALL;
	}
	if (w->calls++ > 0)
		buf_add_char(w->out, ',');
}

void
chat_writer_thought(struct chat_writer *w, const char *name, struct slice text)
{
	const size_t before = w->out->n;
	size_t at = w->thought_end, end;

	if (text.n == 0 || w->thoughts++ >= MOVES_MAX)
		return;
	if (at == 0) {
		at = w->content - (sizeof(CONTENT) - 1);
		insert(w->out, &at, SLICE("\""));
		insert(w->out, &at, slice_of(name));
		insert(w->out, &at, SLICE("\":\""));
		end = at;
		insert(w->out, &end, SLICE("\","));
	}
	insert(w->out, &at, text);
	w->thought_end = at;
	w->content += w->out->n - before;
	if (w->text_end > 0)
		w->text_end += w->out->n - before;
}

static bool
is_plain(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.p[i]) && name.p[i] != '_' &&
		    name.p[i] != '-')
			return false;
	return true;
}

void
chat_writer_shorten(struct buf *out, size_t from)
{
	struct slice name = slice_make(out->p + from, out->n - from);
	uint32_t number;

	if (name.n <= CHAT_NAME_MAX || !is_plain(name))
		return;
	number = (uint32_t)slice_hash(name);
	out->n = from + CHAT_NAME_MAX - 9;
	buf_addf(out, "_%08" PRIx32, number);
}

/* Of JSON only what stands between its tokens are controls. */
void
chat_writer_escape(struct buf *out, struct slice s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c != '"' && c != '\\' && c >= ' ')
			continue;
		buf_add(out, slice_make(s.p + from, i - from));
		buf_add_char(out, c < ' ' ? ' ' : '\\');
		from = c < ' ' ? i + 1 : i;
	}
	buf_add(out, slice_make(s.p + from, s.n - from));
}
