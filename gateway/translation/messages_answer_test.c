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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_a_message),
		cmocka_unit_test(no_two_calls_have_one_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
