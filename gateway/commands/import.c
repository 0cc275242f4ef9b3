/* gateway/commands/import.c - `pointsman import`: from another gateway's
 * configuration. gateway.conf goes to standard output, what it could not take
 * over to standard error. */
#include <stdio.h>

#include "gateway/commands/command.h"
#include "gateway/import/import.h"
#include "gateway/secrecy.h"

static const char usage[] =
    "pointsman import litellm CONFIG.YAML > gateway.conf";

static void
report(const struct imported *i)
{
	fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&i->notes)));
	fprintf(stderr,
	    "%u backend%s, %u model%s, %u serving%s; %u thing%s not carried "
	    "over as %s\n",
	    i->backends, command_s(i->backends), i->models,
	    command_s(i->models), i->servings, command_s(i->servings),
	    i->n_notes, command_s(i->n_notes),
	    i->n_notes == 1 ? "it was" : "they were");
	if (i->errors > 0)
		fprintf(stderr,
		    "pointsman import: %zu error%s above: gateway.conf does "
		    "not load as it is\n",
		    i->errors, command_s(i->errors));
}

static int
import_file(const char *path)
{
	struct imported i;
	struct errmsg why;
	bool good;
	enum err rc;

	secrecy_begin();
	imported_init(&i);
	rc = import_litellm(path, &i, &why);
	if (rc == OK) {
		report(&i);
		fwrite(i.conf.p, 1, i.conf.n, stdout);
	} else {
		fprintf(stderr, "%.*spointsman import: %s\n",
		    SLICE_ARG(buf_slice(&i.notes)), why.text);
	}
	good = rc == OK && i.errors == 0;
	imported_fini(&i);
	return good ? EXIT_GOOD : EXIT_BAD;
}

static int
litellm(void *wish, int n, char **operands)
{
	(void)wish;
	return n == 2 ? import_file(operands[1]) : command_misused(usage);
}

int
command_import(int argc, char **argv)
{
	static const struct command_word words[] = { { "litellm", litellm } };

	return command_words(
	    argc, argv, usage, NULL, 0, COMMAND_WORDS(words), NULL);
}
