/* gateway/keyring_file.c - the file of the keys made at run time.
 *
 *	{"version": 1, "keys": [{"tenant", "name", "sha256", "created",
 *	  "expires", "models": [...], "limits": {"requests_per_minute": ...}}]}
 *
 * Times are seconds since 1970. Revoked keys are not in it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/keyring.h"
#include "gateway/lib/hex.h"
#include "gateway/lib/scan.h"

#define MODELS_MAX 64 /* of one key */
#define MEMBERS_MAX 8 /* of the file, that are looked at */
#define PATH_MAX_BYTES ((size_t)4096)
#define BURST (5 * USEC_SEC)
#define SOFT 0.8

/* --- limits by name --- */

static const struct grant_limit limits[] = {
	{ "requests_per_minute", 1, 1e9 },
	{ "tokens_per_minute", 1, 1e12 },
	{ "concurrent", 1, 1e6 },
	{ "max_tokens", 1, UINT32_MAX },
	{ "daily_budget", 1e-6, 1e9 },
	{ "monthly_budget", 1e-6, 1e9 },
};

const struct grant_limit *
grant_limit_at(size_t i)
{
	return i < sizeof(limits) / sizeof(limits[0]) ? &limits[i] : NULL;
}

double
grant_limit_get(const struct conf_quota *q, size_t i)
{
	const double values[] = { (double)q->requests, (double)q->tokens,
		q->concurrent, q->max_tokens, q->daily, q->monthly };

	return values[i];
}

void
grant_limit_set(struct conf_quota *q, size_t i, double v)
{
	q->burst = BURST;
	q->soft = SOFT;
	switch (i) {
	case 0:
		q->requests = (uint64_t)v;
		break;
	case 1:
		q->tokens = (uint64_t)v;
		break;
	case 2:
		q->concurrent = (unsigned)v;
		break;
	case 3:
		q->max_tokens = (uint32_t)v;
		break;
	case 4:
		q->daily = v;
		break;
	default:
		q->monthly = v;
	}
}

/* --- reading --- */

struct reading {
	const char *path;
	size_t at;
	struct errmsg *why;
};

static enum err
bad(const struct reading *in, const char *member, const char *want)
{
	return fail(in->why, ERR_INVALID, "%s: keys[%zu].%s: want %s", in->path,
	    in->at, member, want);
}

static enum err
read_limits(const struct reading *in, const json_t *o, struct grant *g)
{
	const struct grant_limit *l;
	const json_t *v;

	for (size_t i = 0; (l = grant_limit_at(i)) != NULL; i++) {
		v = json_object_get(o, l->name);
		if (v == NULL)
			continue;
		if (!json_is_number(v) || json_number_value(v) < l->min ||
		    json_number_value(v) > l->max)
			return bad(in, l->name, "a number within its bounds");
		grant_limit_set(&g->limits, i, json_number_value(v));
		g->limited = true;
	}
	return OK;
}

