/* gateway/dialects/dialect_test.h - reads requests for the unit tests. */
#ifndef GATEWAY_DIALECTS_DIALECT_TEST_H
#define GATEWAY_DIALECTS_DIALECT_TEST_H

#include <stdio.h>
#include <string.h>

#include "gateway/dialects/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* cmocka's state */

/* In parts of n bytes; the model's name is not to be used. */
static inline enum err
read_in_parts(enum dialect dialect, struct slice body, size_t n,
    struct facts *out, struct dialect_error *why)
{
	struct dialect_request r;
	struct dialect_reader *d =
	    dialect_begin(dialect_get(dialect), body, &r);
	enum err rc;

	assert_non_null(d);
	while (dialect_more(d, n))
		continue;
	rc = dialect_end(d, why);
	*out = r.facts;
	dialect_free(&d);
	return rc;
}

/* Of a body that has been read whole. */
static inline void
assert_parts_mean(enum dialect d, const char *body, enum err rc,
    const struct facts *facts, const struct dialect_error *why)
{
	struct dialect_error part_why = { 0 };
	struct facts f;

	for (size_t n = 1; n <= 4; n++) {
		assert_int_equal(
		    read_in_parts(d, slice_of(body), n, &f, &part_why), rc);
		if (rc != OK) {
			assert_string_equal(part_why.message, why->message);
			continue;
		}
		assert_int_equal(f.prompt_bytes, facts->prompt_bytes);
		assert_int_equal(f.needs, facts->needs);
		assert_true(f.prefix_hash == facts->prefix_hash);
		assert_int_equal(f.max_tokens, facts->max_tokens);
	}
}

/* The facts of a body that must be good; .model is not to be used. */
static inline struct facts
facts_of(enum dialect d, const char *body)
{
	struct dialect_request r;
	struct dialect_error why;

	if (dialect_read(dialect_get(d), slice_of(body), &r, &why) != OK)
		fail_msg("refused: %s: %s", why.message, body);
	assert_parts_mean(d, body, OK, &r.facts, NULL);
	return r.facts;
}

/* Why a body is refused, as "param code"; a good one is "fine". */
static inline const char *
complaint(enum dialect d, const char *body, char text[128])
{
	struct dialect_request r;
	struct dialect_error why = { 0 };

	if (dialect_read(dialect_get(d), slice_of(body), &r, &why) == OK)
		return "fine";
	assert_parts_mean(d, body, ERR_INVALID, NULL, &why);
	assert_int_equal(why.status, 400);
	assert_true(why.message[0] != '\0');
	snprintf(
	    text, 128, "%s %s", why.param != NULL ? why.param : "-", why.code);
	return text;
}

#define assert_complaint(d, body, want)                                        \
	assert_string_equal(complaint((d), (body), (char[128]){ "" }), (want))

#endif
