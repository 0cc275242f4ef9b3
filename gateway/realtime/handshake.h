/* gateway/realtime/handshake.h - how a WebSocket opens (RFC 6455, section 4),
 * as who passes it on has to know it.
 *
 * Pure. What a client may say in its list of subprotocols, since browsers let
 * a page set no header, is OpenAI's: "realtime", a key, and the beta. */
#ifndef GATEWAY_REALTIME_HANDSHAKE_H
#define GATEWAY_REALTIME_HANDSHAKE_H

#include "gateway/lib/slice.h"

#define HANDSHAKE_ACCEPT 29 /* 28 characters of base64 and a NUL */
#define HANDSHAKE_PROTOCOL "realtime"
#define HANDSHAKE_BETA "openai-beta.realtime-v1"

/* What the headers of those names say. Borrowed. */
struct handshake {
	struct slice upgrade, connection, version, key, protocols;
};

struct handshake_flaw {
	int status; /* 400, 426 */
	const char *code, *message; /* static */
};

/* NULL: nothing is wrong. */
const struct handshake_flaw *handshake_check(const struct handshake *);
/* What answers that key. */
void handshake_accept(struct slice key, char out[HANDSHAKE_ACCEPT]);

/* Whether the list has that one. */
bool handshake_offers(struct slice protocols, const char *name);
/* The secret that the list has in it, or empty. */
struct slice handshake_secret(struct slice protocols);

#endif
