/* gateway/refusals_test.c - what of a backend's own error reaches a client. */
#include "gateway/refusals.h"

#include <string.h>

#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* However a backend writes the key that it quotes, and wherever. */
static void
no_key_is_passed_on(void **state)
{
	static const char key[] = "sk-\"a\\b/cdefgh";
	static const char *const written[] = { "sk-\\\"a\\\\b/cdefgh",
		"sk-\\\"a\\\\b\\/cdefgh", "\\u0073k-\\u0022a\\u005cb/cdefgh" };
	static const char *const bodies[] = {
		"{\"error\":{\"message\":\"bad %s\",\"code\":\"%s\"}}",
		"{\"error\":{\"message\":{\"detail\":\"bad %s\"}}}",
		"{\"error\":{\"message\":{\"%s\":1},\"type\":\"%s\"}}",
		"{\"error\":{\"message\":[{\"msg\":\"bad %s\"}]}}",
		"{\"detail\":[{\"msg\":\"bad %s\"}]}",
		"{\"error\":\"bad %s\"}",
		"{\"error\":{\"message\":\"m ***\",\"why\":\"bad %s\"}}",
	};
	struct upstream_error e;
	char body[256];

	(void)state;
	for (size_t i = 0; i < COUNT(bodies) * COUNT(written); i++) {
		const char *w = written[i % COUNT(written)];
		struct buf b;

		buf_on(&b, body, sizeof(body));
		for (const char *p = bodies[i / COUNT(written)]; *p != '\0';
		     p++)
			if (p[0] == '%' && *++p == 's')
				buf_add_str(&b, w);
			else
				buf_add_char(&b, *p);
		upstream_error_read(&e, buf_slice(&b), "");
		upstream_error_mask(&e, key);
		assert_non_null(strstr(e.message, "***"));
		assert_null(strstr(e.message, "cdefgh"));
		assert_true(e.type == NULL || strcmp(e.type, "***") == 0);
		assert_true(e.code == NULL || strcmp(e.code, "***") == 0);
		assert_null(e.more);
		upstream_error_fini(&e);
	}
}

/* A key with odd letters hides nothing that does not quote it. */
static void
what_else_it_has_is(void **state)
{
	struct upstream_error e;

	(void)state;
	upstream_error_read(&e,
	    SLICE("{\"error\":{\"message\":{\"a\":\"b\"},\"n_ctx\":4096}}"),
	    "");
	upstream_error_mask(&e, "sk-\"odd\"-12345");
	assert_string_equal(e.message, "{\"a\":\"b\"}");
	assert_string_equal(e.more, "\"n_ctx\":4096");
	upstream_error_fini(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_is_passed_on),
		cmocka_unit_test(what_else_it_has_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
