/* gateway/keys/keyring.h - tenants' keys that are made and revoked at run time.
 *
 * Beside the keys of gateway.conf: each has a name of its own within its
 * tenant, may expire, and may be allowed less than its tenant. The file
 * (`keys_file`) holds digests only, and is replaced whole with each change; a
 * change that cannot be written is not made, and nothing is written over what
 * others have changed since. A key itself is known to whoever made it, once.
 * Two processes would undo each other's changes, so one alone has the file, by
 * a lock on another beside it: the file itself is replaced.
 *
 * Workers look keys up at any time. What they find stays where it is until the
 * ring is freed, also when it is revoked: requests under way go on. */
#ifndef GATEWAY_KEYS_KEYRING_H
#define GATEWAY_KEYS_KEYRING_H

#include <jansson.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "gateway/conf/conf.h"
#include "gateway/conf/settings.h"
#include "gateway/quota/quota.h"

#define KEY_PREFIX "sk-pm-"
#define KEY_RANDOM 24 /* bytes, drawn by OpenSSL */
#define KEY_BYTES (sizeof(KEY_PREFIX) + 2 * (size_t)KEY_RANDOM) /* NUL too */
#define KEY_NAME_MAX 64 /* bytes */
#define KEY_MODELS_MAX 64

struct keyring;

struct grant {
	struct conf_key key; /* its tenant is NULL: a name outlives a reload */
	const char *tenant;
	usec created, expires; /* wall clock; expires 0: never */
	const char *const *models; /* NULL at the end; NULL: its tenant's */
	struct conf_quota limits; /* of its own */
	bool limited; /* it has any; else those of its tenant's keys */
	struct quota *quota;
	struct slice text; /* as the file has it: a JSON object */
	atomic_bool revoked;
};

/* Main thread. path NULL: there are none, and none can be made. ERR_INVALID:
 * the file is not one of ours; *why says where. ERR_AGAIN: another process has
 * it. A file that is not there is an empty one. */
enum err keyring_open(const char *path, struct quotas *, struct keyring **,
    struct errmsg *why) MUST_USE;
/* Whether the file that is there could be opened; it is neither locked nor
 * kept. */
enum err keyring_look(const char *path, struct errmsg *why) MUST_USE;
void keyring_free(struct keyring **);
/* Leaves the file to another process: nothing is made or revoked from then on.
 */
void keyring_release(struct keyring *);
/* NULL: none can be made, as where there is no ring. */
const char *keyring_path(const struct keyring *);

/* Any thread: the grant of a key that is good now; NULL: none. No ring has no
 * keys. */
const struct grant *keyring_find(struct keyring *, struct slice key, usec wall);
/* Whether it is for that model. */
bool grant_allows(const struct grant *, const struct conf_model *);

/* --- main thread --- */

/* A new key like `wish`, of which all but digest, text and quota is read. It
 * goes to `key`. ERR_AGAIN: the tenant has one of that name. */
enum err keyring_add(struct keyring *, const struct grant *wish,
    char key[KEY_BYTES], struct errmsg *why) MUST_USE;
/* ERR_NOT_FOUND: the tenant has none of that name. */
enum err keyring_revoke(struct keyring *, struct slice tenant,
    struct slice name, struct errmsg *why) MUST_USE;
/* In the order in which they were made, revoked ones too; NULL: no more. */
const struct grant *keyring_at(const struct keyring *, size_t i);

/* --- keyring_file.c and keyring_write.c, for keyring.c --- */

/* Limits of a key: the settings of its group that have no default. NULL: no
 * more. */
const struct setting *grant_limit_at(size_t i);
/* Whether it can be that limit: within its bounds, and whole where it counts.
 */
bool grant_limit_fits(const struct setting *limit, double);
/* One of them; what has a default gets it. */
void grant_limit_set(struct conf_quota *, const struct setting *limit, double);

/* What there is of them. */
json_t *limits_json(const struct conf_quota *);
/* All but the digest. */
json_t *grant_json(const struct grant *);
/* What the file says of it; the caller's to free(). NULL: no memory. */
char *grant_text(const struct grant *);
/* Takes each grant of the text; a grant's strings are borrowed for the call. */
enum err keyring_parse(struct slice text, const char *path,
    enum err (*each)(void *, const struct grant *), void *arg,
    struct errmsg *why) MUST_USE;
/* Until *lock is closed. Where that file cannot be made, *lock stays as it is,
 * which is no error: nothing can be written there either. */
enum err keyring_lock(const char *path, int *lock, struct errmsg *why) MUST_USE;

/* By which a file is known again: by its place, or, where that has changed, by
 * what is in it. All zeroes: there is none. */
struct keyring_mark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	unsigned char content[CONF_KEY_BYTES]; /* digest */
};
/* Its place; the content is left to whoever reads it. */
void keyring_mark(const char *path, struct keyring_mark *);
/* Notes a new place of the same content. */
bool keyring_mark_is(const char *path, struct keyring_mark *);
/* Marks what it has written. */
enum err keyring_write(const struct keyring *, const char *path,
    struct keyring_mark *, struct errmsg *why) MUST_USE;

#endif
