/* backends/encode.c - a client's request, as a backend wants it.
 *
 * Invariant: every byte of the body that need not change goes out from where
 * it lies; what has to change is an edit over it. */
#include <string.h>

#include "backends/backend.h"
#include "gateway/lib/count.h"

#define EXTRA_MAX ((size_t)16 << 10) /* a model's name, escaped */
#define HEADERS_MAX ((size_t)32 << 10) /* keys can be signed tokens */
#define MEMBERS_MAX 256

void
encoded_init(struct encoded *e)
{
	e->path[0] = '\0';
	e->usage_injected = false;
	edits_init(&e->body, SLICE(""));
	buf_init(&e->extra, EXTRA_MAX);
	buf_init(&e->headers, HEADERS_MAX);
}

void
encoded_fini(struct encoded *e)
{
	buf_fini(&e->extra);
	buf_fini(&e->headers);
}

/* --- members that go --- */

static const char *const *
strip_list(const struct encode_in *in)
{
	const char *const *configured = in->serving->backend->strip;

	return configured != NULL ? configured : in->ops->strip;
}

static bool
goes(const struct encode_in *in, const struct scan_member *m)
{
	const char *const *name = strip_list(in);

	if (m == in->model)
		return false;
	if (in->dialect == DIALECT_EMBEDDINGS && in->ops->lacks_base64 &&
	    scan_key_is(m, "encoding_format"))
		return true;
	for (; name != NULL && *name != NULL; name++)
		if (scan_key_is(m, *name))
			return true;
	return false;
}

/* *left: how many stay. */
static enum err
strip(const struct encode_in *in, struct edits *body, size_t *left)
{
	bool remove[MEMBERS_MAX];

	if (in->n_members > MEMBERS_MAX)
		return ERR_LIMIT;
	*left = in->n_members;
	for (size_t i = 0; i < in->n_members; i++) {
		remove[i] = goes(in, &in->members[i]);
		*left -= remove[i];
	}
	if (*left == in->n_members)
		return OK;
	return edits_remove_members(body, in->members, in->n_members, remove);
}

/* --- the model --- */

/* Escapes are rare in names, so one that has any is written afresh. */
static bool
is_asked_for_already(const struct scan_member *model, struct slice name)
{
	struct slice v = model->value;

	return model->type == SCAN_STRING && slice_find(v, '\\') < 0 &&
	    slice_eq(slice_make(v.p + 1, v.n - 2), name);
}

/* `extra` moves while it grows, so an edit points there only once it is
 * complete. */
static enum err
name_model(const struct encode_in *in, struct encoded *out, size_t *left)
{
	const size_t from = out->extra.n;
	bool append = in->model == NULL;
	struct slice text;

	if (!append && is_asked_for_already(in->model, in->model_name))
		return OK;
	if (append)
		buf_add_str(&out->extra, "\"model\":");
	buf_add_json(&out->extra, in->model_name);
	if (buf_err(&out->extra) != OK)
		return buf_err(&out->extra);
	text = slice_make(out->extra.p + from, out->extra.n - from);
	if (!append)
		return edits_replace(&out->body, in->model->value, text);
	return edits_append_members(&out->body, text, (*left)++ > 0);
}

/* A part of its own, before what closes them all, or the name in its place. No
 * name has a boundary in it: this one is the client's choice. */
static enum err
name_model_in_form(const struct encode_in *in, struct encoded *out)
{
	struct slice mark = in->form_end;

	if (in->form_model.p != NULL)
		return slice_eq(in->form_model, in->model_name)
		    ? OK
		    : edits_replace(&out->body, in->form_model, in->model_name);
	buf_add(&out->extra, mark);
	buf_add_str(&out->extra,
	    "\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n");
	buf_add(&out->extra, in->model_name);
	buf_add_str(&out->extra, "\r\n");
	if (buf_err(&out->extra) != OK)
		return buf_err(&out->extra);
	return edits_replace(
	    &out->body, slice_make(mark.p, 0), buf_slice(&out->extra));
}

/* --- the longest answer --- */

static const char *
limit_name(const struct encode_in *in)
{
	if (in->dialect == DIALECT_RESPONSES)
		return "max_output_tokens";
	return in->dialect == DIALECT_CHAT && in->ops->completion_tokens
	    ? "max_completion_tokens"
	    : "max_tokens";
}

static bool
is_stripped(const struct encode_in *in, const char *member)
{
	const char *const *name = strip_list(in);

	for (; name != NULL && *name != NULL; name++)
		if (strcmp(*name, member) == 0)
			return true;
	return false;
}

