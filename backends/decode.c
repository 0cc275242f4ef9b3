/* backends/decode.c - what one event, or a whole JSON answer, means.
 *
 * Decided by structure alone: a model may well print "usage" or "error". The
 * document is validated in one pass; cursors then look only into the members
 * that matter. Nothing is allocated but for errors and odd encodings. */
#include "backends/decode.h"

#include <ctype.h>

#include "backends/wire_error.h"
#include "gateway/lib/chat_finish.h"

/* --- chat and completions --- */

void
decode_token(struct event *out, size_t bytes)
{
	out->bits |= EVENT_TOKEN;
	out->tokens = 1;
	out->bytes += bytes;
}

/* {"name":"f","arguments":"{\"a\":"}: either may come alone. Their bytes; 0: it
 * is no call. */
static size_t
call_bytes(const struct scan_member *function)
{
	struct slice rest = function->value;
	struct scan_member m;
	size_t n = 0;

	if (function->type != SCAN_OBJECT)
		return 0;
	while (scan_next_member(&rest, &m))
		if ((scan_key_is(&m, "name") || scan_key_is(&m, "arguments")) &&
		    (scan_nonempty_string(&m) || m.type == SCAN_OBJECT))
			n += m.value.n;
	return n;
}

static size_t
calls_bytes(const struct scan_member *tool_calls)
{
	struct slice rest = tool_calls->value, value;
	struct scan_member function;
	enum scan_type type;
	size_t n = 0;

	if (tool_calls->type != SCAN_ARRAY)
		return 0;
	while (scan_next_element(&rest, &value, &type))
		if (type == SCAN_OBJECT &&
		    (scan_get(value, "function", &function) ||
			scan_get(value, "custom", &function)))
			n += call_bytes(&function);
	return n;
}

static void
take_call(struct event *out, size_t bytes)
{
	if (bytes > 0)
		decode_token(out, bytes);
}

/* A delta, or the message of a whole answer. */
static void
read_message(struct scan_walk *w, struct event *out)
{
	struct scan_member m;

	scan_walk_enter(w);
	while (scan_walk_member(w, &m)) {
		m.value = scan_walk_skip(w);
		if (key_is(&m, SLICE("content"))) {
			if (scan_nonempty_string(&m) || scan_has_elements(&m))
				decode_token(out, m.value.n);
		} else if (key_is(&m, SLICE("tool_calls"))) {
			take_call(out, calls_bytes(&m));
		} else if (key_is(&m, SLICE("reasoning_content")) ||
		    key_is(&m, SLICE("reasoning"))) {
			if (scan_nonempty_string(&m)) {
				decode_token(out, m.value.n);
				out->bits |= EVENT_REASONING;
			}
		} else if (key_is(&m, SLICE("refusal"))) {
			if (scan_nonempty_string(&m))
				decode_token(out, m.value.n);
		} else if (key_is(&m, SLICE("function_call"))) {
			take_call(out, call_bytes(&m));
		} else if (key_is(&m, SLICE("audio"))) {
			if (m.type == SCAN_OBJECT)
				decode_token(out, 0);
		} else if (key_is(&m, SLICE("images"))) { /* OpenRouter's */
			if (scan_has_elements(&m))
				decode_token(out, 0);
		}
	}
}

static void
read_choice(struct scan_walk *w, struct event *out, struct scan_member *error)
{
	const unsigned others = out->tokens;
	uint64_t index = 0, bit;
	enum chat_finish finish = CHAT_GOES_ON;
	struct scan_member m;

	out->tokens = 0;
	scan_walk_enter(w);
	while (scan_walk_member(w, &m)) {
		if (m.type == SCAN_OBJECT &&
		    (key_is(&m, SLICE("delta")) ||
			key_is(&m, SLICE("message")))) {
			read_message(w, out);
			continue;
		}
		m.value = scan_walk_skip(w);
		if (key_is(&m, SLICE("text"))) {
			if (scan_nonempty_string(&m))
				decode_token(out, m.value.n);
		} else if (key_is(&m, SLICE("finish_reason"))) {
			finish = chat_finish_of(&m);
			if (finish == CHAT_FAILED)
				decode_fail(out, error, &m);
			out->limited |=
			    finish == CHAT_LENGTH || finish == CHAT_FILTERED;
		} else if (key_is(&m, SLICE("index"))) {
			(void)scan_u64(m.value, &index);
		}
	}
	bit = index < 64 ? UINT64_C(1) << index : 0;
	if (out->tokens > 0)
		out->choices.begun |= bit;
	out->tokens += others;
	if (finish != CHAT_GOES_ON && finish != CHAT_FAILED) {
		out->bits |= EVENT_FINISH;
		out->choices.ended |= bit;
	}
}

