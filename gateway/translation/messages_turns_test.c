/* gateway/translation/messages_turns_test.c */
#include "gateway/translation/messages_test.h"

static void
system_is_one_message_of_text(void **state)
{
	(void)state;
	becomes("{'system':'be \\'nice\\''," HI "}",
	    "{'messages':[{'role':'system','content':'be \\'nice\\''},"
	    "{'role':'user','content':'hi'}]}",
	    "");
	becomes("{'system':[{'type':'text','text':'x-anthropic-billing-header:"
		" cch=1;'},{'type':'text','text':'a','cache_control':"
		"{'type':'ephemeral'}},{'type':'text','text':''},"
		"{'type':'text','text':'b'}]," HI "}",
	    "{'messages':[{'role':'system','content':'a\\nb'},"
	    "{'role':'user','content':'hi'}]}",
	    "");
	becomes("{'system':''," HI "}", "{" SAYS_HI "}", "");
	becomes("{'system':[]," HI "}", "{" SAYS_HI "}", "");
	becomes("{'system':'a','messages':[{'role':'system','content':'b'},"
		"{'role':'user','content':'hi'}]}",
	    "{'messages':[{'role':'system','content':'a\\nb'},"
	    "{'role':'user','content':'hi'}]}",
	    "");
	refuses("{'system':7," HI "}", ERR_INVALID, "system: ");
	refuses("{'system':[{'type':'text','text':'a'},7]," HI "}", ERR_INVALID,
	    "system.1: ");
}

static void
what_the_system_says_later(void **state)
{
	(void)state;
	/* before the assistant: in front */
	says("{'role':'user','content':'a'},{'role':'system','content':'b'},"
	     "{'role':'user','content':'c'}",
	    "{'role':'system','content':'b'},"
	    "{'role':'user','content':'a\\nc'}");
	says("{'role':'system','content':'a'},"
	     "{'role':'assistant','content':'b'}",
	    "{'role':'system','content':'a'},"
	    "{'role':'assistant','content':'b'}");
	/* then: by the user */
	says("{'role':'user','content':'a'},{'role':'assistant','content':'b'},"
	     "{'role':'system','content':[{'type':'text','text':'c'}]},"
	     "{'role':'user','content':'d'}",
	    "{'role':'user','content':'a'},{'role':'assistant','content':'b'},"
	    "{'role':'user','content':'c\\nd'}");
	wrong_message("{'role':'user','content':'a'},"
		      "{'role':'system','content':[{'text':'b'},7]}",
	    ERR_INVALID, "messages.1.content.0: want a block of text");
	/* who speaks the format may know more of them */
	wrong_message("{'role':'user','content':'a'},"
		      "{'role':'system','content':[{'type':'tool_addition',"
		      "'tool':{'type':'tool_reference','name':'f'}}]}",
	    ERR_UNSUPPORTED,
	    "messages.1.content.0: a block of the system's of type "
	    "tool_addition has no counterpart");
}

static void
text_is_one_string(void **state)
{
	(void)state;
	says("{'role':'user','content':'a\\u00e9\\n'}",
	    "{'role':'user','content':'a\\u00e9\\n'}");
	says("{'role':'user','content':[{'type':'text','text':'a'},"
	     "{'type':'text','text':'b'}]}",
	    "{'role':'user','content':'a\\nb'}");
	says("{'role':'user','content':''}", "{'role':'user','content':''}");
	says("{'role':'user','content':[]}", "{'role':'user','content':''}");
}

static void
messages_of_one_role_are_one_turn(void **state)
{
	(void)state;
	says("{'role':'user','content':'a'},{'role':'user','content':'b'},"
	     "{'role':'assistant','content':'c'},"
	     "{'role':'assistant','content':[{'type':'text','text':'d'}]},"
	     "{'role':'user','content':'e'},{'role':'user','content':'f'}",
	    "{'role':'user','content':'a\\nb'},"
	    "{'role':'assistant','content':'c\\nd'},"
	    "{'role':'user','content':'e\\nf'}");
}

