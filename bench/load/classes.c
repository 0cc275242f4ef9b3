/* bench/load/classes.c - classes as the command line has them. */
#include "bench/load/classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/source.h"
#include "gateway/conf/value.h"
#include "gateway/lib/count.h"

#define KEY_MAX ((size_t)64 << 10)

/* --- keys --- */

static enum err
keep_key(struct slice text, const char *where, char **key, struct errmsg *why)
{
	if (!slice_is_word(text)) /* or the header would break */
		return fail(why, ERR_INVALID,
		    "want one word of visible characters in %s, got something "
		    "else (not shown)",
		    where);
	*key = slice_dup(text);
	return *key != NULL ? OK : fail(why, ERR_MEMORY, "out of memory");
}

static enum err
key_from_environment(const char *name, char **key, struct errmsg *why)
{
	const char *value = getenv(name);

	if (value == NULL || value[0] == '\0')
		return fail(why, ERR_NOT_FOUND,
		    "want $%s to be set, got nothing", name);
	return keep_key(slice_of(value), name, key, why);
}

static enum err
key_from_file(const char *path, char **key, struct errmsg *why)
{
	struct errmsg flaw;
	struct buf raw;
	enum err rc;

	buf_init(&raw, KEY_MAX);
	rc = source_read(path, &raw, &flaw);
	if (rc != OK)
		(void)fail(why, rc, "%s: %s", path, flaw.text);
	else
		rc = keep_key(slice_trim(buf_slice(&raw)), path, key, why);
	buf_fini(&raw);
	return rc;
}

enum err
load_key_read(struct slice s, char **key, struct errmsg *why)
{
	const bool env = slice_starts(s, SLICE("env:"));
	const bool file = slice_starts(s, SLICE("file:"));
	char *where;
	enum err rc;

	if ((!env && !file) || s.n == (env ? 4u : 5u)) /* may be a secret */
		return fail(why, ERR_INVALID,
		    "want env:NAME or file:PATH, got something else (not "
		    "shown)");
	where = slice_dup(slice_make(s.p + (env ? 4 : 5), s.n - (env ? 4 : 5)));
	if (where == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	rc = env ? key_from_environment(where, key, why)
		 : key_from_file(where, key, why);
	free(where);
	return rc;
}

/* --- the parts of a class --- */

typedef enum err part_fn(struct load_class *, struct slice, struct errmsg *);

static enum err
wrong(struct errmsg *why, const char *want, struct slice got)
{
	return fail(
	    why, ERR_INVALID, "want %s, got \"%.*s\"", want, SLICE_ARG(got));
}

static enum err
keep_text(char **to, struct slice value, struct errmsg *why)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < ' ' || value.p[i] == 0x7f)
			return fail(why, ERR_INVALID,
			    "want text without control characters");
	if (value.n == 0)
		return wrong(why, "a name", value);
	free(*to);
	*to = slice_dup(value);
	return *to != NULL ? OK : fail(why, ERR_MEMORY, "out of memory");
}

static enum err
part_name(struct load_class *c, struct slice v, struct errmsg *why)
{
	return keep_text(&c->name, v, why);
}

static enum err
part_model(struct load_class *c, struct slice v, struct errmsg *why)
{
	return keep_text(&c->model, v, why);
}

static enum err
part_slo(struct load_class *c, struct slice v, struct errmsg *why)
{
	return keep_text(&c->slo_class, v, why);
}

static enum err
part_key(struct load_class *c, struct slice v, struct errmsg *why)
{
	free(c->key);
	c->key = NULL;
	return load_key_read(v, &c->key, why);
}

static enum err
part_share(struct load_class *c, struct slice v, struct errmsg *why)
{
	if (slice_double(v, &c->share) && c->share > 0 && c->share <= 1e9)
		return OK;
	return wrong(why, "a number above 0", v);
}

/* In percent, and bounded as in gateway.conf. */
static enum err
part_percentile(struct load_class *c, struct slice v, struct errmsg *why)
{
	if (slice_double(v, &c->slo.percentile) && c->slo.percentile >= 1 &&
	    c->slo.percentile <= 99.999)
		return OK;
	return wrong(why, "a percentage of 1..99.999, such as 99", v);
}

