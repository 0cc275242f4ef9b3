/* backends/decode_typed.c - formats whose events say what they are.
 *
 * /responses and /messages name each event in `event:` and again in its
 * `type`; the latter counts, and a whole answer is an event of its own. */
#include "backends/decode.h"

static struct slice
type_of(const struct answer *a)
{
	struct slice type = scan_inside(scan_find(a->members, a->n, "type"));

	return type.n > 0 ? type : a->name;
}

/* The object that is member `name` of the top level; empty: there is none. */
static struct slice
object_in(const struct answer *a, const char *name)
{
	const struct scan_member *m = scan_find(a->members, a->n, name);

	return m != NULL && m->type == SCAN_OBJECT ? m->value : SLICE("");
}

/* Its bytes; 0: there is none. */
static size_t
text_bytes(struct slice object, const char *name)
{
	struct scan_member m;

	return scan_get(object, name, &m) && scan_nonempty_string(&m)
	    ? m.value.n
	    : 0;
}

/* --- /responses --- */

/* One member of a response object: the whole answer, or what the events that
 * end a stream carry. */
static void
read_response_member(
    const struct scan_member *m, struct event *out, struct scan_member *error)
{
	if (scan_key_is(m, "output")) {
		if (scan_has_elements(m)) {
			out->bits |= EVENT_TOKEN;
			out->bytes += m->value.n;
		}
	} else if (scan_key_is(m, "usage")) {
		if (m->type == SCAN_OBJECT)
			decode_usage(m->value, DIALECT_RESPONSES, out);
	} else if (scan_key_is(m, "id")) {
		if (scan_nonempty_string(m))
			out->stored = scan_inside(m);
	} else if (scan_key_is(m, "store")) {
		if (m->type == SCAN_FALSE) /* it comes behind the id */
			out->stored = SLICE("");
	} else if (decode_is_error(m)) {
		out->bits |= EVENT_ERROR;
		*error = *m;
	} else if (scan_key_is(m, "status")) {
		out->limited |= scan_string_is(m, "incomplete");
		if (scan_string_is(m, "completed") ||
		    scan_string_is(m, "incomplete"))
			out->bits |= EVENT_FINISH;
		else if (scan_string_is(m, "failed") ||
		    scan_string_is(m, "cancelled"))
			decode_fail(out, error, m);
	}
}

static void
read_response(
    struct slice response, struct event *out, struct scan_member *error)
{
	struct scan_member m;

	while (scan_next_member(&response, &m))
		read_response_member(&m, out, error);
}

/* Of a function, whose name comes ahead of its arguments, or of what the
 * backend does by itself: searches, images. */
static bool
starts_call(const struct answer *a)
{
	struct scan_member type;

	return scan_get(object_in(a, "item"), "type", &type) &&
	    slice_ends(scan_inside(&type), SLICE("_call"));
}

void
decode_responses(
    const struct answer *a, struct event *out, struct scan_member *error)
{
	struct slice type = type_of(a);
	const struct scan_member *m;

	if (slice_ends(type, SLICE(".delta"))) {
		m = scan_find(a->members, a->n, "delta");
		if (m != NULL && scan_nonempty_string(m))
			decode_token(out,
			    slice_ends(type, SLICE("audio.delta"))
				? 0
				: m->value.n);
		if (slice_ends(type, SLICE("reasoning_text.delta")))
			out->bits |= EVENT_REASONING;
	} else if (type.n == 0) {
		for (size_t i = 0; i < a->n; i++)
			read_response_member(&a->members[i], out, error);
	} else if (slice_is(type, "response.completed") ||
	    slice_is(type, "response.incomplete")) {
		out->bits |= EVENT_FINISH | EVENT_DONE;
		read_response(object_in(a, "response"), out, error);
	} else if (slice_is(type, "response.output_item.added")) {
		if (starts_call(a))
			decode_token(out, 0);
	} else if (slice_ends(type, SLICE(".partial_image"))) {
		decode_token(out, 0);
	} else if (slice_is(type, "response.failed")) {
		out->bits |= EVENT_ERROR;
		read_response(object_in(a, "response"), out, error);
	} else if (slice_is(type, "error")) {
		out->bits |= EVENT_ERROR;
		m = scan_find(a->members, a->n, "error");
		if (m != NULL)
			*error = *m;
	} else if (slice_is(type, "keepalive")) {
		out->bits |= EVENT_IGNORED;
	} else {
		m = scan_find(a->members, a->n, "error");
		if (m != NULL && decode_is_error(m)) {
			out->bits |= EVENT_ERROR;
			*error = *m;
		}
	}
}

/* --- /messages --- */

/* A block begins: a tool's name counts, an empty text does not. */
static bool
starts_token(struct slice block)
{
	return text_bytes(block, "name") > 0 || text_bytes(block, "text") > 0 ||
	    text_bytes(block, "thinking") > 0;
}

static void
take_stop(const struct scan_member *reason, struct event *out)
{
	if (reason->type != SCAN_NULL)
		out->bits |= EVENT_FINISH;
	out->limited |= scan_string_is(reason, "max_tokens") ||
	    scan_string_is(reason, "model_context_window_exceeded") ||
	    scan_string_is(reason, "refusal");
}

static void
read_stop(struct slice object, struct event *out)
{
	struct scan_member m;

	if (scan_get(object, "stop_reason", &m))
		take_stop(&m, out);
}

static void
read_usage(struct slice object, struct event *out)
{
	struct scan_member m;

	if (scan_get(object, "usage", &m) && m.type == SCAN_OBJECT)
		decode_usage(m.value, DIALECT_MESSAGES, out);
}

static void
read_whole_message(const struct answer *a, struct event *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct scan_member *m = &a->members[i];

		if (scan_key_is(m, "content")) {
			if (scan_has_elements(m))
				decode_token(out, m->value.n);
		} else if (scan_key_is(m, "stop_reason")) {
			take_stop(m, out);
		} else if (scan_key_is(m, "usage")) {
			if (m->type == SCAN_OBJECT)
				decode_usage(m->value, DIALECT_MESSAGES, out);
		}
	}
}

void
decode_messages(
    const struct answer *a, struct event *out, struct scan_member *error)
{
	struct slice type = type_of(a), delta;
	const struct scan_member *m;
	size_t bytes;

	if (slice_is(type, "content_block_delta")) {
		delta = object_in(a, "delta");
		bytes = text_bytes(delta, "text") +
		    text_bytes(delta, "thinking") +
		    text_bytes(delta, "partial_json");
		if (bytes > 0)
			decode_token(out, bytes);
	} else if (slice_is(type, "content_block_start")) {
		if (starts_token(object_in(a, "content_block")))
			decode_token(out, 0);
	} else if (slice_is(type, "message_start")) {
		read_usage(object_in(a, "message"), out);
		/* What it says of the output is where counting starts. */
		out->usage.output = 0;
	} else if (slice_is(type, "message_delta")) {
		read_stop(object_in(a, "delta"), out);
		m = scan_find(a->members, a->n, "usage");
		if (m != NULL && m->type == SCAN_OBJECT)
			decode_usage(m->value, DIALECT_MESSAGES, out);
	} else if (slice_is(type, "message_stop")) {
		out->bits |= EVENT_FINISH | EVENT_DONE;
	} else if (slice_is(type, "ping")) {
		out->bits |= EVENT_IGNORED;
	} else if (slice_is(type, "message")) {
		read_whole_message(a, out);
	} else {
		m = scan_find(a->members, a->n, "error");
		if (m != NULL && decode_is_error(m)) {
			out->bits |= EVENT_ERROR;
			*error = *m;
		}
	}
}
