/* gateway/commands/places.c - looks at files that `serve` would open, and at
 * programs that it would start. */
#include "gateway/commands/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/admin/audit.h"
#include "gateway/keys/keyring.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/count.h"

#define PATH_BYTES 4096
#define LINKS_MAX 40 /* as Linux has it */

/* Of the unit in tools/: there from its first start on. */
static bool
is_made_by_systemd(const char *folder)
{
	static const char *const made[] = { "/run/pointsman",
		"/var/lib/pointsman", "/var/log/pointsman" };

	for (size_t i = 0; i < COUNT(made); i++)
		if (strcmp(folder, made[i]) == 0)
			return true;
	return false;
}

/* "//" is "/". */
static bool
folder_of(const char *path, char out[PATH_BYTES])
{
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	if (slash == NULL) {
		memcpy(out, ".", 2);
		return true;
	}
	for (const char *p = path; p < slash; p++) {
		if (n > 0 && *p == '/' && out[n - 1] == '/')
			continue;
		if (n + 2 > PATH_BYTES)
			return false;
		out[n++] = *p;
	}
	if (n > 1 && out[n - 1] == '/')
		n--;
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return true;
}

/* Where a file is made that a link names and that is not there: in the folder
 * of the link's target. False: it cannot be told. */
static bool
follow(const char *path, char out[PATH_BYTES])
{
	char target[PATH_BYTES];
	ssize_t n;
	struct buf b;

	snprintf(out, PATH_BYTES, "%s", path);
	for (int i = 0; i < LINKS_MAX; i++) {
		n = readlink(out, target, sizeof(target));
		if (n < 0)
			return true;
		buf_init(&b, PATH_BYTES);
		if (target[0] != '/' && strrchr(out, '/') != NULL)
			buf_add(&b,
			    slice_make(
				out, (size_t)(strrchr(out, '/') - out) + 1));
		buf_add(&b, slice_make(target, (size_t)n));
		buf_add_char(&b, '\0');
		if (buf_err(&b) != OK) {
			buf_fini(&b);
			return false;
		}
		memcpy(out, b.p, b.n);
		buf_fini(&b);
	}
	return false;
}

/* For a file that is still to be made. */
static enum err
look_at_folder(const char *path, struct errmsg *why)
{
	char folder[PATH_BYTES], file[PATH_BYTES];
	struct stat st;

	if (!follow(path, file) || !folder_of(file, folder))
		return fail(why, ERR_IO, "want a shorter path, got %s", path);
	if (stat(folder, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return OK;
		return fail(
		    why, ERR_IO, "want a folder, got another file: %s", folder);
	}
	if (errno == EACCES)
		return OK;
	if (is_made_by_systemd(folder))
		return fail(why, ERR_AGAIN,
		    "want a folder that is there, got %s, which systemd makes "
		    "when the unit starts",
		    folder);
	return fail(why, ERR_IO, "want a folder that is there, got %s: %s",
	    folder, strerror(errno));
}

/* A log may also go to a pipe or a terminal. *there: it can be looked into. */
static enum err
look_at_file(
    const char *path, bool only_regular, bool *there, struct errmsg *why)
{
	struct stat st;

	*there = false;
	if (stat(path, &st) != 0 && errno == ELOOP)
		return fail(why, ERR_IO, "want a file, got %s: %s", path,
		    strerror(errno));
	if (stat(path, &st) != 0)
		return errno == EACCES ? OK : look_at_folder(path, why);
	if (S_ISDIR(st.st_mode))
		return fail(
		    why, ERR_IO, "want a file, got the folder %s", path);
	if (S_ISSOCK(st.st_mode) || (only_regular && !S_ISREG(st.st_mode)))
		return fail(
		    why, ERR_IO, "want a file, got something else: %s", path);
	*there = S_ISREG(st.st_mode) && access(path, R_OK) == 0;
	return OK;
}

static enum err
look_at_log(const char *path, struct errmsg *why)
{
	bool there;

	return look_at_file(path, false, &there, why);
}

/* The gateway starts without it; what is to be noted there is then refused. */
static enum err
look_at_audit(const char *path, struct errmsg *why)
{
	struct audit_state last;
	bool there;
	enum err rc = look_at_file(path, true, &there, why);

	if (rc == OK && there)
		rc = audit_verify(path, &last, why);
	return rc == OK ? OK : ERR_AGAIN;
}

/* Without its folder there are no keys and none can be made; a file that cannot
 * be read whole is another matter. */
static enum err
look_at_keys(const char *path, struct errmsg *why)
{
	struct stat st;
	bool there;
	enum err rc = look_at_file(path, true, &there, why);

	/* a link is followed before the file is made */
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    stat(path, &st) != 0 && errno != EACCES)
		return fail(why, ERR_IO,
		    "want a link that leads to a file, got %s: %s", path,
		    strerror(errno));
	if (rc == OK && there)
		return keyring_look(path, why);
	return rc != OK && stat(path, &st) != 0 && errno == ENOENT ? ERR_AGAIN
								   : rc;
}

static enum err
look_at_ledger(const char *path, struct errmsg *why)
{
	bool there;
	enum err rc = look_at_file(path, true, &there, why);

	return rc == OK && there ? ledger_look(path, why) : rc;
}

static bool
is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == EACCES;
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

static bool
is_in_path(struct slice name)
{
	const char *all = getenv("PATH");
	struct slice rest = slice_of(all != NULL ? all : "/bin:/usr/bin");
	char path[PATH_BYTES];
	struct slice folder;
	struct buf b;
	bool found = false;

	while (!found && slice_next(&rest, ':', &folder)) {
		if (folder.n == 0) /* as execvp() has it */
			folder = SLICE(".");
		buf_on(&b, path, sizeof(path));
		buf_addf(&b, "%.*s/%.*s", SLICE_ARG(folder), SLICE_ARG(name));
		buf_add_char(&b, '\0');
		found = buf_err(&b) == OK && is_program(path);
	}
	return found;
}

/* The others serve, while this one is tried again and again. */
static enum err
look_at_program(const char *name, struct errmsg *why)
{
	bool by_path = strchr(name, '/') != NULL;

	if (by_path ? is_program(name) : is_in_path(slice_of(name)))
		return OK;
	return fail(why, ERR_AGAIN,
	    "want a program that can be started, got %s%s", name,
	    by_path ? "" : ", which is nowhere in $PATH");
}

/* What is left of a gateway that has died gives way; nothing else does. */
static enum err
look_at_socket(const char *path, struct errmsg *why)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == EACCES ? OK : look_at_folder(path, why);
	if (S_ISSOCK(st.st_mode))
		return OK;
	return fail(why, ERR_IO,
	    "want a socket, or nothing there yet, got something else: %s",
	    path);
}

enum err
places_look(enum conf_place place, const char *path, struct errmsg *why)
{
	switch (place) {
	case PLACE_ACCESS_LOG:
		return look_at_log(path, why);
	case PLACE_AUDIT_LOG:
		return look_at_audit(path, why);
	case PLACE_KEYS_FILE:
		return look_at_keys(path, why);
	case PLACE_LEDGER:
		return look_at_ledger(path, why);
	case PLACE_COMMAND:
		return look_at_program(path, why);
	case PLACE_SOCKET:
		return look_at_socket(path, why);
	}
	return OK;
}
