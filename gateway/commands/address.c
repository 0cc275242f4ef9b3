/* gateway/commands/address.c - an address to listen on, as one to connect to. */
#include "gateway/commands/address.h"

#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/conf/conf.h"

static void
name_listener(const struct conf_listen *l, bool tls, struct address *a)
{
	const char *host = l->address, *scheme = tls ? "https" : "http";

	if (l->path != NULL) {
		snprintf(a->base, sizeof(a->base), "%s://localhost", scheme);
		snprintf(a->unix_path, sizeof(a->unix_path), "%s", l->path);
		return;
	}
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(host, "::") == 0)
		host = "::1";
	snprintf(a->base, sizeof(a->base),
	    strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
	    host, l->port);
}

bool
address_read(const char *config, enum address_of of, struct address *a)
{
	struct conf_adapter adapters[BACKENDS_MAX];
	struct conf_env env = backend_conf_env(adapters);
	struct conf *conf = NULL;
	struct complaints c;
	bool good, admin = of == ADDRESS_ADMIN;

	*a = (struct address){ "", "" };
	complaints_init(&c);
	good = conf_load(config, &env, NULL, &conf, &c) == OK;
	if (good)
		name_listener(admin ? &conf->admin : &conf->listen,
		    !admin && conf->tls.certificate != NULL, a);
	else
		fprintf(stderr,
		    "%.*spointsman: say where the %s is with --%s URL "
		    "instead\n",
		    SLICE_ARG(buf_slice(&c.text)),
		    admin ? "admin listener" : "gateway",
		    admin ? "admin" : "url");
	conf_unref(&conf);
	complaints_fini(&c);
	return good;
}
