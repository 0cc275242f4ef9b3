/* gateway/import/variable.c - names of environment variables: those that the
 * file speaks of, and ours for what it has in clear. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/import/inner.h"

#define REFERENCE SLICE("os.environ/")

/* As gateway.conf takes it after "env:". */
static bool
is_variable(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c >= 0x80 ||
		    (!isalpha(c) && c != '_' && (i == 0 || !isdigit(c))))
			return false;
	}
	return name.n > 0;
}

static struct slice
without(struct slice prefix, struct slice text)
{
	return slice_make(text.p + prefix.n, text.n - prefix.n);
}

const char *
env_reference(struct import *im, struct slice text)
{
	char name[256];

	if (!slice_starts(text, REFERENCE) ||
	    !is_variable(without(REFERENCE, text)) ||
	    (size_t)snprintf(name, sizeof(name), "env:%.*s",
		SLICE_ARG(without(REFERENCE, text))) >= sizeof(name))
		return NULL;
	return im_dup(im, slice_of(name));
}

/* --- names that are taken --- */

static void
take(struct import *im, struct slice name)
{
	im->out_of_memory |= map_put(&im->variables, name, im) != OK;
}

void
read_variables(struct import *im)
{
	const yaml_node_t *own = yaml_member(im->doc,
	    yaml_document_get_root_node(im->doc), "environment_variables");
	const yaml_node_t *key;

	for (yaml_node_t *n = im->doc->nodes.start; n < im->doc->nodes.top; n++)
		if (slice_starts(yaml_text(n), REFERENCE))
			take(im, without(REFERENCE, yaml_text(n)));
	for (size_t i = 0; yaml_pair(im->doc, own, i, &key) != NULL; i++)
		if (yaml_text(key).n > 0)
			take(im, yaml_text(key));
}

/* --- ours --- */

static void
write_name(char *name, size_t n, const char *provider, const char *what,
    unsigned count)
{
	snprintf(name, n, "env:%s_%s_%u", provider, what, count);
	for (char *p = name + strlen("env:"); *p != '\0'; p++)
		*p = isalnum((unsigned char)*p)
		    ? (char)toupper((unsigned char)*p)
		    : '_';
}

const char *
give_variable(struct import *im, const char *provider, const char *what,
    struct slice text)
{
	const char *given = map_get(&im->given, text);
	char name[96];

	if (given != NULL)
		return given;
	do
		write_name(name, sizeof(name), provider, what, ++im->n_given);
	while (
	    map_get(&im->variables, slice_of(name + strlen("env:"))) != NULL);
	given = im_dup(im, slice_of(name));
	if (given != NULL)
		im->out_of_memory |=
		    map_put(&im->given, text, (void *)(uintptr_t)given) != OK;
	return given;
}

void
tell_variable(struct import *im, const yaml_node_t *at, const char *path,
    const char *key, const char *given)
{
	const char *name = given + strlen("env:");

	if (slice_starts(yaml_text(at), REFERENCE))
		note(im, at, path,
		    "%s: want letters, digits and \"_\" in a variable's name, "
		    "got others: export it as %s",
		    key, name);
	else
		note(im, at, path,
		    "%s: a key in clear is not copied: export it as %s", key,
		    name);
}
