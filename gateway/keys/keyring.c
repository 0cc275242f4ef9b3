/* gateway/keys/keyring.c - tenants' keys that are made and revoked at run
 * time. */
#include "gateway/keys/keyring.h"

#include <errno.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/conf/source.h"
#include "gateway/lib/hex.h"

#define RING_BYTES ((size_t)1 << 30)

struct keyring {
	char *path; /* of the file itself; NULL: none can be made */
	struct keyring_mark mark; /* as it was read, or written */
	int taken; /* the lock of the file; -1: it is not ours to write */
	struct quotas *quotas;
	struct arena arena; /* all that grants are made of */
	struct grant **all;
	size_t n, cap;
	pthread_rwlock_t lock; /* of the map alone */
	struct map digests; /* -> struct grant */
	atomic_size_t known; /* how many are in the map */
};

/* --- making --- */

static struct slice
digest_of(const struct grant *g)
{
	return slice_make((const char *)g->key.digest, CONF_KEY_BYTES);
}

static bool
make_room(struct keyring *r)
{
	size_t cap = r->cap > 0 ? 2 * r->cap : 64;
	struct grant **all;

	if (r->n < r->cap)
		return true;
	all = realloc(r->all, cap * sizeof(*all));
	if (all == NULL)
		return false;
	r->all = all;
	r->cap = cap;
	return true;
}

static const char *const *
copy_models(struct keyring *r, const char *const *models)
{
	const char **copy;
	size_t n = 0;

	while (models[n] != NULL)
		n++;
	copy = arena_alloc(&r->arena, (n + 1) * sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = arena_dup(&r->arena, slice_of(models[i]));
		if (copy[i] == NULL)
			return NULL;
	}
	return copy;
}

static struct grant *
copy_grant(struct keyring *r, const struct grant *from)
{
	struct grant *g = arena_alloc(&r->arena, sizeof(*g));

	if (g == NULL)
		return NULL;
	memcpy(g->key.digest, from->key.digest, CONF_KEY_BYTES);
	g->created = from->created;
	g->expires = from->expires;
	g->limits = from->limits;
	g->limited = from->limited;
	g->key.name = arena_dup(&r->arena, slice_of(from->key.name));
	g->tenant = arena_dup(&r->arena, slice_of(from->tenant));
	g->text = slice_make(arena_dup(&r->arena, from->text), from->text.n);
	if (from->models != NULL)
		g->models = copy_models(r, from->models);
	if (g->key.name == NULL || g->tenant == NULL || g->text.p == NULL ||
	    (from->models != NULL && g->models == NULL))
		return NULL;
	g->quota = quotas_of_key(r->quotas, g->tenant, g->key.name);
	return g->quota != NULL ? g : NULL;
}

/* Listed, but not yet let in. */
static enum err
append(void *arg, const struct grant *from)
{
	struct keyring *r = arg;
	struct grant *g = make_room(r) ? copy_grant(r, from) : NULL;

	if (g == NULL)
		return ERR_MEMORY;
	r->all[r->n++] = g;
	return OK;
}

static enum err
let_in(struct keyring *r, struct grant *g)
{
	enum err rc;

	pthread_rwlock_wrlock(&r->lock);
	rc = map_put(&r->digests, digest_of(g), g);
	pthread_rwlock_unlock(&r->lock);
	if (rc == OK)
		atomic_fetch_add(&r->known, 1);
	return rc;
}

static enum err
read_file(const char *path, unsigned char digest[CONF_KEY_BYTES],
    enum err (*each)(void *, const struct grant *), void *arg,
    struct errmsg *why)
{
	struct errmsg found;
	struct buf raw;
	enum err rc;

	buf_init(&raw, SOURCE_MAX);
	rc = source_read(path, &raw, &found);
	if (rc != OK)
		(void)fail(why, rc, "keys_file: %s: %s", path, found.text);
	else if (!conf_key_digest(buf_slice(&raw), digest))
		rc = ERR_MEMORY;
	else
		rc = keyring_parse(buf_slice(&raw), path, each, arg, why);
	if (rc == ERR_MEMORY)
		(void)fail(why, rc, "out of memory");
	buf_fini(&raw);
	return rc;
}

static enum err
pass_over(void *arg, const struct grant *g)
{
	(void)arg;
	(void)g;
	return OK;
}

enum err
keyring_look(const char *path, struct errmsg *why)
{
	unsigned char digest[CONF_KEY_BYTES];

	return read_file(path, digest, pass_over, NULL, why);
}

static enum err
load(struct keyring *r, struct errmsg *why)
{
	enum err rc;

	keyring_mark(r->path, &r->mark);
	rc = read_file(r->path, r->mark.content, append, r, why);
	for (size_t i = 0; i < r->n && rc == OK; i++)
		if (let_in(r, r->all[i]) != OK)
			rc = fail(why, ERR_MEMORY, "out of memory");
	return rc;
}

/* What a link leads to: the file is replaced, and the link would be. */
static enum err
find_file(const char *path, char **file, struct errmsg *why)
{
	struct stat st;

	*file = realpath(path, NULL);
	if (*file == NULL && lstat(path, &st) == 0)
		return fail(why, ERR_IO, "keys_file: %s: cannot follow it: %s",
		    path, strerror(errno));
	if (*file == NULL)
		*file = strdup(path);
	return *file != NULL ? OK : fail(why, ERR_MEMORY, "out of memory");
}

enum err
keyring_open(const char *path, struct quotas *quotas, struct keyring **out,
    struct errmsg *why)
{
	struct keyring *r = calloc(1, sizeof(*r));
	enum err rc = OK;