static enum err
read_models(const struct reading *in, const json_t *list, struct grant *g,
    const char *models[MODELS_MAX + 1])
{
	size_t n = json_array_size(list);

	if (list == NULL)
		return OK;
	if (!json_is_array(list) || n == 0 || n > MODELS_MAX)
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

static enum err
read_grant(const struct reading *in, const json_t *o, struct grant *g,
    const char *models[MODELS_MAX + 1])
{
	const char *digest = json_string_value(json_object_get(o, "sha256"));
	enum err rc;

	*g = (struct grant){
		.tenant = json_string_value(json_object_get(o, "tenant")),
		.key.name = json_string_value(json_object_get(o, "name")),
		.created = json_integer_value(json_object_get(o, "created")) *
		    USEC_SEC,
		.expires = json_integer_value(json_object_get(o, "expires")) *
		    USEC_SEC,
	};
	if (g->tenant == NULL)
		return bad(in, "tenant", "a name");
	if (g->key.name == NULL)
		return bad(in, "name", "a name");
	if (digest == NULL || !conf_key_from_hex(digest, g->key.digest))
		return bad(in, "sha256", "64 hexadecimal digits");
	rc = read_models(in, json_object_get(o, "models"), g, models);
	return rc == OK ? read_limits(in, json_object_get(o, "limits"), g) : rc;
}

static enum err
read_element(const struct reading *in, struct slice text,
    enum err (*each)(void *, const struct grant *), void *arg)
{
	json_t *o = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
	const char *models[MODELS_MAX + 1];
	struct grant g;
	enum err rc = read_grant(in, o, &g, models);

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

	for (; rc == OK && scan_next_element(&keys, &one, &type); in.at++)
		rc = read_element(&in, one, each, arg);
	return rc;
}

/* --- writing --- */

json_t *
limits_json(const struct conf_quota *q)
{
	const struct grant_limit *l;
	json_t *o = json_object();

	for (size_t i = 0; (l = grant_limit_at(i)) != NULL; i++)
		if (grant_limit_get(q, i) > 0)
			json_object_set_new(
			    o, l->name, json_real(grant_limit_get(q, i)));
	return o;
}

json_t *
grant_json(const struct grant *g)
{
	json_t *o = json_object(), *models;

	json_object_set_new(o, "tenant", json_string(g->tenant));
	json_object_set_new(o, "name", json_string(g->key.name));
	json_object_set_new(o, "created", json_integer(g->created / USEC_SEC));
	if (g->expires > 0)
		json_object_set_new(
		    o, "expires", json_integer(g->expires / USEC_SEC));
	if (g->models != NULL) {
		models = json_array();
		for (size_t i = 0; g->models[i] != NULL; i++)
			json_array_append_new(
			    models, json_string(g->models[i]));
		json_object_set_new(o, "models", models);
	}
	if (g->limited)
		json_object_set_new(o, "limits", limits_json(&g->limits));
	return o;
}

static char *
ring_text(const struct keyring *r)
{
	json_t *doc = json_object(), *keys = json_array(), *o;
	char hex[2 * CONF_KEY_BYTES + 1], *text;
	const struct grant *g;

	for (size_t i = 0; (g = keyring_at(r, i)) != NULL; i++) {
		if (atomic_load(&g->revoked))
			continue;
		o = grant_json(g);
		hex_write(g->key.digest, CONF_KEY_BYTES, hex);
		json_object_set_new(o, "sha256", json_string(hex));
		json_array_append_new(keys, o);
	}
	json_object_set_new(doc, "version", json_integer(1));
	json_object_set_new(doc, "keys", keys);
	text = json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	json_decref(doc);
	return text;
}

/* Whole, and on the disk. */
static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t left = strlen(text);
	ssize_t n;

	if (fd < 0)
		return false;
	while (left > 0 && (n = write(fd, text, left)) > 0) {
		text += n;
		left -= (size_t)n;
	}
	if (left > 0 || fsync(fd) != 0) {
		close(fd);
		return false;
	}
	return close(fd) == 0;
}

/* The name in it, too. */
static bool
sync_folder(const char *path)
{
	char folder[PATH_MAX_BYTES] = ".";
	const char *slash = strrchr(path, '/');
	bool good;
	int fd;

	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s",
		    (int)(slash - path) + 1, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

enum err
keyring_write(const struct keyring *r, const char *path, struct errmsg *why)
{
	char *text = ring_text(r), other[PATH_MAX_BYTES];
	enum err rc = OK;

	snprintf(other, sizeof(other), "%s.new", path);
	if (text == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	if (!write_file(other, text) || rename(other, path) != 0) {
		rc = fail(
		    why, ERR_IO, "cannot write %s: %s", path, strerror(errno));
		unlink(other);
	} else if (!sync_folder(path)) {
		rc = fail(why, ERR_IO, "cannot write the folder of %s: %s",
		    path, strerror(errno));
	}
	free(text);
	return rc;
}
