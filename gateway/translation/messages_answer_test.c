/* gateway/translation/messages_answer_test.c */
#include "gateway/translation/messages_testing.h"

static void
answers(const char *request, const char *chat, const char *content,
    const char *stop)
{
	struct translation *t = asked(request);
	struct buf in, want, out;
	struct errmsg why;
	size_t n;

	buf_init(&in, 65536);
	buf_init(&want, 65536);
	buf_init(&out, 65536);
	translation_answer(t, json_of(chat, &in), &counted, &out);
	assert_int_equal(scan_object(buf_slice(&out), NULL, 0, &n, &why), OK);
	json_of("{'id':'msg_0123456789abcdef','type':'message',"
		"'role':'assistant','model':'claude \\'x\\'','content':[",
	    &want);
	json_of(content, &want);
	json_of("],'stop_reason':", &want);
	json_of(stop, &want);
	json_of(",'usage':" USAGE "}", &want);
	if (!slice_eq(buf_slice(&out), buf_slice(&want)))
		fail_msg("want\n%.*s\ngot\n%.*s", SLICE_ARG(buf_slice(&want)),
		    SLICE_ARG(buf_slice(&out)));
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&out);
	translation_free(&t);
}

#define WHOLE(message, finish)                                                 \
	"{'choices':[{'message':" message ",'finish_reason':'" finish "'}]}"
#define WHOLE_CALL(arguments)                                                  \
	WHOLE("{'content':null,'tool_calls':[{'id':'c1','type':'function',"    \
	      "'function':{'name':'f','arguments':" arguments "}}]}",          \
	    "tool_calls")
#define WHOLE_USE(input)                                                       \
	"{'type':'tool_use','id':'c1','name':'f','input':" input "}"

static void
a_whole_answer_is_a_message(void **state)
{
	static const char *const none[] = { "'{\\'a'", "'[]'", "''",
		"'\\ud83d'", "null" };
	char chat[512];

	(void)state;
	answers("", WHOLE("{'content':'a\\n'}", "stop"),
	    "{'type':'text','text':'a\\n'}", "'end_turn','stop_sequence':null");
	answers(THINKING_ON,
	    WHOLE("{'reasoning':'hm','content':'a'}", "length"),
	    "{'type':'thinking','thinking':'hm','signature':''},"
	    "{'type':'text','text':'a'}",
	    "'max_tokens','stop_sequence':null");
	answers("", WHOLE("{'content':null,'refusal':'no'}", "stop"),
	    "{'type':'text','text':'no'}", "'refusal','stop_sequence':null");
	answers("", WHOLE_CALL("'{\\'a\\':\\'\\\\n\\\\u00e9\\'}'"),
	    WHOLE_USE("{'a':'\\n\\u00e9'}"), "'tool_use','stop_sequence':null");
	answers("", WHOLE_CALL("'{\\'\\ud83d\\':1}'"),
	    WHOLE_USE("{'\xef\xbf\xbd':1}"), "'tool_use','stop_sequence':null");
	for (size_t i = 0; i < COUNT(none); i++) {
		snprintf(chat, sizeof(chat), WHOLE_CALL("%s"), none[i]);
		answers("", chat, WHOLE_USE("{}"),
		    "'tool_use','stop_sequence':null");
	}
	answers("", WHOLE_CALL("{'a':1}"), WHOLE_USE("{'a':1}"),
	    "'tool_use','stop_sequence':null");
	answers(THINKING_ON, WHOLE("{'content':" PARTS "}", "stop"),
	    "{'type':'thinking','thinking':'h','signature':''},"
	    "{'type':'text','text':'a'}",
	    "'end_turn','stop_sequence':null");
	answers("", "{}", "", "'end_turn','stop_sequence':null");
}

static void
no_two_calls_have_one_id(void **state)
{
	(void)state;
	answers("",
	    WHOLE("{'tool_calls':[{'id':'c','function':{'name':'f'}},"
		  "{'id':'c','function':{'name':'g'}}]}",
		"tool_calls"),
	    "{'type':'tool_use','id':'c','name':'f','input':{}},"
	    "{'type':'tool_use','id':'toolu_0123456789abcdef_2','name':'g',"
	    "'input':{}}",
	    "'tool_use','stop_sequence':null");
}

/* Anthropic's names may be 128 bytes long, chat's 64. */
static void
a_name_too_long_for_chat_comes_back_whole(void **state)
{
#define LONG "mcp__a_server_with_a_name__a_tool_with_a_very_long_one_"
#define FIRST LONG "xxxxxxxxxx1"
#define SECOND LONG "xxxxxxxxxx2"
	struct translation *t = translation_new(DIALECT_MESSAGES,
	    &(struct translation_about){ .id = "req_1", .model = SLICE("m") });
	struct slice chat, rest;
	struct errmsg why;
	struct buf body, out;
	const char *name;
	char answer[512];

	(void)state;
	buf_init(&body, 4096);
	buf_init(&out, 4096);
	json_of(
	    "{'messages':[{'role':'user','content':'a'},{'role':"
	    "'assistant','content':[{'type':'tool_use','id':'c','name':'" SECOND
	    "','input':{}}]}],'tools':[{'name':'" FIRST "'},{'name':'" SECOND
	    "'}],'tool_choice':{'type':'tool',"
	    "'name':'" SECOND "'}}",
	    &body);
	assert_int_equal(
	    translation_request(t, buf_slice(&body), &chat, &why), OK);
	name = strstr(chat.p, "\"name\":\"" LONG);
	assert_non_null(name);
	name += strlen("\"name\":\"");
	assert_int_equal(name[64], '"');
	rest = slice_make(name + 64, chat.n - (size_t)(name + 64 - chat.p));
	/* in the history, as a tool and as the choice, each time the same */
	for (int i = 0; i < 2; i++) {
		const char *again = memmem(rest.p, rest.n, name, 65);

		assert_non_null(again);
		rest = slice_make(
		    again + 65, rest.n - (size_t)(again + 65 - rest.p));
	}
	assert_null(memmem(chat.p, chat.n, FIRST, strlen(FIRST)));
	snprintf(answer, sizeof(answer),
	    "{'choices':[{'message':{'tool_calls'"
	    ":[{'id':'c','function':{'name':'%.64s'}}]}}]}",
	    name);
	buf_reset(&body);
	translation_answer(t, json_of(answer, &body), &counted, &out);
	buf_add_char(&out, '\0');
	assert_non_null(strstr(out.p, "\"name\":\"" SECOND "\""));
	buf_fini(&body);
	buf_fini(&out);
	translation_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_a_message),
		cmocka_unit_test(no_two_calls_have_one_id),
		cmocka_unit_test(a_name_too_long_for_chat_comes_back_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