const char *
backend_length(const struct scan_member *m, double *tokens)
{
	/* llama.cpp takes n_predict before all others, on every path */
	static const char *const names[] = { "max_tokens",
		"max_completion_tokens", "max_output_tokens", "n_predict" };
	const char *name = NULL;

	for (size_t i = 0; i < COUNT(names) && name == NULL; i++)
		if (scan_key_is(m, names[i]))
			name = names[i];
	if (name == NULL || m->type != SCAN_NUMBER)
		return NULL;
	if (!slice_double(m->value, tokens) || *tokens < 1)
		*tokens = 0; /* a number that is too odd, too */
	return name;
}

/* Its text, at the start of `extra`. */
static void
write_limit(const struct encode_in *in, struct encoded *out)
{
	if (in->max_tokens > 0 && dialect_writes_text(in->dialect))
		buf_addf(
		    &out->extra, "\"%s\":%u", limit_name(in), in->max_tokens);
}

/* Whether this backend is sure to read it; OpenAI's kind takes the old name,
 * too, and refuses both together. */
static bool
counts(const struct encode_in *in, const struct scan_member *m)
{
	return scan_key_is(m, limit_name(in)) ||
	    (in->dialect == DIALECT_CHAT && in->ops->completion_tokens &&
		scan_key_is(m, "max_tokens"));
}

/* What stays has an end. *said: by a name that counts. */
static enum err
end_lengths(const struct encode_in *in, struct slice number,
    struct encoded *out, bool *said)
{
	const struct scan_member *m;
	enum err rc = OK;
	double tokens;

	*said = false;
	for (size_t i = 0; i < in->n_members && rc == OK; i++) {
		m = &in->members[i];
		if (backend_length(m, &tokens) == NULL || goes(in, m))
			continue;
		if (tokens == 0)
			rc = edits_replace(&out->body, m->value, number);
		*said |= counts(in, m);
	}
	return rc;
}

/* A newer name than this kind of backend is sure to know. Some refuse both at a
 * time. */
static const struct scan_member *
newer_name(const struct encode_in *in)
{
	const struct scan_member *m =
	    scan_find(in->members, in->n_members, "max_completion_tokens");

	if (in->dialect != DIALECT_CHAT || m == NULL ||
	    m->type != SCAN_NUMBER || goes(in, m))
		return NULL;
	return m;
}

/* A client that says null says nothing: a number takes its place. */
static enum err
add_limit(const struct encode_in *in, struct slice text, struct encoded *out,
    size_t *left)
{
	const char *name = limit_name(in);
	const struct scan_member *null =
	    scan_find(in->members, in->n_members, name);
	const struct scan_member *newer = newer_name(in);
	size_t value = strlen(name) + 3;
	struct slice number = slice_make(text.p + value, text.n - value);
	bool said;
	enum err rc = end_lengths(in, number, out, &said);

	if (rc != OK || said || is_stripped(in, name))
		return rc;
	if (newer != NULL) {
		rc = edits_replace(&out->body, newer->key, slice_of(name));
		if (rc == OK && null != NULL) /* they change places */
			rc = edits_replace(&out->body, null->key, newer->key);
		return rc;
	}
	if (null != NULL)
		return edits_replace(&out->body, null->value, number);
	return edits_append_members(&out->body, text, (*left)++ > 0);
}

/* --- stream_options.include_usage --- */

#define INCLUDE_USAGE "\"include_usage\":true"

static bool
may_ask_for_usage(const struct encode_in *in)
{
	return !is_stripped(in, "stream_options") && in->want_usage &&
	    in->facts->stream && !in->facts->include_usage &&
	    !in->ops->tells_usage &&
	    (in->dialect == DIALECT_CHAT || in->dialect == DIALECT_COMPLETIONS);
}

/* The options that the client gave stay. Where they are neither an object nor
 * null, the backend will say what is wrong. */
static enum err
extend_options(const struct scan_member *options, struct encoded *out)
{
	struct slice rest = options->value;
	struct scan_member m;

	out->usage_injected =
	    options->type == SCAN_OBJECT || options->type == SCAN_NULL;
	if (!out->usage_injected)
		return OK;
	if (options->type == SCAN_NULL || !scan_next_member(&rest, &m))
		return edits_replace(
		    &out->body, options->value, SLICE("{" INCLUDE_USAGE "}"));
	if (scan_get(options->value, "include_usage", &m))
		return edits_replace(&out->body, m.value, SLICE("true"));
	return edits_replace(&out->body, slice_make(options->value.p + 1, 0),
	    SLICE(INCLUDE_USAGE ","));
}