static void
thinking_is_left_out(void **state)
{
	(void)state;
	says("{'role':'user','content':'a'},{'role':'assistant','content':["
	     "{'type':'thinking','thinking':'hm','signature':'x'},"
	     "{'type':'redacted_thinking','data':'x'},"
	     "{'type':'text','text':'b'}]}",
	    "{'role':'user','content':'a'},{'role':'assistant','content':'b'}");
	says("{'role':'user','content':'a'},{'role':'assistant','content':["
	     "{'type':'thinking','thinking':'hm','signature':'x'}]}",
	    "{'role':'user','content':'a'},{'role':'assistant','content':''}");
}

static void
pictures_make_parts(void **state)
{
	(void)state;
	says("{'role':'user','content':[{'type':'text','text':'a'}," IMAGE
	     ",{'type':'image','source':{'type':'url','url':"
	     "'https://x/y.png'}}]}",
	    "{'role':'user','content':[{'type':'text','text':'a'}," SAYS_IMAGE
	    ",{'type':'image_url','image_url':{'url':'https://x/y.png'}}]}");
	wrong_message("{'role':'user','content':[{'type':'image','source':"
		      "{'type':'file','file_id':'f'}}]}",
	    ERR_UNSUPPORTED,
	    "messages.0.content.0: an image from a source of type file has "
	    "no counterpart in chat: use a backend that speaks /v1/messages");
	wrong_message("{'role':'user','content':[{'type':'image','source':"
		      "{'type':'base64'}}]}",
	    ERR_INVALID, "messages.0.content.0.source: ");
	wrong_message("{'role':'user','content':[{'type':'image'}]}",
	    ERR_INVALID, "messages.0.content.0.source.type: ");
	wrong_message("{'role':'assistant','content':[" IMAGE "]}",
	    ERR_UNSUPPORTED, "messages.0.content.0: an image");
}

static void
calls_are_the_assistants(void **state)
{
	(void)state;
	says(CALLED, SAYS_CALLED);
	says("{'role':'assistant','content':[{'type':'text','text':'a'}," USE(
		 "t1", "f", "{}") "," USE("t2", "g", "{}") "]}",
	    "{'role':'assistant','content':'a','tool_calls':["
	    "{'id':'t1','type':'function','function':{'name':'f',"
	    "'arguments':'{}'}},"
	    "{'id':'t2','type':'function','function':{'name':'g',"
	    "'arguments':'{}'}}]}");
	says("{'role':'assistant','content':[{'type':'tool_use','id':'t1',"
	     "'name':'f'}]}",
	    "{'role':'assistant','content':null,'tool_calls':[{'id':'t1',"
	    "'type':'function','function':{'name':'f','arguments':'{}'}}]}");
}

static void
results_come_before_what_the_user_says(void **state)
{
	(void)state;
	says(CALLED ",{'role':'user','content':[{'type':'text','text':'b'}," //
	    RESULT("t1", ",'content':'r'") "]}",
	    SAYS_CALLED ",{'role':'tool','content':'r','tool_call_id':'t1'},"
			"{'role':'user','content':'b'}");
	says(CALLED ",{'role':'user','content':[" RESULT("t1", "") "]}",
	    SAYS_CALLED ",{'role':'tool','content':'','tool_call_id':'t1'}");
	says(CALLED ",{'role':'user','content':[" RESULT("t1",
		 ",'is_error':true,'content':[{'type':'text','text':'x'},"
		 "{'type':'text','text':'y'}]") "]},"
						"{'role':'user','content':["
						"{'type':'text','text':''}]}",
	    SAYS_CALLED ",{'role':'tool','content':'Error: x\\ny',"
			"'tool_call_id':'t1'}");
}

#define SAYS_CALL(id, name)                                                    \
	"{'id':'" id "','type':'function','function':{'name':'" name           \
	"','arguments':'{}'}}"
#define SAYS_RESULT(id, text)                                                  \
	"{'role':'tool','content':'" text "','tool_call_id':'" id "'}"

