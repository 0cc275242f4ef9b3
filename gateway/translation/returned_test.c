/* gateway/translation/returned_test.c - what a backend wants back comes back,
 * and to nobody else. */
#include "gateway/translation/returned.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/scan.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define TEXT_MAX 8192
#define SIGNED "'extra_content':{'google':{'thought_signature':'CrI+/w=='}}"
#define CALL(id, more)                                                         \
	"{'id':'" id "','type':'function','function':{'name':'f',"             \
	"'arguments':'{}'}" more "}"
#define SAID "'content':null,'tool_calls':["
#define ASKS(more) "{'messages':[{'role':'user','content':'hi'}]" more "}"
#define TOOLS ",'tools':[{'name':'f','input_schema':{'type':'object'}}]"
#define THINKS TOOLS ",'thinking':{'type':'adaptive'}"

static const struct usage counted = { .known = true, .input = 1, .output = 1 };

/* Single quotes stand for double ones. */
static const char *
json_of(char out[TEXT_MAX], const char *text)
{
	size_t n = slice_copy(out, TEXT_MAX, slice_of(text));

	assert_true(n < TEXT_MAX - 1);
	for (size_t i = 0; i < n; i++)
		if (out[i] == '\'')
			out[i] = '"';
	return out;
}

static struct translation *
asked(enum dialect d, uint32_t origin, const char *request, char *chat)
{
	const struct translation_about about = {
		.id = "req_ab12", .model = SLICE("m"), .origin = origin
	};
	struct translation *t = translation_new(d, &about);
	char body[TEXT_MAX];
	struct errmsg why = { "" };
	struct slice got;
	size_t n;

	json_of(body, request);
	assert_int_equal(scan_object(slice_of(body), NULL, 0, &n, &why), OK);
	if (translation_request(t, slice_of(body), &got, &why) != OK)
		fail_msg("%s: %s", body, why.text);
	assert_int_equal(scan_object(got, NULL, 0, &n, &why), OK);
	slice_copy(chat, TEXT_MAX, got);
	return t;
}

/* A message of chat as its answer, whole or as the one event of a stream. */
static void
answered(enum dialect d, const char *request, const char *message, bool stream,
    char *out)
{
	char chat[TEXT_MAX], text[TEXT_MAX], body[TEXT_MAX];
	struct translation *t = asked(d, 7, request, chat);
	struct buf answer;

	buf_init(&answer, TEXT_MAX);
	snprintf(text, sizeof(text),
	    "{'choices':[{'index':0,'%s':{%s},'finish_reason':'tool_calls'}]}",
	    stream ? "delta" : "message", message);
	json_of(body, text);
	if (stream) {
		translation_event(t, slice_of(body), &answer);
		translation_end(t, &counted, &answer);
	} else {
		translation_answer(t, slice_of(body), &counted, &answer);
	}
	assert_int_equal(buf_err(&answer), OK);
	slice_copy(out, TEXT_MAX, buf_slice(&answer));
	buf_fini(&answer);
	translation_free(&t);
}

/* The string that follows in the text. */
static void
find(const char *text, const char *ahead, char out[TEXT_MAX])
{
	char what[TEXT_MAX];
	const char *at = strstr(text, json_of(what, ahead));

	out[0] = '\0';
	if (at == NULL)
		fail_msg("no %s in %s", what, text);
	else
		slice_copy(out, TEXT_MAX,
		    slice_make(
			at + strlen(what), strcspn(at + strlen(what), "\"")));
}

static void
assert_has(const char *text, const char *what, bool has)
{
	char json[TEXT_MAX];

	if ((strstr(text, json_of(json, what)) != NULL) != has)
		fail_msg("%s %s in %s", has ? "no" : "there is", json, text);
}

static const struct row {
	enum dialect dialect;
	const char *ask, *id; /* what stands ahead of that in an answer */
	const char *next; /* a request with the call and what came of it */
} formats[] = {
	{ DIALECT_MESSAGES, ASKS(TOOLS), "'type':'tool_use','id':'",
	    "{'messages':[{'role':'user','content':'hi'},{'role':'assistant',"
	    "'content':[{'type':'tool_use','id':'%s','name':'f','input':{}}]},"
	    "{'role':'user','content':[{'type':'tool_result',"
	    "'tool_use_id':'%s','content':'1'}]}]}" },
	{ DIALECT_RESPONSES, "{'input':'hi'}", "'call_id':'",
	    "{'input':[{'role':'user','content':'hi'},{'type':'function_call',"
	    "'call_id':'%s','name':'f','arguments':'{}'},{'type':"
	    "'function_call_output','call_id':'%s','output':'1'}]}" },
};

