/* gateway/dialects/multipart.c - multipart/form-data, read in place. */
#include "gateway/dialects/multipart.h"

#include <string.h>

static const struct slice line_end = { "\r\n", 2 };

static struct slice
behind(struct slice s, size_t n)
{
	return slice_make(s.p + n, s.n - n);
}

static struct slice
without_blanks(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = behind(s, 1);
	return s;
}

/* --- parameters of a header: ;name=value;name="value" --- */

struct param {
	struct slice name, value;
	bool escaped; /* it has a backslash */
};

static bool
is_token(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct slice
take_token(struct slice *rest)
{
	struct slice token = *rest;

	while (rest->n > 0 && is_token(rest->p[0]))
		*rest = behind(*rest, 1);
	token.n -= rest->n;
	return token;
}

/* Behind its opening quote. False: it has no end. */
static bool
take_quoted(struct slice *rest, struct param *p)
{
	size_t i = 0;

	while (i < rest->n && rest->p[i] != '"') {
		p->escaped |= rest->p[i] == '\\';
		i += rest->p[i] == '\\' ? 2 : 1;
	}
	if (i >= rest->n)
		return false;
	p->value = slice_make(rest->p, i);
	*rest = behind(*rest, i + 1);
	return true;
}

enum taken { TAKEN, TAKEN_ALL, TAKEN_BAD };

static enum taken
take_param(struct slice *rest, struct param *p)
{
	*p = (struct param){ .escaped = false };
	*rest = without_blanks(*rest);
	if (rest->n == 0)
		return TAKEN_ALL;
	if (rest->p[0] != ';')
		return TAKEN_BAD;
	*rest = without_blanks(behind(*rest, 1));
	if (rest->n == 0) /* a semicolon too many says nothing */
		return TAKEN_ALL;
	p->name = take_token(rest);
	if (p->name.n == 0 || rest->n == 0 || rest->p[0] != '=')
		return TAKEN_BAD;
	*rest = behind(*rest, 1);
	if (rest->n > 0 && rest->p[0] == '"') {
		*rest = behind(*rest, 1);
		return take_quoted(rest, p) ? TAKEN : TAKEN_BAD;
	}
	p->value = take_token(rest);
	return p->value.n > 0 ? TAKEN : TAKEN_BAD;
}

/* --- the boundary --- */

bool
multipart_is(struct slice content_type)
{
	return slice_istarts(content_type, SLICE("multipart/"));
}

static bool
is_boundary(struct slice s)
{
	static const char others[] = "'()+_,-./:=? ";

	if (s.n == 0 || s.n > MULTIPART_BOUNDARY_MAX || s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') ||
			(c != '\0' && strchr(others, c) != NULL)))
			return false;
	}
	return true;
}

static enum err
read_boundary(struct slice content_type, struct slice *out, struct errmsg *why)
{
	struct slice kind = SLICE("multipart/form-data"), rest;
	struct param p;
	enum taken t;

	*out = slice_make(NULL, 0);
	for (size_t i = 0; i < content_type.n; i++)
		if (content_type.p[i] < ' ' || content_type.p[i] > '~')
			return fail(
			    why, ERR_INVALID, "the content-type is no text");
	if (!slice_istarts(content_type, kind))
		return fail(why, ERR_INVALID,
		    "of multipart bodies only multipart/form-data is taken");
	rest = behind(content_type, kind.n);
	while ((t = take_param(&rest, &p)) == TAKEN) {
		if (!slice_iis(p.name, "boundary"))
			continue;
		if (out->n > 0 || !is_boundary(p.value))
			return fail(why, ERR_INVALID,
			    "the boundary in the content-type is not one, or "
			    "there are two: 1 to %d letters, digits and a few "
			    "signs are wanted",
			    MULTIPART_BOUNDARY_MAX);
		*out = p.value;
	}
	if (t == TAKEN_BAD)
		return fail(
		    why, ERR_INVALID, "the content-type cannot be read");
	if (out->n == 0)
		return fail(why, ERR_INVALID,
		    "the content-type names no boundary: leave it to your HTTP "
		    "library to set it");
	return OK;
}

/* --- delimiters --- */

static struct slice
mark_of(const struct multipart *m)
{
	return slice_make(m->mark, m->n_mark);
}

/* Behind a mark: either more parts follow, or nothing at all. */
static enum err
end_delimiter(struct multipart *m, struct errmsg *why)
{
	const char *mark = m->rest.p - m->n_mark;

	if (slice_starts(m->rest, SLICE("--"))) {
		if (slice_trim(behind(m->rest, 2)).n > 0)
			return fail(why, ERR_SYNTAX,
			    "there is something behind the last part");
		m->end = slice_make(mark, m->n_mark);
		m->rest.n = 0;
		return OK;
	}
	m->rest = without_blanks(m->rest);
	if (!slice_starts(m->rest, line_end))
		return fail(why, ERR_SYNTAX,
		    "a delimiter is followed by neither a line end nor \"--\"");
	m->rest = behind(m->rest, line_end.n);
	return OK;
}

