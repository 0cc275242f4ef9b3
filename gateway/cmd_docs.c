/* gateway/cmd_docs.c - `pointsman docs`: the reference pages that are made
 * from the program's own tables, for `make docs`. */
#include <stdio.h>
#include <string.h>

#include "gateway/command.h"
#include "gateway/conf/conf.h"
#include "gateway/telemetry/telemetry.h"

int
command_docs(int argc, char **argv)
{
	int at = command_options(
	    argc, argv, "pointsman docs configuration|metrics", NULL, 0);

	if (at == -1)
		return EXIT_GOOD;
	if (at >= 0 && at + 1 == argc) {
		if (strcmp(argv[at], "configuration") == 0) {
			conf_write_docs(stdout);
			return EXIT_GOOD;
		}
		if (strcmp(argv[at], "metrics") == 0) {
			telemetry_write_docs(stdout);
			return EXIT_GOOD;
		}
	}
	fputs("usage: pointsman docs configuration|metrics\n", stderr);
	return EXIT_USAGE;
}
