/* gateway/telemetry/server_timing.c - the `server-timing` header.
 *
 * W3C Server Timing: names and durations in milliseconds, comma separated. */
#include "gateway/lib/count.h"
#include "gateway/lib/digits.h"
#include "gateway/telemetry/shard.h"
#include "gateway/telemetry/telemetry.h"

void
server_timing(const struct outcome *o, struct buf *out)
{
	const struct attempt_report *a = attempt_answering(o);
	const struct {
		struct slice name;
		usec span; /* -1: left out */
		const char *desc; /* a word, or NULL */
	} parts[] = {
		{ SLICE("recv"), o->recv, NULL },
		{ SLICE("auth"), o->auth, NULL },
		{ SLICE("queue"), o->queue, NULL },
		{ SLICE("route"), o->route, o->reason },
		{ SLICE("connect"), o->connect, NULL },
		{ SLICE("tls"), o->tls, NULL },
		{ SLICE("upstream"), a != NULL ? a->ttft : -1, NULL },
	};
	const char *comma = "";
	char ms[DIGITS_MAX];

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (parts[i].span < 0)
			continue;
		buf_add_str(out, comma);
		buf_add(out, parts[i].name);
		buf_add(out, SLICE(";dur="));
		buf_add(out, slice_make(ms, digits_ms(ms, parts[i].span)));
		if (parts[i].desc != NULL) {
			buf_add(out, SLICE(";desc=\""));
			buf_add_str(out, parts[i].desc);
			buf_add_char(out, '"');
		}
		comma = ", ";
	}
}
