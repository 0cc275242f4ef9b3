/* gateway/main.c - one program: finds the subcommand. */
#include <errno.h>
#include <string.h>

#include "gateway/commands/command.h"

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

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *commands;
	size_t n;

	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return finish("help", EXIT_GOOD);
	}
	commands = command_table(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	if (name[0] != '\0')
		fprintf(stderr, "pointsman: no such command: %s\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
