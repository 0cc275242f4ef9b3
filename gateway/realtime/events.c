/* gateway/realtime/events.c - what a session's events tell, as they pass by.
 *
 * An answer is asked for by the last of: the client's response.create, and what
 * the backend says when it takes the client's turn to be over. */
#include "gateway/realtime/events.h"

#include <string.h>

#include "gateway/lib/scan.h"

#define UNMASKED 512 /* bytes at a time */
#define KEPT_IDLE ((size_t)8 << 10) /* memory that stays between events */
#define MEMBERS_MAX 32
#define IS(type, name) slice_is((type), (name))

/* --- the type of an event --- */

static void
end_string(struct event_type *t)
{
	struct slice text = slice_make(t->text, t->n);

	t->in_string = false;
	if (t->depth != 1)
		return;
	if (!t->value)
		t->is_type = slice_is(text, "type");
	else if (t->is_type)
		t->known = t->n < EVENT_TYPE_MAX;
}

static void
read_in_string(struct event_type *t, char c)
{
	if (!t->escaped && c == '"') {
		end_string(t);
		return;
	}
	t->escaped = !t->escaped && c == '\\';
	if (t->n < EVENT_TYPE_MAX)
		t->text[t->n++] = c;
}

static void
read_between(struct event_type *t, char c)
{
	switch (c) {
	case '"':
		t->in_string = true;
		t->n = 0;
		break;
	case '{':
	case '[':
		t->depth++;
		break;
	case '}':
	case ']':
		t->depth--;
		break;
	case ':':
		t->value |= t->depth == 1;
		break;
	case ',':
		if (t->depth == 1)
			t->value = t->is_type = false;
		break;
	default:
		break;
	}
}

