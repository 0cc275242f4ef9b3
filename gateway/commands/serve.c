/* gateway/commands/serve.c - `pointsman serve`. */
#include "gateway/app.h"
#include "gateway/commands/command.h"

int
command_serve(int argc, char **argv)
{
	const char *path = "gateway.conf";
	const struct command_option options[] = {
		{ "config", 'c', "FILE", "default: gateway.conf", &path, NULL },
	};
	int code;

	if (!command_only_options(argc, argv, "pointsman serve [OPTION]...",
		COMMAND_OPTIONS(options), &code))
		return code;
	return app_run(path);
}
