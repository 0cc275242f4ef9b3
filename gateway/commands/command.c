/* gateway/commands/command.c - which subcommands there are. */
#include "gateway/commands/command.h"
#include "gateway/lib/count.h"

static int
command_version(int argc, char **argv)
{
	int code;

	if (!command_only_options(
		argc, argv, "pointsman version", NULL, 0, &code))
		return code;
	puts("pointsman " POINTSMAN_VERSION);
	return EXIT_GOOD;
}

static const struct command commands[] = {
	{ "serve", command_serve, "run the gateway" },
	{ "check", command_check,
	    "check a configuration; with --live, every backend" },
	{ "ask", command_ask, "ask one question, and say who answered" },
	{ "top", command_top, "watch backends live" },
	{ "explain", command_explain, "why a request went where it went" },
	{ "slo", command_slo,
	    "suggest: what the fleet could hold, and at what price" },
	{ "usage", command_usage,
	    "who asked for what, and what it cost, from the ledger" },
	{ "drill", command_drill,
	    "rehearse a failover: one backend fails for a while" },
	{ "loadtest", command_loadtest,
	    "send traffic to any OpenAI endpoint; who met its SLO" },
	{ "simulate", command_simulate,
	    "the router against a fleet on paper: scenarios, what-ifs" },
	{ "backend", command_backend,
	    "drain a backend, enable it, use a share of it" },
	{ "key", command_key,
	    "API keys of tenants: add, list, revoke; hash for gateway.conf" },
	{ "audit", command_audit,
	    "verify an audit log: was any line of it changed" },
	{ "import", command_import, "gateway.conf from a LiteLLM config.yaml" },
	{ "docs", command_docs, NULL },
	{ "version", command_version, "print the version" },
};

const struct command *
command_table(size_t *n)
{
	*n = COUNT(commands);
	return commands;
}
