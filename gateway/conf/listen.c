/* gateway/conf/listen.c - where the gateway listens: who can come there, and
 * what is wrong with it. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "gateway/conf/loader.h"

/* --- addresses --- */

struct address {
	int family; /* 0: not an address */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

static struct address
address_parse(const char *text)
{
	struct address a = { 0 };

	if (inet_pton(AF_INET, text, &a.v4) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a.v6) == 1)
		a.family = AF_INET6;
	return a;
}

static bool
is_loopback(const struct address *a)
{
	if (a->family == AF_INET)
		return ntohl(a->v4.s_addr) >> 24 == 127;
	return a->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6);
}

bool
conf_listen_is_local(const struct conf_listen *at)
{
	struct address a;

	if (at->path != NULL)
		return true;
	a = address_parse(at->address);
	return is_loopback(&a);
}

/* False: not a URL. */
static bool
url_host(const char *url, struct slice *host, struct address *a)
{
	char text[INET6_ADDRSTRLEN];
	unsigned port;

	if (url == NULL || url_flaw(slice_of(url), "") != NULL)
		return false;
	url_place(slice_of(url), host, &port);
	slice_copy(text, sizeof(text), *host);
	*a = address_parse(text);
	return true;
}

bool
conf_url_is_local(const char *url)
{
	struct address a;
	struct slice host;

	return url_host(url, &host, &a) &&
	    (slice_iis(host, "localhost") || is_loopback(&a));
}

/* RFC 1918, RFC 4193, and those of a link. */
static bool
is_private(const struct address *a)
{
	uint32_t v4;

	if (a->family == AF_INET6)
		return (a->v6.s6_addr[0] & 0xfe) == 0xfc ||
		    IN6_IS_ADDR_LINKLOCAL(&a->v6);
	if (a->family != AF_INET)
		return false;
	v4 = ntohl(a->v4.s_addr);
	return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 ||
	    v4 >> 16 == 0xa9fe;
}

bool
conf_url_is_private(const char *url)
{
	struct address a;
	struct slice host;

	return conf_url_is_local(url) ||
	    (url_host(url, &host, &a) && is_private(&a));
}

static bool
is_any(const struct address *a)
{
	if (a->family == AF_INET)
		return a->v4.s_addr == htonl(INADDR_ANY);
	return a->family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->v6);
}

static bool
same_address(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET)
		return a->v4.s_addr == b->v4.s_addr;
	return a->family == AF_INET6 && IN6_ARE_ADDR_EQUAL(&a->v6, &b->v6);
}

/* An address of IPv4 in that of IPv6 is one of IPv4. */
static struct address
unmapped(struct address a)
{
	if (a.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6)) {
		a.family = AF_INET;
		memcpy(&a.v4, &a.v6.s6_addr[12], sizeof(a.v4));
	}
	return a;
}

/* Whether it is any address, and so also that one: "::" is of both families. */
static bool
covers(const struct address *any, const struct address *a)
{
	return is_any(any) && (any->family == AF_INET6 || a->family == AF_INET);
}

/* What is reached by it: where any would do it is loopback. */
static struct address
reached_by(struct address a)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

	a = unmapped(a);
	if (a.family == AF_INET && is_any(&a))
		a.v4.s_addr = htonl(INADDR_LOOPBACK);
	else if (a.family == AF_INET6 && is_any(&a))
		a.v6 = loopback;
	return a;
}

bool
conf_listen_is_any(const struct conf_listen *at)
{
	struct address a;

	if (at->path != NULL)
		return false;
	a = address_parse(at->address);
	return is_any(&a);
}

bool
listens_at(const struct conf_listen *at, const char *url)
{
	struct address here, there;
	struct slice host;
	unsigned port;

	if (at->path != NULL || !url_host(url, &host, &there))
		return false;
	url_place(slice_of(url), &host, &port);
	if (port != at->port)
		return false;
	if (slice_iis(host, "localhost"))
		there = address_parse("127.0.0.1");
	there = reached_by(there);
	here = address_parse(at->address);
	if (is_any(&here))
		return is_loopback(&there) && covers(&here, &there);
	return same_address(&here, &there);
}

/* --- complaints --- */

static void
check_listen(struct loader *l, const char *name, const struct conf_listen *at)
{
	const config_setting_t *s =
	    loader_member(config_root_setting(&l->tree), name);
	bool admin = at == &l->conf->admin;
	size_t keys = admin ? l->conf->n_admin_keys : l->conf->n_tenants;
	struct address a = address_parse(at->address);
	struct sockaddr_un sun;

	if (at->path != NULL) {
		if (loader_is_set(s, "address") || loader_is_set(s, "port"))
			complain(
			    l, s, "want address and port, or path, got both");
		if (strlen(at->path) >= sizeof(sun.sun_path))
			complain(l, loader_member(s, "path"),
			    "want a path of 1..107 bytes, got %zu bytes",
			    strlen(at->path));
		return;
	}
	s = loader_member(s, "address");
	if (a.family == 0)
		complain(l, s,
		    "want an IP address such as \"127.0.0.1\" or \"::1\", got "
		    "\"%s\"",
		    at->address);
	else if (!is_loopback(&a) && keys == 0)
		complain(l, s,
		    "want \"127.0.0.1\", \"::1\" or a Unix socket where there "
		    "are no %s, got \"%s\"",
		    admin ? "admin_keys" : "tenants", at->address);
}

void
check_listeners(struct loader *l)
{
	const struct conf_listen *one = &l->conf->listen,
				 *two = &l->conf->admin;
	const config_setting_t *s =
	    loader_member(config_root_setting(&l->tree), "admin");
	struct address a, b;

	check_listen(l, "listen", one);
	check_listen(l, "admin", two);
	if (one->path != NULL && two->path != NULL) {
		if (strcmp(one->path, two->path) == 0)
			complain(l, s,
			    "want a socket of its own, got that of listen, %s",
			    two->path);
		return;
	}
	if (one->path != NULL || two->path != NULL || one->port != two->port)
		return;
	a = unmapped(address_parse(one->address));
	b = unmapped(address_parse(two->address));
	if (a.family == 0 || b.family == 0)
		return;
	if (same_address(&a, &b) || covers(&a, &b) || covers(&b, &a))
		complain(l, s, "want a port of its own, got that of listen, %u",
		    two->port);
}
