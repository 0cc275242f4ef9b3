/* gateway/keys/keyring_write.c - the file of the keys made at run time, as it
 * is written: each as it was read or made, so that with very many of them
 * nothing is rendered but the new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/conf/source.h"
#include "gateway/keys/keyring.h"
#include "gateway/lib/folder.h"
#include "gateway/lib/hex.h"
#include "gateway/lib/log.h"

#define PATH_MAX_BYTES ((size_t)4096)

json_t *
limits_json(const struct conf_quota *q)
{
	const struct setting *l;
	json_t *o = json_object();

	for (size_t i = 0; (l = grant_limit_at(i)) != NULL; i++)
		if (setting_number(l, q) > 0)
			json_object_set_new(
			    o, l->name, json_real(setting_number(l, q)));
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

char *
grant_text(const struct grant *g)
{
	char hex[2 * CONF_KEY_BYTES + 1], *text;
	json_t *o = grant_json(g);

	hex_write(g->key.digest, CONF_KEY_BYTES, hex);
	json_object_set_new(o, "sha256", json_string(hex));
	text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(o);
	return text;
}

/* A line for each; no more than can be read again. */
static enum err
ring_text(const struct keyring *r, struct buf *out, const char *path,
    struct errmsg *why)
{
	const char *comma = "";
	const struct grant *g;

	buf_add_str(out, "{\"version\": 1, \"keys\": [");
	for (size_t i = 0; (g = keyring_at(r, i)) != NULL; i++) {
		if (atomic_load(&g->revoked))
			continue;
		buf_addf(out, "%s\n", comma);
		buf_add(out, g->text);
		comma = ",";
	}
	buf_add_str(out, "\n]}\n");
	if (buf_err(out) == ERR_MEMORY)
		return fail(why, ERR_MEMORY, "out of memory");
	if (buf_err(out) != OK)
		return fail(why, ERR_IO,
		    "cannot write %s: more than %zu bytes cannot be read again",
		    path, SOURCE_MAX);
	return OK;
}

/* Whole, and on the disk; a file of its own, whatever a crash or anybody else
 * has left there. */
static bool
write_file(const char *path, struct slice text)
{
	ssize_t n;
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	while (text.n > 0 && (n = write(fd, text.p, text.n)) > 0)
		text = slice_make(text.p + n, text.n - (size_t)n);
	if (text.n > 0 || fsync(fd) != 0) {
		close(fd);
		return false;
	}
	return close(fd) == 0;
}

enum err
keyring_lock(const char *path, int *lock, struct errmsg *why)
{
	char beside[PATH_MAX_BYTES];
	int fd = -1, error = ENAMETOOLONG;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.lock", path) <
	    sizeof(beside)) {
		fd = open(
		    beside, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		error = errno;
	}
	if (fd < 0) {
		log_error("keys_file reason=\"cannot open %s.lock: %s\"", path,
		    strerror(error));
		return OK;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error = errno;
		close(fd);
		return fail(why, ERR_AGAIN, "keys_file: cannot lock %s: %s",
		    path,
		    error == EWOULDBLOCK ? "another gateway writes to it"
					 : strerror(error));
	}
	*lock = fd;
	return OK;
}

void
keyring_mark(const char *path, struct keyring_mark *m)
{
	struct stat st;

	*m = (struct keyring_mark){ 0 };
	if (stat(path, &st) == 0)
		*m = (struct keyring_mark){ .device = st.st_dev,
			.inode = st.st_ino,
			.size = st.st_size,
			.changed = st.st_mtim };
}

static bool
digest_file(const char *path, unsigned char digest[CONF_KEY_BYTES])
{
	struct errmsg why;
	struct buf raw;
	bool good;

	buf_init(&raw, SOURCE_MAX);
	good = source_read(path, &raw, &why) == OK &&
	    conf_key_digest(buf_slice(&raw), digest);
	buf_fini(&raw);
	return good;
}

bool
keyring_mark_is(const char *path, struct keyring_mark *m)
{
	struct keyring_mark now;

	keyring_mark(path, &now);
	if (now.device == m->device && now.inode == m->inode &&
	    now.size == m->size && now.changed.tv_sec == m->changed.tv_sec &&
	    now.changed.tv_nsec == m->changed.tv_nsec)
		return true;
	if (now.size != m->size || !digest_file(path, now.content) ||
	    memcmp(now.content, m->content, CONF_KEY_BYTES) != 0)
		return false;
	*m = now; /* touched, or put back from a copy */
	return true;
}

enum err
keyring_write(const struct keyring *r, const char *path,
    struct keyring_mark *mark, struct errmsg *why)
{
	char other[PATH_MAX_BYTES];
	struct buf text;
	enum err rc;

	buf_init(&text, SOURCE_MAX);
	rc = (size_t)snprintf(other, sizeof(other), "%s.new", path) <
		sizeof(other)
	    ? ring_text(r, &text, path, why)
	    : fail(why, ERR_IO, "cannot write %s: its path is too long", path);
	if (rc != OK)
		goto out;
	if (!write_file(other, buf_slice(&text)) || rename(other, path) != 0) {
		rc = fail(
		    why, ERR_IO, "cannot write %s: %s", path, strerror(errno));
		unlink(other);
	} else if (!folder_sync(path)) {
		/* it is in place: to say that it is not would leave us with
		 * other keys than the file has */
		log_error("keys_file reason=\"cannot sync the folder of %s: "
			  "%s\"",
		    path, strerror(errno));
	}
	if (rc == OK) {
		keyring_mark(path, mark);
		(void)conf_key_digest(buf_slice(&text), mark->content);
	}
out:
	buf_fini(&text);
	return rc;
}
