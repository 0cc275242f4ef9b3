/* gateway/origin.c - which hosts this gateway is, and which web pages may call
 * it. */
#include "gateway/origin.h"

#include "gateway/app.h"
#include "gateway/lib/count.h"
#include "gateway/request.h"

/* "localhost:7070" -> "localhost", "[::1]:7070" -> "[::1]". */
static struct slice
host_without_port(struct slice host)
{
	ptrdiff_t colon = slice_rfind(host, ':');

	if (host.n > 0 && host.p[host.n - 1] == ']')
		return host;
	return colon >= 0 ? slice_make(host.p, (size_t)colon) : host;
}

/* A name that nobody else can point at this gateway. */
static bool
is_own_name(struct slice host, const struct conf_listen *listen)
{
	static const char *const local[] = { "localhost", "127.0.0.1",
		"[::1]" };
	struct slice name = host_without_port(host);

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

/* "http://host:1" -> "host:1"; *port is its scheme's usual one. False: it is no
 * web page's. */
static bool
without_scheme(struct slice origin, struct slice *rest, unsigned *port)
{
	static const struct {
		const char *name;
		unsigned port;
	} schemes[] = { { "http://", 80 }, { "https://", 443 } };

	for (size_t i = 0; i < COUNT(schemes); i++) {
		struct slice scheme = slice_of(schemes[i].name);

		if (!slice_istarts(origin, scheme))
			continue;
		*rest = slice_make(origin.p + scheme.n, origin.n - scheme.n);
		*port = schemes[i].port;
		return true;
	}
	return false;
}

/* A page that this gateway's own address has served, or a proxy on it: its
 * origin is where it asks. To a page elsewhere its name would prove nothing,
 * so the name must be the gateway's own as well. */
bool
origin_is_own(
    struct slice origin, struct slice host, const struct conf_listen *listen)
{
	struct slice from;
	unsigned port;

	return without_scheme(origin, &from, &port) && slice_ieq(from, host) &&
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
	unsigned port;
	uint64_t n;

	if (bound->listen.path != NULL || bound->admin.path != NULL ||
	    !without_scheme(origin, &from, &port))
		return false;
	name = host_without_port(from);
	n = port;
	if (name.n < from.n &&
	    !slice_u64(
		slice_make(from.p + name.n + 1, from.n - name.n - 1), &n))
		return false;
	return n == bound->admin.port &&
	    slice_ieq(name, host_without_port(host));
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
