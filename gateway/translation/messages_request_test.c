/* gateway/translation/messages_request_test.c */
#include "gateway/translation/messages.h"

#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct translation *
translation_of_test(void)
{
	const struct translation_about about = { .id = "req_0123456789abcdef",
		.model = SLICE("claude") };

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

/* The conversation alone. */
static void
says(const char *messages, const char *chat)
{
	char request[4096], want[4096];

	snprintf(request, sizeof(request), "{'messages':[%s]}", messages);
	snprintf(want, sizeof(want), "{'messages':[%s]}", chat);
	becomes(request, want, "");
}

static void
wrong_message(const char *messages, enum err rc, const char *complaint)
{
	char request[4096];

	snprintf(request, sizeof(request), "{'messages':[%s]}", messages);
	refuses(request, rc, complaint);
}

#define HI "'messages':[{'role':'user','content':'hi'}]"
#define SAYS_HI "'messages':[{'role':'user','content':'hi'}]"

static void
what_means_the_same_is_copied(void **state)
{
	(void)state;
	becomes("{'model':'claude','max_tokens':100,'temperature':0.5,"
		"'top_p':0.9,'top_k':40,'stream':true,'metadata':"
		"{'user_id':'x'},'service_tier':'auto'," HI "}",
	    "{" SAYS_HI ",'max_tokens':100,'temperature':0.5,'top_p':0.9,"
	    "'stream':true}",
	    "");
	becomes("{" HI ",'temperature':null,'stop_sequences':['a','\\n']}",
	    "{" SAYS_HI ",'stop':['a','\\n']}", "");
	becomes("{" HI ",'stop_sequences':[],'tools':[]}", "{" SAYS_HI "}", "");
	refuses("{" HI ",'stop_sequences':'a'}", ERR_INVALID, "stop_sequences");
}

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
	    "system[1]: ");
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
	     "{'role':'user','content':'e'},{'role':'system','content':'f'}",
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

#define IMAGE                                                                  \
	"{'type':'image','source':{'type':'base64','media_type':'image/png',"  \
	"'data':'iVBO'}}"
#define SAYS_IMAGE                                                             \
	"{'type':'image_url','image_url':{'url':'data:image/"                  \
	"png;base64,iVBO'}}"

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
	    "messages[0].content[0]: an image from a source of type file has "
	    "no counterpart in chat: use a backend that speaks /v1/messages");
	wrong_message("{'role':'user','content':[{'type':'image','source':"
		      "{'type':'base64'}}]}",
	    ERR_INVALID, "messages[0].content[0].source: ");
	wrong_message("{'role':'user','content':[{'type':'image'}]}",
	    ERR_INVALID, "messages[0].content[0].source.type: ");
	wrong_message("{'role':'assistant','content':[" IMAGE "]}",
	    ERR_UNSUPPORTED, "messages[0].content[0]: an image");
}

static void
documents_are_text_or_nothing(void **state)
{
	(void)state;
	says("{'role':'user','content':[{'type':'document','title':'T',"
	     "'context':'C','source':{'type':'text','media_type':'text/plain',"
	     "'data':'D'}},{'type':'text','text':'a'}]}",
	    "{'role':'user','content':'T\\nC\\nD\\na'}");
	wrong_message("{'role':'user','content':[{'type':'document','source':"
		      "{'type':'base64','media_type':'application/pdf',"
		      "'data':'x'}}]}",
	    ERR_UNSUPPORTED,
	    "messages[0].content[0]: a document from a source of type base64");
}

#define USE(id, name, input)                                                   \
	"{'type':'tool_use','id':'" id "','name':'" name "','input':" input "}"
#define RESULT(id, more) "{'type':'tool_result','tool_use_id':'" id "'" more "}"
#define CALLED                                                                 \
	"{'role':'assistant','content':[" USE("t1", "f", "{'a':'\\n'}") "]}"
#define SAYS_CALLED                                                            \
	"{'role':'assistant','content':null,'tool_calls':[{'id':'t1',"         \
	"'type':'function','function':{'name':'f',"                            \
	"'arguments':'{\\'a\\':\\'\\\\n\\'}'}}]}"

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