static void
results_come_in_the_order_of_calls(void **state)
{
	(void)state;
	says("{'role':'assistant','content':[" USE("t1", "f", "{}") "," USE(
		 "t2", "g", "{}") "," USE("t1", "h",
		 "{}") "]},"
		       "{'role':'user','content':[" RESULT(
			   "t3", ",'content':'3'") "," //
	    RESULT("t2", ",'content':'2'") "," RESULT(
		"t1", ",'content':'1'") "]}",
	    "{'role':'assistant','content':null,'tool_calls':[" SAYS_CALL(
		"t1", "f") "," SAYS_CALL("t2", "g") "," SAYS_CALL("t1",
		"h") "]}," SAYS_RESULT("t1", "1") "," SAYS_RESULT("t2",
		"2") "," //
	    SAYS_RESULT("t3", "3"));
}

static void
pictures_of_results_follow(void **state)
{
	(void)state;
	says(CALLED ",{'role':'user','content':[" RESULT("t1",
		 ",'content':[{'type':'text','text':'r'}," IMAGE "]") "]}",
	    SAYS_CALLED ",{'role':'tool','content':'r','tool_call_id':'t1'},"
			"{'role':'user','content':[" SAYS_IMAGE "]}");
	says(CALLED ",{'role':'user','content':[" RESULT("t1",
		 ",'content':[" IMAGE "]") ",{'type':'text','text':'b'}]}",
	    SAYS_CALLED ",{'role':'tool','content':'','tool_call_id':'t1'},"
			"{'role':'user','content':[" SAYS_IMAGE
			",{'type':'text','text':'b'}]}");
}

/* Not told to the model by Anthropic, either. */
static void
what_a_server_notes_is_left_out(void **state)
{
	(void)state;
	says("{'role':'assistant','content':[{'type':'mcp_tool_listing',"
	     "'mcp_server_name':'s','tools':[]},{'type':'text','text':'a'},"
	     "{'type':'fallback','from':{'model':'x'},'to':{'model':'y'}},"
	     "{'type':'text','text':'b'}]}",
	    "{'role':'assistant','content':'a\\nb'}");
}

/* What a search of the client's has found: chat has all tools there are. */
static void
a_tool_that_was_found_is_named(void **state)
{
	(void)state;
	says(CALLED ",{'role':'user','content':[" RESULT("t1",
		 ",'content':[{'type':'tool_reference','tool_name':'f'},"
		 "{'type':'tool_reference','tool_name':'g'}]") "]}",
	    SAYS_CALLED ",{'role':'tool','content':'f\\ng',"
			"'tool_call_id':'t1'}");
}

static void
blocks_that_chat_lacks_are_named(void **state)
{
	(void)state;
	wrong_message("{'role':'user','content':'a'},{'role':'assistant',"
		      "'content':[{'type':'text','text':'b'},"
		      "{'type':'server_tool_use','id':'s','name':'web_search',"
		      "'input':{}}]}",
	    ERR_UNSUPPORTED,
	    "messages.1.content.1: a block of type server_tool_use has no "
	    "counterpart in chat");
}

