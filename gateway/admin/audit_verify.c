/* gateway/admin/audit_verify.c - reads the audit log and follows its chain.
 *
 * Strict to the byte: every line begins and ends as audit_write() writes it,
 * and all that is between is hashed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/audit.h"
#include "gateway/lib/buf.h"

#define CHUNK ((size_t)16 << 10)
#define HEX ((size_t)AUDIT_HASH - 1)

static const char begins[] = "{\"before\":\"";
static const char ends[] = ",\"hash\":\"";
static const char last_bytes[] = "\"}\n";

#define NO_LINE                                                                \
	"want a line of the audit log, got something else or a part of one"

static bool
is_at(struct slice line, size_t at, const char *text)
{
	return at <= line.n &&
	    slice_starts(slice_make(line.p + at, line.n - at), slice_of(text));
}

static enum err
spoilt(struct errmsg *why, const char *path, uint64_t n, const char *what)
{
	return fail(
	    why, ERR_INVALID, "%s:%llu: %s", path, (unsigned long long)n, what);
}

/* One line, its newline included; *s goes on to it. */
static enum err
follow(const char *path, struct slice line, struct audit_state *s,
    struct errmsg *why)
{
	const size_t tail = sizeof(ends) - 1 + HEX + sizeof(last_bytes) - 1;
	const uint64_t n = s->n + 1;
	char hash[AUDIT_HASH], number[48];
	size_t cut;

	snprintf(
	    number, sizeof(number), "\",\"n\":%llu,", (unsigned long long)n);
	if (line.n < tail + sizeof(begins) + HEX || !is_at(line, 0, begins))
		return spoilt(why, path, n, NO_LINE);
	cut = line.n - tail;
	if (!is_at(line, sizeof(begins) - 1, s->hash) ||
	    !is_at(line, sizeof(begins) - 1 + HEX, number))
		return spoilt(why, path, n,
		    "want the line that follows the one before, got another: "
		    "lines were taken out, put in or moved");
	if (audit_hash(slice_make(line.p, cut), hash) != OK)
		return fail(why, ERR_MEMORY, "out of memory");
	if (!is_at(line, cut, ends) ||
	    !is_at(line, cut + sizeof(ends) - 1, hash) ||
	    !is_at(line, cut + sizeof(ends) - 1 + HEX, last_bytes))
		return spoilt(why, path, n,
		    "want the line as it was written, got one whose hash is "
		    "another: it was changed");
	memcpy(s->hash, hash, sizeof(hash));
	s->n = n;
	return OK;
}

/* What has been read of a line, which nobody else's file may make grow. */
static enum err
add(const char *path, struct slice part, struct buf *line,
    const struct audit_state *s, struct errmsg *why)
{
	buf_add(line, part);
	if (buf_err(line) == ERR_LIMIT)
		return spoilt(why, path, s->n + 1, NO_LINE);
	return buf_err(line) == OK ? OK
				   : fail(why, ERR_MEMORY, "out of memory");
}

static enum err
follow_all(const char *path, struct slice chunk, struct buf *line,
    struct audit_state *s, struct errmsg *why)
{
	enum err rc = OK;
	ptrdiff_t end;
	size_t n;

	while (rc == OK && chunk.n > 0) {
		end = slice_find(chunk, '\n');
		n = end >= 0 ? (size_t)end + 1 : chunk.n;
		rc = add(path, slice_make(chunk.p, n), line, s, why);
		chunk = slice_make(chunk.p + n, chunk.n - n);
		if (rc != OK || end < 0)
			continue;
		rc = follow(path, buf_slice(line), s, why);
		buf_reset(line);
	}
	return rc;
}

enum err
audit_verify(const char *path, struct audit_state *out, struct errmsg *why)
{
	struct audit_state s = { .n = 0 };
	FILE *f = fopen(path, "re");
	char chunk[CHUNK];
	struct buf line;
	enum err rc = OK;
	size_t n;

	memset(s.hash, '0', HEX);
	if (f == NULL)
		return fail(why, ERR_IO, "cannot read the audit log %s: %s",
		    path, strerror(errno));
	buf_init(&line, AUDIT_LINE_MAX);
	while (rc == OK && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		rc = follow_all(path, slice_make(chunk, n), &line, &s, why);
	if (rc == OK && ferror(f))
		rc = fail(why, ERR_IO, "cannot read the audit log %s: %s", path,
		    strerror(errno));
	if (rc == OK && line.n > 0)
		rc = follow(path, buf_slice(&line), &s, why);
	if (rc == OK)
		*out = s;
	buf_fini(&line);
	fclose(f);
	return rc;
}
