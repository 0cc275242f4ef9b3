/* gateway/conf/places.c - files and programs that the configuration names.
 *
 * What they have to be is not known here: whoever loads says what there is. */
#include "gateway/conf/loader.h"
#include "gateway/lib/count.h"

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

static void
look_at_files(struct loader *l)
{
	const config_setting_t *root = config_root_setting(&l->tree);
	const struct conf *c = l->conf;
	const struct {
		enum conf_place place;
		const char *name, *path;
	} files[] = {
		{ PLACE_ACCESS_LOG, "access_log", c->access_log },
		{ PLACE_AUDIT_LOG, "audit_log", c->audit_log },
		{ PLACE_KEYS_FILE, "keys_file", c->keys_file },
		{ PLACE_LEDGER, "ledger", c->ledger },
	};

	for (size_t i = 0; i < COUNT(files); i++)
		if (loader_is_set(root, files[i].name) && files[i].path != NULL)
			look(l, loader_member(root, files[i].name),
			    files[i].place, files[i].path);
}

void
check_places(struct loader *l)
{
	if (l->env->look == NULL)
		return;
	look_at_files(l);
	for (size_t i = 0; i < l->conf->n_backends; i++) {
		const struct conf_backend *b = &l->conf->backends[i];

		if (b->command != NULL && b->off == NULL)
			look(l, loader_at(l, "backends", i, "command"),
			    PLACE_COMMAND, b->command[0]);
	}
}
