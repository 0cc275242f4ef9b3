/* gateway/admin/usage_text.c - sums of the ledger as CSV (RFC 4180) and as a
 * table. */
#include <ctype.h>
#include <string.h>

#include "gateway/admin/usage_page.h"
#include "gateway/lib/utf8.h"

#define NAME_WIDTH 16

/* --- CSV --- */

static void
add_field(struct buf *out, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		buf_add_str(out, text);
		return;
	}
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			buf_add_char(out, '"');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}

static void
add_number(struct buf *out, const json_t *v)
{
	if (json_is_integer(v))
		buf_addf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		buf_addf(out, "%.12g", json_real_value(v));
}

/* The i-th name of what it is by; NULL: there are no more. Another version's
 * document may have anything in it. */
static const char *
by_name(const json_t *doc, size_t i)
{
	return i < USAGE_BY_MAX
	    ? json_string_value(json_array_get(json_object_get(doc, "by"), i))
	    : NULL;
}

static const char *
text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

static void
csv_row(const json_t *doc, const json_t *row, struct buf *out)
{
	const struct usage_figure *f;
	const char *name;

	for (size_t i = 0; (name = by_name(doc, i)) != NULL; i++) {
		add_field(out, text_of(row, name));
		buf_add_char(out, ',');
	}
	for (unsigned k = 0; (f = usage_figure(k)) != NULL; k++) {
		if (k > 0)
			buf_add_char(out, ',');
		add_number(out, json_object_get(row, f->name));
	}
	buf_add_str(out, "\r\n");
}

bool
usage_is_whole(const json_t *doc, struct errmsg *why)
{
	if (!json_is_true(json_object_get(doc, "truncated")))
		return true;
	(void)fail(why, ERR_LIMIT,
	    "there are more than %d rows: want a shorter time, or fewer names "
	    "in by",
	    USAGE_ROWS_MAX);
	return false;
}

void
usage_write_csv(const json_t *doc, struct buf *out)
{
	const struct usage_figure *f;
	const char *name;
	const json_t *row;
	size_t i;

	for (i = 0; (name = by_name(doc, i)) != NULL; i++) {
		add_field(out, name);
		buf_add_char(out, ',');
	}
	for (unsigned k = 0; (f = usage_figure(k)) != NULL; k++)
		buf_addf(out, "%s%s", k > 0 ? "," : "", f->name);
	buf_add_str(out, "\r\n");
	if (i == 0)
		csv_row(doc, json_object_get(doc, "total"), out);
	json_array_foreach (json_object_get(doc, "rows"), i, row)
		csv_row(doc, row, out);
}

/* --- a table --- */

/* How wide each column of names is: as its longest one. All of them. */
static int
measure(const json_t *doc, int widths[USAGE_BY_MAX])
{
	const char *name;
	const json_t *row;
	int all = 0, n;
	size_t k;

	for (size_t i = 0; (name = by_name(doc, i)) != NULL; i++) {
		widths[i] = NAME_WIDTH;
		json_array_foreach (json_object_get(doc, "rows"), k, row) {
			n = (int)strlen(text_of(row, name));
			if (n > widths[i])
				widths[i] = n;
		}
		all += widths[i] + 1;
	}
	return all > 0 ? all : NAME_WIDTH;
}

/* A model's name may be a stranger's: nothing in it commands a terminal. */
static void
add_cell(struct buf *out, const char *text, int width)
{
	const size_t before = out->n;

	buf_addf(out, "%-*s", width, text);
	if (buf_err(out) == OK)
		utf8_calm(out->p + before, out->n - before, "");
}

static void
table_figures(const json_t *row, struct buf *out)
{
	const struct usage_figure *f;
	const json_t *v;

	for (unsigned k = 0; (f = usage_figure(k)) != NULL; k++) {
		if (f->title == NULL)
			continue;
		v = json_object_get(row, f->name);
		if (!json_is_number(v))
			buf_addf(out, " %*s", f->width, "-");
		else if (f->digits < 0)
			buf_addf(out, " %*.2f%%", f->width - 1,
			    json_number_value(v) * 100);
		else
			buf_addf(out, " %*.*f", f->width, f->digits,
			    json_number_value(v));
	}
	buf_add_char(out, '\n');
}

static void
table_head(const json_t *doc, const int *widths, struct buf *out)
{
	const struct usage_figure *f;
	const char *name;
	size_t i;

	for (i = 0; (name = by_name(doc, i)) != NULL; i++) {
		for (const char *p = name; *p != '\0'; p++)
			buf_add_char(out, (char)toupper((unsigned char)*p));
		buf_addf(out, "%*s", widths[i] - (int)strlen(name) + 1, "");
	}
	if (i == 0)
		buf_addf(out, "%*s", NAME_WIDTH, "");
	for (unsigned k = 0; (f = usage_figure(k)) != NULL; k++)
		if (f->title != NULL)
			buf_addf(out, " %*s", f->width, f->title);
	buf_add_char(out, '\n');
}

void
usage_write_table(const json_t *doc, struct buf *out)
{
	int widths[USAGE_BY_MAX] = { 0 }, all = measure(doc, widths);
	const char *name;
	const json_t *row;
	size_t k;

	table_head(doc, widths, out);
	json_array_foreach (json_object_get(doc, "rows"), k, row) {
		for (size_t i = 0; (name = by_name(doc, i)) != NULL; i++)
			add_cell(out, text_of(row, name), widths[i] + 1);
		table_figures(row, out);
	}
	buf_addf(out, "%-*s", all, "total");
	table_figures(json_object_get(doc, "total"), out);
	if (json_is_true(json_object_get(doc, "truncated")))
		buf_addf(out,
		    "only the first %d rows are shown; the total is of all\n",
		    USAGE_ROWS_MAX);
}
