/* gateway/translation/responses_check.h - whether a stream of responses is what
 * clients insist on, for tests and the fuzzer. */
#ifndef GATEWAY_TRANSLATION_RESPONSES_CHECK_H
#define GATEWAY_TRANSLATION_RESPONSES_CHECK_H

#include <string.h>

#include "gateway/lib/sse.h"
#include "gateway/translation/responses.h"

struct stream_check {
	uint64_t sequence;
	struct buf said[RESPONSES_ITEMS]; /* deltas of each item */
	bool begun[RESPONSES_ITEMS], ended[RESPONSES_ITEMS];
	struct slice response; /* of the last event */
	struct buf
	    *digest; /* or NULL: types, without "response.", and deltas */
};

static inline void
digest_event(
    struct buf *out, struct slice type, uint64_t index, struct slice delta)
{
	if (out->n > 0)
		buf_add_char(out, ' ');
	if (slice_starts(type, SLICE("response.")))
		type = slice_make(type.p + 9, type.n - 9);
	buf_add(out, type);
	if (index < RESPONSES_ITEMS)
		buf_addf(out, ":%u", (unsigned)index);
	if (delta.n > 0)
		buf_addf(out, "(%.*s)", SLICE_ARG(delta));
}

/* The text of an item that has ended. */
static inline struct slice
text_of_item(struct slice item)
{
	static const char *const lists[] = { "content", "summary" };
	static const char *const texts[] = { "text", "refusal", "arguments",
		"input" };
	struct scan_member m;
	struct slice rest, part = item, found = SLICE("");
	enum scan_type type;

	for (size_t i = 0; i < 2; i++)
		if (scan_get(item, lists[i], &m) && m.type == SCAN_ARRAY) {
			rest = m.value;
			if (scan_next_element(&rest, &part, &type))
				break;
			part = item;
		}
	for (size_t i = 0; i < 4 && found.n == 0; i++)
		found = responses_get_text(part, texts[i]);
	return found;
}

/* NULL, or what is wrong with it. */
static inline const char *
check_data(struct stream_check *c, struct slice name, struct slice data)
{
	struct scan_member m;
	struct errmsg why;
	uint64_t n, index = RESPONSES_ITEMS;
	struct slice delta;
	size_t members;

	if (scan_object(data, NULL, 0, &members, &why) != OK)
		return "an event is no JSON";
	if (!slice_eq(responses_get_text(data, "type"), name))
		return "an event has another name than its type";
	if (!scan_get(data, "sequence_number", &m) || !scan_u64(m.value, &n) ||
	    n != c->sequence++)
		return "there is a gap in the numbers";
	delta = responses_get_text(data, "delta");
	if (scan_get(data, "output_index", &m) &&
	    (!scan_u64(m.value, &index) || index >= RESPONSES_ITEMS))
		return "an output_index is beyond all";
	if (c->digest != NULL)
		digest_event(c->digest, name, index, delta);
	if (scan_get(data, "response", &m))
		c->response = m.value;
	if (index == RESPONSES_ITEMS)
		return NULL;
	if (slice_is(name, "response.output_item.added")) {
		if (c->begun[index] || (index > 0 && !c->begun[index - 1]))
			return "an item begins out of turn";
		c->begun[index] = true;
		buf_init(&c->said[index], RESPONSES_BYTES);
	}
	if (!c->begun[index] || c->ended[index])
		return "an event is of no item that goes on";
	buf_add(&c->said[index], delta);
	if (!slice_is(name, "response.output_item.done"))
		return NULL;
	c->ended[index] = true;
	return scan_get(data, "item", &m) &&
		slice_eq(text_of_item(m.value), buf_slice(&c->said[index]))
	    ? NULL
	    : "an item is not the sum of its deltas";
}

/* What the answer has in the end is what has been told of. */
static inline const char *
check_output(struct stream_check *c)
{
	struct scan_member m;
	struct slice item;
	enum scan_type type;
	size_t n = 0;

	if (!scan_get(c->response, "output", &m) || m.type != SCAN_ARRAY)
		return "the answer has no output";
	while (scan_next_element(&m.value, &item, &type)) {
		if (n == RESPONSES_ITEMS || !c->ended[n])
			return "the answer has an item that never ended";
		if (!slice_eq(text_of_item(item), buf_slice(&c->said[n])))
			return "the answer has another text";
		n++;
	}
	return n == RESPONSES_ITEMS || !c->begun[n]
	    ? NULL
	    : "the answer lacks an item";
}

static inline const char *
check_stream(struct slice stream, struct buf *digest)
{
	struct stream_check c = { .digest = digest };
	struct sse_fields f = { .has_data = false };
	const char *wrong = NULL;
	struct buf joined;
	struct sse sse;
	size_t taken;

	sse_init(&sse);
	buf_init(&joined, SSE_EVENT_MAX);
	while (wrong == NULL && sse_scan(&sse, stream, &taken) == SSE_EVENT) {
		sse_parse(slice_make(stream.p, taken), &f, &joined);
		wrong = check_data(&c, f.event, f.data);
		stream = slice_make(stream.p + taken, stream.n - taken);
	}
	if (wrong == NULL && stream.n > 0)
		wrong = "it ends inside an event";
	if (wrong == NULL && !slice_is(f.event, "response.completed") &&
	    !slice_is(f.event, "response.incomplete"))
		wrong = "it does not end as streams do";
	if (wrong == NULL)
		wrong = check_output(&c);
	for (size_t i = 0; i < RESPONSES_ITEMS; i++)
		buf_fini(&c.said[i]);
	buf_fini(&joined);
	return wrong;
}

#endif