static void
what_is_malformed_is_named(void **state)
{
	static const struct {
		const char *messages, *complaint;
	} rows[] = {
		{ "7", "messages.0: want an object" },
		{ "{'role':'x','content':'a'}", "messages.0.role: " },
		{ "{'content':'a'}", "messages.0.role: " },
		{ "{'role':'user'}", "messages.0.content: " },
		{ "{'role':'user','content':7}", "messages.0.content: " },
		{ "{'role':'user','content':'a'},{'role':'user','content':[7]}",
		    "messages.1.content.0.type: " },
		{ "{'role':'user','content':[{'type':'text'}]}",
		    "messages.0.content.0.text: " },
		{ "{'role':'user','content':[" RESULT("", "") "]}",
		    "messages.0.content.0.tool_use_id: " },
		{ "{'role':'user','content':[" RESULT("t", ",'content':7") "]}",
		    "messages.0.content.0.content: " },
		{ "{'role':'user','content':[" USE("t", "f", "{}") "]}",
		    "messages.0.content.0: a tool_use" },
		{ "{'role':'assistant','content':[" RESULT("t", "") "]}",
		    "messages.0.content.0: a tool_result" },
		{ "{'role':'assistant','content':[" USE("", "f", "{}") "]}",
		    "messages.0.content.0.id: " },
		{ "{'role':'assistant','content':[" USE("t", "", "{}") "]}",
		    "messages.0.content.0.name: " },
		{ "{'role':'assistant','content':[" USE("t", "f", "[]") "]}",
		    "messages.0.content.0.input: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		wrong_message(rows[i].messages, ERR_INVALID, rows[i].complaint);
	refuses("{}", ERR_INVALID, "messages: ");
	refuses("{'messages':[]}", ERR_INVALID, "messages: ");
	refuses("{'messages':'a'}", ERR_INVALID, "messages: ");
}

/* More than are put in order: as they come, and all of them. */
static void
many_calls(void **state)
{
	struct translation *t = translation_of_test();
	struct buf asked;
	struct errmsg why;
	struct slice got, rest, element;
	enum scan_type type;
	struct scan_member m;
	size_t n = 0;

	(void)state;
	buf_init(&asked, 1 << 16);
	buf_add_str(
	    &asked, "{\"messages\":[{\"role\":\"assistant\",\"content\":[");
	for (int i = 0; i < 40; i++)
		buf_addf(&asked,
		    "%s{\"type\":\"tool_use\",\"id\":\"t%d\","
		    "\"name\":\"f\"}",
		    i > 0 ? "," : "", i);
	buf_add_str(&asked, "]},{\"role\":\"user\",\"content\":[");
	for (int i = 39; i >= 0; i--)
		buf_addf(&asked,
		    "{\"type\":\"tool_result\",\"tool_use_id\":"
		    "\"t%d\"}%s",
		    i, i > 0 ? "," : "]}]}");
	assert_int_equal(
	    translation_request(t, buf_slice(&asked), &got, &why), OK);
	assert_valid(got);
	assert_true(scan_get(got, "messages", &m));
	rest = m.value;
	assert_true(scan_next_element(&rest, &element, &type));
	assert_true(scan_get(element, "tool_calls", &m));
	while (scan_next_element(&m.value, &element, &type))
		n++;
	assert_int_equal(n, 40);
	for (n = 0; scan_next_element(&rest, &element, &type); n++)
		if (n == 0) {
			assert_true(scan_get(element, "tool_call_id", &m));
			assert_true(scan_string_is(&m, "t39"));
		}
	assert_int_equal(n, 40);
	buf_fini(&asked);
	translation_free(&t);
}

static void
too_many(const char *before, const char *one, const char *after,
    const char *complaint)
{
	struct translation *t = translation_of_test();
	struct buf asked;
	struct errmsg why = { "" };
	struct slice got;

	buf_init(&asked, 1 << 23);
	buf_add_str(&asked, before);
	for (int i = 0; i < 100000; i++) {
		buf_add_str(&asked, one);
		buf_add_char(&asked, ',');
	}
	buf_add_str(&asked, one);
	buf_add_str(&asked, after);
	assert_valid(buf_slice(&asked));
	assert_int_equal(
	    translation_request(t, buf_slice(&asked), &got, &why), ERR_INVALID);
	assert_string_equal(why.text, complaint);
	buf_fini(&asked);
	translation_free(&t);
}

static void
there_is_an_end_to_it(void **state)
{
	(void)state;
	too_many("{\"messages\":[", "{\"role\":\"user\",\"content\":\"\"}",
	    "]}", "messages.100000: want fewer messages");
	too_many("{\"messages\":[{\"role\":\"user\",\"content\":[",
	    "{\"type\":\"text\",\"text\":\"\"}", "]}]}",
	    "messages.0.content.100000: want fewer blocks");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_is_one_message_of_text),
		cmocka_unit_test(what_the_system_says_later),
		cmocka_unit_test(text_is_one_string),
		cmocka_unit_test(messages_of_one_role_are_one_turn),
		cmocka_unit_test(thinking_is_left_out),
		cmocka_unit_test(pictures_make_parts),
		cmocka_unit_test(calls_are_the_assistants),
		cmocka_unit_test(results_come_before_what_the_user_says),
		cmocka_unit_test(results_come_in_the_order_of_calls),
		cmocka_unit_test(pictures_of_results_follow),
		cmocka_unit_test(what_a_server_notes_is_left_out),
		cmocka_unit_test(a_tool_that_was_found_is_named),
		cmocka_unit_test(blocks_that_chat_lacks_are_named),
		cmocka_unit_test(what_is_malformed_is_named),
		cmocka_unit_test(many_calls),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
