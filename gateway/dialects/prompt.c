/* gateway/dialects/prompt.c - what routing wants to know of a prompt. */
#include "gateway/dialects/prompt.h"

#include <string.h>

#include "gateway/lib/count.h"

/* Content nests: a message holds parts, and a tool's result parts of its own.
 * What lies deeper is not looked at. */
#define DEPTH_MAX 4
#define PREFIX_BYTES 1024
#define LANES 4 /* that a prefix is hashed in: none waits for another */

static const struct {
	const char *type;
	enum cap cap;
} part_caps[] = {
	{ "image_url", CAP_IMAGES }, /* chat */
	{ "input_image", CAP_IMAGES }, /* responses */
	{ "image", CAP_IMAGES }, /* messages */
	{ "input_audio", CAP_AUDIO },
};

static void read_content(
    struct scan_walk *, enum scan_type, unsigned depth, struct facts *);

static void
read_part_type(const struct scan_member *type, struct facts *facts)
{
	for (size_t i = 0; i < COUNT(part_caps); i++)
		if (scan_string_is(type, part_caps[i].type))
			facts->needs |= part_caps[i].cap;
}

/* Of what was said before: a call of a tool, by the model. Most keys are
 * shorter than these, however they are escaped. */
static bool
is_call(const struct scan_member *m)
{
	static const char *const keys[] = { "input", "arguments", "tool_calls",
		"function_call" };

	if (m->key.n < 5)
		return false;
	for (size_t i = 0; i < COUNT(keys); i++)
		if (scan_key_is(m, keys[i]))
			return true;
	return false;
}

/* Where a picture or a document of messages comes from: bytes in base64 are no
 * text. */
static void
read_source(struct scan_walk *w, unsigned depth, struct facts *facts)
{
	struct slice data = { NULL, 0 };
	struct scan_member m;
	bool text = false;

	scan_walk_enter(w);
	while (scan_walk_member(w, &m)) {
		if (scan_key_is(&m, "content")) {
			read_content(w, m.type, depth, facts);
			continue;
		}
		m.value = scan_walk_skip(w);
		if (scan_key_is(&m, "type"))
			text = scan_string_is(&m, "text");
		else if (m.type == SCAN_STRING && scan_key_is(&m, "data"))
			data = m.value;
	}
	if (text && data.n > 0)
		facts->prompt_bytes += scan_text_length(data);
}

/* Where a client tells of tools in its input, as Codex does of all. */
static void
read_tools(const struct scan_member *m, struct facts *facts)
{
	if (!scan_has_elements(m))
		return;
	facts->needs |= CAP_TOOLS;
	facts->prompt_bytes += m->value.n;
}

/* A message, a part of one, a call or its result. */
static void
read_item(struct scan_walk *w, unsigned depth, struct facts *facts)
{
	struct scan_member m;

	scan_walk_enter(w);
	while (scan_walk_member(w, &m)) {
		if (scan_key_is(&m, "content") || scan_key_is(&m, "output")) {
			read_content(w, m.type, depth, facts);
		} else if (m.type == SCAN_STRING && scan_key_is(&m, "text")) {
			facts->prompt_bytes += scan_walk_text(w);
		} else if (m.type == SCAN_OBJECT && scan_key_is(&m, "source")) {
			read_source(w, depth, facts);
		} else {
			m.value = scan_walk_skip(w);
			if (scan_key_is(&m, "type"))
				read_part_type(&m, facts);
			else if (scan_key_is(&m, "tools"))
				read_tools(&m, facts);
			else if (is_call(&m))
				facts->prompt_bytes += m.value.n;
		}
	}
}

static void
read_element(struct scan_walk *w, enum scan_type type, unsigned depth,
    struct facts *facts)
{
	if (type == SCAN_STRING)
		facts->prompt_bytes += scan_walk_text(w);
	else if (type == SCAN_OBJECT)
		read_item(w, depth, facts);
	else
		scan_walk_skip(w);
}