/* How many there were. This is where most bytes of a stream are, so they are
 * walked through once, not first measured and then entered. */
static size_t
read_choices(const struct scan_member *choices, struct event *out,
    struct scan_member *error)
{
	struct scan_walk w = scan_walk_at(choices->value);
	enum scan_type type;
	size_t n = 0;

	if (choices->type != SCAN_ARRAY)
		return 0;
	scan_walk_enter(&w);
	for (; scan_walk_element(&w, &type); n++) {
		if (type == SCAN_OBJECT)
			read_choice(&w, out, error);
		else
			scan_walk_skip(&w);
	}
	return n;
}

bool
decode_is_error(const struct scan_member *m)
{
	if (key_is(m, SLICE("object")))
		return scan_string_is(m, "error");
	return key_is(m, SLICE("error")) && m->type != SCAN_NULL &&
	    m->type != SCAN_FALSE &&
	    (m->type != SCAN_STRING || scan_nonempty_string(m));
}

void
decode_fail(struct event *out, struct scan_member *error,
    const struct scan_member *sign)
{
	out->bits |= EVENT_ERROR;
	if (error->type == SCAN_NULL)
		*error = *sign;
}

static void
decode_chat(
    const struct answer *a, struct event *out, struct scan_member *error)
{
	const struct scan_member *timings = NULL;
	size_t choices = 0;

	for (const struct scan_member *m = a->members; m < a->members + a->n;
	     m++) {
		if (key_is(m, SLICE("choices"))) {
			choices += read_choices(m, out, error);
		} else if (key_is(m, SLICE("usage"))) {
			if (m->type == SCAN_OBJECT)
				decode_usage(m->value, DIALECT_CHAT, out);
		} else if (decode_is_error(m)) {
			out->bits |= EVENT_ERROR;
			*error = *m;
		} else if (key_is(m, SLICE("x_groq"))) {
			decode_x_groq(m, out, error);
		} else if (key_is(m, SLICE("timings"))) {
			timings = m;
		}
	}
	if ((out->bits & EVENT_USAGE) != 0 && choices == 0)
		out->bits |= EVENT_USAGE_ONLY;
	if ((out->bits & EVENT_USAGE) == 0 && timings != NULL)
		decode_timings(timings, out);
}

/* --- embeddings --- */

static void
decode_embeddings(
    const struct answer *a, struct event *out, struct scan_member *error)
{
	const struct scan_member *data = scan_find(a->members, a->n, "data");
	struct slice rest = data != NULL ? data->value : SLICE(""), value;
	struct scan_member embedding;
	enum scan_type type;

	if (data != NULL && data->type == SCAN_ARRAY)
		while (
		    out->bits == 0 && scan_next_element(&rest, &value, &type))
			if (type == SCAN_OBJECT &&
			    scan_get(value, "embedding", &embedding) &&
			    (scan_nonempty_string(&embedding) ||
				scan_has_elements(&embedding)))
				out->bits |= EVENT_TOKEN | EVENT_FINISH;
	for (size_t i = 0; i < a->n; i++) {
		const struct scan_member *m = &a->members[i];

		if (scan_key_is(m, "usage") && m->type == SCAN_OBJECT) {
			decode_usage(m->value, DIALECT_EMBEDDINGS, out);
		} else if (decode_is_error(m)) {
			out->bits |= EVENT_ERROR;
			*error = *m;
		}
	}
}

/* --- errors --- */

static void
set_error(struct event *out, struct slice text, struct buf *scratch)
{
	size_t at = scratch->n;

	*out = (struct event){ .bits = EVENT_ERROR };
	buf_add(scratch, text);
	if (buf_err(scratch) == OK)
		out->error_message = slice_make(scratch->p + at, text.n);
	else
		out->error_message = SLICE("the backend reported an error");
}

/* Of a string, as if it ended there: no more of it would be quoted. */
static struct slice
beginning(struct slice string)
{
	struct scan_walk w = scan_walk_at(string);
	size_t means = 0;

	if (string.n <= WIRE_ERROR_READ)
		return string;
	w.p++;
	(void)scan_text_part(&w, string.p + WIRE_ERROR_READ, &means);
	return slice_make(string.p, (size_t)(w.p - string.p) + 1);
}

/* The message is unescaped elsewhere first: scratch may hold what is read. */
static void
read_error(const struct answer *a, const struct scan_member *member,
    struct event *out, struct buf *scratch)
{
	struct wire_error e = { .status = 0 };
	struct buf text;

