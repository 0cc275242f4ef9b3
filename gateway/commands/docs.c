/* gateway/commands/docs.c - `pointsman docs`: the reference pages that are made
 * from the program's own tables, for `make docs`. */
#include <stdio.h>
#include <string.h>

#include "gateway/admin/routes.h"
#include "gateway/commands/command.h"
#include "gateway/conf/conf.h"
#include "gateway/telemetry/telemetry.h"

int
command_docs(int argc, char **argv)
{
	static const char usage[] =
	    "pointsman docs configuration|metrics|admin-api|man|bash|zsh|fish";
	int at;

	if (!command_options(argc, argv, usage, NULL, 0, &at))
		return at;
	if (at + 1 == argc) {
		if (strcmp(argv[at], "configuration") == 0) {
			conf_write_docs(stdout);
			return EXIT_GOOD;
		}
		if (strcmp(argv[at], "metrics") == 0) {
			telemetry_write_docs(stdout);
			return EXIT_GOOD;
		}
		if (strcmp(argv[at], "admin-api") == 0) {
			admin_write_docs(stdout);
			return EXIT_GOOD;
		}
		if (pages_write(argv[at]))
			return EXIT_GOOD;
	}
	return command_misused(usage);
}
