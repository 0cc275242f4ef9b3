/* gateway/commands/config.c - a gateway.conf that a subcommand looks into. */
#include <stdio.h>

#include "backends/backend.h"
#include "gateway/commands/command.h"
#include "gateway/conf/conf.h"

struct conf *
command_config(const char *path, const char *otherwise)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct conf *conf = NULL;
	struct complaints c;

	env.secretless = true;
	complaints_init(&c);
	if (conf_load(path, &env, NULL, &conf, &c) != OK)
		fprintf(stderr, "%.*spointsman: say %s instead\n",
		    SLICE_ARG(buf_slice(&c.text)), otherwise);
	complaints_fini(&c);
	return conf;
}
