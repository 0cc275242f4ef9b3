/* gateway/origin.c - which hosts this gateway is, and which web pages may call
 * it. */
#include "gateway/origin.h"

#include "gateway/app.h"
#include "gateway/lib/count.h"
#include "gateway/lib/uri.h"
#include "gateway/request.h"

/* A name that nobody else can point at this gateway. */
static bool
is_own_name(struct slice host, const struct conf_listen *listen)
{
	static const char *const local[] = { "localhost", "127.0.0.1",
		"[::1]" };
	struct slice name = uri_host(host);

	for (size_t i = 0; i < COUNT(local); i++)
		if (slice_iis(name, local[i]))
			return true;
	/* IPv6 stands in brackets in a Host header, and only there. */
	if (name.n > 2 && name.p[0] == '[')
		name = slice_make(name.p + 1, name.n - 2);
	return listen->path == NULL && slice_iis(name, listen->address);
}

/* An open gateway on loopback must not be spent by a web page that points a
 * name of its own at 127.0.0.1 (DNS rebinding). */
bool
origin_host_allowed(struct slice host, const struct conf_listen *listen)
{
	return listen->path != NULL || host.n == 0 || is_own_name(host, listen);
}

/* A page that this gateway's own address has served, or a proxy on it: its
 * origin is where it asks. To a page elsewhere its name would prove nothing,
 * so the name must be the gateway's own as well. */
bool
origin_is_own(
    struct slice origin, struct slice host, const struct conf_listen *listen)
{
	struct slice from;

	return uri_after_scheme(origin, &from, NULL) && slice_ieq(from, host) &&
	    is_own_name(host, listen);
}

/* The operators' page, whose playground calls from the admin listener: of this
 * host, by the name by which it calls, and that listener's port. Nothing else
 * can serve a page from there. */
static bool
is_operators_page(
    struct slice origin, struct slice host, const struct conf *bound)
{
	struct slice from, name;
	uint64_t port;
	bool tls;

	if (bound->listen.path != NULL || bound->admin.path != NULL ||
	    !uri_after_scheme(origin, &from, &tls))
		return false;
	name = uri_host(from);
	port = tls ? 443 : 80;
	if (name.n < from.n &&
	    !slice_u64(
		slice_make(from.p + name.n + 1, from.n - name.n - 1), &port))
		return false;
	return port == bound->admin.port && slice_ieq(name, uri_host(host));
}

bool
origin_allowed(const struct request *r, struct slice origin)
{
	const char *const *listed = r->conf->cors_origins;

	for (size_t i = 0; listed[i] != NULL; i++)
		if (slice_is(origin, listed[i]))
			return true;
	return is_operators_page(origin, exchange_header(r->exchange, "host"),
	    r->worker->app->bound);
}
