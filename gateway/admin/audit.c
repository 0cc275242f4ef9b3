/* gateway/admin/audit.c - adds to the audit log. */
#include "gateway/admin/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/folder.h"
#include "gateway/lib/hex.h"
#include "gateway/lib/log.h"

struct audit {
	char *path;
	int fd; /* -1: not open */
	off_t size; /* what was found in it, and added since */
	struct audit_state last;
};

struct audit *
audit_new(const char *path)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->fd = -1;
	a->path = strdup(path);
	if (a->path == NULL)
		audit_free(&a);
	return a;
}

static void
shut(struct audit *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

void
audit_free(struct audit **ap)
{
	struct audit *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	shut(a);
	free(a->path);
	free(a);
}

enum err
audit_hash(struct slice s, char hash[AUDIT_HASH])
{
	unsigned char digest[CONF_KEY_BYTES];

	if (!conf_key_digest(s, digest))
		return ERR_MEMORY;
	hex_write(digest, sizeof(digest), hash);
	return OK;
}

/* Still the file by that name, and nobody else has touched it. */
static bool
is_ours(const struct audit *a)
{
	struct stat open_one, named;

	return a->fd >= 0 && fstat(a->fd, &open_one) == 0 &&
	    stat(a->path, &named) == 0 && open_one.st_dev == named.st_dev &&
	    open_one.st_ino == named.st_ino && open_one.st_size == a->size;
}

/* What is no file has no chain that could be looked at; and a pipe might keep
 * us waiting for who reads it. */
static enum err
open_file(struct audit *a, struct errmsg *why)
{
	struct stat st;

	a->fd = open(a->path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    0600);
	if (a->fd >= 0 && fstat(a->fd, &st) == 0 && S_ISREG(st.st_mode))
		return OK;
	return fail(why, ERR_IO, "cannot open the audit log %s: %s", a->path,
	    a->fd >= 0 || errno == ENXIO ? "it is no file" : strerror(errno));
}

/* Two processes that add to one chain would break it. */
static enum err
take(struct audit *a, struct errmsg *why)
{
	struct stat st;
	enum err rc;

	if (flock(a->fd, LOCK_EX | LOCK_NB) != 0)
		return fail(why, ERR_IO, "cannot lock the audit log %s: %s",
		    a->path,
		    errno == EWOULDBLOCK ? "another process writes to it"
					 : strerror(errno));
	rc = audit_verify(a->path, &a->last, why);
	if (rc == OK && fstat(a->fd, &st) != 0)
		rc = fail(why, ERR_IO, "cannot read the audit log %s: %s",
		    a->path, strerror(errno));
	if (rc == OK)
		a->size = st.st_size;
	return rc;
}

/* A line's worth, so that a full disk is known before the act and not after
 * it. Where a file system cannot tell, the line itself does. */
static enum err
reserve(const struct audit *a, struct errmsg *why)
{
	if (fallocate(a->fd, FALLOC_FL_KEEP_SIZE, a->size,
		(off_t)AUDIT_LINE_MAX) == 0 ||
	    (errno != ENOSPC && errno != EDQUOT))
		return OK;
	return fail(why, ERR_IO, "cannot write the audit log %s: %s", a->path,
	    strerror(errno));
}

enum err
audit_ready(struct audit *a, struct errmsg *why)
{
	const struct audit_state last = a->last;
	const bool again = a->fd >= 0;
	enum err rc;

	if (is_ours(a))
		return reserve(a, why);
	shut(a);
	rc = open_file(a, why);
	if (rc == OK)
		rc = take(a, why);
	if (rc != OK)
		shut(a);
	else if (again)
		log_warn("audit_log reason=other_file was_n=%llu was_hash=%s "
			 "n=%llu hash=%s",
		    (unsigned long long)last.n, last.hash,
		    (unsigned long long)a->last.n, a->last.hash);
	return rc == OK ? reserve(a, why) : rc;
}

static void
add_time(struct buf *line, usec wall)
{
	char text[CLOCK_TEXT];
	size_t n = clock_text(text, wall, 3);

	buf_addf(line, "\"%.*s\"", (int)n, text);
}

static enum err
make_line(const struct audit_state *last, const struct audit_entry *e,
    usec wall, struct buf *line, char hash[AUDIT_HASH])
{
	enum err rc;

	buf_addf(line, "{\"before\":\"%s\",\"n\":%llu,\"time\":", last->hash,
	    (unsigned long long)last->n + 1);
	add_time(line, wall);
	buf_add_str(line, ",\"who\":");
	if (e->who != NULL)
		buf_add_json(line, slice_of(e->who));
	else
		buf_add_str(line, "null");
	buf_add_str(line, ",\"act\":");
	buf_add_json(line, slice_of(e->act));
	buf_add_str(line, ",\"target\":");
	buf_add_json(line, e->target);
	buf_addf(line, ",\"result\":%d", e->result);
	rc = buf_err(line);
	if (rc == OK)
		rc = audit_hash(buf_slice(line), hash);
	if (rc == OK)
		buf_addf(line, ",\"hash\":\"%s\"}\n", hash);
	return rc == OK ? buf_err(line) : rc;
}

/* Of a file that has just begun. The line is in it by now, so that this is no
 * failure to write it. */
static void
sync_name(const struct audit *a)
{
	char *real = realpath(a->path, NULL);

	if (real == NULL || !folder_sync(real))
		log_error("audit_log reason=\"cannot sync the folder of %s: "
			  "%s\"",
		    a->path, strerror(errno));
	free(real);
}

enum err
audit_write(
    struct audit *a, const struct audit_entry *e, usec wall, struct errmsg *why)
{
	char hash[AUDIT_HASH];
	struct buf line;
	ssize_t n;
	enum err rc = audit_ready(a, why);

	if (rc != OK)
		return rc;
	buf_init(&line, AUDIT_LINE_MAX);
	rc = make_line(&a->last, e, wall, &line, hash);
	if (rc != OK) {
		rc = fail(why, rc, "cannot word a line of the audit log: %s",
		    err_name(rc));
		goto out;
	}
	n = write(a->fd, line.p, line.n);
	if (n != (ssize_t)line.n || fsync(a->fd) != 0) {
		rc = fail(why, ERR_IO, "cannot write the audit log %s: %s",
		    a->path,
		    n >= 0 && n < (ssize_t)line.n ? "the disk took a part"
						  : strerror(errno));
		/* a part of a line would be in the way of all that follow */
		if (n > 0 && n < (ssize_t)line.n &&
		    ftruncate(a->fd, a->size) != 0)
			log_error("audit_log reason=\"half a line stays\"");
		shut(a); /* what is in it now is to be looked at again */
		goto out;
	}
	if (a->last.n == 0)
		sync_name(a);
	a->size += n;
	a->last.n++;
	memcpy(a->last.hash, hash, sizeof(hash));
	log_info("audit n=%llu act=%s result=%d hash=%s",
	    (unsigned long long)a->last.n, e->act, e->result, hash);
out:
	buf_fini(&line);
	return rc;
}
