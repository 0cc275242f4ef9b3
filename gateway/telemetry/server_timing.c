/* gateway/telemetry/server_timing.c - the `server-timing` header.
 *
 * W3C Server Timing: names and durations in milliseconds, comma separated. */
#include <inttypes.h>

#include "gateway/telemetry/shard.h"
#include "gateway/telemetry/telemetry.h"

void
server_timing(const struct outcome *o, struct buf *out)
{
	const struct attempt_report *a = attempt_answering(o);
	const struct {
		const char *name;
		usec span; /* -1: left out */
		const char *desc; /* a word, or NULL */
	} parts[] = {
		{ "recv", o->recv, NULL },
		{ "auth", o->auth, NULL },
		{ "queue", o->queue, NULL },
		{ "route", o->route, o->reason },
		{ "connect", o->connect, NULL },
		{ "tls", o->tls, NULL },
		{ "upstream", a != NULL ? a->ttft : -1, NULL },
	};
	const char *comma = "";

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].span < 0)
			continue;
		buf_addf(out, "%s%s;dur=%" PRId64 ".%03d", comma, parts[i].name,
		    parts[i].span / USEC_MS, (int)(parts[i].span % USEC_MS));
		if (parts[i].desc != NULL)
			buf_addf(out, ";desc=\"%s\"", parts[i].desc);
		comma = ", ";
	}
}
