/* gateway/main.c - one program: finds the subcommand. */
#include <errno.h>
#include <string.h>

#include "gateway/commands/command.h"
#include "gateway/conf/suggest.h"
#include "gateway/lib/descriptors.h"

static void
usage(FILE *f)
{
	size_t n;
	const struct command *commands = command_table(&n);

	fputs("usage: pointsman COMMAND [OPTION]... (--help on each)\n\n", f);
	for (size_t i = 0; i < n; i++)
		if (commands[i].help != NULL)
			fprintf(f, "  %-10s %s\n", commands[i].name,
			    commands[i].help);
}

/* What could not be written was not done, whatever was computed: a full disk
 * must not leave half a page that passes for a whole one. The gateway itself is
 * there to serve, not to print. */
static int
finish(const char *name, int code)
{
	const bool flushed = fflush(stdout) == 0;

	if (flushed && !ferror(stdout))
		return code;
	fprintf(stderr, "pointsman %s: cannot write the output%s%s\n", name,
	    flushed ? "" : ": ", flushed ? "" : strerror(errno));
	return code == EXIT_GOOD ? EXIT_BAD : code;
}

static int
run(const struct command *c, int argc, char **argv)
{
	int code = c->run(argc, argv);

	return c->run == command_serve ? code : finish(c->name, code);
}

static const struct command *
find(const char *name)
{
	size_t n;
	const struct command *commands = command_table(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int
complain(const char *name)
{
	size_t n;
	const struct command *commands = command_table(&n);
	struct suggest near;

	suggest_init(&near, slice_of(name));
	for (size_t i = 0; i < n; i++)
		suggest_offer(&near, commands[i].name);
	fprintf(stderr, "pointsman: no such command: %s", name);
	if (near.best != NULL)
		fprintf(stderr, ": did you mean \"%s\"?", near.best);
	fputs("\n", stderr);
	usage(stderr);
	return EXIT_USAGE;
}

/* `pointsman help`, or `pointsman help check`. */
static int
help(const char *name)
{
	char word[32], option[] = "--help";
	char *argv[] = { word, option, NULL };
	const struct command *c = name != NULL ? find(name) : NULL;

	if (name != NULL && c == NULL)
		return complain(name);
	if (c != NULL) {
		snprintf(word, sizeof(word), "%s", c->name);
		return run(c, 2, argv);
	}
	usage(stdout);
	return finish("help", EXIT_GOOD);
}

static bool
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *c;

	if (!descriptors_keep_standard())
		return EXIT_BAD;
	if (is_one_of(name, "--help", "-h"))
		return help(NULL);
	if (strcmp(name, "help") == 0)
		return help(argv[2]);
	c = find(is_one_of(name, "--version", "-V") ? "version" : name);
	if (c != NULL)
		return run(c, argc - 1, argv + 1);
	if (name[0] != '\0')
		return complain(name);
	usage(stderr);
	return EXIT_USAGE;
}
