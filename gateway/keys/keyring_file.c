/* gateway/keys/keyring_file.c - the file of the keys made at run time, as it is
 * read.
 *
 *	{"version": 1, "keys": [{"tenant", "name", "sha256", "created",
 *	  "expires", "models": [...], "limits": {"requests_per_minute": ...}}]}
 *
 * Times are seconds since 1970. Revoked keys are not in it. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "gateway/conf/source.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/arena.h"
#include "gateway/lib/count.h"
#include "gateway/lib/map.h"
#include "gateway/lib/scan.h"

#define MEMBERS_MAX 8 /* of the file, that are looked at */
#define TIME_MAX 100000000000 /* seconds: the year 5138 */

/* --- limits by name --- */

const struct setting *
grant_limit_at(size_t i)
{
	const struct setting_group *g = &settings_key_limits;

	for (size_t at = 0; at < g->n; at++)
		if (g->rows[at].value == NULL && i-- == 0)
			return &g->rows[at];
	return NULL;
}

bool
grant_limit_fits(const struct setting *limit, double v)
{
	return v >= limit->min && v <= limit->max &&
	    (limit->type != SETTING_INT || v == floor(v));
}

void
grant_limit_set(struct conf_quota *q, const struct setting *limit, double v)
{
	settings_set_defaults(&settings_key_limits, q);
	setting_set_number(limit, q, v);
}

/* --- reading --- */

struct reading {
	const char *path;
	size_t at;
	struct errmsg *why;
	struct arena arena;
	struct map taken; /* names, and digests */
};

static enum err
bad(const struct reading *in, const char *member, const char *want)
{
	return fail(in->why, ERR_INVALID, "%s: keys[%zu].%s: want %s", in->path,
	    in->at, member, want);
}

static enum err
read_limit(const struct reading *in, const char *name, const json_t *v,
    struct grant *g)
{
	const struct setting *l;

	for (size_t i = 0; (l = grant_limit_at(i)) != NULL; i++) {
		if (strcmp(l->name, name) != 0)
			continue;
		if (!json_is_number(v) ||
		    !grant_limit_fits(l, json_number_value(v)))
			return bad(in, name,
			    l->type == SETTING_INT
				? "a whole number within its bounds"
				: "a number within its bounds");
		grant_limit_set(&g->limits, l, json_number_value(v));
		g->limited = true;
		return OK;
	}
	return bad(in, "limits", "names of limits as in gateway.conf");
}

/* What is misunderstood here would be a key without limits. */
static enum err
read_limits(const struct reading *in, json_t *o, struct grant *g)
{
	const char *name;
	enum err rc = OK;
	json_t *v;

	if (o != NULL && !json_is_object(o))
		return bad(in, "limits", "an object");
	json_object_foreach (o, name, v)
		if (rc == OK)
			rc = read_limit(in, name, v, g);
	return rc;
}

/* Nor is one that is misunderstood one that never ends. */
static enum err
read_time(
    const struct reading *in, const json_t *o, const char *name, usec *out)
{
	const json_t *v = json_object_get(o, name);

	if (v == NULL)
		return OK;
	/* 0, too, of what is no integer */
	if (json_integer_value(v) <= 0 || json_integer_value(v) > TIME_MAX)
		return bad(in, name, "whole seconds since 1970");
	*out = json_integer_value(v) * USEC_SEC;
	return OK;
}

static enum err
read_models(const struct reading *in, const json_t *list, struct grant *g,
    const char *models[KEY_MODELS_MAX + 1])
{
	size_t n = json_array_size(list);

	if (list == NULL)
		return OK;
	/* 0, too, of what is no array */
	if (n == 0 || n > KEY_MODELS_MAX)
		return bad(in, "models", "1..64 names");
	for (size_t i = 0; i < n; i++) {
		models[i] = json_string_value(json_array_get(list, i));
		if (models[i] == NULL)
			return bad(in, "models", "names in quotes");
	}
	models[n] = NULL;
	g->models = models;
	return OK;
}

/* By another name what narrows a key would be passed over. */
static enum err
read_members(const struct reading *in, json_t *o)
{
	static const char *const known[] = { "tenant", "name", "sha256",
		"created", "expires", "models", "limits" };
	const char *name;
	enum err rc = OK;
	size_t i;
	json_t *v;

	json_object_foreach (o, name, v) {
		for (i = 0; i < COUNT(known) && strcmp(name, known[i]) != 0;)
			i++;
		if (rc == OK && i == COUNT(known))
			rc = bad(in, name, "a known member");
	}
	return rc;
}

