/* gateway/cmd_serve.c - `pointsman serve`. */
#include "gateway/app.h"
#include "gateway/command.h"

int
command_serve(int argc, char **argv)
{
	const char *path = "gateway.conf";
	const struct command_option options[] = {
		{ "config", 'c', "FILE", "default: gateway.conf", &path, NULL },
	};
	int at = command_options(
	    argc, argv, "pointsman serve [OPTION]...", options, 1);

	if (at == -1)
		return EXIT_GOOD;
	if (at != argc)
		return EXIT_USAGE;
	return app_run(path);
}
