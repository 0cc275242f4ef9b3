/* gateway/translation/responses_order_test.c - what stands between calls and
 * their outputs, and what is no output of a call. */
#include "gateway/translation/responses_testing.h"

#include "gateway/lib/count.h"

#define ITEM_CALL(id)                                                          \
	"{'type':'function_call','call_id':'" id "','name':'f',"               \
	"'arguments':'{}'}"
#define ITEM_OUTPUT(id, output)                                                \
	"{'type':'function_call_output','call_id':'" id "','output':" output "}"
#define ITEM(role, text) "{'role':'" role "','content':'" text "'}"
#define CALLS(calls)                                                           \
	"{'role':'assistant','content':null,'tool_calls':[" calls "]}"
#define CALL(id)                                                               \
	"{'id':'" id "','type':'function','function':{'name':'f',"             \
	"'arguments':'{}'}}"
#define TOOL(id, text)                                                         \
	"{'role':'tool','tool_call_id':'" id "','content':'" text "'}"
#define IN(items) "{'input':[" items "]}"
#define OUT(messages) "{'messages':[" messages "]}"

static void
what_is_said_in_between_waits(void **state)
{
	static const struct row rows[] = {
		{ IN(ITEM_CALL("1") "," ITEM("developer", "a") "," ITEM_OUTPUT(
		      "1", "'x'") "," ITEM_CALL("2") "," ITEM_OUTPUT("2",
		      "'y'")),
		    OUT(CALLS(CALL("1")) "," TOOL("1", "x") "," ITEM(
			"user", "a") "," CALLS(CALL("2")) "," TOOL("2", "y")),
		    NULL },
		/* also between calls, and behind some of the outputs */
		{ IN(ITEM_CALL("1") "," ITEM("developer", "a") "," ITEM_CALL(
		      "2") "," ITEM("user", "b") "," ITEM_OUTPUT("2",
		      "'y'") "," ITEM("developer", "c") "," ITEM_OUTPUT("1",
		      "'x'") "," ITEM("user", "d")),
		    OUT(CALLS(CALL("1") "," CALL("2")) "," TOOL(
			"2", "y") "," TOOL("1", "x") "," ITEM("user",
			"a\\n\\nb\\n\\nc\\n\\nd")),
		    NULL },
		/* behind pictures of the outputs, and of all of one */
		{ IN(ITEM_CALL("1") "," ITEM("developer", "a") "," ITEM_OUTPUT(
		      "1",
		      "[{'type':'input_image','image_url':"
		      "'u'}]") "," ITEM_OUTPUT("1", "'x'")),
		    OUT(CALLS(CALL("1")) "," TOOL("1",
			"x") ",{'role':'user','content':[{'type':'image_url',"
			     "'image_url':{'url':'u'}},{'type':'text','text':"
			     "'a'}]}"),
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
what_nobody_answers_is_not_waited_for(void **state)
{
	static const struct row rows[] = {
		{ IN(ITEM_CALL("1") "," ITEM("user", "a") "," ITEM_CALL(
		      "2") "," ITEM_OUTPUT("2", "'y'")),
		    OUT(CALLS(CALL("1")) "," ITEM("user", "a") "," CALLS(
			CALL("2")) "," TOOL("2", "y")),
		    NULL },
		/* the model went on without it */
		{ IN(ITEM_CALL("1") "," ITEM_CALL("2") "," ITEM(
		      "user", "a") "," ITEM_OUTPUT("1",
		      "'x'") "," ITEM("assistant", "b") "," ITEM("user", "c")),
		    OUT(CALLS(CALL("1") "," CALL("2")) "," TOOL(
			"1", "x") "," ITEM("user", "a") "," ITEM("assistant",
			"b") "," ITEM("user", "c")),
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

/* More calls than are waited for, and an output far away: as they come. */
static void
there_is_an_end_to_it(void **state)
{
	struct translation *t = translation_of_responses();
	struct slice chat, rest, message;
	struct scan_member m, role;
	enum scan_type type;
	struct errmsg why;
	struct buf asked;
	size_t n = 0;

	(void)state;
	buf_init(&asked, 1 << 16);
	buf_add_str(&asked, "{\"input\":[");
	for (int i = 0; i < 40; i++)
		buf_addf(&asked,
		    "{\"type\":\"function_call\",\"call_id\":\"%d\","
		    "\"name\":\"f\",\"arguments\":\"{}\"},",
		    i);
	for (int i = 0; i < 40; i++)
		buf_add_str(&asked, "{\"role\":\"user\",\"content\":\"a\"},");
	buf_add_str(&asked,
	    "{\"type\":\"function_call_output\",\"call_id\":\"0\","
	    "\"output\":\"x\"}]}");
	assert_int_equal(
	    translation_request(t, buf_slice(&asked), &chat, &why), OK);
	assert_json(chat);
	assert_true(scan_get(chat, "messages", &m));
	for (rest = m.value; scan_next_element(&rest, &message, &type); n++)
		assert_true(scan_get(message, "role", &role));
	assert_int_equal(n, 3);
	assert_true(scan_string_is(&role, "tool"));
	buf_fini(&asked);
	translation_free(&t);
}

static void
an_output_of_no_call_is_the_users(void **state)
{
	static const struct row rows[] = {
		{ IN(ITEM("user", "q") ",{'type':'function_call_output','id':"
				       "'fco_1','name':'automation_update',"
				       "'namespace':'codex_app','output':"
				       "'go on'}"),
		    OUT(ITEM("user", "q\\n\\nautomation_update\\ngo on")),
		    NULL },
		{ IN(ITEM_CALL("1") ",{'type':'function_call_output',"
				    "'call_id':'','output':[{'type':"
				    "'input_text','text':'a'},{'type':"
				    "'input_image','image_url':'u'}]}," //
		      ITEM_OUTPUT("1", "'x'")),
		    OUT(CALLS(CALL("1")) "," TOOL(
			"1", "x") ",{'role':'user','content':[{'type':'text',"
				  "'text':'a'},{'type':'image_url','image_url':"
				  "{'url':'u'}}]}"),
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

#define AGENT(sealed)                                                          \
	"{'type':'agent_message','id':'amsg_1','author':'/root','recipient':"  \
	"'/root/a','content':[{'type':'input_text','text':'Payload:'},"        \
	"{'type':'encrypted_content','encrypted_content':'" sealed "'}]}"

static void
what_agents_tell_each_other_is_the_users(void **state)
{
	static const struct row rows[] = {
		{ IN(ITEM_CALL("1") "," AGENT("do it") "," ITEM_OUTPUT(
		      "1", "'x'")),
		    OUT(CALLS(CALL("1")) "," TOOL("1", "x") "," ITEM(
			"user", "Payload:\\ndo it")),
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
complaints_name_what_has_waited(void **state)
{
	static const struct {
		const char *request, *why;
	} rows[] = {
		{ IN(ITEM_CALL("1") "," AGENT("gAAAAABn") "," ITEM_OUTPUT(
		      "1", "'x'")),
		    "input[1].content[1]: encrypted_content has no "
		    "counterpart" },
		{ IN(ITEM_CALL("1") "," ITEM("user",
		      "a") ",{'role':'user','content':[{'type':'input_text',"
			   "'text':'b'},{'type':'x'}]}," //
		      ITEM_OUTPUT("1", "'x'")),
		    "input[2].content[1]: x has no counterpart" },
		{ IN(ITEM_CALL("1") "," ITEM("user", "a") "," ITEM_OUTPUT(
		      "1", "'x'") ",{'type':'y'}"),
		    "input[3]: y has no counterpart" },
	};
	char request[JSON_MAX];
	struct errmsg why;
	struct slice chat;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct translation *t = translation_of_responses();

		assert_int_equal(
		    translation_request(
			t, json_of(request, rows[i].request), &chat, &why),
		    ERR_UNSUPPORTED);
		if (!slice_starts(slice_of(why.text), slice_of(rows[i].why)))
			fail_msg("%s", why.text);
		translation_free(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_in_between_waits),
		cmocka_unit_test(what_nobody_answers_is_not_waited_for),
		cmocka_unit_test(there_is_an_end_to_it),
		cmocka_unit_test(an_output_of_no_call_is_the_users),
		cmocka_unit_test(what_agents_tell_each_other_is_the_users),
		cmocka_unit_test(complaints_name_what_has_waited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