static void
a_signature_comes_back_with_its_call(void **state)
{
	char answer[TEXT_MAX], id[TEXT_MAX], next[TEXT_MAX], chat[TEXT_MAX];
	struct translation *t;

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(formats); i++) {
		const struct row *f = &formats[i / 2];

		answered(f->dialect, f->ask, SAID CALL("c1", "," SIGNED) "]",
		    i % 2 == 1, answer);
		find(answer, f->id, id);
		for (const char *p = id; *p != '\0'; p++)
			if (!isalnum((unsigned char)*p) && *p != '_' &&
			    *p != '-')
				fail_msg("%s", id);
		snprintf(next, sizeof(next), f->next, id, id);
		t = asked(f->dialect, 7, next, chat);
		assert_has(chat, CALL("c1", "," SIGNED), true);
		assert_has(chat, "'tool_call_id':'c1'", true);
		translation_free(&t);
		t = asked(f->dialect, 8, next, chat);
		assert_has(chat, CALL("c1", ""), true);
		assert_has(chat, "'tool_call_id':'c1'", true);
		translation_free(&t);
	}
}

/* Of calls that are made at once Gemini signs the first. */
static void
each_call_has_its_own(void **state)
{
	char answer[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(formats); i++) {
		answered(formats[i / 2].dialect, formats[i / 2].ask,
		    SAID CALL("c1", "," SIGNED) "," CALL("c2", "") "]",
		    i % 2 == 1, answer);
		assert_has(answer, "'c1__ptm00000007_", true);
		assert_has(answer, "'c2'", true);
	}
}

/* Clients may send anything for an id. */
static void
what_is_no_signature_of_ours_is_none(void **state)
{
	static const char *const rows[] = { "__ptm", "__ptm00000007_",
		"c__ptm0000000", "c__ptm00000007", "c__ptm00000007_",
		"c__ptm00000007_!", "c__ptm00000007_e30x", "c__ptm00000007_W10",
		"c__ptm00000008_e30" };
	struct buf out;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_init(&out, 64);
		returned_add_extra(&out, slice_of(rows[i]), 7);
		assert_int_equal(out.n, 0);
		buf_fini(&out);
	}
	buf_init(&out, 64);
	returned_add_extra(&out, SLICE("c__ptm00000007_e30"), 7);
	assert_true(slice_is(buf_slice(&out), ",\"extra_content\":{}"));
	buf_fini(&out);
	assert_true(slice_is(returned_id(SLICE("toolu_1")), "toolu_1"));
	assert_true(slice_is(returned_id(SLICE("")), ""));
}

static void
what_is_too_long_is_dropped(void **state)
{
	static char signature[RETURNED_MAX + 1];
	struct buf out;

	(void)state;
	memset(signature, 'x', sizeof(signature));
	buf_init(&out, 2 * RETURNED_MAX);
	returned_add_id(
	    &out, SLICE("c"), slice_make(signature, RETURNED_MAX), 7);
	assert_in_range(out.n, RETURNED_MAX, 2 * RETURNED_MAX);
	buf_reset(&out);
	returned_add_id(
	    &out, SLICE("c"), slice_make(signature, RETURNED_MAX + 1), 7);
	assert_true(slice_is(buf_slice(&out), "c"));
	buf_fini(&out);
}

/* As a client sends it back that keeps of an item what is not its id. */
static void
a_thought_of_responses_too(void **state)
{
	static const char *const asks[] = { "{'input':'hi'}",
		"{'input':'hi','reasoning':{'summary':'auto'}}" };
	static const char *const items[] = { "'summary':[],'content':[{'type':'"
					     "reasoning_text','text':'hm'}]",
		"'summary':[{'type':'summary_text','text':'hm'}]" };
	char answer[TEXT_MAX], mark[TEXT_MAX], next[TEXT_MAX], chat[TEXT_MAX];
	struct translation *t;

	for (size_t i = 0; i < 2 * COUNT(asks); i++) {
		answered(DIALECT_RESPONSES, asks[i / 2],
		    "'reasoning_content':'hm'," SAID CALL("c", "") "]",
		    i % 2 == 1, answer);
		assert_has(answer, items[i / 2], true);
		find(answer, "'encrypted_content':'", mark);
		assert_true(strlen(mark) < 64);
		snprintf(next, sizeof(next),
		    "{'tools':[{'type':'function','name':'f'}],'input':["
		    "{'role':'user','content':'hi'},{'type':'reasoning',%s,"
		    "'encrypted_content':'%.64s'},{'role':'assistant',"
		    "'content':'so'},{'type':'function_call','call_id':'c',"
		    "'name':'f','arguments':'{}'},{'type':'function_call_"
		    "output'"
		    ",'call_id':'c','output':'1'}]}",
		    items[i / 2], mark);
		t = asked(DIALECT_RESPONSES, 7, next, chat);
		assert_has(chat,
		    "{'role':'assistant','reasoning_content':'hm','content':"
		    "'so','tool_calls':[{'id':'c',",
		    true);
		translation_free(&t);
		t = asked(DIALECT_RESPONSES, 8, next, chat);
		assert_has(chat, "hm", false);
		translation_free(&t);
	}
}

