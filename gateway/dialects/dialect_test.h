/* gateway/dialects/dialect_test.h - reads requests for the unit tests. */
#ifndef GATEWAY_DIALECTS_DIALECT_TEST_H
#define GATEWAY_DIALECTS_DIALECT_TEST_H

#include <stdio.h>

#include "gateway/dialects/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* cmocka's state */

/* The facts of a body that must be good; .model is not to be used. */
static inline struct facts
facts_of(enum dialect d, const char *body)
{
	struct dialect_request r;
	struct dialect_error why;

	if (dialect_read(dialect_get(d), slice_of(body), &r, &why) != OK)
		fail_msg("refused: %s: %s", why.message, body);
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
	assert_int_equal(why.status, 400);
	assert_true(why.message[0] != '\0');
	snprintf(
	    text, 128, "%s %s", why.param != NULL ? why.param : "-", why.code);
	return text;
}

#define assert_complaint(d, body, want)                                        \
	assert_string_equal(complaint((d), (body), (char[128]){ "" }), (want))

#endif
