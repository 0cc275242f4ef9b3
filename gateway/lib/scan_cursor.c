/* gateway/lib/scan_cursor.c - walks JSON that scan_object() has validated.
 *
 * Validity is what makes it quick: brackets need no matching and escapes no
 * checking. Each step leaves *rest at a comma or at the closing bracket. */
#include "gateway/lib/scan.h"
#include "gateway/lib/scan_plain.h"
#include "gateway/lib/scan_wide.h"

/* --- values, skipped: from their first byte to just behind them --- */

static const char *
skip_space(const char *p, const char *end)
{
	return (const char *)scan_space(
	    (const unsigned char *)p, (const unsigned char *)end);
}

static const char *
skip_string(const char *p, const char *end)
{
	const unsigned char *q = (const unsigned char *)p + 1;
	const unsigned char *e = (const unsigned char *)end;

	for (;;) {
		q = scan_stop(q, e);
		if (q >= e)
			return end;
		if (*q == '"')
			return (const char *)q + 1;
		/* where there is one escape there are more */
		q = scan_wide_quote(q, e);
		while (q < e && *q == '\\')
			q += 2; /* with what it escapes, if only in part */
	}
}

static const char *
skip_brackets(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			p = skip_string(p, end);
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return p + 1;
			break;
		}
		p++;
	}
	return end;
}

static const char *
skip_word(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != ']' && *p != '}' && *p != ' ' &&
	    *p != '\n' && *p != '\r' && *p != '\t')
		p++;
	return p;
}

static enum scan_type
type_at(const char *p)
{
	switch (*p) {
	case '"':
		return SCAN_STRING;
	case '{':
		return SCAN_OBJECT;
	case '[':
		return SCAN_ARRAY;
	case 't':
		return SCAN_TRUE;
	case 'f':
		return SCAN_FALSE;
	case 'n':
		return SCAN_NULL;
	}
	return SCAN_NUMBER;
}

static const char *
skip_value(const char *p, const char *end)
{
	switch (type_at(p)) {
	case SCAN_STRING:
		return skip_string(p, end);
	case SCAN_OBJECT:
	case SCAN_ARRAY:
		return skip_brackets(p, end);
	default:
		return skip_word(p, end);
	}
}

/* --- walks --- */

struct scan_walk
scan_walk_at(struct slice value)
{
	return (struct scan_walk){ value.p, value.p + value.n };
}

void
scan_walk_enter(struct scan_walk *w)
{
	w->p++;
}

/* To the next item, past a comma; false past the closing bracket. */
static bool
next_item(struct scan_walk *w)
{
	w->p = skip_space(w->p, w->end);
	if (w->p < w->end && *w->p == ',')
		w->p = skip_space(w->p + 1, w->end);
	if (w->p == w->end)
		return false;
	if (*w->p != '}' && *w->p != ']')
		return true;
	w->p++;
	return false;
}

bool
scan_walk_element(struct scan_walk *w, enum scan_type *type)
{
	if (!next_item(w))
		return false;
	*type = type_at(w->p);
	return true;
}

bool
scan_walk_member(struct scan_walk *w, struct scan_member *out)
{
	const char *from;

	if (!next_item(w))
		return false;
	from = w->p;
	w->p = skip_string(from, w->end);
	out->key = slice_make(from + 1, (size_t)(w->p - from) - 2);
	out->type = scan_walk_colon(w);
	return true;
}

enum scan_type
scan_walk_colon(struct scan_walk *w)
{
	w->p = skip_space(w->p, w->end) + 1;
	w->p = skip_space(w->p, w->end);
	return type_at(w->p);
}

struct slice
scan_walk_skip(struct scan_walk *w)
{
	const char *from = w->p;

	w->p = skip_value(from, w->end);
	return slice_make(from, (size_t)(w->p - from));
}

/* --- a part at a time --- */

static bool
pass_string(struct scan_walk *w, struct scan_pass *s, const char *until)
{
	s->in_string = !scan_text_part(w, until, &s->means);
	return !s->in_string;
}

static bool
pass_brackets(struct scan_walk *w, struct scan_pass *s, const char *until)
{
	while (w->p < until) {
		switch (*w->p++) {
		case '"':
			if (!pass_string(w, s, until))
				return false;
			break;
		case '{':
		case '[':
			s->depth++;
			break;
		case '}':
		case ']':
			if (--s->depth == 0)
				return true;
			break;
		}
	}
	return false;
}

bool
scan_walk_pass(struct scan_walk *w, struct scan_pass *s, const char *until)
{
	if (s->in_string) {
		if (!pass_string(w, s, until))
			return false;
		if (s->depth == 0)
			return true;
	}
	if (s->depth > 0 || *w->p == '{' || *w->p == '[')
		return pass_brackets(w, s, until);
	if (*w->p == '"') {
		w->p++;
		return pass_string(w, s, until);
	}
	w->p = skip_word(w->p, until);
	return w->p < until || until == w->end;
}

/* --- cursors --- */

/* A walk inside what *rest is a part of. What has been read leaves *rest at a
 * comma or a closing bracket: an opening one can only be the first byte. */
static struct scan_walk
resume(struct slice rest)
{
	struct scan_walk w = scan_walk_at(rest);

	w.p = skip_space(w.p, w.end);
	if (w.p < w.end && (*w.p == '{' || *w.p == '['))
		scan_walk_enter(&w);
	return w;
}

static struct slice
what_is_left(const struct scan_walk *w)
{
	return slice_make(w->p, (size_t)(w->end - w->p));
}

bool
scan_next_element(struct slice *rest, struct slice *value, enum scan_type *type)
{
	struct scan_walk w = resume(*rest);
	bool more = scan_walk_element(&w, type);

	if (more)
		*value = scan_walk_skip(&w);
	*rest = what_is_left(&w);
	return more;
}

bool
scan_next_member(struct slice *rest, struct scan_member *out)
{
	struct scan_walk w = resume(*rest);
	bool more = scan_walk_member(&w, out);
	const char *from;

	if (more) {
		from = out->key.p - 1;
		out->value = scan_walk_skip(&w);
		out->whole = slice_make(from, (size_t)(w.p - from));
	}
	*rest = what_is_left(&w);
	return more;
}

bool
scan_get(struct slice object, const char *name, struct scan_member *out)
{
	struct scan_member m;

	while (scan_next_member(&object, &m))
		if (scan_key_is(&m, name)) {
			*out = m;
			return true;
		}
	return false;
}

const struct scan_member *
scan_find(const struct scan_member *members, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (scan_key_is(&members[i], name))
			return &members[i];
	return NULL;
}