static enum err
read_grant(const struct reading *in, const json_t *o, struct grant *g,
    const char *models[KEY_MODELS_MAX + 1])
{
	const char *digest = json_string_value(json_object_get(o, "sha256"));
	enum err rc;

	*g = (struct grant){
		.tenant = json_string_value(json_object_get(o, "tenant")),
		.key.name = json_string_value(json_object_get(o, "name")),
	};
	if (g->tenant == NULL)
		return bad(in, "tenant", "a name");
	if (g->key.name == NULL)
		return bad(in, "name", "a name");
	if (digest == NULL || !conf_key_from_hex(digest, g->key.digest))
		return bad(in, "sha256", "64 hexadecimal digits");
	if (conf_key_is_nothing(g->key.digest))
		return bad(in, "sha256", "that of a key, not that of nothing");
	rc = read_time(in, o, "created", &g->created);
	if (rc == OK)
		rc = read_time(in, o, "expires", &g->expires);
	if (rc == OK)
		rc = read_models(in, json_object_get(o, "models"), g, models);
	return rc == OK ? read_limits(in, json_object_get(o, "limits"), g) : rc;
}

static enum err
take(struct reading *in, struct slice what, const char *member)
{
	const char *copy = arena_dup(&in->arena, what);

	if (map_get(&in->taken, what) != NULL)
		return bad(in, member, "one that no key before it has");
	return copy != NULL ? map_put(&in->taken, slice_make(copy, what.n), in)
			    : ERR_MEMORY;
}

/* Of two by one name, or of one digest, the other would be good when one is
 * revoked. */
static enum err
take_names(struct reading *in, const struct grant *g)
{
	struct buf name;
	enum err rc;

	buf_init(&name, SOURCE_MAX);
	buf_addf(&name, "%s\n%s", g->tenant, g->key.name);
	rc = buf_err(&name) == OK ? take(in, buf_slice(&name), "name")
				  : buf_err(&name);
	buf_fini(&name);
	return rc == OK
	    ? take(in, slice_make((const char *)g->key.digest, CONF_KEY_BYTES),
		  "sha256")
	    : rc;
}

static enum err
read_element(struct reading *in, struct slice text,
    enum err (*each)(void *, const struct grant *), void *arg)
{
	json_t *o = json_loadb(
	    text.p, text.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	const char *models[KEY_MODELS_MAX + 1];
	struct grant g;
	enum err rc;

	if (o == NULL)
		return fail(in->why, ERR_INVALID,
		    "%s: keys[%zu]: want JSON with each member once", in->path,
		    in->at);
	rc = read_grant(in, o, &g, models);
	if (rc == OK)
		rc = read_members(in, o);
	g.text = text;
	if (rc == OK)
		rc = take_names(in, &g);
	if (rc == OK)
		rc = each(arg, &g);
	json_decref(o);
	return rc;
}

static enum err
find_keys(
    struct slice text, const char *path, struct slice *keys, struct errmsg *why)
{
	struct scan_member members[MEMBERS_MAX];
	const struct scan_member *version, *list;
	struct errmsg what;
	size_t n;
	enum err rc = scan_object(text, members, MEMBERS_MAX, &n, &what);

	if (rc != OK)
		return fail(why, ERR_INVALID, "%s: want JSON, got %.400s", path,
		    what.text);
	n = n < MEMBERS_MAX ? n : MEMBERS_MAX;
	version = scan_find(members, n, "version");
	list = scan_find(members, n, "keys");
	if (version == NULL || !slice_is(version->value, "1") || list == NULL ||
	    list->type != SCAN_ARRAY)
		return fail(why, ERR_INVALID,
		    "%s: want {\"version\": 1, \"keys\": [...]}, got "
		    "something else",
		    path);
	*keys = list->value;
	return OK;
}

/* A tree for each key by itself: one of all would be the process's peak. */
enum err
keyring_parse(struct slice text, const char *path,
    enum err (*each)(void *, const struct grant *), void *arg,
    struct errmsg *why)
{
	struct reading in = { .path = path, .why = why };
	struct slice keys, one;
	enum scan_type type;
	enum err rc = find_keys(text, path, &keys, why);

	arena_init(&in.arena, SOURCE_MAX);
	map_init(&in.taken);
	for (; rc == OK && scan_next_element(&keys, &one, &type); in.at++)
		rc = read_element(&in, one, each, arg);
	map_fini(&in.taken);
	arena_fini(&in.arena);
	return rc;
}
