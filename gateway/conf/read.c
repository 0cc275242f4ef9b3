/* gateway/conf/read.c - from libconfig's tree into structs, by the table.
 *
 * Nothing here knows a particular setting. */
#include <math.h>
#include <string.h>

#include "gateway/conf/loader.h"
#include "gateway/conf/value.h"

#define TEXT_WANTED "UTF-8 without control characters"

static void *
field_of(const struct setting *row, void *base)
{
	return (char *)base + row->at;
}

static void
store_pointer(const struct setting *row, void *base, const void *p)
{
	memcpy(field_of(row, base), &p, sizeof(p));
}

static void
store_unsigned(const struct setting *row, void *base, uint64_t v)
{
	const uint16_t v16 = (uint16_t)v;
	const uint32_t v32 = (uint32_t)v;

	if (row->width == sizeof(v16))
		memcpy(field_of(row, base), &v16, sizeof(v16));
	else if (row->width == sizeof(v32))
		memcpy(field_of(row, base), &v32, sizeof(v32));
	else
		memcpy(field_of(row, base), &v, sizeof(v));
}

void
setting_set_number(const struct setting *row, void *base, double v)
{
	const usec span = (usec)v;

	if (row->type == SETTING_NUMBER)
		memcpy(field_of(row, base), &v, sizeof(v));
	else if (row->type == SETTING_DURATION)
		memcpy(field_of(row, base), &span, sizeof(span));
	else
		store_unsigned(row, base, (uint64_t)v);
}

static bool
find_word(const struct setting *row, const char *text, unsigned *out)
{
	for (unsigned i = 0; row->words != NULL && row->words[i] != NULL; i++)
		if (strcmp(row->words[i], text) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool
parse_number(const struct setting *row, const char *text, double *out)
{
	struct slice s = slice_of(text);
	uint64_t bytes;
	usec span;

	switch (row->type) {
	case SETTING_DURATION:
		if (!duration_parse(s, &span))
			return false;
		*out = (double)span;
		return true;
	case SETTING_SIZE:
		if (!size_parse(s, &bytes))
			return false;
		*out = (double)bytes;
		return true;
	default:
		return slice_double(s, out);
	}
}

/* --- defaults --- */

static const char *const no_strings[] = { NULL };

static void
set_default(const struct setting *row, void *base)
{
	const bool yes = true;
	unsigned word;
	double v;

	switch (row->type) {
	case SETTING_BOOL:
		if (strcmp(row->value, "true") == 0)
			memcpy(field_of(row, base), &yes, sizeof(yes));
		break;
	case SETTING_INT:
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		if (parse_number(row, row->value, &v))
			setting_set_number(row, base, v);
		break;
	case SETTING_ENUM:
		if (find_word(row, row->value, &word))
			store_unsigned(row, base, word);
		break;
	default:
		store_pointer(row, base, row->value);
	}
}

void
settings_set_defaults(const struct setting_group *g, void *base)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct setting *row = &g->rows[i];

		if (row->type == SETTING_GROUP)
			settings_set_defaults(row->group, field_of(row, base));
		else if (row->flags & SETTING_UNSET_NEGATIVE)
			setting_set_number(row, base, -1);
		else if (row->flags & SETTING_NO_NULL)
			store_pointer(row, base, no_strings);
		else if (row->value != NULL)
			set_default(row, base);
	}
}

/* --- strings --- */

/* The string there, or NULL after a complaint. */
static const char *
get_text(struct loader *l, const struct setting *row, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	if (text == NULL)
		complain_kind(l, s, row);
	else if (!text_ok(text))
		complain_value(l, s, row, TEXT_WANTED);
	else
		return text;
	return NULL;
}

static void
read_string(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char *text = get_text(l, row, s);

	if (text == NULL)
		return;
	if ((row->type == SETTING_NAME && !name_ok(text)) ||
	    (row->type == SETTING_MODEL_NAME && !model_name_ok(text))) {
		complain_kind(l, s, row);
		return;
	}
	store_pointer(row, base, loader_dup(l, slice_of(text)));
}

