/* gateway/translation/responses_testing.h - a request of responses and what
 * becomes of it, for tests. */
#ifndef GATEWAY_TRANSLATION_RESPONSES_TESTING_H
#define GATEWAY_TRANSLATION_RESPONSES_TESTING_H

#include <stdio.h>

#include "gateway/lib/scan.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define JSON_MAX 4096

/* With ' for ", which would need a backslash each. */
static inline struct slice
json_of(char out[JSON_MAX], const char *text)
{
	size_t n = slice_copy(out, JSON_MAX, slice_of(text));

	for (size_t i = 0; i < n; i++)
		if (out[i] == '\'')
			out[i] = '"';
	return slice_make(out, n);
}

static inline void
assert_json(struct slice json)
{
	struct errmsg why = { "" };
	size_t n;

	if (scan_object(json, NULL, 0, &n, &why) != OK)
		fail_msg("%s: %.*s", why.text, SLICE_ARG(json));
}

static inline void
assert_is(struct slice got, const char *want)
{
	if (!slice_is(got, want))
		fail_msg("got  %.*s\nwant %s", SLICE_ARG(got), want);
}

static bool takes_files = true; /* the backend */

static inline struct translation *
translation_of_responses(void)
{
	const struct translation_about about = { .id = "req_ab12",
		.model = SLICE("gem\"ma"),
		.files = takes_files,
		.created = 1700000000 };

	return translation_new(DIALECT_RESPONSES, &about);
}

/* The request, with ' for ", as chat; *t: freed by the caller. */
static inline struct slice
asked(struct translation **t, const char *request)
{
	char body[JSON_MAX];
	struct errmsg why = { "" };
	struct slice chat, json = json_of(body, request);

	assert_json(json);
	*t = translation_of_responses();
	if (translation_request(*t, json, &chat, &why) != OK)
		fail_msg("%s: %s", request, why.text);
	assert_json(chat);
	return chat;
}

struct row {
	const char *request, *chat, *left_out;
};

static inline void
check(const struct row *rows, size_t n)
{
	struct translation *t;
	char want[JSON_MAX];

	for (size_t i = 0; i < n; i++) {
		struct slice got = asked(&t, rows[i].request);

		json_of(want, rows[i].chat);
		assert_is(got, want);
		assert_is(translation_left_out(t),
		    rows[i].left_out != NULL ? rows[i].left_out : "");
		translation_free(&t);
	}
}

#endif
