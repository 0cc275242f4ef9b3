/* gateway/conf/url.c - whether a URL is one that can be asked. */
#include <arpa/inet.h>

#include "gateway/conf/loader.h"
#include "gateway/lib/uri.h"

/* Of "host" and "[::1]" too, which name none. */
static bool
port_will_do(struct slice host)
{
	ptrdiff_t colon = slice_rfind(host, ':');
	uint64_t port;

	return colon < 0 || colon < slice_rfind(host, ']') ||
	    (slice_u64(
		 slice_make(host.p + colon + 1, host.n - (size_t)colon - 1),
		 &port) &&
		port >= 1 && port <= UINT16_MAX);
}

/* "[" and "]" around an IPv6 address, which stands nowhere without them. */
static bool
brackets_will_do(struct slice host)
{
	ptrdiff_t end = slice_rfind(host, ']');
	struct in6_addr address;
	struct slice inside, part;
	char text[INET6_ADDRSTRLEN];

	if (slice_find(host, '[') < 0 && end < 0)
		return slice_find(host, ':') == slice_rfind(host, ':');
	if (host.p[0] != '[' || end < 0 ||
	    ((size_t)end + 1 < host.n && host.p[end + 1] != ':'))
		return false;
	inside = slice_make(host.p + 1, (size_t)end - 1);
	/* behind a "%" is the interface */
	if (!slice_next(&inside, '%', &part) || part.n >= sizeof(text))
		return false;
	slice_copy(text, sizeof(text), part);
	return inet_pton(AF_INET6, text, &address) == 1;
}

const char *
url_flaw(struct slice url, const char *schemes)
{
	struct slice rest, host;
	ptrdiff_t slash;

	if (!slice_is_word(url))
		return "a URL of visible characters";
	if (!uri_after_scheme(url, &rest, NULL))
		return schemes;
	slash = slice_find(rest, '/');
	host = slash >= 0 ? slice_make(rest.p, (size_t)slash) : rest;
	if (slice_find(host, '@') >= 0)
		return "a URL without a user's name or password";
	if (slice_find(rest, '?') >= 0 || slice_find(rest, '#') >= 0)
		return "a URL without \"?\" or \"#\"";
	if (host.n == 0 || host.p[0] == ':')
		return "a URL with a host";
	if (!brackets_will_do(host))
		return "a URL with \"[\" and \"]\" around an IPv6 address";
	if (!port_will_do(host))
		return "a URL whose port is 1..65535";
	return NULL;
}

void
url_place(struct slice url, struct slice *host, unsigned *port)
{
	struct slice rest;
	uint64_t number;
	ptrdiff_t colon;
	bool tls;

	(void)uri_after_scheme(url, &rest, &tls);
	number = tls ? 443 : 80;
	*host = SLICE("");
	(void)slice_next(&rest, '/', host);
	colon = slice_rfind(*host, ':');
	if (colon > slice_rfind(*host, ']')) {
		(void)slice_u64(slice_make(host->p + colon + 1,
				    host->n - (size_t)colon - 1),
		    &number);
		host->n = (size_t)colon;
	}
	if (host->n > 1 && host->p[0] == '[')
		*host = slice_make(host->p + 1, host->n - 2);
	*port = (unsigned)number;
}
