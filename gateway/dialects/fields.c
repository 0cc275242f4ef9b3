/* gateway/dialects/fields.c - finds the members that routing reads.
 *
 * A member that is read and comes twice is refused, however its name is
 * escaped: a backend might take the other one. */
#include "gateway/dialects/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"

#define TYPE(t) (1u << SCAN_##t)
#define BOOLEAN (TYPE(TRUE) | TYPE(FALSE))

/* Those that may be longer than is read in one step: they are not searched, or
 * a part at a time. */
#define LONG                                                                   \
	(FIELD_BIT(FIELD_TOOLS) | FIELD_BIT(FIELD_FUNCTIONS) |                 \
	    FIELD_BIT(FIELD_MESSAGES) | FIELD_BIT(FIELD_SYSTEM) |              \
	    FIELD_BIT(FIELD_INSTRUCTIONS) | FIELD_BIT(FIELD_PROMPT) |          \
	    FIELD_BIT(FIELD_INPUT))

static const struct {
	struct slice name;
	unsigned types; /* bits of enum scan_type */
	const char *want;
} fields[FIELD_COUNT] = {
#define ROW(name, types, want)                                                 \
	{                                                                      \
		{ name, sizeof(name) - 1 }, types, want                        \
	}
	[FIELD_MODEL] = ROW("model", TYPE(STRING), "a string"),
	[FIELD_STREAM] = ROW("stream", BOOLEAN, "a boolean"),
	[FIELD_STREAM_OPTIONS] =
	    ROW("stream_options", TYPE(OBJECT), "an object"),
	[FIELD_MAX_TOKENS] = ROW("max_tokens", TYPE(NUMBER), "an integer"),
	[FIELD_MAX_COMPLETION_TOKENS] =
	    ROW("max_completion_tokens", TYPE(NUMBER), "an integer"),
	[FIELD_MAX_OUTPUT_TOKENS] =
	    ROW("max_output_tokens", TYPE(NUMBER), "an integer"),
	[FIELD_TOOLS] = ROW("tools", TYPE(ARRAY), "an array"),
	[FIELD_FUNCTIONS] = ROW("functions", TYPE(ARRAY), "an array"),
	[FIELD_RESPONSE_FORMAT] =
	    ROW("response_format", TYPE(OBJECT), "an object"),
	[FIELD_MODALITIES] = ROW("modalities", TYPE(ARRAY), "an array"),
	[FIELD_TEXT] = ROW("text", TYPE(OBJECT), "an object"),
	[FIELD_MESSAGES] = ROW("messages", TYPE(ARRAY), "an array"),
	[FIELD_SYSTEM] =
	    ROW("system", TYPE(STRING) | TYPE(ARRAY), "a string or an array"),
	[FIELD_INSTRUCTIONS] = ROW("instructions", TYPE(STRING), "a string"),
	[FIELD_PROMPT] =
	    ROW("prompt", TYPE(STRING) | TYPE(ARRAY), "a string or an array"),
	[FIELD_INPUT] =
	    ROW("input", TYPE(STRING) | TYPE(ARRAY), "a string or an array"),
	[FIELD_ENCODING_FORMAT] =
	    ROW("encoding_format", TYPE(STRING), "a string"),
	[FIELD_BACKGROUND] = ROW("background", BOOLEAN, "a boolean"),
	[FIELD_N] = ROW("n", TYPE(NUMBER), "an integer"),
#undef ROW
};

/* --- complaints --- */

