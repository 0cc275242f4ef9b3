/* gateway/dialects/prompt.c - what routing wants to know of a prompt.
 *
 * A walk with a level for each open bracket that it has entered. It may stop
 * between any two tokens, and inside those that may be long: what it is in,
 * and what for, stands in `passing` and `use`. */
#include "gateway/dialects/prompt.h"

#include <string.h>

#include "gateway/lib/count.h"

#define PREFIX_BYTES 1024
#define LANES 4 /* that a prefix is hashed in: none waits for another */

/* What a key or value is read for. */
enum use {
	USE_NONE,
	USE_KEY,
	USE_TEXT,
	USE_DATA, /* of a source */
	USE_TYPE, /* of a part */
	USE_SOURCE_TYPE,
	USE_TOOLS,
	USE_CALL
};

static const struct {
	const char *type;
	enum cap cap;
} part_caps[] = {
	{ "image_url", CAP_IMAGES }, /* chat */
	{ "input_image", CAP_IMAGES }, /* responses */
	{ "image", CAP_IMAGES }, /* messages */
	{ "input_audio", CAP_AUDIO },
};

/* --- what is to be read --- */

void
prompt_init(struct prompt *p)
{
	p->n_parts = p->part = 0;
	p->no_text = p->no_needs = false;
	p->text = p->tokens = 0;
	p->needs = 0;
	p->depth = p->contents = 0;
	p->passing = false;
}

static void
add_part(struct prompt *p, const struct scan_member *m, enum prompt_level level,
    enum field f)
{
	if (m != NULL)
		p->parts[p->n_parts++] = (struct prompt_part){ m, level, f };
}

enum err
prompt_messages(
    struct prompt *p, const struct fields *found, struct dialect_error *why)
{
	const struct scan_member *m = found->at[FIELD_MESSAGES];

	if (m == NULL)
		return field_missing(why, FIELD_MESSAGES);
	add_part(p, m, PROMPT_MESSAGES, FIELD_MESSAGES);
	return OK;
}

void
prompt_texts(struct prompt *p, const struct fields *found, enum field f)
{
	add_part(p, found->at[f], PROMPT_TEXTS, f);
}

void
prompt_content(struct prompt *p, const struct scan_member *m)
{
	add_part(p, m, PROMPT_CONTENT, FIELD_COUNT);
}

/* --- tokens --- */