static void
read_path(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char *text = get_text(l, row, s);
	unsigned word;

	if (text == NULL)
		return;
	if (*text == '\0')
		complain_kind(l, s, row);
	else if (find_word(row, text, &word))
		store_pointer(row, base, row->words[word]);
	else
		store_pointer(row, base, loader_path(l, slice_of(text)));
}

static void
read_word(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char *text = get_text(l, row, s);
	struct suggest near;
	unsigned word;

	if (text == NULL)
		return;
	if (find_word(row, text, &word)) {
		if (row->type == SETTING_ENUM)
			store_unsigned(row, base, word);
		else
			store_pointer(row, base, row->words[word]);
		return;
	}
	suggest_init(&near, slice_of(text));
	for (const char *const *w = row->words; *w != NULL; w++)
		suggest_offer(&near, *w);
	complain_unknown(l, s, row, &near);
}

/* A list of strings in *out, NULL at its end; false after a complaint. */
static bool
get_strings(struct loader *l, const struct setting *row,
    const config_setting_t *s, const char ***out)
{
	bool ok = config_setting_is_array(s) || config_setting_is_list(s);
	int n = ok ? config_setting_length(s) : 0;

	if (!ok || (n == 0 && (row->flags & SETTING_NONEMPTY))) {
		complain_kind(l, s, row);
		return false;
	}
	*out = loader_alloc(l, ((size_t)n + 1) * sizeof(**out));
	if (*out == NULL)
		return false;
	for (int i = 0; i < n; i++) {
		config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(e);

		if (text == NULL || !text_ok(text)) {
			complain_value(l, e, row,
			    text == NULL ? "a string in quotes" : TEXT_WANTED);
			ok = false;
			continue;
		}
		(*out)[i] = loader_dup(l, slice_of(text));
	}
	return ok && l->err == OK;
}

static void
read_strings(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char **list;

	if (!get_strings(l, row, s, &list))
		return;
	if (row->type == SETTING_COMMAND && strchr(list[0], '/') != NULL)
		list[0] = loader_path(l, slice_of(list[0]));
	store_pointer(row, base, list);
}

static void
read_caps(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char **list;
	unsigned caps = 0;
	struct suggest near;
	enum cap cap;

	if (!get_strings(l, row, s, &list))
		return;
	for (unsigned i = 0; list[i] != NULL; i++) {
		if (cap_parse(slice_of(list[i]), &cap)) {
			caps |= cap;
			continue;
		}
		suggest_init(&near, slice_of(list[i]));
		for (unsigned bit = 1; bit < CAP_ALL; bit <<= 1)
			suggest_offer(&near, cap_name((enum cap)bit));
		complain_unknown(l, config_setting_get_elem(s, i), row, &near);
	}
	store_unsigned(row, base, caps);
}

/* --- names of other things --- */

static void
add_ref(struct loader *l, const struct setting *row, const config_setting_t *s,
    void *field)
{
	struct ref *r = loader_scratch(l, sizeof(*r));

	if (r == NULL)
		return;
	*r = (struct ref){ l->refs, row, s, field };
	l->refs = r;
}

static void
read_ref(struct loader *l, const struct setting *row, const config_setting_t *s,
    void *base)
{
	if (get_text(l, row, s) != NULL)
		add_ref(l, row, s, field_of(row, base));
}

static void
read_refs(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const char **list;

	if (!get_strings(l, row, s, &list))
		return;
	for (unsigned i = 0; list[i] != NULL; i++)
		add_ref(l, row, config_setting_get_elem(s, i), &list[i]);
	store_pointer(row, base, list);
}

/* --- numbers --- */

static void
read_bool(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	const bool v = config_setting_get_bool(s) != 0;

	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		complain_kind(l, s, row);
	else
		memcpy(field_of(row, base), &v, sizeof(v));
}

