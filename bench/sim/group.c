/* bench/sim/group.c - members of a group in a scenario's file. */
#include "bench/sim/group.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/conf/suggest.h"
#include "gateway/conf/value.h"

enum err
group_fail(const config_setting_t *at, const char *path, struct errmsg *why,
    const char *fmt, ...)
{
	char text[sizeof(why->text) / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(why, ERR_INVALID, "%s:%u: %s", path,
	    config_setting_source_line(at), text);
}

static bool
read_number(const config_setting_t *s, double *out)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
		*out = config_setting_get_int(s);
		return true;
	case CONFIG_TYPE_INT64:
		*out = (double)config_setting_get_int64(s);
		return true;
	case CONFIG_TYPE_FLOAT:
		*out = config_setting_get_float(s);
		return true;
	default:
		return false;
	}
}

static enum err
store_number(const config_setting_t *s, const struct field *f, void *to,
    const char *path, struct errmsg *why)
{
	double v;

	if (!read_number(s, &v))
		return group_fail(s, path, why, "%s: want a number", f->name);
	if (!(v >= f->min && v <= f->max))
		return group_fail(s, path, why, "%s: want %g..%g, got %g",
		    f->name, f->min, f->max, v);
	if (f->type == FIELD_NUMBER)
		*(double *)to = v;
	else if (f->type == FIELD_COUNT)
		*(unsigned *)to = (unsigned)v;
	else
		*(uint64_t *)to = (uint64_t)v;
	return OK;
}

static enum err
store(const config_setting_t *s, const struct field *f, char *base,
    const char *path, struct errmsg *why)
{
	const char *text;

	switch (f->type) {
	case FIELD_OTHER:
		return OK;
	case FIELD_BOOL:
		if (config_setting_type(s) != CONFIG_TYPE_BOOL)
			return group_fail(
			    s, path, why, "%s: want true or false", f->name);
		*(bool *)(void *)(base + f->at) =
		    config_setting_get_bool(s) != 0;
		return OK;
	case FIELD_SPAN:
		text = config_setting_get_string(s);
		if (text == NULL ||
		    !duration_parse(
			slice_of(text), (usec *)(void *)(base + f->at)))
			return group_fail(s, path, why,
			    "%s: want a span of time such as \"100ms\"",
			    f->name);
		return OK;
	case FIELD_TEXT:
		text = config_setting_get_string(s);
		if (text == NULL)
			return group_fail(
			    s, path, why, "%s: want a string", f->name);
		*(const char **)(void *)(base + f->at) = text;
		return OK;
	default:
		return store_number(s, f, base + f->at, path, why);
	}
}

static enum err
unknown(const config_setting_t *s, const struct field *fields, size_t n,
    const char *path, struct errmsg *why)
{
	struct suggest near;

	suggest_init(&near, slice_of(config_setting_name(s)));
	for (size_t i = 0; i < n; i++)
		suggest_offer(&near, fields[i].name);
	return group_fail(s, path, why, "%s: no such setting%s%s%s",
	    config_setting_name(s), near.best != NULL ? ": did you mean " : "",
	    near.best != NULL ? near.best : "", near.best != NULL ? "?" : "");
}

enum err
group_read(const config_setting_t *group, const struct field *fields, size_t n,
    void *base, const char *path, struct errmsg *why)
{
	size_t k;
	enum err rc;

	if (!config_setting_is_group(group))
		return group_fail(group, path, why, "want { ... }");
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s =
		    config_setting_get_elem(group, (unsigned)i);

		for (k = 0; k < n; k++)
			if (strcmp(fields[k].name, config_setting_name(s)) == 0)
				break;
		if (k == n)
			return unknown(s, fields, n, path, why);
		rc = store(s, &fields[k], base, path, why);
		if (rc != OK)
			return rc;
	}
	for (k = 0; k < n; k++)
		if (fields[k].required &&
		    config_setting_get_member(group, fields[k].name) == NULL)
			return group_fail(
			    group, path, why, "%s is missing", fields[k].name);
	return OK;
}
