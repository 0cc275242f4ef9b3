/* gateway/conf/load.c - from a file to a snapshot, all or nothing. */
#include "gateway/conf/loader.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/conf/source.h"
#include "gateway/lib/count.h"

#define CONF_BYTES ((size_t)1 << 30)

void *
loader_alloc(struct loader *l, size_t n)
{
	void *p = arena_alloc(&l->conf->arena, n > 0 ? n : 1);

	if (p == NULL)
		l->err = ERR_MEMORY;
	return p;
}

void *
loader_scratch(struct loader *l, size_t n)
{
	void *p = arena_alloc(&l->scratch, n > 0 ? n : 1);

	if (p == NULL)
		l->err = ERR_MEMORY;
	return p;
}

const char *
loader_dup(struct loader *l, struct slice s)
{
	const char *p = arena_dup(&l->conf->arena, s);

	if (p == NULL)
		l->err = ERR_MEMORY;
	return p;
}

const char *
loader_path(struct loader *l, struct slice s)
{
	struct buf b;
	const char *p;

	if (l->folder.n == 0 || (s.n > 0 && s.p[0] == '/'))
		return loader_dup(l, s);
	buf_init(&b, l->folder.n + s.n);
	buf_add(&b, l->folder);
	buf_add(&b, s);
	p = buf_err(&b) == OK ? loader_dup(l, buf_slice(&b)) : NULL;
	if (p == NULL)
		l->err = ERR_MEMORY;
	buf_fini(&b);
	return p;
}

bool
loader_is_set(const config_setting_t *group, const char *member)
{
	return config_setting_is_group(group) &&
	    config_setting_get_member(group, member) != NULL;
}

const config_setting_t *
loader_member(const config_setting_t *group, const char *member)
{
	return loader_is_set(group, member)
	    ? config_setting_get_member(group, member)
	    : group;
}

const config_setting_t *
loader_at(
    const struct loader *l, const char *list, size_t i, const char *member)
{
	const config_setting_t *s =
	    loader_member(config_root_setting(&l->tree), list);

	s = config_setting_get_elem(s, (unsigned)i);
	return member != NULL ? loader_member(s, member) : s;
}

const struct conf_adapter *
loader_adapter(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->env->n_adapters; i++)
		if (strcmp(l->env->adapters[i].name, name) == 0)
			return &l->env->adapters[i];
	return NULL;
}

/* Of all elements of a list at the top, the lengths of one member together. */
static size_t
count_members(const struct loader *l, const char *list, const char *member)
{
	const config_setting_t *s =
	    loader_member(config_root_setting(&l->tree), list);
	size_t n = 0;

	if (!config_setting_is_list(s))
		return 0;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e =
		    config_setting_get_elem(s, (unsigned)i);
		const config_setting_t *m = loader_member(e, member);

		if (m != e && config_setting_is_aggregate(m))
			n += (size_t)config_setting_length(m);
	}
	return n;
}

static size_t
count_elements(const config_setting_t *root)
{
	const config_setting_t *s = loader_member(root, "admin_keys");

	return s != root && config_setting_is_aggregate(s)
	    ? (size_t)config_setting_length(s)
	    : 0;
}

static void
read_tree(struct loader *l)
{
	const config_setting_t *root = config_root_setting(&l->tree);

	l->servings = loader_alloc(
	    l, count_members(l, "models", "serve") * sizeof(*l->servings));
	l->keys = loader_scratch(l,
	    (count_members(l, "tenants", "keys") + count_elements(root)) *
		sizeof(*l->keys));
	if (l->err == OK)
		read_group(l, &settings_top, root, l->conf);
}

static enum err
build(struct loader *l, const struct conf *previous)
{
	static void (*const steps[])(struct loader *) = { read_tree,
		settle_before_names, names_resolve, keys_settle, tls_settle,
		settle, check, check_prices, check_doubts, check_places };

	for (size_t i = 0; i < COUNT(steps); i++) {
		steps[i](l);
		if (l->err != OK)
			return l->err;
	}
	if (has_errors(l))
		return ERR_INVALID;
	ids_assign(l, previous);
	variables_keep(l, previous);
	return l->err;
}

/* The only complaint there is. */
static void
complain_only(
    struct complaints *c, const char *path, unsigned line, const char *what)
{
	if (line > 0)
		buf_addf(&c->text, "%s:%u: %s\n", path, line, what);
	else
		buf_addf(&c->text, "%s: %s\n", path, what);
	c->errors++;
}

static enum err
parse(
    struct loader *l, struct slice text, const char *path, struct complaints *c)
{
	struct source source;
	struct errmsg why;
	unsigned line;
	enum err rc;

	source_init(&source);
	rc = source_prepare(text, &source);
	if (rc != OK)
		goto out;
	if (!source.refused &&
	    config_read_string(&l->tree, source.text.p) == CONFIG_TRUE)
		goto out;
	rc = ERR_SYNTAX;
	line = (unsigned)config_error_line(&l->tree);
	/* What looked wrong no later than where the parser gave up is the
	 * likelier cause. */
	if (source.refused ||
	    (source.doubt_line != 0 && source.doubt_line <= line)) {
		line = source.doubt_line;
		(void)fail(&why, rc, "syntax error: %.400s", source.doubt.text);
	} else if (strcmp(config_error_text(&l->tree), "syntax error") == 0) {
		(void)fail(&why, rc,
		    "syntax error: want settings such as name = \"value\";, "
		    "got something else here or just before");
	} else {
		(void)fail(
		    &why, rc, "syntax error: %s", config_error_text(&l->tree));
	}
	complain_only(c, path, line, why.text);
out:
	source_fini(&source);
	return rc;
}

static struct conf *
conf_new(void)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	atomic_init(&c->refs, 1);
	arena_init(&c->arena, CONF_BYTES);
	map_init(&c->model_names);
	map_init(&c->slo_names);
	map_init(&c->backend_names);
	map_init(&c->tenant_names);
	return c;
}

static struct slice
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slice_make(path, (size_t)(slash - path) + 1)
			     : SLICE("");
}

enum err
conf_load(const char *path, const struct conf_env *env,
    const struct conf *previous, struct conf **out, struct complaints *c)
{
	struct errmsg why;
	struct buf raw;
	enum err rc;

	buf_init(&raw, SOURCE_MAX);
	rc = source_read(path, &raw, &why);
	if (rc == OK)
		rc = conf_load_text(
		    buf_slice(&raw), path, env, previous, out, c);
	else
		complain_only(c, path, 0, why.text);
	buf_fini(&raw);
	return rc;
}

enum err
conf_load_text(struct slice text, const char *path, const struct conf_env *env,
    const struct conf *previous, struct conf **out, struct complaints *c)
{
	struct loader l = { .env = env, .folder = folder_of(path) };
	enum err rc = ERR_MEMORY;

	config_init(&l.tree);
	arena_init(&l.scratch, CONF_BYTES);
	map_init(&l.regions);
	l.conf = conf_new();
	if (l.conf == NULL)
		goto out;
	rc = parse(&l, text, path, c);
	if (rc != OK)
		goto out;
	l.conf->path = loader_dup(&l, slice_of(path));
	rc = build(&l, previous);
	complaints_write(&l, path, c);
	if (rc != OK)
		goto out;
	*out = l.conf; /* ownership moves to the caller */
	l.conf = NULL;
out:
	if (rc == ERR_MEMORY)
		complain_only(c, path, 0, "out of memory");
	conf_unref(&l.conf);
	map_fini(&l.regions);
	free(l.complaints);
	arena_fini(&l.scratch);
	config_destroy(&l.tree);
	return rc;
}
