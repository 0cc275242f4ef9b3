/* gateway/conf/keys.c - API keys of tenants and operators, kept as SHA-256
 * digests.
 *
 * Looking a key up takes a time that depends on how many keys there are and
 * on nothing else that could be put to use. The search runs over the first
 * 64 bits of digests, always the same number of steps; the digest found is
 * then compared whole, in constant time. What caches may betray is where the
 * digest of a guess would sort: of keys drawn at random that tells nothing. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/hex.h"

/* Up to this many are all compared, in less than a microsecond. */
#define SCAN_MAX 32

/* EVP_sha256() would be looked up by name for every key. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

bool
conf_key_digest(struct slice key, unsigned char out[CONF_KEY_BYTES])
{
	unsigned n = 0;

	pthread_once(&fetched, fetch_sha256);
	return sha256 != NULL &&
	    EVP_Digest(key.n > 0 ? key.p : "", key.n, out, &n, sha256, NULL) ==
	    1 &&
	    n == CONF_KEY_BYTES;
}

bool
conf_key_from_hex(const char *hex, unsigned char out[CONF_KEY_BYTES])
{
	int high, low;

	if (strlen(hex) != 2 * (size_t)CONF_KEY_BYTES)
		return false;
	for (size_t i = 0; i < CONF_KEY_BYTES; i++) {
		high = hex_value(hex[2 * i]);
		low = hex_value(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

bool
conf_key_is_nothing(const unsigned char digest[CONF_KEY_BYTES])
{
	unsigned char nothing[CONF_KEY_BYTES];

	return conf_key_digest(SLICE(""), nothing) &&
	    memcmp(digest, nothing, CONF_KEY_BYTES) == 0;
}

bool
conf_key_hash(struct slice key, char hex[2 * CONF_KEY_BYTES + 1])
{
	unsigned char digest[CONF_KEY_BYTES];
	const bool good = conf_key_digest(key, digest);

	hex[0] = '\0';
	if (good)
		hex_write(digest, sizeof(digest), hex);
	return good;
}

/* --- at load --- */

static int
by_place(const struct loader_key *x, const struct loader_key *y)
{
	unsigned line_x = config_setting_source_line(x->at);
	unsigned line_y = config_setting_source_line(y->at);

	if (line_x != line_y)
		return line_x < line_y ? -1 : 1;
	return config_setting_index(x->at) - config_setting_index(y->at);
}

static int
by_digest(const void *a, const void *b)
{
	const struct loader_key *x = a, *y = b;
	int order = memcmp(x->key.digest, y->key.digest, CONF_KEY_BYTES);

	return order != 0 ? order : by_place(x, y);
}

static int
by_name(const void *a, const void *b)
{
	const struct loader_key *x = a, *y = b;
	int order;

	if (x->key.tenant != y->key.tenant)
		return x->key.tenant < y->key.tenant ? -1 : 1;
	order = strcmp(x->key.name, y->key.name);
	return order != 0 ? order : by_place(x, y);
}

/* What a tenant's keys spend is told apart by their names. One key given twice
 * is complained about as such. */
static void
check_names(struct loader *l)
{
	const struct loader_key *k;

	if (l->n_keys > 0)
		qsort(l->keys, l->n_keys, sizeof(*l->keys), by_name);
	for (size_t i = 1; i < l->n_keys; i++) {
		k = &l->keys[i];
		if (k->key.tenant == NULL ||
		    k->key.tenant != k[-1].key.tenant ||
		    strcmp(k->key.name, k[-1].key.name) != 0 ||
		    memcmp(k->key.digest, k[-1].key.digest, CONF_KEY_BYTES) ==
			0)
			continue;
		complain(l, k->at,
		    "want a name of its own, got \"%s\", as line %u: a key "
		    "goes by its file, variable or 8 digits; give it another "
		    "file or variable",
		    k->key.name, config_setting_source_line(k[-1].at));
	}
}

void
keys_settle(struct loader *l)
{
	struct conf_key *keys =
	    loader_alloc(l, (l->n_keys + 1) * sizeof(*keys));
	const struct loader_key *k = l->keys;

	l->conf->quotas =
	    loader_alloc(l, (l->conf->n_tenants + l->n_keys) * sizeof(void *));
	if (keys == NULL)
		return;
	if (l->err == OK) /* then each has one */
		check_names(l);
	if (l->n_keys > 0)
		qsort(l->keys, l->n_keys, sizeof(*l->keys), by_digest);
	for (size_t i = 0; i < l->n_keys; i++) {
		if (i > 0 &&
		    memcmp(k[i].key.digest, k[i - 1].key.digest,
			CONF_KEY_BYTES) == 0)
			complain(l, k[i].at,
			    "want a key of its own, got the same as line %u",
			    config_setting_source_line(k[i - 1].at));
		keys[i] = k[i].key;
	}
	l->conf->keys = keys;
	l->conf->n_keys = l->n_keys;
}

/* --- at work --- */

static uint64_t
head_of(const unsigned char digest[CONF_KEY_BYTES])
{
	uint64_t v = 0;

	for (size_t i = 0; i < sizeof(v); i++)
		v = v << 8 | digest[i];
	return v;
}

/* The first key whose head is not below; without branches on heads. */
static size_t
lower_bound(const struct conf *c, uint64_t head)
{
	size_t base = 0, half, n = c->n_keys;

	while (n > 1) {
		half = n / 2;
		base +=
		    half * (head_of(c->keys[base + half - 1].digest) < head);
		n -= half;
	}
	return base + (head_of(c->keys[base].digest) < head);
}

const struct conf_key *
conf_find_key(const struct conf *c, struct slice key)
{
	const struct conf_key *found = NULL;
	unsigned char digest[CONF_KEY_BYTES];
	size_t first = 0, end = c->n_keys;

	if (c->n_keys == 0 || !conf_key_digest(key, digest))
		return NULL;
	if (c->n_keys > SCAN_MAX) {
		first = lower_bound(c, head_of(digest));
		for (end = first; end < c->n_keys &&
		     head_of(c->keys[end].digest) == head_of(digest);)
			end++;
	}
	for (size_t i = first; i < end; i++)
		if (CRYPTO_memcmp(c->keys[i].digest, digest, CONF_KEY_BYTES) ==
		    0)
			found = &c->keys[i];
	return found;
}

const struct conf_key *
conf_authenticate_admin(const struct conf *c, struct slice key)
{
	const struct conf_key *k = conf_find_key(c, key);

	return k != NULL && k->tenant == NULL ? k : NULL;
}

struct quota *
conf_tenant_quota(const struct conf *c, const struct conf_tenant *t)
{
	return c->quotas[t - c->tenants];
}

struct quota *
conf_key_quota(const struct conf *c, const struct conf_key *k)
{
	return c->quotas[c->n_tenants + (size_t)(k - c->keys)];
}
