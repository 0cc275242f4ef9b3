/* gateway/conf/want.c - what a setting wants, in words. */
#include "gateway/conf/settings.h"
#include "gateway/conf/value.h"
#include "gateway/lib/inference.h"

static const struct {
	const char *one, *many;
} ref_kinds[] = {
	[REF_ADAPTER] = { "an adapter", "adapters" },
	[REF_SLO] = { "an SLO class", "SLO classes" },
	[REF_BACKEND] = { "a backend", "backends" },
	[REF_MODEL] = { "a model", "models" },
	[REF_REGION] = { "a region", "regions" },
};

/* "premium, standard or batch" */
static void
write_words(const struct setting *row, struct buf *out)
{
	for (const char *const *w = row->words; *w != NULL; w++) {
		if (w != row->words)
			buf_add_str(out, w[1] != NULL ? ", " : " or ");
		buf_addf(out, "\"%s\"", *w);
	}
}

void
setting_write_number(const struct setting *row, double v, struct buf *out)
{
	if (row->type == SETTING_DURATION)
		duration_write((usec)v, out);
	else if (row->type == SETTING_SIZE)
		size_write((uint64_t)v, out);
	else
		buf_addf(out, "%.15g", v);
}

void
setting_write_bounds(const struct setting *row, struct buf *out)
{
	if (row->min >= row->max)
		return;
	if (row->flags & SETTING_OR_ZERO) {
		setting_write_number(row, 0, out);
		buf_add_str(out, " or ");
	}
	setting_write_number(row, row->min, out);
	buf_add_str(out, "..");
	setting_write_number(row, row->max, out);
}

/* In complaints and in the documentation. */
static const struct {
	const char *want, *docs;
} kinds[] = {
	[SETTING_GROUP] = { "a group { ... }", "group" },
	[SETTING_LIST] = { "a list of groups ( { ... }, { ... } )",
	    "list of groups" },
	[SETTING_BOOL] = { "true or false", "`true` or `false`" },
	[SETTING_INT] = { "a whole number", "whole number" },
	[SETTING_NUMBER] = { "a number", "number" },
	[SETTING_DURATION] = { "a duration such as \"100ms\"", "duration" },
	[SETTING_SIZE] = { "a size such as \"64MiB\"", "size" },
	[SETTING_STRING] = { "a string in quotes", "string" },
	[SETTING_NAME] = { "a name of 1..64 letters, digits, \".\", \"_\" and "
			   "\"-\", a letter or digit first",
	    "name: 1..64 letters, digits, `.`, `_`, `-`, a letter or digit "
	    "first" },
	[SETTING_MODEL_NAME] = { MODEL_NAME_WANTED,
	    "name of 1..255 visible characters of ASCII, no quotation mark; a "
	    "`*` at its end stands for any end" },
	[SETTING_PATH] = { "the path of a file", "path" },
	[SETTING_WORD] = { "", "string" },
	[SETTING_ENUM] = { "", "string" },
	[SETTING_STRINGS] = { "a list of strings [ \"...\", \"...\" ]",
	    "list of strings" },
	[SETTING_COMMAND] = { "a list of strings [ \"program\", \"argument\" ]",
	    "list of strings" },
	[SETTING_CAPS] = { "a list of abilities [ \"chat\", \"tools\" ]",
	    "list of strings" },
	[SETTING_URL] = { "\"http://...\", \"https://...\", \"unix:/path\" or "
			  "\"env:NAME\"",
	    "URL" },
	[SETTING_API_KEY] = { "\"env:NAME\" or \"file:PATH\"", "secret" },
	[SETTING_SECRET] = { "\"env:NAME\" or \"file:PATH\"", "secret" },
	[SETTING_HEADERS] = { "a group { name = \"value\"; }",
	    "group of strings" },
	[SETTING_KEYS] = { "a list of \"env:NAME\", \"file:PATH\" or "
			   "\"sha256:HEX\"",
	    "list of secrets" },
	[SETTING_KEY] = { "\"env:NAME\", \"file:PATH\" or \"sha256:HEX\"",
	    "secret" },
	[SETTING_REF] = { "the name of ", "name of " },
	[SETTING_REFS] = { "a list of names of ", "list of names of " },
};

void
setting_write_kind(const struct setting *row, struct buf *out)
{
	if (row->words != NULL) {
		write_words(row, out);
		if (row->type == SETTING_PATH)
			buf_add_str(out, ", or ");
	}
	if (row->type == SETTING_WORD || row->type == SETTING_ENUM)
		return;
	buf_add_str(out, kinds[row->type].want);
	if (row->type == SETTING_REF)
		buf_add_str(out, ref_kinds[row->ref].one);
	if (row->type == SETTING_REFS)
		buf_add_str(out, ref_kinds[row->ref].many);
}

void
setting_write_element(const struct setting *row, struct buf *out)
{
	if (row->type == SETTING_REFS) {
		buf_add_str(out, kinds[SETTING_REF].want);
		buf_add_str(out, ref_kinds[row->ref].one);
	} else if (row->type == SETTING_CAPS) {
		buf_add_str(out, "one of");
		for (unsigned bit = 1; bit < CAP_ALL; bit <<= 1)
			buf_addf(out, "%s \"%s\"", bit > 1 ? "," : "",
			    cap_name((enum cap)bit));
	} else {
		setting_write_kind(row, out);
	}
}

void
setting_write_docs(const struct setting *row, struct buf *out)
{
	for (const char *const *w = row->words; w != NULL && *w != NULL; w++)
		buf_addf(out, "`\"%s\"`%s", *w,
		    w[1] != NULL || row->type == SETTING_PATH ? ", " : "");
	if (row->type == SETTING_WORD || row->type == SETTING_ENUM)
		return;
	buf_add_str(out, kinds[row->type].docs);
	if (row->type == SETTING_REF)
		buf_add_str(out, ref_kinds[row->ref].one);
	if (row->type == SETTING_REFS)
		buf_add_str(out, ref_kinds[row->ref].many);
	if (row->type == SETTING_CAPS)
		for (unsigned bit = 1; bit < CAP_ALL; bit <<= 1)
			buf_addf(out, "%s `\"%s\"`", bit > 1 ? "," : ":",
			    cap_name((enum cap)bit));
	if (row->min < row->max) {
		buf_add_str(out, ", ");
		setting_write_bounds(row, out);
	}
}