/* Most of an event is one long string of sound. */
static size_t
skip_plain(struct event_type *t, const char *p, size_t n)
{
	size_t i = 0;

	if (!t->in_string || t->escaped || t->n < EVENT_TYPE_MAX)
		return 0;
	while (i < n && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

static void
read_type(struct event_type *t, struct slice bytes)
{
	size_t i = 0;

	while (i < bytes.n && !t->known) {
		i += skip_plain(t, bytes.p + i, bytes.n - i);
		if (i == bytes.n)
			break;
		if (t->in_string)
			read_in_string(t, bytes.p[i]);
		else
			read_between(t, bytes.p[i]);
		i++;
	}
}

static struct slice
type_of(const struct event_type *t)
{
	return t->known ? slice_make(t->text, t->n) : SLICE("");
}

/* --- what an answer has used --- */

static uint32_t
plus(uint32_t sum, uint64_t n)
{
	return n < UINT32_MAX - sum ? sum + (uint32_t)n : UINT32_MAX;
}

/* False, and 0: it is no count that can be, or not there. */
static bool
read_count(struct slice object, const char *name, uint64_t *n)
{
	struct scan_member m;

	*n = 0;
	if (!scan_get(object, name, &m) || m.type != SCAN_NUMBER ||
	    !scan_u64(m.value, n))
		return false;
	if (*n <= USAGE_MOST)
		return true;
	*n = 0;
	return false;
}

static uint64_t
count(struct slice object, const char *name)
{
	uint64_t n;

	(void)read_count(object, name, &n);
	return n;
}

/* "input_token_details", and as the Responses API has it. */
static struct slice
details(struct slice usage, const char *name, const char *other)
{
	struct scan_member m;

	if ((scan_get(usage, name, &m) || scan_get(usage, other, &m)) &&
	    m.type == SCAN_OBJECT)
		return m.value;
	return SLICE("{}");
}

/* False: it does not tell all. */
static bool
add_usage(struct events *e, struct slice usage)
{
	uint64_t input, output;
	bool told = read_count(usage, "input_tokens", &input);
	struct slice in =
	    details(usage, "input_token_details", "input_tokens_details");
	struct slice out =
	    details(usage, "output_token_details", "output_tokens_details");

	told &= read_count(usage, "output_tokens", &output);
	e->usage.input = plus(e->usage.input, input);
	e->usage.output = plus(e->usage.output, output);
	e->usage.cached = plus(e->usage.cached, count(in, "cached_tokens"));
	e->usage.reasoning =
	    plus(e->usage.reasoning, count(out, "reasoning_tokens"));
	e->audio_input += count(in, "audio_tokens");
	e->audio_output += count(out, "audio_tokens");
	return told;
}

static void
end_answer(struct events *e)
{
	struct scan_member members[MEMBERS_MAX], usage;
	const struct scan_member *response;
	size_t n;

	e->answers++;
	if (buf_err(&e->kept) == OK &&
	    scan_object(buf_slice(&e->kept), members, MEMBERS_MAX, &n, NULL) ==
		OK &&
	    n <= MEMBERS_MAX &&
	    (response = scan_find(members, n, "response")) != NULL &&
	    response->type == SCAN_OBJECT &&
	    scan_get(response->value, "usage", &usage) &&
	    usage.type == SCAN_OBJECT && add_usage(e, usage.value))
		return;
	e->untold++;
	e->usage.known = false;
}

/* --- events --- */

/* Whether it was the end of an answer. */
static bool
heard_backend(struct events *e, struct slice type, usec now)
{
	if (IS(type, "response.done")) {
		e->asked = 0;
		end_answer(e);
		return true;
	}
	if (IS(type, "input_audio_buffer.speech_stopped") ||
	    IS(type, "input_audio_buffer.committed"))
		e->asked = now;
	return false;
}

/* It has begun with its first delta, however long that is. */
static void
heard_delta(struct events *e, struct slice type, usec now)
{
	if (e->asked == 0 || !slice_starts(type, SLICE("response.")) ||
	    !slice_ends(type, SLICE(".delta")))
		return;
	e->ttft += now - e->asked;
	e->begun++;
	e->asked = 0;
}

/* While it may be what is read whole. */
static bool
is_kept(const struct event_type *t)
{
	return !t->known || IS(type_of(t), "response.done");
}

static void
end_event(struct events_way *way)
{
	way->type = (struct event_type){ 0 };
}

static void
forget(struct buf *kept)
{
	if (kept->cap > KEPT_IDLE)
		buf_fini(kept);
	else
		buf_reset(kept);
}

bool
events_from_backend(struct events *e, struct slice *bytes, usec now)
{
	struct events_way *w = &e->backend;
	struct frame_piece piece;
	bool answered;

	while (frames_next(&w->frames, bytes, &piece)) {
		read_type(&w->type, piece.bytes);
		if (is_kept(&w->type))
			buf_add(&e->kept, piece.bytes);
		heard_delta(e, type_of(&w->type), now);
		if (!piece.last)
			continue;
		answered = heard_backend(e, type_of(&w->type), now);
		end_event(w);
		forget(&e->kept);
		if (answered)
			return true;
	}
	return false;
}

static void
read_masked(struct event_type *t, const struct frame_piece *piece)
{
	char plain[UNMASKED];
	struct slice s = piece->bytes;
	size_t n;

	while (s.n > 0 && !t->known) {
		n = s.n < UNMASKED ? s.n : UNMASKED;
		for (size_t i = 0; i < n; i++)
			plain[i] = (char)(s.p[i] ^ piece->mask[i & 3]);
		read_type(t, slice_make(plain, n));
		s = slice_make(s.p + n, s.n - n);
	}
}

void
events_from_client(struct events *e, struct slice bytes, usec now)
{
	struct events_way *w = &e->client;
	struct frame_piece piece;

	while (frames_next(&w->frames, &bytes, &piece)) {
		read_masked(&w->type, &piece);
		if (!piece.last)
			continue;
		if (IS(type_of(&w->type), "response.create"))
			e->asked = now;
		end_event(w);
	}
}

/* --- life --- */

void
events_init(struct events *e)
{
	*e = (struct events){ .usage.known = true };
	buf_init(&e->kept, EVENTS_KEPT);
}

void
events_fini(struct events *e)
{
	buf_fini(&e->kept);
}

usec
events_ttft(const struct events *e)
{
	return e->begun > 0 ? e->ttft / (usec)e->begun : -1;
}