enum err
field_bad(struct dialect_error *why, const char *param, const char *code,
    const char *fmt, ...)
{
	va_list ap;

	why->status = 400;
	why->param = param;
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->message, sizeof(why->message), fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

enum err
field_missing(struct dialect_error *why, enum field f)
{
	return field_bad(why, field_name(f), "missing_required_parameter",
	    "'%s' is required", field_name(f));
}

enum err
field_bad_type(struct dialect_error *why, const char *param, const char *want,
    enum scan_type got)
{
	static const char *const types[] = {
		[SCAN_STRING] = "a string",
		[SCAN_NUMBER] = "a number",
		[SCAN_OBJECT] = "an object",
		[SCAN_ARRAY] = "an array",
		[SCAN_TRUE] = "a boolean",
		[SCAN_FALSE] = "a boolean",
		[SCAN_NULL] = "null",
	};

	return field_bad(why, param, "invalid_type", "'%s' must be %s, got %s",
	    param, want, types[got]);
}

enum err
field_too_long(struct dialect_error *why, enum field f, size_t n)
{
	return field_bad(why, field_name(f), "invalid_value",
	    "'%s' must have at most %d bytes, got %zu", field_name(f),
	    FIELD_AT_ONCE, n);
}

const char *
field_name(enum field f)
{
	return fields[f].name.p;
}

/* --- finding --- */

/* The field that a member is, or FIELD_COUNT. */
static enum field
field_of(const struct scan_member *m, unsigned reads)
{
	bool escaped = slice_find(m->key, '\\') >= 0;
	enum field f;

	for (f = 0; f < FIELD_COUNT; f++) {
		if ((reads & FIELD_BIT(f)) == 0)
			continue;
		if (escaped ? scan_key_is(m, fields[f].name.p)
			    : slice_eq(m->key, fields[f].name))
			break;
	}
	return f;
}

static enum err
find_all(const struct dialect_request *r, unsigned reads, struct fields *out,
    struct dialect_error *why)
{
	const struct scan_member *m;
	unsigned seen = 0;
	enum field f;

	*out = (struct fields){ 0 };
	for (m = r->members; m < r->members + r->n_members; m++) {
		f = field_of(m, reads);
		if (f == FIELD_COUNT)
			continue;
		if ((seen & FIELD_BIT(f)) != 0)
			return field_bad(why, field_name(f), "duplicate_member",
			    "'%s' is given more than once", field_name(f));
		seen |= FIELD_BIT(f);
		out->at[f] = m;
	}
	return OK;
}

static enum err
check_types(const struct fields *found, struct dialect_error *why)
{
	const struct scan_member *m;

	for (enum field f = 0; f < FIELD_COUNT; f++) {
		m = found->at[f];
		if (m == NULL || m->type == SCAN_NULL)
			continue;
		if ((fields[f].types & 1u << m->type) == 0)
			return field_bad_type(
			    why, field_name(f), fields[f].want, m->type);
		if (m->value.n > FIELD_AT_ONCE && (LONG & FIELD_BIT(f)) == 0)
			return field_too_long(why, f, m->value.n);
	}
	return OK;
}

static void
forget_nulls(struct fields *found)
{
	for (enum field f = 0; f < FIELD_COUNT; f++)
		if (found->at[f] != NULL && found->at[f]->type == SCAN_NULL)
			found->at[f] = NULL;
}

/* --- what they say --- */

static enum err
read_model(const struct scan_member *m, struct dialect_request *r,
    struct dialect_error *why)
{
	struct buf name;
	size_t n;

	if (m == NULL)
		return OK;
	n = scan_text_length(m->value);
	if (n == 0) /* as some have it who know of one model only */
		return OK;
	if (n >= sizeof(r->model_name))
		return field_bad(why, "model", "invalid_value",
		    "'model' must have at most %zu bytes, got %zu",
		    sizeof(r->model_name) - 1, n);
	buf_on(&name, r->model_name, sizeof(r->model_name));
	scan_unescape(m->value, &name);
	if (memchr(r->model_name, '\0', n) != NULL)
		return field_bad(why, "model", "invalid_value",
		    "'model' must have no \\u0000");
	r->model_name[n] = '\0';
	r->facts.model = slice_make(r->model_name, n);
	return OK;
}

/* Some backends take 0 or a negative count to mean "no limit": it says nothing,
 * and what another member says holds. */
static enum err
read_count(const struct fields *found, enum field f, uint32_t *out,
    struct dialect_error *why)
{
	const struct scan_member *m = found->at[f];
	bool negative = m != NULL && m->value.p[0] == '-';
	struct slice digits;
	uint64_t v;

	if (m == NULL)
		return OK;
	digits = slice_make(m->value.p + negative, m->value.n - negative);
	if (!scan_u64(digits, &v))
		return field_bad(why, field_name(f), "invalid_type",
		    "'%s' must be an integer", field_name(f));
	if (!negative && v > 0)
		*out = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
	return OK;
}

static enum err
read_stream_options(const struct scan_member *options, struct facts *facts,
    struct dialect_error *why)
{
	static const char name[] = "stream_options.include_usage";
	struct slice rest = SLICE("");
	bool given = false;
	struct scan_member m;

	if (options != NULL && options->type == SCAN_OBJECT)
		rest = options->value;
	while (rest.n > 0 && scan_next_member(&rest, &m)) {
		if (!scan_key_is(&m, "include_usage"))
			continue;
		if (given)
			return field_bad(why, name, "duplicate_member",
			    "'%s' is given more than once", name);
		if (m.type != SCAN_TRUE && m.type != SCAN_FALSE &&
		    m.type != SCAN_NULL)
			return field_bad_type(why, name, "a boolean", m.type);
		facts->include_usage = m.type == SCAN_TRUE;
		given = true;
	}
	return OK;
}

static bool
is_structured(const struct scan_member *format)
{
	struct scan_member type;

	return format != NULL && format->type == SCAN_OBJECT &&
	    scan_get(format->value, "type", &type) &&
	    !scan_string_is(&type, "text");
}

/* Of the answer, that is; what is in the prompt is found there. */
static bool
wants_audio(const struct scan_member *modalities)
{
	struct slice rest, value;
	enum scan_type type;

	if (modalities == NULL)
		return false;
	rest = modalities->value;
	while (scan_next_element(&rest, &value, &type))
		if (type == SCAN_STRING && slice_is(value, "\"audio\""))
			return true;
	return false;
}

/* Backends put them into the prompt: roughly as many bytes as are here. */
static void
read_tools(const struct scan_member *tools, struct facts *facts)
{
	if (tools == NULL || !scan_has_elements(tools))
		return;
	facts->needs |= CAP_TOOLS;
	facts->prompt_bytes += tools->value.n;
}

static void
read_needs(const struct fields *found, struct facts *facts)
{
	const struct scan_member *text = found->at[FIELD_TEXT];
	struct scan_member format;

	read_tools(found->at[FIELD_TOOLS], facts);
	read_tools(found->at[FIELD_FUNCTIONS], facts);
	if (wants_audio(found->at[FIELD_MODALITIES]))
		facts->needs |= CAP_AUDIO;
	if (is_structured(found->at[FIELD_RESPONSE_FORMAT]))
		facts->needs |= CAP_JSON_MODE;
	if (text != NULL && scan_get(text->value, "format", &format) &&
	    is_structured(&format))
		facts->needs |= CAP_JSON_MODE;
}

static enum err
read_facts(
    const struct fields *found, struct facts *facts, struct dialect_error *why)
{
	/* in ascending order of authority */
	static const enum field counts[] = { FIELD_MAX_TOKENS,
		FIELD_MAX_OUTPUT_TOKENS, FIELD_MAX_COMPLETION_TOKENS };
	uint32_t images = (uint32_t)facts->units.images;
	enum err rc = OK;

	facts->stream = found->at[FIELD_STREAM] != NULL &&
	    found->at[FIELD_STREAM]->type == SCAN_TRUE;
	read_needs(found, facts);
	for (size_t i = 0; i < COUNT(counts) && rc == OK; i++)
		rc = read_count(found, counts[i], &facts->max_tokens, why);
	if (rc == OK)
		rc = read_count(found, FIELD_N, &images, why);
	if (rc != OK)
		return rc;
	facts->units.images = images;
	return read_stream_options(found->at[FIELD_STREAM_OPTIONS], facts, why);
}

void
dialect_request_init(struct dialect_request *r, enum dialect dialect)
{
	r->facts = (struct facts){
		.dialect = dialect,
		.needs = dialect_cap(dialect),
		.units = { .images = dialect == DIALECT_IMAGES ? 1 : 0,
		    .seconds = dialect == DIALECT_TRANSCRIPTION ? 60 : 0 },
	};
	r->model = NULL;
	r->model_name[0] = '\0';
	r->form_model = r->form_end = (struct slice){ NULL, 0 };
}

enum err
fields_read(enum dialect dialect, unsigned reads, struct dialect_request *r,
    struct fields *found, struct dialect_error *why)
{
	enum err rc;

	dialect_request_init(r, dialect);
	rc = find_all(r, reads, found, why);
	if (rc != OK)
		return rc;
	rc = check_types(found, why);
	if (rc != OK)
		return rc;
	r->model = found->at[FIELD_MODEL];
	forget_nulls(found);
	rc = read_model(found->at[FIELD_MODEL], r, why);
	if (rc != OK)
		return rc;
	return read_facts(found, &r->facts, why);
}