enum err
multipart_begin(struct multipart *m, struct slice content_type,
    struct slice body, struct errmsg *why)
{
	struct slice boundary;
	enum err rc = read_boundary(content_type, &boundary, why);

	if (rc != OK)
		return rc;
	*m = (struct multipart){ .n_mark = boundary.n + 2 };
	m->mark[0] = m->mark[1] = '-';
	memcpy(m->mark + 2, boundary.p, boundary.n);
	if (slice_starts(body, line_end))
		body = behind(body, line_end.n);
	if (!slice_starts(body, mark_of(m)))
		return fail(why, ERR_SYNTAX,
		    "it does not begin with the boundary that the content-type "
		    "names");
	m->rest = behind(body, m->n_mark);
	return end_delimiter(m, why);
}

/* --- a part --- */

static enum err
read_disposition(
    struct slice value, struct multipart_part *p, struct errmsg *why)
{
	struct slice kind = SLICE("form-data");
	struct param param;
	enum taken t;

	if (!slice_istarts(value, kind))
		return fail(why, ERR_SYNTAX,
		    "a part's content-disposition is not form-data");
	value = behind(value, kind.n);
	while ((t = take_param(&value, &param)) == TAKEN) {
		if (slice_istarts(param.name, SLICE("filename"))) {
			p->file = true;
			continue;
		}
		if (!slice_istarts(param.name, SLICE("name")))
			continue;
		if (param.name.n != 4 || p->name.p != NULL || param.escaped)
			return fail(why, ERR_SYNTAX,
			    "a part has two names, or one with escapes");
		p->name = param.value;
	}
	if (t == TAKEN_BAD || p->name.p == NULL)
		return fail(why, ERR_SYNTAX,
		    "a part's content-disposition cannot be read, or names "
		    "nothing");
	return OK;
}

static enum err
read_header(struct slice line, struct multipart_part *p, struct errmsg *why)
{
	ptrdiff_t colon = slice_find(line, ':');
	struct slice name, value;

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '\r' || line.p[i] == '\n' || line.p[i] == '\0')
			colon = -1;
	if (colon < 0)
		return fail(why, ERR_SYNTAX, "a part's header is malformed");
	name = slice_make(line.p, (size_t)colon);
	value = slice_trim(behind(line, name.n + 1));
	for (size_t i = 0; i < name.n; i++)
		if (!is_token(name.p[i]))
			return fail(
			    why, ERR_SYNTAX, "a part's header is malformed");
	if (slice_iis(name, "content-transfer-encoding"))
		p->coded = !slice_iis(value, "binary") &&
		    !slice_iis(value, "8bit") && !slice_iis(value, "7bit");
	if (!slice_iis(name, "content-disposition"))
		return OK;
	if (p->name.p != NULL)
		return fail(why, ERR_SYNTAX,
		    "a part has more than one content-disposition");
	return read_disposition(value, p, why);
}

/* Up to the blank line. */
static enum err
read_head(struct multipart *m, struct multipart_part *p, struct errmsg *why)
{
	struct slice line, head = m->rest;
	enum err rc = OK;
	const char *end;

	if (head.n > MULTIPART_HEAD_MAX)
		head.n = MULTIPART_HEAD_MAX;
	while (rc == OK) {
		end = memmem(head.p, head.n, line_end.p, line_end.n);
		if (end == NULL)
			return fail(why, ERR_SYNTAX,
			    "the headers of a part have no end");
		line = slice_make(head.p, (size_t)(end - head.p));
		head = behind(head, line.n + line_end.n);
		if (line.n == 0)
			break;
		rc = read_header(line, p, why);
	}
	m->rest = behind(m->rest, (size_t)(head.p - m->rest.p));
	if (rc == OK && p->name.p == NULL)
		return fail(why, ERR_SYNTAX, "a part has no name");
	return rc;
}

/* Wherever the boundary is, it must be a delimiter: some readers take a lone LF
 * for a line's end. */
static enum err
read_value(struct multipart *m, struct multipart_part *p, struct errmsg *why)
{
	const char *mark = memmem(m->rest.p, m->rest.n, m->mark, m->n_mark);
	size_t n;

	if (mark == NULL)
		return fail(why, ERR_SYNTAX, "the last part has no end");
	n = (size_t)(mark - m->rest.p);
	if (n < line_end.n || memcmp(mark - line_end.n, line_end.p, 2) != 0)
		return fail(why, ERR_SYNTAX, "the boundary is inside a part");
	p->value = slice_make(m->rest.p, n - line_end.n);
	m->rest = behind(m->rest, n + m->n_mark);
	return end_delimiter(m, why);
}

enum err
multipart_next(
    struct multipart *m, struct multipart_part *p, struct errmsg *why)
{
	enum err rc;

	if (m->end.p != NULL)
		return ERR_NOT_FOUND;
	if (m->parts++ == MULTIPART_PARTS_MAX)
		return fail(why, ERR_LIMIT, "it has more than %d parts",
		    MULTIPART_PARTS_MAX);
	*p = (struct multipart_part){ .file = false };
	rc = read_head(m, p, why);
	return rc == OK ? read_value(m, p, why) : rc;
}
