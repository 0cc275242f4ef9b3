/* gateway/conf/places.c - files and programs that the configuration names.
 *
 * What they have to be is not known here: whoever loads says what there is. */
#include <string.h>
#include <sys/stat.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/count.h"
#include "gateway/lib/folder.h"

static void
look(struct loader *l, const config_setting_t *s, enum conf_place place,
    const char *path)
{
	struct errmsg why;

	switch (l->env->look(place, path, &why)) {
	case OK:
		break;
	case ERR_AGAIN:
		warn(l, s, "%s", why.text);
		break;
	default:
		complain(l, s, "%s", why.text);
	}
}

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
stat_folder(const char *path, struct stat *out)
{
	char folder[FOLDER_BYTES];

	return folder_path(path, folder) && stat(folder, out) == 0;
}

/* Also where neither is there yet. */
static bool
is_same_place(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(name_of(a), name_of(b)) == 0 && stat_folder(a, &x) &&
	    stat_folder(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A link may be its other name. */
static bool
is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 || is_same_place(a, b) ||
	    (stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) &&
		x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* Those that are written. */
struct place_file {
	enum conf_place place;
	const char *name, *path; /* path NULL: it is not set, or no file */
	const config_setting_t *at;
};

/* What one writes would spoil the other. */
static void
check_its_own(struct loader *l, const struct place_file *files,
    const struct place_file *f)
{
	for (; files < f; files++)
		if (files->path != NULL && is_same_file(files->path, f->path)) {
			complain(l, f->at,
			    "want a file of its own, got that of %s",
			    files->name);
			return;
		}
}

static void
check_files(struct loader *l)
{
	const config_setting_t *root = config_root_setting(&l->tree);
	const struct conf *c = l->conf;
	const bool is_file = c->access_log != NULL &&
	    strcmp(c->access_log, "stderr") != 0 &&
	    strcmp(c->access_log, "off") != 0;
	struct place_file files[] = {
		{ PLACE_ACCESS_LOG, "access_log",
		    is_file ? c->access_log : NULL, NULL },
		{ PLACE_AUDIT_LOG, "audit_log", c->audit_log, NULL },
		{ PLACE_KEYS_FILE, "keys_file", c->keys_file, NULL },
		{ PLACE_LEDGER, "ledger", c->ledger, NULL },
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		if (files[i].path == NULL)
			continue;
		files[i].at = loader_member(root, files[i].name);
		check_its_own(l, files, &files[i]);
		if (l->env->look != NULL)
			look(l, files[i].at, files[i].place, files[i].path);
	}
}

static void
look_at_listener(
    struct loader *l, const char *name, const struct conf_listen *listen)
{
	if (listen->path != NULL)
		look(l,
		    loader_member(
			loader_member(config_root_setting(&l->tree), name),
			"path"),
		    PLACE_SOCKET, listen->path);
}

void
check_places(struct loader *l)
{
	check_files(l);
	if (l->env->look == NULL)
		return;
	look_at_listener(l, "listen", &l->conf->listen);
	look_at_listener(l, "admin", &l->conf->admin);
	for (size_t i = 0; i < l->conf->n_backends; i++) {
		const struct conf_backend *b = &l->conf->backends[i];

		if (b->command != NULL && b->off == NULL)
			look(l, loader_at(l, "backends", i, "command"),
			    PLACE_COMMAND, b->command[0]);
	}
}
