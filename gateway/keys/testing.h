/* gateway/keys/testing.h - for this folder's unit tests: a ring with a file of
 * its own. */
#ifndef GATEWAY_KEYS_TESTING_H
#define GATEWAY_KEYS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ours first: cmocka makes a macro of fail. */
#include "gateway/keys/keyring.h"

#include <cmocka.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define WALL (1763712000 * USEC_SEC)

struct bench {
	char folder[64], path[96], other[104], lock[104];
	struct quotas *quotas;
	struct keyring *ring;
	struct errmsg why;
};

static inline void
open_again(struct bench *b)
{
	keyring_free(&b->ring);
	assert_int_equal(
	    keyring_open(b->path, b->quotas, &b->ring, &b->why), OK);
}

static inline int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	snprintf(b->folder, sizeof(b->folder), "/tmp/pointsman-ring-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%s/keys.json", b->folder);
	snprintf(b->other, sizeof(b->other), "%s.new", b->path);
	snprintf(b->lock, sizeof(b->lock), "%s.lock", b->path);
	b->quotas = quotas_new(WALL);
	assert_non_null(b->quotas);
	open_again(b);
	*state = b;
	return 0;
}

static inline int
teardown(void **state)
{
	struct bench *b = *state;

	keyring_free(&b->ring);
	quotas_free(&b->quotas);
	unlink(b->path);
	unlink(b->lock);
	rmdir(b->other);
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

static inline enum err
add(struct bench *b, const char *tenant, const char *name, char key[KEY_BYTES])
{
	const struct grant wish = {
		.tenant = tenant, .key.name = name, .created = WALL
	};

	return keyring_add(b->ring, &wish, key, &b->why);
}

static inline const struct grant *
find(const struct bench *b, const char *key)
{
	return keyring_find(b->ring, slice_of(key), WALL);
}

static inline void
read_file(const struct bench *b, char *text, size_t cap)
{
	FILE *f = fopen(b->path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, cap - 1, f);
	text[n] = '\0';
	fclose(f);
}

static inline void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif
