/* gateway/conf/complain.c - what is wrong, where, and what was wanted.
 *
 * A complaint may show what the file says, except for secrets. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/utf8.h"

#define COMPLAINTS_BYTES ((size_t)16 << 20)
#define SHOWN_MAX 60 /* characters of a value that are shown */
#define LISTED_MAX 24 /* settings of a group that are listed */

void
complaints_init(struct complaints *c)
{
	*c = (struct complaints){ 0 };
	buf_init(&c->text, COMPLAINTS_BYTES);
}

void
complaints_fini(struct complaints *c)
{
	buf_fini(&c->text);
}

/* Text from the file, fit for a terminal. */
static void
add_shown(struct buf *out, const char *s)
{
	const unsigned char high = text_ok(s) ? 0xff : 0x7e;
	size_t n = 0;

	for (; *s != '\0' && n < SHOWN_MAX; s++, n++) {
		const unsigned char c = (unsigned char)*s;

		buf_add_char(
		    out, c >= ' ' && c != 0x7f && c <= high ? *s : '?');
	}
	if (*s != '\0')
		buf_add_str(out, "...");
}

/* backends.gpu.price, backends[2], models.gemma.serve[0]: an element goes by
 * its name where it has one. */
static void
add_path(struct buf *out, const config_setting_t *s)
{
	const char *name = NULL;

	if (config_setting_is_root(s))
		return;
	add_path(out, config_setting_parent(s));
	if (config_setting_name(s) == NULL) {
		if (!config_setting_is_group(s) ||
		    !config_setting_lookup_string(s, "name", &name) ||
		    *name == '\0') {
			buf_addf(out, "[%d]", config_setting_index(s));
			return;
		}
	} else {
		name = config_setting_name(s);
	}
	if (out->n > 0)
		buf_add_char(out, '.');
	add_shown(out, name);
}

/* What the file says there. */
static void
add_value(struct buf *out, const config_setting_t *s, bool secret)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		if (secret) {
			buf_add_str(out, "other text (not shown)");
			break;
		}
		buf_add_char(out, '"');
		add_shown(out, config_setting_get_string(s));
		buf_add_char(out, '"');
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		if (secret)
			buf_add_str(out, "a number (not shown)");
		else
			buf_addf(out, "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_FLOAT:
		if (secret)
			buf_add_str(out, "a number (not shown)");
		else
			buf_addf(out, "%.15g", config_setting_get_float(s));
		break;
	case CONFIG_TYPE_BOOL:
		buf_add_str(out, config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		buf_add_str(out, "a group");
		break;
	default:
		buf_add_str(out,
		    config_setting_length(s) > 0 ? "a list" : "an empty list");
	}
}

static bool
is_secret(const struct setting *row)
{
	return row->type == SETTING_URL || row->type == SETTING_API_KEY ||
	    row->type == SETTING_KEYS || row->type == SETTING_KEY ||
	    row->type == SETTING_HEADERS || row->type == SETTING_SECRET;
}

/* Takes the text in *b. */
static void
keep(struct loader *l, const config_setting_t *s, bool warning, struct buf *b)
{
	struct complaint *more;
	size_t cap = l->cap_complaints > 0 ? 2 * l->cap_complaints : 64;
	unsigned line = config_setting_source_line(s);
	char *text;

	if (buf_err(b) != OK) {
		l->err = ERR_MEMORY;
		buf_fini(b);
		return;
	}
	if (l->n_complaints == l->cap_complaints) {
		more = realloc(l->complaints, cap * sizeof(*more));
		if (more == NULL) {
			l->err = ERR_MEMORY;
			buf_fini(b);
			return;
		}
		l->complaints = more;
		l->cap_complaints = cap;
	}
	text = arena_dup(&l->scratch, buf_slice(b));
	buf_fini(b);
	if (text == NULL) {
		l->err = ERR_MEMORY;
		return;
	}
	l->complaints[l->n_complaints] = (struct complaint){
		.line = line > 0 ? line : 1, /* the root has none */
		.order = (unsigned)l->n_complaints,
		.warning = warning,
		.text = text,
	};
	l->n_complaints++;
}

static void
begin(struct buf *b, const config_setting_t *s)
{
	buf_init(b, 4096);
	add_path(b, s);
	if (b->n > 0)
		buf_add_str(b, ": ");
}