	if (r == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	r->quotas = quotas;
	r->taken = -1;
	arena_init(&r->arena, RING_BYTES);
	map_init(&r->digests);
	pthread_rwlock_init(&r->lock, NULL);
	if (path != NULL)
		rc = find_file(path, &r->path, why);
	if (rc == OK && path != NULL)
		rc = keyring_lock(r->path, &r->taken, why);
	/* what cannot be looked at is for load() to say */
	if (rc == OK && path != NULL &&
	    (access(r->path, F_OK) == 0 || errno != ENOENT))
		rc = load(r, why);
	if (rc == OK)
		*out = r;
	else
		keyring_free(&r);
	return rc;
}

void
keyring_free(struct keyring **rp)
{
	struct keyring *r = *rp;

	if (r == NULL)
		return;
	keyring_release(r);
	pthread_rwlock_destroy(&r->lock);
	map_fini(&r->digests);
	arena_fini(&r->arena);
	free(r->all);
	free(r->path);
	free(r);
	*rp = NULL;
}

void
keyring_release(struct keyring *r)
{
	if (r->taken >= 0)
		close(r->taken);
	r->taken = -1;
}

const char *
keyring_path(const struct keyring *r)
{
	return r != NULL ? r->path : NULL;
}

/* --- at work --- */

const struct grant *
keyring_find(struct keyring *r, struct slice key, usec wall)
{
	unsigned char digest[CONF_KEY_BYTES];
	const struct grant *g;

	if (r == NULL ||
	    atomic_load_explicit(&r->known, memory_order_relaxed) == 0 ||
	    !conf_key_digest(key, digest))
		return NULL;
	pthread_rwlock_rdlock(&r->lock);
	g = map_get(
	    &r->digests, slice_make((const char *)digest, CONF_KEY_BYTES));
	pthread_rwlock_unlock(&r->lock);
	if (g == NULL || atomic_load(&g->revoked) ||
	    (g->expires > 0 && g->expires <= wall))
		return NULL;
	return g;
}

bool
grant_allows(const struct grant *g, const struct conf_model *m)
{
	if (g->models == NULL)
		return true;
	for (size_t i = 0; g->models[i] != NULL; i++)
		if (strcmp(g->models[i], m->name) == 0)
			return true;
	return false;
}

/* --- changes --- */

static struct grant *
named(const struct keyring *r, struct slice tenant, struct slice name)
{
	for (size_t i = 0; i < r->n; i++)
		if (!atomic_load(&r->all[i]->revoked) &&
		    slice_is(tenant, r->all[i]->tenant) &&
		    slice_is(name, r->all[i]->key.name))
			return r->all[i];
	return NULL;
}

static enum err
keep(struct keyring *r, struct errmsg *why)
{
	if (r->taken < 0)
		return fail(why, ERR_IO,
		    "cannot write %s: this gateway does not hold %s.lock, as "
		    "it ends or could not make it",
		    r->path, r->path);
	if (!keyring_mark_is(r->path, &r->mark))
		return fail(why, ERR_IO,
		    "cannot write %s: somebody else has changed it since it "
		    "was read; a restart reads it again",
		    r->path);
	return keyring_write(r, r->path, &r->mark, why);
}

static void
draw(char key[KEY_BYTES])
{
	unsigned char random[KEY_RANDOM];

	if (RAND_bytes(random, sizeof(random)) != 1)
		abort(); /* no secrets: nothing is safe */
	memcpy(key, KEY_PREFIX, sizeof(KEY_PREFIX) - 1);
	hex_write(random, sizeof(random), key + sizeof(KEY_PREFIX) - 1);
}

enum err
keyring_add(struct keyring *r, const struct grant *wish, char key[KEY_BYTES],
    struct errmsg *why)
{
	struct grant g = { .tenant = wish->tenant,
		.created = wish->created,
		.expires = wish->expires,
		.models = wish->models,
		.limits = wish->limits,
		.limited = wish->limited };
	char *text;
	enum err rc;

	if (named(r, slice_of(wish->tenant), slice_of(wish->key.name)) != NULL)
		return fail(why, ERR_AGAIN,
		    "want a name of its own, got \"%s\", which tenant %s has "
		    "a key of",
		    wish->key.name, wish->tenant);
	draw(key);
	g.key.name = wish->key.name;
	if (!conf_key_digest(slice_of(key), g.key.digest))
		return fail(why, ERR_MEMORY, "out of memory");
	text = grant_text(&g);
	g.text = slice_of(text != NULL ? text : "");
	rc = text != NULL ? append(r, &g) : ERR_MEMORY;
	free(text);
	if (rc != OK)
		return fail(why, rc, "out of memory");
	rc = keep(r, why);
	if (rc == OK && let_in(r, r->all[r->n - 1]) != OK)
		rc = fail(why, ERR_MEMORY, "out of memory");
	if (rc != OK)
		r->n--;
	return rc;
}

enum err
keyring_revoke(struct keyring *r, struct slice tenant, struct slice name,
    struct errmsg *why)
{
	struct grant *g = named(r, tenant, name);
	enum err rc;

	if (g == NULL)
		return fail(why, ERR_NOT_FOUND,
		    "tenant %.*s has no key \"%.*s\" that was made at run time",
		    SLICE_SHORT(tenant, 100), SLICE_SHORT(name, 100));
	atomic_store(&g->revoked, true);
	rc = keep(r, why);
	if (rc != OK) /* as it is on the disk, so it is here */
		atomic_store(&g->revoked, false);
	return rc;
}

const struct grant *
keyring_at(const struct keyring *r, size_t i)
{
	return i < r->n ? r->all[i] : NULL;
}
