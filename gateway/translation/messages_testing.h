/* gateway/translation/messages_testing.h - what tests of answers in Anthropic's
 * format share. */
#ifndef GATEWAY_TRANSLATION_MESSAGES_TESTING_H
#define GATEWAY_TRANSLATION_MESSAGES_TESTING_H

#include "gateway/translation/messages.h"

#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct usage counted = { .known = true, .input = 10, .output = 5 };

/* Single quotes stand for double ones. */
static inline struct slice
json_of(const char *text, struct buf *out)
{
	size_t from = out->n;

	buf_add_str(out, text);
	assert_int_equal(buf_err(out), OK);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\'')
			out->p[i] = '"';
	return slice_make(out->p + from, out->n - from);
}

static inline struct translation *
asked(const char *more)
{
	const struct translation_about about = { .id = "req_0123456789abcdef",
		.model = SLICE("claude \"x\"") };
	struct translation *t = translation_new(DIALECT_MESSAGES, &about);
	struct errmsg why;
	struct slice chat;
	struct buf body;

	buf_init(&body, 4096);
	json_of("{'messages':[{'role':'user','content':'hi'}]", &body);
	json_of(more, &body);
	json_of("}", &body);
	assert_int_equal(
	    translation_request(t, buf_slice(&body), &chat, &why), OK);
	buf_fini(&body);
	return t;
}

#define USAGE                                                                  \
	"{'input_tokens':10,'cache_creation_input_tokens':0,"                  \
	"'cache_read_input_tokens':0,'output_tokens':5}"
#define THINKING_ON ",'thinking':{'type':'enabled','budget_tokens':1024}"
#define PARTS                                                                  \
	"[{'type':'thinking','thinking':[{'type':'text','text':'h'}]},"        \
	"{'type':'text','text':'a'}]"

#endif
