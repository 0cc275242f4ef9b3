/* gateway/realtime/handshake.c - how a WebSocket opens. */
#include "gateway/realtime/handshake.h"

#include <openssl/evp.h>
#include <string.h>

#include "gateway/lib/buf.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_CHARACTERS 24 /* 16 bytes, in base64 */
#define SECRET "openai-insecure-api-key."

static const struct handshake_flaw no_upgrade = { 426, "upgrade_required",
	"a session is a WebSocket: send `Connection: Upgrade` and `Upgrade: "
	"websocket`" };
static const struct handshake_flaw bad_version = { 400, "invalid_header",
	"Sec-WebSocket-Version must be 13" };
static const struct handshake_flaw bad_key = { 400, "invalid_header",
	"Sec-WebSocket-Key must be 16 bytes in base64" };

static bool
lists(struct slice list, struct slice name)
{
	struct slice one;

	while (slice_next(&list, ',', &one))
		if (slice_ieq(slice_trim(one), name))
			return true;
	return false;
}

static bool
is_key(struct slice key)
{
	unsigned char bytes[KEY_CHARACTERS];

	return key.n == KEY_CHARACTERS && slice_ends(key, SLICE("==")) &&
	    key.p[key.n - 3] != '=' &&
	    EVP_DecodeBlock(bytes, (const unsigned char *)key.p,
		KEY_CHARACTERS) == KEY_CHARACTERS / 4 * 3;
}

const struct handshake_flaw *
handshake_check(const struct handshake *h)
{
	if (!lists(h->upgrade, SLICE("websocket")) ||
	    !lists(h->connection, SLICE("upgrade")))
		return &no_upgrade;
	if (!slice_is(h->version, "13"))
		return &bad_version;
	return is_key(h->key) ? NULL : &bad_key;
}

void
handshake_accept(struct slice key, char out[HANDSHAKE_ACCEPT])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[KEY_CHARACTERS + sizeof(GUID)];
	struct buf b;

	buf_on(&b, text, sizeof(text));
	buf_add(&b, key);
	buf_add_str(&b, GUID);
	if (EVP_Digest(b.p, b.n, digest, NULL, EVP_sha1(), NULL) != 1)
		memset(digest, 0, sizeof(digest));
	EVP_EncodeBlock((unsigned char *)out, digest, 20);
}

bool
handshake_offers(struct slice protocols, const char *name)
{
	struct slice one;

	while (slice_next(&protocols, ',', &one))
		if (slice_is(slice_trim(one), name))
			return true;
	return false;
}

struct slice
handshake_secret(struct slice protocols)
{
	struct slice one, before = SLICE(SECRET);

	while (slice_next(&protocols, ',', &one)) {
		one = slice_trim(one);
		if (slice_starts(one, before))
			return slice_make(one.p + before.n, one.n - before.n);
	}
	return SLICE("");
}
