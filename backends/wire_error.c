/* backends/wire_error.c - the shapes in which backends say that they failed. */
#include "backends/wire_error.h"

#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/sse.h"

/* What a type stands for where no number is given. */
static const struct {
	const char *type;
	int status;
} types[] = {
	{ "invalid_request_error", 400 },
	{ "context_length_exceeded", 400 },
	{ "BadRequestError", 400 },
	{ "exceed_context_size_error", 400 },
	{ "validation", 422 },
	{ "authentication_error", 401 },
	{ "permission_error", 403 },
	{ "not_found_error", 404 },
	{ "NotFoundError", 404 },
	{ "request_too_large", 413 },
	{ "rate_limit_error", 429 },
	{ "rate_limit_exceeded", 429 },
	{ "insufficient_quota", 429 },
	{ "overloaded", 429 },
	{ "generation", 500 },
	{ "incomplete_generation", 500 },
	{ "overloaded_error", 529 },
	{ "unavailable_error", 503 },
	{ "timeout_error", 504 },
	/* of a response that failed */
	{ "previous_response_not_found", 400 },
	{ "server_error", 500 },
	{ "data_residency_mismatch", 403 },
	{ "invalid_prompt", 400 },
	{ "bio_policy", 400 },
	{ "misalignment_policy_violation", 400 },
	{ "invalid_image", 400 },
	{ "invalid_image_format", 400 },
	{ "invalid_base64_image", 400 },
	{ "invalid_image_url", 400 },
	{ "image_too_large", 400 },
	{ "image_too_small", 400 },
	{ "image_parse_error", 400 },
	{ "image_content_policy_violation", 400 },
	{ "invalid_image_mode", 400 },
	{ "image_file_too_large", 400 },
	{ "unsupported_image_media_type", 400 },
	{ "empty_image_file", 400 },
	{ "failed_to_download_image", 400 },
	{ "image_file_not_found", 400 },
};

/* Google puts its one error into a list. */
static struct slice
without_list(struct slice text)
{
	text = slice_trim(text);
	return text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']'
	    ? slice_trim(slice_make(text.p + 1, text.n - 2))
	    : text;
}

struct slice
wire_error_text(struct slice body, struct buf *scratch)
{
	struct sse_fields f;
	size_t taken = 0;
	struct sse sse;

	body = slice_trim(body);
	if (!slice_starts(body, SLICE("data:")) &&
	    !slice_starts(body, SLICE("event:")))
		return without_list(body);
	sse_init(&sse);
	if (sse_scan(&sse, body, &taken) != SSE_LONG)
		body = slice_make(body.p, taken);
	sse_parse(body, &f, scratch);
	return f.has_data ? without_list(f.data) : body;
}

static bool
is_word(struct slice quoted, const char *word)
{
	return quoted.n > 2 &&
	    slice_is(slice_make(quoted.p + 1, quoted.n - 2), word);
}

static bool
is_status(uint64_t v)
{
	return v >= 400 && v <= 599;
}

/* 400, or "400" as some write it. */
static void
read_status(const struct scan_member *m, struct wire_error *e)
{
	struct slice digits = m->value;
	uint64_t v;

	if (m->type == SCAN_STRING)
		digits = slice_make(digits.p + 1, digits.n - 2);
	else if (m->type != SCAN_NUMBER)
		return;
	if (slice_u64(digits, &v) && is_status(v))
		e->status = (int)v;
}

static void
keep_string(const struct scan_member *m, struct slice *out)
{
	if (scan_nonempty_string(m))
		*out = m->value;
}

/* Mistral's is an object at times, or a list. */
static void
keep_message(const struct scan_member *m, struct slice *out)
{
	if (m->type == SCAN_OBJECT || m->type == SCAN_ARRAY)
		*out = m->value;
	else
		keep_string(m, out);
}

/* [{"@type":"..RetryInfo","retryDelay":"24s"}] */
static void
read_details(const struct scan_member *details, struct wire_error *e)
{
	struct slice rest = details->value, value;
	struct scan_member m;
	enum scan_type type;

	if (details->type != SCAN_ARRAY)
		return;
	while (scan_next_element(&rest, &value, &type))
		if (type == SCAN_OBJECT && scan_get(value, "retryDelay", &m))
			e->retry_delay = scan_inside(&m);
}

