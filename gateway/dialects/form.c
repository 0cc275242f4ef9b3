/* gateway/dialects/form.c - requests that are forms, with files in them.
 *
 * Routing reads three parts; all others are the backend's. Their names are
 * compared as they are written, so a part whose name another reader could take
 * for one of them is none, or has been refused (multipart.h). */
#include <string.h>

#include "gateway/dialects/fields.h"
#include "gateway/dialects/multipart.h"
#include "gateway/lib/count.h"
#include "gateway/lib/utf8.h"

static enum err
bad_form(struct dialect_error *why, const char *text)
{
	return field_bad(why, NULL, "invalid_multipart",
	    "the request body is not valid multipart/form-data: %s", text);
}

/* What stands as it is, and once. */
static enum err
check_field(const struct multipart_part *p, const char *name, bool seen,
    struct dialect_error *why)
{
	if (seen)
		return field_bad(why, name, "duplicate_member",
		    "'%s' is given more than once", name);
	if (p->file || p->coded)
		return field_bad(why, name, "invalid_type",
		    "'%s' must be a plain field, neither a file nor encoded",
		    name);
	return OK;
}

static enum err
read_model(const struct multipart_part *p, struct dialect_request *r,
    struct dialect_error *why)
{
	enum err rc = check_field(p, "model", r->form_model.p != NULL, why);

	if (rc != OK)
		return rc;
	if (p->value.n >= sizeof(r->model_name))
		return field_bad(why, "model", "invalid_value",
		    "'model' must have at most %zu bytes, got %zu",
		    sizeof(r->model_name) - 1, p->value.n);
	if (!utf8_is_text(p->value.p, p->value.n))
		return field_bad(why, "model", "invalid_value",
		    "'model' must be text, without control characters");
	memcpy(r->model_name, p->value.p, p->value.n);
	r->model_name[p->value.n] = '\0';
	r->form_model = p->value;
	r->facts.model = slice_make(r->model_name, p->value.n);
	return OK;
}

/* As web frameworks read a boolean; what is none is the backend's to refuse. */
static bool
is_true(struct slice s)
{
	static const char *const words[] = { "true", "1", "on", "yes", "y",
		"t" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (slice_iis(s, words[i]))
			return true;
	return false;
}

/* Those that were read. */
struct seen {
	bool stream, n;
};

static enum err
read_stream(const struct multipart_part *p, struct dialect_request *r,
    struct seen *seen, struct dialect_error *why)
{
	enum err rc = check_field(p, "stream", seen->stream, why);

	seen->stream = true;
	r->facts.stream = is_true(p->value);
	return rc;
}

/* How many pictures; what is no number is the backend's to refuse. */
static enum err
read_n(const struct multipart_part *p, struct dialect_request *r,
    struct seen *seen, struct dialect_error *why)
{
	enum err rc = check_field(p, "n", seen->n, why);
	uint64_t n;

	seen->n = true;
	if (rc == OK && slice_u64(p->value, &n) && n > 0)
		r->facts.units.images = (double)n;
	return rc;
}

static enum err
read_part(const struct multipart_part *p, struct dialect_request *r,
    struct seen *seen, struct dialect_error *why)
{
	if (slice_is(p->name, "model"))
		return read_model(p, r, why);
	if (slice_is(p->name, "stream"))
		return read_stream(p, r, seen, why);
	if (slice_is(p->name, "n") && r->facts.dialect == DIALECT_IMAGES)
		return read_n(p, r, seen, why);
	return OK;
}

enum err
dialect_parse_form(enum dialect dialect, struct slice content_type,
    struct slice body, struct dialect_request *r, struct dialect_error *why)
{
	struct multipart_part part;
	struct multipart m;
	struct errmsg text;
	struct seen seen = { .stream = false };
	enum err rc = multipart_begin(&m, content_type, body, &text);

	dialect_request_init(r, dialect);
	r->n_members = 0;
	if (rc != OK)
		return bad_form(why, text.text);
	while ((rc = multipart_next(&m, &part, &text)) == OK) {
		rc = read_part(&part, r, &seen, why);
		if (rc != OK)
			return rc;
	}
	if (rc != ERR_NOT_FOUND)
		return bad_form(why, text.text);
	r->form_end = m.end;
	return OK;
}