static enum err
part_priority(struct load_class *c, struct slice v, struct errmsg *why)
{
	if (priority_parse(v, &c->slo.priority))
		return OK;
	return wrong(why, "premium, standard or batch", v);
}

static enum err
read_target(struct slice v, usec *to, struct errmsg *why)
{
	if (duration_parse(v, to) && *to > 0)
		return OK;
	return wrong(why, "a time such as 250ms or 2s", v);
}

static enum err
part_ttft(struct load_class *c, struct slice v, struct errmsg *why)
{
	return read_target(v, &c->slo.ttft, why);
}

static enum err
part_itl(struct load_class *c, struct slice v, struct errmsg *why)
{
	return read_target(v, &c->slo.itl, why);
}

static enum err
part_total(struct load_class *c, struct slice v, struct errmsg *why)
{
	return read_target(v, &c->slo.total, why);
}

static enum err
part_headers(struct load_class *c, struct slice v, struct errmsg *why)
{
	c->headers = slice_is(v, "yes");
	return c->headers || slice_is(v, "no") ? OK
					       : wrong(why, "yes or no", v);
}

static const struct {
	const char *name;
	part_fn *read;
} parts[] = { { "name", part_name }, { "share", part_share },
	{ "key", part_key }, { "model", part_model }, { "slo", part_slo },
	{ "ttft", part_ttft }, { "itl", part_itl }, { "total", part_total },
	{ "percentile", part_percentile }, { "priority", part_priority },
	{ "headers", part_headers } };
#define N_PARTS COUNT(parts)

static enum err
read_part(struct load_class *c, struct slice part, struct errmsg *why)
{
	const ptrdiff_t at = slice_find(part, '=');
	struct slice name, value;
	struct errmsg flaw;
	enum err rc;

	if (at < 0) /* may be a secret that lost its name */
		return fail(why, ERR_SYNTAX,
		    "want NAME=VALUE between commas, got a part without \"=\"");
	name = slice_make(part.p, (size_t)at);
	value = slice_make(part.p + at + 1, part.n - (size_t)at - 1);
	for (size_t i = 0; i < N_PARTS; i++) {
		if (!slice_is(name, parts[i].name))
			continue;
		rc = parts[i].read(c, value, &flaw);
		return rc == OK
		    ? OK
		    : fail(why, rc, "%s: %s", parts[i].name, flaw.text);
	}
	return fail(why, ERR_INVALID,
	    "want name, share, key, model, slo, ttft, itl, total, percentile, "
	    "priority or headers, got \"%.*s\"",
	    SLICE_ARG(name));
}

enum err
load_class_parse(struct slice spec, unsigned ordinal, struct load_class *out,
    struct errmsg *why)
{
	struct load_class c = {
		.share = 1, .slo.priority = PRIORITY_STANDARD, .headers = true
	};
	struct slice part;
	char number[16];
	enum err rc = OK;

	while (rc == OK && spec.n > 0 && slice_next(&spec, ',', &part))
		rc = read_part(&c, part, why);
	if (rc == OK && c.name == NULL) {
		snprintf(number, sizeof(number), "%u", ordinal);
		rc = keep_text(&c.name, slice_of(number), why);
	}
	if (rc != OK) {
		load_class_fini(&c);
		return rc;
	}
	c.slo.name = c.name;
	*out = c;
	return OK;
}

void
load_class_fini(struct load_class *c)
{
	free(c->name);
	free(c->model);
	free(c->slo_class);
	free(c->key);
	*c = (struct load_class){ 0 };
}

void
load_class_headers(const struct load_class *c, struct buf *out)
{
	const struct {
		const char *name;
		usec value;
	} targets[] = { { "x-slo-ttft-ms", c->slo.ttft },
		{ "x-slo-itl-ms", c->slo.itl },
		{ "x-slo-total-ms", c->slo.total } };

	if (c->key != NULL)
		buf_addf(out, "authorization: Bearer %s\n", c->key);
	if (c->slo_class != NULL && c->headers)
		buf_addf(out, "x-slo-class: %s\n", c->slo_class);
	if (c->slo_class != NULL || !c->headers)
		return;
	for (size_t i = 0; i < COUNT(targets); i++)
		if (targets[i].value > 0)
			buf_addf(out, "%s: %.10g\n", targets[i].name,
			    (double)targets[i].value / 1e3);
}
