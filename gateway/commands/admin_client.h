/* gateway/commands/admin_client.h - a running gateway's admin listener, for the
 * subcommands that ask it something. */
#ifndef GATEWAY_COMMANDS_ADMIN_CLIENT_H
#define GATEWAY_COMMANDS_ADMIN_CLIENT_H

#include <jansson.h>

#include "gateway/admin/query.h"
#include "gateway/lib/clock.h"
#include "gateway/lib/err.h"

/* The options of such a command: where the listener is. */
struct admin_where {
	const char *url; /* "http://127.0.0.1:7071"; NULL: by the others */
	const char *config; /* a gateway.conf that says; NULL: the default */
	usec patience; /* for an answer; 0: the usual 5 s */
	bool misused; /* it said that it was asked for what cannot be */
	struct errmsg *unfound; /* takes a 404's words, which are not said
				 * then; NULL: they are */
};

/* Rows of a table of command options, which fill it. */
#define ADMIN_WHERE_OPTIONS(where)                                             \
	{ "config", 'c', "FILE", "where its gateway.conf is", &(where).config, \
		NULL },                                                        \
	{                                                                      \
		"admin", 'a', "URL",                                           \
		    "the admin listener (http://127.0.0.1:7071)",              \
		    &(where).url, NULL                                         \
	}

/* One request without a body: the document, the caller's to json_decref().
 * NULL: it is said on stderr what is wrong, in the gateway's own words where it
 * gave any. The key, where one is wanted, is $POINTSMAN_ADMIN_KEY. */
json_t *admin_ask(struct admin_where *, const char *method, const char *path);
json_t *admin_get(struct admin_where *, const char *path);
/* The same with parameters. */
json_t *admin_ask_with(struct admin_where *, const char *method,
    const char *path, const struct query_part *, size_t n);
/* Then: the command's exit code. A word that the gateway refuses is as wrong as
 * one that the command does. */
int admin_exit(const struct admin_where *);

#endif