static void
read_number(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	bool is_text =
	    row->type == SETTING_DURATION || row->type == SETTING_SIZE;
	const char *text = config_setting_get_string(s);
	double v = 0;
	bool ok;

	if (is_text) {
		ok = text != NULL && parse_number(row, text, &v);
	} else if (config_setting_type(s) == CONFIG_TYPE_FLOAT) {
		v = config_setting_get_float(s);
		ok = row->type != SETTING_INT || v == floor(v);
	} else {
		ok = config_setting_is_number(s);
		v = (double)config_setting_get_int64(s);
	}
	if (!ok)
		complain_kind(l, s, row);
	else if (row->min < row->max && (v < row->min || v > row->max) &&
	    !(v == 0 && (row->flags & SETTING_OR_ZERO)))
		complain_bounds(l, s, row);
	else
		setting_set_number(row, base, v);
}

/* Its digest is the business of read_keys(). */
static void
read_key(struct loader *l, const struct setting *row, const config_setting_t *s,
    void *base)
{
	(void)l;
	store_pointer(row, base, s);
}

/* --- groups --- */

static void
read_subgroup(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	if (config_setting_is_group(s))
		read_group(l, row->group, s, field_of(row, base));
	else
		complain_kind(l, s, row);
}

static void *
new_elements(struct loader *l, const struct setting_group *g, size_t n)
{
	struct conf_serving *first = l->servings + l->n_servings;

	if (g != &settings_servings)
		return loader_alloc(l, n * g->size);
	/* Servings of all models lie side by side. */
	l->n_servings += n;
	return first;
}

static void
read_list(struct loader *l, const struct setting *row,
    const config_setting_t *s, void *base)
{
	bool ok = config_setting_is_list(s) ||
	    (config_setting_is_array(s) && config_setting_length(s) == 0);
	size_t n = ok ? (size_t)config_setting_length(s) : 0;
	char *p;

	if (!ok || (n == 0 && (row->flags & SETTING_NONEMPTY))) {
		complain_kind(l, s, row);
		return;
	}
	p = new_elements(l, row->group, n);
	if (p == NULL)
		return;
	store_pointer(row, base, p);
	memcpy((char *)base + row->count_at, &n, sizeof(n));
	for (unsigned i = 0; i < n; i++, p += row->group->size) {
		config_setting_t *e = config_setting_get_elem(s, i);

		if (config_setting_is_group(e))
			read_group(l, row->group, e, p);
		else
			complain_value(l, e, row, "a group { ... }");
	}
}

static void (*const readers[])(struct loader *, const struct setting *,
    const config_setting_t *, void *base) = {
	[SETTING_GROUP] = read_subgroup,
	[SETTING_LIST] = read_list,
	[SETTING_BOOL] = read_bool,
	[SETTING_INT] = read_number,
	[SETTING_NUMBER] = read_number,
	[SETTING_DURATION] = read_number,
	[SETTING_SIZE] = read_number,
	[SETTING_STRING] = read_string,
	[SETTING_NAME] = read_string,
	[SETTING_MODEL_NAME] = read_string,
	[SETTING_PATH] = read_path,
	[SETTING_WORD] = read_word,
	[SETTING_ENUM] = read_word,
	[SETTING_STRINGS] = read_strings,
	[SETTING_COMMAND] = read_strings,
	[SETTING_CAPS] = read_caps,
	[SETTING_REF] = read_ref,
	[SETTING_REFS] = read_refs,
	[SETTING_URL] = read_url,
	[SETTING_API_KEY] = read_api_key,
	[SETTING_SECRET] = read_secret,
	[SETTING_HEADERS] = read_headers,
	[SETTING_KEYS] = read_keys,
	[SETTING_KEY] = read_key,
};

void
read_group(struct loader *l, const struct setting_group *g,
    const config_setting_t *s, void *base)
{
	const struct setting *row;
	config_setting_t *m;

	settings_set_defaults(g, base);
	for (int i = 0; i < config_setting_length(s) && l->err == OK; i++) {
		m = config_setting_get_elem(s, (unsigned)i);
		row = setting_find(g, config_setting_name(m));
		if (row == NULL)
			complain_setting(l, m, g);
		else
			readers[row->type](l, row, m, base);
	}
	for (size_t i = 0; i < g->n; i++)
		if ((g->rows[i].flags & SETTING_REQUIRED) &&
		    !loader_is_set(s, g->rows[i].name))
			complain_missing(l, s, &g->rows[i]);
}
