/* backends/decode_passed.c - answers that pass as they come, where they are
 * JSON or events of it: of streams which part they are, of all of them what
 * they cost and whether they are errors.
 *
 *	{"type":"transcript.text.delta",..} .. {"type":"transcript.text.done"}
 *	{"type":"speech.audio.delta",..} .. {"type":"speech.audio.done",..}
 *	{"type":"image_generation.partial_image",..} .. {"type":"..completed"}
 *	{"object":"transcription.chunk","choices":[..]}		vLLM
 *
 * Nobody knows the end of others, so each of their events may be the last. */
#include "backends/decode.h"

static void
note_part(struct event *out)
{
	out->bits |= EVENT_TOKEN;
	out->choices.begun = 1;
}

static void
note_end(struct event *out)
{
	out->bits |= EVENT_FINISH;
	out->choices.ended = 1;
}

static void
read_type(struct slice type, struct event *out)
{
	if (slice_ends(type, SLICE(".delta")) ||
	    slice_ends(type, SLICE(".partial_image")))
		note_part(out);
	else if (slice_ends(type, SLICE(".done")) ||
	    slice_ends(type, SLICE(".completed")))
		note_end(out);
	else
		out->bits |= EVENT_FINISH;
	out->bits |= EVENT_TOKEN;
}

static void
read_choices(const struct scan_member *choices, struct event *out)
{
	struct slice rest = choices->value, value;
	struct scan_member delta, content, finish;
	enum scan_type type;

	if (choices->type != SCAN_ARRAY)
		return;
	while (scan_next_element(&rest, &value, &type)) {
		if (type != SCAN_OBJECT)
			continue;
		if (scan_get(value, "delta", &delta) &&
		    delta.type == SCAN_OBJECT &&
		    scan_get(delta.value, "content", &content) &&
		    scan_nonempty_string(&content))
			note_part(out);
		if (scan_get(value, "finish_reason", &finish) &&
		    scan_nonempty_string(&finish))
			note_end(out);
	}
}

/* Eleven days: what claims to be longer is not told, or one made-up number
 * would be all that sums of cost ever show. */
#define SOUND_MAX 1e6

static void
read_seconds(const struct scan_member *m, struct event *out)
{
	double seconds;

	if (!slice_double(
		m->type == SCAN_STRING ? scan_inside(m) : m->value, &seconds) ||
	    !(seconds > 0) || seconds > SOUND_MAX)
		return;
	out->usage.seconds = seconds;
	out->bits |= EVENT_USAGE;
}

/* Those who rerank tell one number; of sound some tell seconds. */
static void
read_usage(struct slice usage, struct event *out)
{
	struct scan_member total, seconds;
	uint64_t tokens;

	decode_usage(usage, DIALECT_CHAT, out);
	if (scan_get(usage, "seconds", &seconds))
		read_seconds(&seconds, out);
	if (out->usage.known || !scan_get(usage, "total_tokens", &total) ||
	    total.type != SCAN_NUMBER || !scan_u64(total.value, &tokens))
		return;
	out->usage.known = true;
	out->usage.input = tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

void
decode_passed(
    const struct answer *a, struct event *out, struct scan_member *error)
{
	const struct scan_member *choices = NULL;
	struct slice type = SLICE("");

	for (const struct scan_member *m = a->members; m < a->members + a->n;
	     m++) {
		if (key_is(m, SLICE("choices"))) {
			choices = m;
		} else if (key_is(m, SLICE("type"))) {
			type = scan_inside(m);
		} else if (key_is(m, SLICE("usage"))) {
			if (m->type == SCAN_OBJECT)
				read_usage(m->value, out);
		} else if (key_is(m, SLICE("duration"))) {
			read_seconds(m, out);
		} else if (decode_is_error(m)) {
			out->bits |= EVENT_ERROR;
			*error = *m;
		}
	}
	if (slice_is(type, "error"))
		out->bits |= EVENT_ERROR;
	else if (choices != NULL)
		read_choices(choices, out);
	else
		read_type(type, out);
}