static void
read_part_type(struct prompt *p)
{
	for (size_t i = 0; i < COUNT(part_caps); i++)
		if (scan_string_is(&p->m, part_caps[i].type))
			p->needs |= part_caps[i].cap;
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

static void
enter(struct prompt *p, enum prompt_level level)
{
	if (level == PROMPT_CONTENT)
		p->contents++;
	if (level == PROMPT_SOURCE) {
		p->sources[p->contents].bytes = 0;
		p->sources[p->contents].is_text = false;
	}
	p->levels[p->depth++] = (unsigned char)level;
	scan_walk_enter(&p->walk);
}

static void
leave(struct prompt *p)
{
	enum prompt_level level = p->levels[--p->depth];

	if (level == PROMPT_CONTENT)
		p->contents--;
	if (level == PROMPT_SOURCE && p->sources[p->contents].is_text)
		p->text += p->sources[p->contents].bytes;
}

static void use_key(struct prompt *);

/* The token has been passed, which if it is a string means so many bytes. */
static void
use_token(struct prompt *p, enum use use, size_t means)
{
	struct scan_member *m = &p->m;

	switch (use) {
	case USE_NONE:
		break;
	case USE_KEY:
		m->key = slice_make(m->value.p + 1, m->value.n - 2);
		m->type = scan_walk_colon(&p->walk);
		use_key(p);
		break;
	case USE_TEXT:
		p->text += means;
		break;
	case USE_DATA:
		p->sources[p->contents].bytes = means;
		break;
	case USE_TYPE:
		read_part_type(p);
		break;
	case USE_SOURCE_TYPE:
		p->sources[p->contents].is_text = scan_string_is(m, "text");
		break;
	case USE_TOOLS:
		/* where a client tells of them in its input, as Codex does */
		if (!scan_has_elements(m))
			break;
		p->needs |= CAP_TOOLS;
		p->text += m->value.n;
		break;
	case USE_CALL:
		p->text += m->value.n;
		break;
	}
}

/* Goes on with it. */
static void
pass(struct prompt *p)
{
	p->passing = !scan_walk_pass(&p->walk, &p->pass, p->until);
	if (p->passing)
		return;
	p->m.value.n = (size_t)(p->walk.p - p->m.value.p);
	use_token(p, p->use, p->pass.means);
}

static inline void
take(struct prompt *p, enum use use)
{
	if (p->until < p->walk.end) {
		p->use = (unsigned char)use;
		p->pass = (struct scan_pass){ 0 };
		p->m.value.p = p->walk.p;
		pass(p);
	} else if (use == USE_TEXT) {
		p->text += scan_walk_text(&p->walk);
	} else if (use == USE_DATA) {
		use_token(p, use, scan_walk_text(&p->walk));
	} else {
		p->m.value = scan_walk_skip(&p->walk);
		if (use != USE_NONE)
			use_token(p, use, 0);
	}
}

static void
take_content(struct prompt *p, enum scan_type type)
{
	if (type == SCAN_STRING)
		take(p, USE_TEXT);
	else if (type == SCAN_ARRAY && p->contents < PROMPT_CONTENTS)
		enter(p, PROMPT_CONTENT);
	else
		take(p, USE_NONE);
}

/* --- levels --- */

/* A message, a part of one, a call or its result. */
static void
use_key_of_item(struct prompt *p)
{
	const struct scan_member *m = &p->m;

	if (scan_key_is(m, "content") || scan_key_is(m, "output"))
		take_content(p, m->type);
	else if (m->type == SCAN_STRING && scan_key_is(m, "text"))
		take(p, USE_TEXT);
	else if (m->type == SCAN_OBJECT && scan_key_is(m, "source"))
		enter(p, PROMPT_SOURCE);
	else if (scan_key_is(m, "type"))
		take(p, USE_TYPE);
	else if (scan_key_is(m, "tools"))
		take(p, USE_TOOLS);
	else
		take(p, is_call(m) ? USE_CALL : USE_NONE);
}

/* Where a picture or a document of messages comes from: bytes in base64 are no
 * text. */
static void
use_key_of_source(struct prompt *p)
{
	const struct scan_member *m = &p->m;

	if (scan_key_is(m, "content"))
		take_content(p, m->type);
	else if (scan_key_is(m, "type"))
		take(p, USE_SOURCE_TYPE);
	else if (m->type == SCAN_STRING && scan_key_is(m, "data"))
		take(p, USE_DATA);
	else
		take(p, USE_NONE);
}

static void
use_key(struct prompt *p)
{
	if (p->levels[p->depth - 1] == PROMPT_ITEM)
		use_key_of_item(p);
	else
		use_key_of_source(p);
}

static void
read_member(struct prompt *p)
{
	enum scan_type type;

	if (p->until == p->walk.end) {
		if (scan_walk_member(&p->walk, &p->m))
			use_key(p);
		else
			leave(p);
	} else if (scan_walk_element(&p->walk, &type)) {
		take(p, USE_KEY);
	} else {
		leave(p);
	}
}

static enum err
read_message(struct prompt *p, enum scan_type type, struct dialect_error *why)
{
	p->elements++;
	if (type != SCAN_OBJECT)
		return field_bad_type(
		    why, "messages", "an array of objects", type);
	enter(p, PROMPT_ITEM);
	return OK;
}

static enum err
read_text(struct prompt *p, enum scan_type type, struct dialect_error *why)
{
	p->elements++;
	if (type == SCAN_STRING) {
		take(p, USE_TEXT);
	} else if (type == SCAN_ARRAY) {
		enter(p, PROMPT_TOKENS);
	} else if (type == SCAN_NUMBER) {
		p->tokens++;
		take(p, USE_NONE);
	} else {
		return field_bad_type(why, field_name(p->parts[p->part].field),
		    "a string, or an array of strings or tokens", type);
	}
	return OK;
}

static enum err
read_element(
    struct prompt *p, enum prompt_level level, struct dialect_error *why)
{
	enum scan_type type;

	if (!scan_walk_element(&p->walk, &type)) {
		leave(p);
		return OK;
	}
	if (level == PROMPT_MESSAGES)
		return read_message(p, type, why);
	if (level == PROMPT_TEXTS)
		return read_text(p, type, why);
	if (level == PROMPT_TOKENS) {
		p->tokens++;
		take(p, USE_NONE);
	} else if (type == SCAN_OBJECT) {
		enter(p, PROMPT_ITEM);
	} else if (type == SCAN_STRING) {
		take(p, USE_TEXT);
	} else {
		take(p, USE_NONE);
	}
	return OK;
}

/* --- parts --- */

static void
stop_after(struct prompt *p, size_t n)
{
	size_t left = (size_t)(p->walk.end - p->walk.p);

	p->until = p->walk.p + (left < n ? left : n);
}

static void
begin_part(struct prompt *p, size_t n)
{
	const struct prompt_part *part = &p->parts[p->part];

	p->walk = scan_walk_at(part->m->value);
	p->elements = part->m->type == SCAN_STRING;
	stop_after(p, n);
	if (part->m->type == SCAN_ARRAY)
		enter(p, part->level);
	else
		take(p, part->m->type == SCAN_STRING ? USE_TEXT : USE_NONE);
}

static enum err
end_part(
    const struct prompt_part *part, size_t elements, struct dialect_error *why)
{
	if (elements > 0 || part->level == PROMPT_CONTENT)
		return OK;
	return field_bad(why, field_name(part->field), "invalid_value",
	    "'%s' must not be empty", field_name(part->field));
}

/* *more as of prompt_read(). */
static enum err
walk(struct prompt *p, struct dialect_error *why, bool *more)
{
	enum prompt_level level;
	enum err rc = OK;

	*more = true;
	if (p->passing)
		pass(p);
	while (rc == OK && p->depth > 0) {
		if (p->passing ||
		    (p->walk.p >= p->until && p->until < p->walk.end))
			return OK;
		level = p->levels[p->depth - 1];
		if (level >= PROMPT_ITEM)
			read_member(p);
		else
			rc = read_element(p, level, why);
	}
	if (p->passing)
		return OK;
	*more = false;
	return rc;
}

static void
tell(const struct prompt *p, struct facts *facts)
{
	if (!p->no_text)
		facts->prompt_bytes += p->text + TOKEN_BYTES * p->tokens;
	if (!p->no_needs)
		facts->needs |= p->needs;
}

enum err
prompt_read(struct prompt *p, size_t n, struct facts *facts,
    struct dialect_error *why, bool *more)
{
	enum err rc = OK;

	*more = false;
	if (p->depth > 0 || p->passing)
		stop_after(p, n);
	else if (p->part < p->n_parts)
		begin_part(p, n);
	if (p->part < p->n_parts) {
		rc = walk(p, why, more);
		if (rc != OK || *more)
			return rc;
		rc = end_part(&p->parts[p->part], p->elements, why);
		p->part++;
		*more = rc == OK && p->part < p->n_parts;
	}
	if (rc == OK && !*more)
		tell(p, facts);
	return rc;
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