static enum err
ask_for_usage(const struct encode_in *in, struct encoded *out, size_t left)
{
	const struct scan_member *options =
	    scan_find(in->members, in->n_members, "stream_options");

	if (options != NULL)
		return extend_options(options, out);
	out->usage_injected = true;
	return edits_append_members(&out->body,
	    SLICE("\"stream_options\":{" INCLUDE_USAGE "}"), left > 0);
}

static enum err
edit_body(const struct encode_in *in, struct encoded *out)
{
	size_t left, limit;
	enum err rc;

	edits_init(&out->body, in->body);
	if (in->dialect == DIALECT_REALTIME) /* there is none */
		return OK;
	if (in->form_end.p != NULL)
		return name_model_in_form(in, out);
	write_limit(in, out);
	limit = out->extra.n;
	rc = strip(in, &out->body, &left);
	if (rc == OK)
		rc = name_model(in, out, &left);
	if (rc == OK && limit > 0)
		rc = add_limit(in, slice_make(out->extra.p, limit), out, &left);
	if (rc == OK && may_ask_for_usage(in))
		rc = ask_for_usage(in, out, left);
	return rc;
}

/* --- headers --- */

static const char *
key_of(const struct encode_in *in)
{
	return in->api_key != NULL ? in->api_key
				   : in->serving->backend->api_key;
}

/* A list of names. What the front lets through may be anything. */
static bool
is_plain(struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < ' ' || value.p[i] > '~')
			return false;
	return value.n > 0;
}

/* What the client wants of a format that is not final yet. */
static void
add_beta(const struct encode_in *in, struct buf *headers)
{
	if (!dialect_is_anthropic(in->dialect) || !is_plain(in->beta))
		return;
	buf_add_str(headers, "anthropic-beta: ");
	buf_add(headers, in->beta);
	buf_add_char(headers, '\n');
}

static void
add_key(struct buf *headers, const char *before, const char *key)
{
	buf_add_str(headers, before);
	buf_add_str(headers, key);
	buf_add_char(headers, '\n');
}

/* Anthropic wants the key in a header of its own, and the version of the
 * format; others that speak it look for a bearer token. */
void
backend_add_auth(const struct backend_ops *ops, enum dialect dialect,
    const char *key, struct buf *headers)
{
	const bool messages = dialect_is_anthropic(dialect);

	if (messages)
		buf_add_str(headers, "anthropic-version: 2023-06-01\n");
	if (key == NULL)
		return;
	if (!messages || !ops->x_api_key)
		add_key(headers, "authorization: Bearer ", key);
	if (messages)
		add_key(headers, "x-api-key: ", key);
}

enum dialect
backend_probe_dialect(const struct backend_ops *ops)
{
	return ops->x_api_key ? DIALECT_MESSAGES : DIALECT_CHAT;
}

static void
add_headers(const struct encode_in *in, struct buf *headers)
{
	buf_add_str(headers, "content-type: ");
	buf_add(headers,
	    in->form_end.p != NULL ? in->form_type : SLICE("application/json"));
	buf_add_str(headers, "\naccept-encoding: identity\n");
	buf_add_str(headers,
	    dialect_passes(in->dialect) ? "accept: */*\n"
		: in->facts->stream     ? "accept: text/event-stream\n"
					: "accept: application/json\n");
	add_beta(in, headers);
	backend_add_auth(in->ops, in->dialect, key_of(in), headers);
}

static enum err
set_path(const char *path, struct encoded *out, struct errmsg *why)
{
	struct slice s = slice_of(path);

	if (slice_copy(out->path, sizeof(out->path), s) < s.n)
		return fail(why, ERR_LIMIT, "the path is too long");
	return OK;
}

enum err
backend_encode(
    const struct encode_in *in, struct encoded *out, struct errmsg *why)
{
	enum err rc;

	if (key_of(in) != NULL && strpbrk(key_of(in), "\r\n") != NULL)
		return fail(why, ERR_INVALID,
		    "the key of backend \"%s\" has a line end in it",
		    in->serving->backend->name);
	rc = set_path(in->path, out, why);
	if (rc != OK)
		return rc;
	rc = edit_body(in, out);
	if (rc != OK)
		return fail(
		    why, rc, "the body cannot be edited: %s", err_name(rc));
	add_headers(in, &out->headers);
	rc = buf_err(&out->headers);
	if (rc != OK)
		return fail(why, rc, "the headers are too long");
	return OK;
}