static void
read_member(const struct scan_member *m, struct wire_error *e)
{
	if (scan_key_is(m, "message") || scan_key_is(m, "Message")) {
		keep_message(m, &e->message);
	} else if (scan_key_is(m, "type") || scan_key_is(m, "error_type")) {
		keep_string(m, &e->type);
	} else if (scan_key_is(m, "param")) {
		keep_string(m, &e->param);
	} else if (scan_key_is(m, "code")) {
		keep_string(m, &e->code);
		read_status(m, e);
	} else if (scan_key_is(m, "status") || scan_key_is(m, "status_code") ||
	    scan_key_is(m, "http_status_code")) {
		read_status(m, e);
		if (e->type.n == 0) /* Google's is a word */
			keep_string(m, &e->type);
	} else if (scan_key_is(m, "details")) { /* Google's */
		read_details(m, e);
	}
}

static void
infer_status(struct wire_error *e)
{
	for (size_t i = 0; e->status == 0 && i < COUNT(types); i++)
		if (wire_error_is(e, types[i].type))
			e->status = types[i].status;
}

static void
read_members(struct slice object, struct wire_error *e)
{
	struct scan_member m;

	while (scan_next_member(&object, &m))
		read_member(&m, e);
}

/* Cloudflare has a list of them: the first counts. */
static void
read_first(const struct scan_member *list, struct wire_error *e)
{
	struct slice rest = list->value, value;
	enum scan_type type;

	if (list->type == SCAN_ARRAY &&
	    scan_next_element(&rest, &value, &type) && type == SCAN_OBJECT)
		read_members(value, e);
}

bool
wire_error_read(const struct scan_member *error, struct wire_error *out)
{
	*out = (struct wire_error){ .status = 0 };
	if (error->type == SCAN_NULL || error->type == SCAN_FALSE ||
	    (error->type == SCAN_STRING && !scan_nonempty_string(error)))
		return false;
	keep_string(error, &out->message);
	if (error->type == SCAN_OBJECT)
		read_members(error->value, out);
	read_first(error, out);
	infer_status(out);
	return true;
}

/* Members of the error stand at the top level themselves. */
static bool
read_flat(const struct scan_member *members, size_t n, struct wire_error *out)
{
	const struct scan_member *detail = scan_find(members, n, "detail");
	const struct scan_member *errors = scan_find(members, n, "errors");

	*out = (struct wire_error){ .status = 0 };
	for (size_t i = 0; i < n; i++)
		read_member(&members[i], out);
	if (detail != NULL && out->message.n == 0)
		out->message = detail->value;
	if (errors != NULL && out->message.n == 0)
		read_first(errors, out);
	infer_status(out);
	return out->message.n > 0 || out->code.n > 0;
}

/* /responses says it in events of its own. */
static bool
read_event(const struct scan_member *members, size_t n, struct wire_error *out)
{
	const struct scan_member *type = scan_find(members, n, "type");
	const struct scan_member *response = scan_find(members, n, "response");
	struct scan_member error;

	if (type == NULL)
		return false;
	if (scan_string_is(type, "error"))
		return read_flat(members, n, out);
	return scan_string_is(type, "response.failed") && response != NULL &&
	    response->type == SCAN_OBJECT &&
	    scan_get(response->value, "error", &error) &&
	    wire_error_read(&error, out);
}

bool
wire_error_find(const struct scan_member *members, size_t n, bool failed,
    struct wire_error *out)
{
	const struct scan_member *error = scan_find(members, n, "error");
	const struct scan_member *object = scan_find(members, n, "object");
	const struct scan_member *type = scan_find(members, n, "error_type");

	if (error != NULL && wire_error_read(error, out)) {
		if (type != NULL) {
			read_member(type, out);
			infer_status(out);
		}
		return true;
	}
	if (failed || (object != NULL && scan_string_is(object, "error")))
		return read_flat(members, n, out);
	return read_event(members, n, out);
}

bool
wire_error_is(const struct wire_error *e, const char *word)
{
	return is_word(e->code, word) || is_word(e->type, word);
}

bool
wire_error_says(const struct wire_error *e, const char *phrase)
{
	struct slice text = e->message, wanted = slice_of(phrase);

	if (text.n > WIRE_ERROR_READ)
		text.n = WIRE_ERROR_READ;
	for (; text.n >= wanted.n; text.p++, text.n--)
		/* of most places the first letter is enough, in either case */
		if (((text.p[0] ^ phrase[0]) & ~0x20) == 0 &&
		    slice_istarts(text, wanted))
			return true;
	return false;
}

bool
wire_error_begins(const struct wire_error *e, const char *phrase)
{
	struct slice text = e->message;

	return text.n > 2 && text.p[0] == '"' &&
	    slice_istarts(slice_make(text.p + 1, text.n - 2), slice_of(phrase));
}
