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
	code = app_run(path);
	if (code != EXIT_GOOD)
		command_hint_config(path);
	return code;
}
