/* gateway/conf/dump.c - the effective configuration as JSON, by the table.
 *
 * Settings appear under their own names and in the units of the file, secrets
 * as "***". */
#include "gateway/conf/dump.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/conf/settings.h"

#define MASK "***"

static json_t *dump_group(
    const struct conf *, const struct setting_group *, const void *base);

static const void *
get_pointer(const void *field)
{
	const void *p;

	memcpy(&p, field, sizeof(p));
	return p;
}

static uint64_t
get_unsigned(const struct setting *row, const void *field)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (row->width) {
	case sizeof(v16):
		memcpy(&v16, field, sizeof(v16));
		return v16;
	case sizeof(v32):
		memcpy(&v32, field, sizeof(v32));
		return v32;
	default:
		memcpy(&v64, field, sizeof(v64));
		return v64;
	}
}

static json_t *
dump_text(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

/* Behind the "?" of a URL there may be a key. */
static json_t *
dump_string(const char *s)
{
	const char *query = s != NULL ? strchr(s, '?') : NULL;

	if (query == NULL)
		return dump_text(s);
	return json_sprintf("%.*s?%s", (int)(query - s), s, MASK);
}

/* A duration or size in its unit. */
static json_t *
dump_unit(const struct setting *row, double v)
{
	struct buf b;
	json_t *j;

	buf_init(&b, 64);
	setting_write_number(row, v, &b);
	j = json_stringn(b.p, b.n);
	buf_fini(&b);
	return j;
}

json_t *
conf_strings_json(const char *const *list)
{
	json_t *array;

	if (list == NULL)
		return json_null();
	array = json_array();
	for (; *list != NULL; list++)
		json_array_append_new(array, json_string(*list));
	return array;
}

json_t *
conf_caps_json(unsigned caps)
{
	json_t *array = json_array();

	for (unsigned bit = 1; bit < CAP_ALL; bit <<= 1)
		if (caps & bit)
			json_array_append_new(
			    array, json_string(cap_name((enum cap)bit)));
	return array;
}

static json_t *
dump_ref(const struct setting *row, const void *p)
{
	if (p == NULL)
		return json_null();
	switch (row->ref) {
	case REF_SLO:
		return json_string(((const struct slo *)p)->name);
	case REF_BACKEND:
		return json_string(((const struct conf_backend *)p)->name);
	case REF_MODEL:
		return json_string(((const struct conf_model *)p)->name);
	case REF_ADAPTER:
	case REF_REGION:
		break;
	}
	return json_string(p);
}

static json_t *
dump_list(const struct conf *c, const struct setting *row, const void *base)
{
	const char *p = get_pointer((const char *)base + row->at);
	json_t *array = json_array();
	size_t n;

	memcpy(&n, (const char *)base + row->count_at, sizeof(n));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    array, dump_group(c, row->group, p + i * row->group->size));
	return array;
}

static json_t *
dump_operator(const struct conf_key *k)
{
	json_t *o = json_object();

	json_object_set_new(o, "key", json_string(MASK));
	json_object_set_new(o, "role", json_string(conf_role_name(k->role)));
	json_object_set_new(o, "name", json_string(k->name));
	return o;
}

static json_t *
dump_keys(const struct conf *c, const void *base)
{
	const struct conf_tenant *t = base == c ? NULL : base;
	json_t *array = json_array();

	for (size_t i = 0; t == NULL && i < c->n_keys; i++)
		if (c->keys[i].tenant == NULL)
			json_array_append_new(
			    array, dump_operator(&c->keys[i]));
	for (size_t i = 0; t != NULL && i < t->n_keys; i++)
		json_array_append_new(array, json_string(MASK));
	return array;
}

/* Their names: any value may be a secret. */
static json_t *
dump_headers(const char *lines)
{
	struct slice rest = slice_of(lines), line;
	json_t *o;

	if (lines == NULL)
		return json_null();
	o = json_object();
	while (slice_next(&rest, '\n', &line))
		if (line.n > 0)
			json_object_setn_new(o, line.p,
			    (size_t)slice_find(line, ':'), json_string(MASK));
	return o;
}

double
setting_number(const struct setting *row, const void *base)
{
	const void *field = (const char *)base + row->at;
	double v;
	usec span;

	switch (row->type) {
	case SETTING_NUMBER:
		memcpy(&v, field, sizeof(v));
		return v;
	case SETTING_DURATION:
		memcpy(&span, field, sizeof(span));
		return (double)span;
	default:
		return (double)get_unsigned(row, field);
	}
}