static void
add_formatted(struct buf *b, const char *fmt, va_list ap)
{
	struct errmsg m;

	vsnprintf(m.text, sizeof(m.text), fmt, ap);
	utf8_calm(m.text, strlen(m.text), "");
	buf_add_str(b, m.text);
}

static void
say(struct loader *l, const config_setting_t *s, bool warning, const char *fmt,
    va_list ap)
{
	struct buf b;

	begin(&b, s);
	add_formatted(&b, fmt, ap);
	keep(l, s, warning, &b);
}

void
complain(struct loader *l, const config_setting_t *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, s, false, fmt, ap);
	va_end(ap);
}

void
warn(struct loader *l, const config_setting_t *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, s, true, fmt, ap);
	va_end(ap);
}

bool
has_errors(const struct loader *l)
{
	for (size_t i = 0; i < l->n_complaints; i++)
		if (!l->complaints[i].warning)
			return true;
	return false;
}

void
complain_missing(
    struct loader *l, const config_setting_t *group, const struct setting *row)
{
	struct buf b;

	buf_init(&b, 4096);
	add_path(&b, group);
	buf_addf(&b, "%s%s: want ", b.n > 0 ? "." : "", row->name);
	setting_write_kind(row, &b);
	buf_add_str(&b, ", got nothing");
	keep(l, group, false, &b);
}

void
complain_value(struct loader *l, const config_setting_t *s,
    const struct setting *row, const char *want)
{
	struct buf b;

	begin(&b, s);
	buf_addf(&b, "want %s, got ", want);
	add_value(&b, s, row != NULL && is_secret(row));
	keep(l, s, false, &b);
}

void
complain_kind(
    struct loader *l, const config_setting_t *s, const struct setting *row)
{
	struct buf b;

	begin(&b, s);
	buf_add_str(&b, "want ");
	setting_write_kind(row, &b);
	buf_add_str(&b, ", got ");
	add_value(&b, s, is_secret(row));
	keep(l, s, false, &b);
}

void
complain_bounds(
    struct loader *l, const config_setting_t *s, const struct setting *row)
{
	struct buf b;

	begin(&b, s);
	buf_add_str(&b, "want ");
	setting_write_bounds(row, &b);
	buf_add_str(&b, ", got ");
	add_value(&b, s, false);
	keep(l, s, false, &b);
}

void
complain_unknown(struct loader *l, const config_setting_t *s,
    const struct setting *row, const struct suggest *near)
{
	struct buf b;

	begin(&b, s);
	buf_add_str(&b, "want ");
	setting_write_element(row, &b);
	buf_add_str(&b, ", got ");
	add_value(&b, s, false);
	if (near->best != NULL)
		buf_addf(&b, ": did you mean \"%s\"?", near->best);
	keep(l, s, false, &b);
}

/* For who meant something by a name that is near none of ours. */
static void
add_known(struct buf *out, const struct setting_group *g)
{
	if (g->n > LISTED_MAX) {
		buf_add_str(out, ": `pointsman docs configuration` lists all");
		return;
	}
	for (size_t i = 0; i < g->n; i++)
		buf_addf(out, "%s%s",
		    i == 0              ? ": there are "
			: i + 1 == g->n ? " and "
					: ", ",
		    g->rows[i].name);
}

void
complain_setting(struct loader *l, const config_setting_t *s,
    const struct setting_group *group)
{
	const char *name = config_setting_name(s);
	struct suggest near;
	struct buf b;

	suggest_init(&near, slice_of(name));
	for (size_t i = 0; i < group->n; i++)
		suggest_offer(&near, group->rows[i].name);
	begin(&b, s);
	buf_add_str(&b, "want a known setting, got \"");
	add_shown(&b, name);
	buf_add_char(&b, '"');
	if (near.best != NULL)
		buf_addf(&b, ": did you mean \"%s\"?", near.best);
	else
		add_known(&b, group);
	keep(l, s, false, &b);
}

static int
by_line(const void *a, const void *b)
{
	const struct complaint *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void
complaints_write(struct loader *l, const char *path, struct complaints *c)
{
	if (l->n_complaints > 0)
		qsort(l->complaints, l->n_complaints, sizeof(*l->complaints),
		    by_line);
	for (size_t i = 0; i < l->n_complaints; i++) {
		const struct complaint *e = &l->complaints[i];

		buf_addf(&c->text, "%s:%u: %s%s\n", path, e->line,
		    e->warning ? "warning: " : "", e->text);
		if (e->warning)
			c->warnings++;
		else
			c->errors++;
	}
}