static void
blocks_that_chat_lacks_are_named(void **state)
{
	(void)state;
	wrong_message("{'role':'user','content':'a'},{'role':'assistant',"
		      "'content':[{'type':'text','text':'b'},"
		      "{'type':'server_tool_use','id':'s','name':'web_search',"
		      "'input':{}}]}",
	    ERR_UNSUPPORTED,
	    "messages[1].content[1]: a block of type server_tool_use has no "
	    "counterpart in chat");
	wrong_message("{'role':'user','content':[" RESULT("t1",
			  ",'content':[{'type':'tool_reference',"
			  "'tool_name':'x'}]") "]}",
	    ERR_UNSUPPORTED,
	    "messages[0].content[0].content[0]: a block of type "
	    "tool_reference");
}

static void
what_is_malformed_is_named(void **state)
{
	static const struct {
		const char *messages, *complaint;
	} rows[] = {
		{ "7", "messages[0]: want an object" },
		{ "{'role':'x','content':'a'}", "messages[0].role: " },
		{ "{'content':'a'}", "messages[0].role: " },
		{ "{'role':'user'}", "messages[0].content: " },
		{ "{'role':'user','content':7}", "messages[0].content: " },
		{ "{'role':'user','content':'a'},{'role':'user','content':[7]}",
		    "messages[1].content[0].type: " },
		{ "{'role':'user','content':[{'type':'text'}]}",
		    "messages[0].content[0].text: " },
		{ "{'role':'user','content':[" RESULT("", "") "]}",
		    "messages[0].content[0].tool_use_id: " },
		{ "{'role':'user','content':[" RESULT("t", ",'content':7") "]}",
		    "messages[0].content[0].content: " },
		{ "{'role':'user','content':[" USE("t", "f", "{}") "]}",
		    "messages[0].content[0]: a tool_use" },
		{ "{'role':'assistant','content':[" RESULT("t", "") "]}",
		    "messages[0].content[0]: a tool_result" },
		{ "{'role':'assistant','content':[" USE("", "f", "{}") "]}",
		    "messages[0].content[0].id: " },
		{ "{'role':'assistant','content':[" USE("t", "", "{}") "]}",
		    "messages[0].content[0].name: " },
		{ "{'role':'assistant','content':[" USE("t", "f", "[]") "]}",
		    "messages[0].content[0].input: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		wrong_message(rows[i].messages, ERR_INVALID, rows[i].complaint);
	refuses("{}", ERR_INVALID, "messages: ");
	refuses("{'messages':[]}", ERR_INVALID, "messages: ");
	refuses("{'messages':'a'}", ERR_INVALID, "messages: ");
}

#define TOOL                                                                   \
	"{'name':'f','description':'d','input_schema':{'type':'object'},"      \
	"'cache_control':{'type':'ephemeral'}}"
#define SEARCH "{'type':'web_search_20250305','name':'web_search'}"
#define SAYS_TOOLS                                                             \
	"'tools':[{'type':'function','function':{'name':'f',"                  \
	"'description':'d','parameters':{'type':'object'}}}]"

static void
tools_are_functions(void **state)
{
	(void)state;
	becomes(
	    "{" HI ",'tools':[" TOOL "]}", "{" SAYS_HI "," SAYS_TOOLS "}", "");
	becomes("{" HI ",'tools':[" SEARCH "," TOOL "]}",
	    "{" SAYS_HI "," SAYS_TOOLS "}", "web_search_20250305");
	becomes("{" HI ",'tools':[{'type':'custom','name':'g','strict':true}]}",
	    "{" SAYS_HI ",'tools':[{'type':'function','function':{'name':'g',"
	    "'strict':true}}]}",
	    "");
	becomes("{" HI ",'tools':[{'type':'\\u0022\\r\\n'}],'tool_choice':"
		"{'type':'auto'},'mcp_servers':[{'type':'url'}],"
		"'container':'c'}",
	    "{" SAYS_HI "}", "u0022rn, mcp_servers, container");
	refuses("{" HI ",'tools':{}}", ERR_INVALID, "tools: ");
	refuses("{" HI ",'tools':[7]}", ERR_INVALID, "tools[0]: ");
	refuses("{" HI ",'tools':[" TOOL ",{'name':''}]}", ERR_INVALID,
	    "tools[1].name: ");
	refuses("{" HI ",'tools':[{'name':'f','description':7}]}", ERR_INVALID,
	    "tools[0].description: ");
	refuses("{" HI ",'tools':[{'name':'f','input_schema':7}]}", ERR_INVALID,
	    "tools[0].input_schema: ");
}

static void
a_tool_may_be_chosen(void **state)
{
	static const struct {
		const char *choice, *chat;
	} rows[] = {
		{ "{'type':'auto'}", "'tool_choice':'auto'" },
		{ "{'type':'none'}", "'tool_choice':'none'" },
		{ "{'type':'any'}", "'tool_choice':'required'" },
		{ "{'type':'tool','name':'f'}",
		    "'tool_choice':{'type':'function','function':"
		    "{'name':'f'}}" },
		{ "{'type':'auto','disable_parallel_tool_use':true}",
		    "'tool_choice':'auto','parallel_tool_calls':false" },
	};
	char request[1024], chat[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(request, sizeof(request),
		    "{" HI ",'tools':[" TOOL "," SEARCH "],'tool_choice':%s}",
		    rows[i].choice);
		snprintf(chat, sizeof(chat), "{" SAYS_HI "," SAYS_TOOLS ",%s}",
		    rows[i].chat);
		becomes(request, chat, "web_search_20250305");
	}
	refuses("{" HI ",'tools':[" TOOL "," SEARCH "],'tool_choice':"
		"{'type':'tool','name':'web_search'}}",
	    ERR_UNSUPPORTED, "tool_choice: ");
	refuses("{" HI ",'tools':[" SEARCH "],'tool_choice':{'type':'any'}}",
	    ERR_UNSUPPORTED, "tool_choice: ");
	refuses("{" HI ",'tools':[" TOOL "],'tool_choice':'any'}", ERR_INVALID,
	    "tool_choice.type: ");
	refuses("{" HI ",'tools':[" TOOL "],'tool_choice':{'type':'tool'}}",
	    ERR_INVALID, "tool_choice.name: ");
}

static void
a_format_of_output_is_a_format_of_response(void **state)
{
	static const char chat[] =
	    "{" SAYS_HI ",'response_format':{'type':'json_schema',"
	    "'json_schema':{'name':'answer','strict':true,"
	    "'schema':{'type':'object'}}}}";

	(void)state;
	becomes("{" HI ",'output_format':{'type':'json_schema','schema':"
		"{'type':'object'}}}",
	    chat, "");
	becomes("{" HI ",'output_config':{'format':{'type':'json_schema',"
		"'schema':{'type':'object'}}}}",
	    chat, "");
	refuses("{" HI ",'output_config':{'format':{'type':'x'}}}",
	    ERR_UNSUPPORTED, "output_config.format.type: ");
	refuses("{" HI ",'output_format':{'type':'json_schema'}}", ERR_INVALID,
	    "output_format.schema: ");
}

static void
effort_is_effort(void **state)
{
	(void)state;
	becomes("{" HI ",'output_config':{'effort':'medium'}}",
	    "{" SAYS_HI ",'reasoning_effort':'medium'}", "");
	becomes("{" HI ",'output_config':{'effort':'max'}}",
	    "{" SAYS_HI ",'reasoning_effort':'high'}", "");
	becomes(
	    "{" HI ",'output_config':{'effort':null}}", "{" SAYS_HI "}", "");
	becomes("{" HI ",'thinking':{'type':'enabled','budget_tokens':1024}}",
	    "{" SAYS_HI "}", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_means_the_same_is_copied),
		cmocka_unit_test(system_is_one_message_of_text),
		cmocka_unit_test(text_is_one_string),
		cmocka_unit_test(messages_of_one_role_are_one_turn),
		cmocka_unit_test(thinking_is_left_out),
		cmocka_unit_test(pictures_make_parts),
		cmocka_unit_test(documents_are_text_or_nothing),
		cmocka_unit_test(calls_are_the_assistants),
		cmocka_unit_test(results_come_before_what_the_user_says),
		cmocka_unit_test(pictures_of_results_follow),
		cmocka_unit_test(blocks_that_chat_lacks_are_named),
		cmocka_unit_test(what_is_malformed_is_named),
		cmocka_unit_test(tools_are_functions),
		cmocka_unit_test(a_tool_may_be_chosen),
		cmocka_unit_test(a_format_of_output_is_a_format_of_response),
		cmocka_unit_test(effort_is_effort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