/* Of one message, behind what it says; then there is an end. */
static void
thoughts_of_a_message_are_one(void **state)
{
	static const char turn[] =
	    ",{'type':'reasoning','summary':[{'text':'h'}],"
	    "'encrypted_content':'__ptm00000007_reasoning'},{'role':"
	    "'assistant','content':[{'type':'output_text','text':'a'}]}";
	char request[TEXT_MAX], chat[TEXT_MAX];
	struct translation *t;
	struct buf next;

	buf_init(&next, sizeof(request));
	buf_add_str(&next,
	    "{'tools':[{'type':'function','name':'f'}],"
	    "'input':[{'role':'user','content':'hi'}");
	for (int i = 0; i < 20; i++)
		buf_add_str(&next, turn);
	buf_add_str(&next, "]}");
	slice_copy(request, sizeof(request), buf_slice(&next));
	buf_fini(&next);
	t = asked(DIALECT_RESPONSES, 7, request, chat);
	assert_has(chat, "'reasoning':'hhhhhhhhhhhhhhhh','content':'a", true);
	translation_free(&t);
	t = asked(DIALECT_RESPONSES, 7,
	    "{'tools':[{'type':'function','name':'f'}],'input':[{'type':"
	    "'reasoning','summary':[{'text':'h'}],'encrypted_content':"
	    "'__ptm00000007_reasoning'},{'role':'user','content':'hi'},"
	    "{'role':'assistant','content':'a'}]}",
	    chat);
	assert_has(chat, "reasoning", false);
	translation_free(&t);
}

/* Codex tells of all its tools so. */
static void
tools_in_the_input_are_tools(void **state)
{
	char chat[TEXT_MAX];
	struct translation *t = asked(DIALECT_RESPONSES, 7,
	    "{'input':[{'type':'additional_tools','tools':[{'type':'function',"
	    "'name':'f'}]},{'type':'reasoning','summary':[{'text':'hm'}],"
	    "'encrypted_content':'__ptm00000007_reasoning'},{'type':"
	    "'function_call','call_id':'c','name':'f','arguments':'{}'}]}",
	    chat);

	(void)state;
	assert_has(chat, "'reasoning':'hm','content':null,'tool_calls'", true);
	translation_free(&t);
}

#define THOUGHT_OF(signature, tools)                                           \
	"{'messages':[{'role':'user','content':'hi'},{'role':'assistant',"     \
	"'content':[{'type':'thinking','thinking':'hm','signature':"           \
	"'" signature                                                          \
	"'},{'type':'tool_use','id':'c','name':'f','input':{}}]},{'role':"     \
	"'user','content':[{'type':'tool_result','tool_use_id':'c'}]}]" tools  \
	"}"

static void
a_thought_comes_back_to_who_thought_it(void **state)
{
	static const char *const names[] = { "reasoning_content", "reasoning" };
	char message[TEXT_MAX], answer[TEXT_MAX], mark[TEXT_MAX];
	char next[TEXT_MAX], chat[TEXT_MAX], want[64];
	struct translation *t;

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(names); i++) {
		snprintf(message, sizeof(message), "'%s':'hm'," SAID "%s]",
		    names[i / 2], CALL("c", ""));
		answered(DIALECT_MESSAGES, ASKS(THINKS), message, i % 2 == 1,
		    answer);
		find(answer,
		    i % 2 == 1 ? "'signature_delta','signature':'"
			       : "'signature':'",
		    mark);
		assert_true(strlen(mark) < 64);
		snprintf(next, sizeof(next), THOUGHT_OF("%.64s", TOOLS), mark);
		snprintf(want, sizeof(want), "'content':null,'%s':'hm',",
		    names[i / 2]);
		t = asked(DIALECT_MESSAGES, 7, next, chat);
		assert_has(chat, want, true);
		translation_free(&t);
		t = asked(DIALECT_MESSAGES, 8, next, chat);
		assert_has(chat, "reasoning", false);
		translation_free(&t);
	}
}

static void
other_thoughts_are_left_out(void **state)
{
	static const char *const rows[] = { THOUGHT_OF("", TOOLS),
		THOUGHT_OF("EqQBCgIYAhIM", TOOLS),
		THOUGHT_OF("__ptm00000007_", TOOLS),
		THOUGHT_OF("__ptm00000007_role", TOOLS),
		THOUGHT_OF("__ptm00000007_reasoning", "") };
	char chat[TEXT_MAX];
	struct translation *t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		t = asked(DIALECT_MESSAGES, 7, rows[i], chat);
		assert_has(chat, "hm", false);
		translation_free(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_comes_back_with_its_call),
		cmocka_unit_test(each_call_has_its_own),
		cmocka_unit_test(what_is_no_signature_of_ours_is_none),
		cmocka_unit_test(what_is_too_long_is_dropped),
		cmocka_unit_test(a_thought_comes_back_to_who_thought_it),
		cmocka_unit_test(a_thought_of_responses_too),
		cmocka_unit_test(thoughts_of_a_message_are_one),
		cmocka_unit_test(tools_in_the_input_are_tools),
		cmocka_unit_test(other_thoughts_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