	buf_init(&text, SSE_EVENT_MAX);
	if (scan_key_is(member, "finish_reason")) {
		buf_add_str(&text, "the backend ended the answer with ");
		scan_unescape(member->value, &text);
	} else if (scan_key_is(member, "error") ||
	    member->type == SCAN_OBJECT) {
		wire_error_read(member, &e);
	} else {
		wire_error_find(a->members, a->n, true, &e);
	}
	if (e.message.n > 0 && e.message.p[0] == '"')
		scan_unescape(beginning(e.message), &text);
	if (text.n == 0)
		buf_add_str(&text, "the backend reported an error");
	set_error(out, buf_slice(&text), scratch);
	buf_fini(&text);
}

/* --- documents --- */

size_t
decode_blot(struct slice data, size_t from, size_t to, struct buf *copy)
{
	const size_t ahead = to < data.n ? to + 5 : to; /* of an escape */
	const size_t n = ahead < data.n ? ahead : data.n;
	size_t i = from;
	char *p;

	buf_add(copy, slice_make(data.p + copy->n, n - copy->n));
	if (buf_err(copy) != OK)
		return data.n;
	for (p = copy->p; i < to; i++) {
		if ((unsigned char)p[i] >= 0x80) {
			p[i] = '?';
		} else if (p[i] == '\\' && i + 1 < n) {
			i++;
			if (p[i] != 'u' || n - i < 5)
				continue;
			for (size_t digit = 1; digit < 5; digit++)
				if (isxdigit((unsigned char)p[i + digit]))
					p[i + digit] = '1';
		}
	}
	return i;
}

static bool
scan_answer(struct slice data, struct answer *a)
{
	struct errmsg why;

	if (scan_object(data, a->members, ANSWER_MEMBERS_MAX, &a->n, &why) !=
	    OK)
		return false;
	if (a->n > ANSWER_MEMBERS_MAX)
		a->n = ANSWER_MEMBERS_MAX;
	return true;
}

void
decode_answer(enum dialect dialect, const struct answer *a, struct event *out,
    struct buf *scratch)
{
	static void (*const decoders[DIALECT_COUNT])(
	    const struct answer *, struct event *, struct scan_member *) = {
		[DIALECT_CHAT] = decode_chat,
		[DIALECT_COMPLETIONS] = decode_chat,
		[DIALECT_EMBEDDINGS] = decode_embeddings,
		[DIALECT_RESPONSES] = decode_responses,
		[DIALECT_MESSAGES] = decode_messages,
		[DIALECT_SPEECH] = decode_passed,
		[DIALECT_TRANSCRIPTION] = decode_passed,
		[DIALECT_IMAGES] = decode_passed,
		[DIALECT_MODERATION] = decode_passed,
		[DIALECT_RERANK] = decode_passed,
		[DIALECT_COUNTING] = decode_passed,
		[DIALECT_REALTIME] = decode_passed,
	};
	struct scan_member error = { .key = SLICE(""), .type = SCAN_NULL };

	*out = (struct event){ .bits = 0 };
	decoders[dialect](a, out, &error);
	if (slice_is(a->name, "error"))
		out->bits |= EVENT_ERROR;
	if ((out->bits & EVENT_ERROR) != 0)
		read_error(a, &error, out, scratch);
}

void
decode_nothing(struct event *out, struct buf *scratch)
{
	set_error(out,
	    SLICE("the backend sent something that is no JSON object"),
	    scratch);
}

void
backend_decode(enum dialect dialect, struct slice name, struct slice data,
    struct event *out, struct buf *scratch)
{
	struct answer a; /* large: not worth clearing for each event */
	struct buf copy;

	a.name = name;
	data = slice_trim(data);
	if (data.n == 0) {
		*out = (struct event){ .bits = EVENT_IGNORED };
		return;
	}
	if (slice_is(data, "[DONE]")) {
		*out = (struct event){ .bits = EVENT_DONE };
		return;
	}
	/* SGLang's rankings, say: errors are objects */
	if (dialect_passes(dialect) && data.p[0] == '[') {
		*out = (struct event){ .bits = EVENT_TOKEN | EVENT_FINISH };
		return;
	}
	if (scan_answer(data, &a)) {
		decode_answer(dialect, &a, out, scratch);
		return;
	}
	buf_init(&copy, data.n);
	(void)decode_blot(data, 0, data.n, &copy);
	if (buf_err(&copy) == OK && scan_answer(buf_slice(&copy), &a))
		decode_answer(dialect, &a, out, scratch);
	else
		decode_nothing(out, scratch);
	buf_fini(&copy);
}