static void
read_content(struct scan_walk *w, enum scan_type type, unsigned depth,
    struct facts *facts)
{
	if (type == SCAN_STRING) {
		facts->prompt_bytes += scan_walk_text(w);
		return;
	}
	if (type != SCAN_ARRAY || depth == DEPTH_MAX) {
		scan_walk_skip(w);
		return;
	}
	scan_walk_enter(w);
	while (scan_walk_element(w, &type))
		read_element(w, type, depth + 1, facts);
}

void
prompt_read_content(const struct scan_member *m, struct facts *facts)
{
	struct scan_walk w;

	if (m == NULL)
		return;
	w = scan_walk_at(m->value);
	read_content(&w, m->type, 0, facts);
}

enum err
prompt_read_messages(
    const struct fields *found, struct facts *facts, struct dialect_error *why)
{
	const struct scan_member *m = found->at[FIELD_MESSAGES];
	enum scan_type type;
	struct scan_walk w;
	size_t n = 0;

	if (m == NULL)
		return field_missing(why, FIELD_MESSAGES);
	w = scan_walk_at(m->value);
	for (scan_walk_enter(&w); scan_walk_element(&w, &type); n++) {
		if (type != SCAN_OBJECT)
			return field_bad_type(
			    why, "messages", "an array of objects", type);
		read_item(&w, 0, facts);
	}
	if (n == 0)
		return field_bad(why, "messages", "invalid_value",
		    "'messages' must not be empty");
	return OK;
}

static uint64_t
count_elements(struct scan_walk *w)
{
	enum scan_type type;
	uint64_t n = 0;

	for (scan_walk_enter(w); scan_walk_element(w, &type); n++)
		scan_walk_skip(w);
	return n;
}

enum err
prompt_read_texts(const struct fields *found, enum field f, struct facts *facts,
    struct dialect_error *why)
{
	const struct scan_member *m = found->at[f];
	enum scan_type type;
	struct scan_walk w;
	uint64_t tokens = 0;
	size_t n = 0;

	if (m == NULL || m->type == SCAN_STRING) {
		prompt_read_content(m, facts);
		return OK;
	}
	w = scan_walk_at(m->value);
	for (scan_walk_enter(&w); scan_walk_element(&w, &type); n++) {
		if (type == SCAN_STRING) {
			facts->prompt_bytes += scan_walk_text(&w);
		} else if (type == SCAN_ARRAY) {
			tokens += count_elements(&w);
		} else if (type == SCAN_NUMBER) {
			scan_walk_skip(&w);
			tokens++;
		} else {
			return field_bad_type(why, field_name(f),
			    "a string, or an array of strings or tokens", type);
		}
	}
	facts->prompt_bytes += TOKEN_BYTES * tokens;
	if (n == 0)
		return field_bad(why, field_name(f), "invalid_value",
		    "'%s' must not be empty", field_name(f));
	return OK;
}

/* Only ever compared within one process, so the order of bytes in a word does
 * not matter. The multiplier is that of Fibonacci hashing (Knuth, 6.4). */
static uint64_t
mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static size_t
add_prefix(char *prefix, size_t n, const struct scan_member *m)
{
	size_t more = m != NULL ? m->value.n : 0;

	if (more > PREFIX_BYTES - n)
		more = PREFIX_BYTES - n;
	if (more > 0)
		memcpy(prefix + n, m->value.p, more);
	return n + more;
}

void
prompt_hash(const struct scan_member *first, const struct scan_member *second,
    struct facts *facts)
{
	char prefix[PREFIX_BYTES + sizeof(uint64_t) * LANES];
	uint64_t h[LANES], word;
	size_t n;

	n = add_prefix(prefix, 0, first);
	n = add_prefix(prefix, n, second);
	if (n == 0)
		return;
	memset(prefix + n, 0, sizeof(h));
	for (size_t k = 0; k < LANES; k++)
		h[k] = mix(k, n);
	for (size_t i = 0; i < n; i += sizeof(h))
		for (size_t k = 0; k < LANES; k++) {
			memcpy(
			    &word, prefix + i + k * sizeof(word), sizeof(word));
			h[k] = mix(h[k], word);
		}
	for (size_t k = 1; k < LANES; k++)
		h[0] = mix(h[0], h[k]);
	facts->prefix_hash = h[0] != 0 ? h[0] : 1;
}