/* What is below its bounds was not set. */
static json_t *
dump_number(const struct setting *row, const void *base)
{
	double v = setting_number(row, base);

	if (v < row->min && !(v == 0 && (row->flags & SETTING_OR_ZERO)))
		return json_null();
	if (row->type == SETTING_NUMBER)
		return json_real(v);
	if (row->type == SETTING_INT)
		return json_integer((json_int_t)v);
	return dump_unit(row, v);
}

static json_t *
dump_setting(const struct conf *c, const struct setting *row, const void *base)
{
	const void *field = (const char *)base + row->at;
	bool yes;

	switch (row->type) {
	case SETTING_GROUP:
		return dump_group(c, row->group, field);
	case SETTING_LIST:
		return dump_list(c, row, base);
	case SETTING_BOOL:
		memcpy(&yes, field, sizeof(yes));
		return json_boolean(yes);
	case SETTING_INT:
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		return dump_number(row, base);
	case SETTING_ENUM:
		return json_string(row->words[get_unsigned(row, field)]);
	case SETTING_STRINGS:
	case SETTING_COMMAND:
	case SETTING_REFS:
		return conf_strings_json(get_pointer(field));
	case SETTING_CAPS:
		return conf_caps_json((unsigned)get_unsigned(row, field));
	case SETTING_REF:
		return dump_ref(row, get_pointer(field));
	case SETTING_API_KEY:
	case SETTING_SECRET:
		return dump_text(get_pointer(field) != NULL ? MASK : NULL);
	case SETTING_HEADERS:
		return dump_headers(get_pointer(field));
	case SETTING_KEYS:
		return dump_keys(c, base);
	case SETTING_STRING:
		return dump_string(get_pointer(field));
	case SETTING_NAME:
	case SETTING_MODEL_NAME:
	case SETTING_PATH:
	case SETTING_WORD:
	case SETTING_URL:
	case SETTING_KEY: /* in the groups that dump_keys() makes */
		return dump_text(get_pointer(field));
	}
	return json_null();
}

static json_t *
dump_group(
    const struct conf *c, const struct setting_group *g, const void *base)
{
	json_t *o = json_object();

	for (size_t i = 0; i < g->n; i++)
		json_object_set_new(
		    o, g->rows[i].name, dump_setting(c, &g->rows[i], base));
	return o;
}

/* What is no setting, but follows from them. */
static void
add_facts(const struct conf *c, json_t *o)
{
	json_t *backends = json_object_get(o, "backends");

	json_object_set_new(o, "file", json_string(c->path));
	json_object_set_new(o, "version", json_integer((json_int_t)c->version));
	for (size_t i = 0; i < c->n_backends; i++) {
		const struct conf_backend *b = &c->backends[i];
		json_t *e = json_array_get(backends, i);

		json_object_set_new(e, "id", json_integer(b->id));
		json_object_set_new(e, "off", dump_text(b->off));
		json_object_set_new(e, "unix_path", dump_text(b->unix_path));
	}
}

void
conf_dump(const struct conf *c, struct buf *out)
{
	json_t *o = dump_group(c, &settings_top, c);
	char *text;

	add_facts(c, o);
	text = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	json_decref(o);
	if (text == NULL) {
		out->err = ERR_MEMORY;
		return;
	}
	buf_add_str(out, text);
	free(text);
}

/* What of it stays as it is until the next start. */
static json_t *
dump_fixed(const struct conf *c, const struct setting *row)
{
	json_t *v = dump_setting(c, row, c);

	for (size_t i = 0; row->group != NULL && i < row->group->n; i++)
		if (row->group->rows[i].flags & SETTING_RELOADED)
			json_object_del(v, row->group->rows[i].name);
	return v;
}

void
conf_restart_needed(
    const struct conf *old, const struct conf *now, struct buf *names)
{
	const size_t before = names->n;
	const struct setting *row;
	json_t *was, *is;

	for (size_t i = 0; i < settings_top.n; i++) {
		row = &settings_top.rows[i];
		if (!(row->flags & SETTING_RESTART))
			continue;
		was = dump_fixed(old, row);
		is = dump_fixed(now, row);
		if (!json_equal(was, is)) {
			if (names->n > before)
				buf_add_str(names, ", ");
			buf_add_str(names, row->name);
		}
		json_decref(was);
		json_decref(is);
	}
}
