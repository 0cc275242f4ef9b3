/* gateway/realtime/handshake_test.c - how a WebSocket opens. */
#include "gateway/realtime/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct handshake good = {
	.upgrade = { "websocket", 9 },
	.connection = { "keep-alive, Upgrade", 19 },
	.version = { "13", 2 },
	.key = { "dGhlIHNhbXBsZSBub25jZQ==", 24 },
};

static int
status_of(const struct handshake *h)
{
	const struct handshake_flaw *flaw = handshake_check(h);

	return flaw != NULL ? flaw->status : 0;
}

static void
what_is_wrong_is_named(void **state)
{
	struct handshake h = good;

	assert_null(handshake_check(&good));
	h.upgrade = SLICE("h2c, WebSocket");
	assert_null(handshake_check(&h));
	h.upgrade = SLICE("h2c");
	assert_int_equal(status_of(&h), 426);
	h = good;
	h.connection = SLICE("keep-alive");
	assert_int_equal(status_of(&h), 426);
	h = good;
	h.version = SLICE("8");
	assert_string_equal(
	    handshake_check(&h)->message, "Sec-WebSocket-Version must be 13");
	assert_int_equal(status_of(&h), 400);
}

static void
a_key_is_sixteen_bytes(void **state)
{
	static const char *const bad[] = { "", "dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQAA",
		"dGhlIHNhb*BsZSBub25jZQ==",
		"dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==" };
	struct handshake h = good;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		h.key = slice_of(bad[i]);
		assert_string_equal(handshake_check(&h)->message,
		    "Sec-WebSocket-Key must be 16 bytes in base64");
	}
}

/* RFC 6455, 1.3. */
static void
a_key_is_answered_as_the_standard_has_it(void **state)
{
	char accept[HANDSHAKE_ACCEPT];

	handshake_accept(good.key, accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void
subprotocols_are_told_apart(void **state)
{
	struct slice list = SLICE("realtime, openai-insecure-api-key.sk-a.b, "
				  "openai-beta.realtime-v1");

	assert_true(handshake_offers(list, HANDSHAKE_PROTOCOL));
	assert_true(handshake_offers(list, HANDSHAKE_BETA));
	assert_false(handshake_offers(list, "realtime-v1"));
	assert_true(slice_is(handshake_secret(list), "sk-a.b"));
	assert_int_equal(handshake_secret(SLICE("realtime")).n, 0);
	assert_int_equal(handshake_secret(SLICE("")).n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_key_is_sixteen_bytes),
		cmocka_unit_test(a_key_is_answered_as_the_standard_has_it),
		cmocka_unit_test(subprotocols_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
