/* gateway/translation/messages_test.h - what tests of requests share. */
#ifndef GATEWAY_TRANSLATION_MESSAGES_TEST_H
#define GATEWAY_TRANSLATION_MESSAGES_TEST_H

#include "gateway/translation/messages.h"

#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* What the backend can do. */
static bool takes_files = true, knows_formats = true;

static struct translation *
translation_of_test(void)
{
	const struct translation_about about = { .id = "req_0123456789abcdef",
		.model = SLICE("claude"),
		.files = takes_files,
		.formats = knows_formats };

	return translation_new(DIALECT_MESSAGES, &about);
}

/* Single quotes stand for double ones. */
static struct slice
json_of(const char *text, char *out, size_t cap)
{
	size_t n = slice_copy(out, cap, slice_of(text));

	assert_true(n < cap - 1);
	for (size_t i = 0; i < n; i++)
		if (out[i] == '\'')
			out[i] = '"';
	return slice_make(out, n);
}

static void
assert_valid(struct slice json)
{
	struct errmsg why = { "" };
	size_t n;

	if (scan_object(json, NULL, 0, &n, &why) != OK)
		fail_msg("%s in %.*s", why.text, SLICE_ARG(json));
}

static void
becomes(const char *request, const char *chat, const char *left_out)
{
	struct translation *t = translation_of_test();
	char asked[4096], want[4096];
	struct errmsg why = { "" };
	struct slice got;

	assert_valid(json_of(request, asked, sizeof(asked)));
	if (translation_request(t, slice_of(asked), &got, &why) != OK)
		fail_msg("%s: %s", request, why.text);
	assert_valid(got);
	json_of(chat, want, sizeof(want));
	if (!slice_is(got, want))
		fail_msg("want %s\n got %.*s", want, SLICE_ARG(got));
	assert_true(slice_is(translation_left_out(t), left_out));
	translation_free(&t);
}

static void
refuses(const char *request, enum err rc, const char *complaint)
{
	struct translation *t = translation_of_test();
	struct errmsg why = { "" };
	char asked[4096];
	struct slice got;

	assert_valid(json_of(request, asked, sizeof(asked)));
	assert_int_equal(
	    translation_request(t, slice_of(asked), &got, &why), rc);
	if (strstr(why.text, complaint) == NULL)
		fail_msg("want %s\n got %s", complaint, why.text);
	translation_free(&t);
}

#define HI "'messages':[{'role':'user','content':'hi'}]"
#define SAYS_HI "'messages':[{'role':'user','content':'hi'}]"

/* The conversation alone. */
static inline void
says_but(const char *messages, const char *chat, const char *left_out)
{
	char request[4096], want[4096];

	snprintf(request, sizeof(request), "{'messages':[%s]}", messages);
	snprintf(want, sizeof(want), "{'messages':[%s]}", chat);
	becomes(request, want, left_out);
}

static inline void
says(const char *messages, const char *chat)
{
	says_but(messages, chat, "");
}

static inline void
wrong_message(const char *messages, enum err rc, const char *complaint)
{
	char request[4096];

	snprintf(request, sizeof(request), "{'messages':[%s]}", messages);
	refuses(request, rc, complaint);
}

#define IMAGE                                                                  \
	"{'type':'image','source':{'type':'base64','media_type':'image/png',"  \
	"'data':'iVBO'}}"
#define SAYS_IMAGE                                                             \
	"{'type':'image_url','image_url':{'url':'data:image/"                  \
	"png;base64,iVBO'}}"

#define USE(id, name, input)                                                   \
	"{'type':'tool_use','id':'" id "','name':'" name "','input':" input "}"
#define RESULT(id, more) "{'type':'tool_result','tool_use_id':'" id "'" more "}"
#define CALLED                                                                 \
	"{'role':'assistant','content':[" USE("t1", "f", "{'a':'\\n'}") "]}"
#define SAYS_CALLED                                                            \
	"{'role':'assistant','content':null,'tool_calls':[{'id':'t1',"         \
	"'type':'function','function':{'name':'f',"                            \
	"'arguments':'{\\'a\\':\\'\\\\n\\'}'}}]}"

#endif
