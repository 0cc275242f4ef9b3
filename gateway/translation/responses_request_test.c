/* gateway/translation/responses_request_test.c */
#include "gateway/translation/responses_testing.h"

#include "gateway/lib/count.h"

#define HI "'input':'hi'"
#define HI_CHAT "{'messages':[{'role':'user','content':'hi'}]"
#define INPUT(items) "{'input':[" items "]}"
#define MESSAGES(messages) "{'messages':[" messages "]}"
#define SAID(role, text) "{'role':'" role "','content':'" text "'}"
#define F(name) "{'type':'function','function':{'name':'" name "'}}"

struct row {
	const char *request, *chat, *left_out;
};

static void
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

static void
texts(void **state)
{
	static const struct row rows[] = {
		{ "{" HI "}", HI_CHAT "}", NULL },
		{ "{'instructions':'be \\'brief\\'','input':'\\u00e9'}",
		    MESSAGES(SAID("system", "be \\'brief\\'") "," SAID(
			"user", "\\u00e9")),
		    NULL },
		/* all that comes first is one system's, what comes later the
		 * user's; what one says in a row is one message */
		{ "{'instructions':'a','input':[{'role':'developer','content':'"
		  "b'},{'type':'message','role':'system','content':[{'type':'"
		  "input_text','text':'c'},{'type':'input_text','text':'d'}]},{"
		  "'role':'user','content':'e'},{'role':'user','content':'f'},{"
		  "'role':'assistant','content':[{'type':'output_text','text':'"
		  "g','annotations':[]},{'type':'refusal','refusal':'no'}]},{'"
		  "role':'developer','content':'h'}]}",
		    MESSAGES(SAID("system", "a\\n\\nb\\n\\nc\\nd") "," SAID(
			"user", "e\\n\\nf") "," SAID("assistant",
			"g\\nno") "," SAID("user", "h")),
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
pictures_and_sound(void **state)
{
#define IMAGE(url) "{'type':'input_image','image_url':'" url "'}"
#define SHOWN(url) "{'type':'image_url','image_url':{'url':'" url "'}}"
#define PART(text) "{'type':'text','text':'" text "'}"
	static const struct row rows[] = {
		{ INPUT("{'role':'user','content':[" IMAGE("data:,x") "]}"),
		    MESSAGES(
			"{'role':'user','content':[" SHOWN("data:,x") "]}"),
		    NULL },
		{ INPUT(
		      "{'role':'user','content':'a'},{'role':'user','content':["
		      "{'type':'input_text','text':'b'}," IMAGE("u") "," IMAGE(
			  "v") ",{'type':'input_text','text':'c'},{'type':'"
			       "input_text','text':'d'},{'type':'input_image','"
			       "image_url':'w','detail':'low'}]},{'role':'user'"
			       ",'content':'e'}"),
		    MESSAGES(
			"{'role':'user','content':[" PART("a\\n\\nb") "," SHOWN(
			    "u") "," SHOWN("v") "," PART("c\\nd") ",{'type':'"
								  "image_"
								  "url','image_"
								  "url'"
								  ":{'url':'w',"
								  "'"
								  "detail':'"
								  "low'}}"
								  "," PART(
								      "e") "]"
									   "}"),
		    NULL },
		{ INPUT("{'role':'user','content':[{'type':'input_audio','"
			"input_audio':{'data':'x','format':'wav'}}]}"),
		    MESSAGES("{'role':'user','content':[{'type':'input_audio','"
			     "input_audio':{'data':'x','format':'wav'}}]}"),
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
calls_and_what_came_of_them(void **state)
{
#define CALL(id, name)                                                         \
	"{'type':'function_call','call_id':'" id "','name':'" name             \
	"','arguments':'{\\'a\\':1}'}"
#define OUTPUT(id, output)                                                     \
	"{'type':'function_call_output','call_id':'" id "','output':" output "}"
#define CALLED(id, name, arguments)                                            \
	"{'id':'" id "','type':'function','function':{'name':'" name           \
	"','arguments':'" arguments "'}}"
#define ASSISTANT(text, calls)                                                 \
	"{'role':'assistant','content':'" text "','tool_calls':[" calls "]}"
#define TOOL(id, text)                                                         \
	"{'role':'tool','tool_call_id':'" id "','content':'" text "'}"
#define A1 "{\\'a\\':1}"
	static const struct row rows[] = {
		{ INPUT("{'role':'user','content':'q'},{'type':'"
			"reasoning','summary':[],'id':'r'},{'role':"
			"'assistant','content':'so'}," CALL(
			    "1", "f") ",{'type':'reasoning','summary':[]"
				      "}," CALL("2", "g") "," OUTPUT(
					  "1", "'x\\n'") "," OUTPUT("2",
					  "[{'type':'input_text','text':"
					  "'y'}]") "," CALL("3",
					  "f") "," OUTPUT("3", "'z'")),
		    MESSAGES(SAID("user", "q") "," ASSISTANT("so",
			CALLED("1", "f", A1) "," CALLED(
			    "2", "g", A1)) "," TOOL("1", "x\\n") "," TOOL("2",
			"y") "," ASSISTANT("",
			CALLED("3", "f", A1)) "," TOOL("3", "z")),
		    NULL },
		/* what it said behind its call */
		{ INPUT(CALL("1", "f") ",{'role':'assistant','content':'a'}"
				       "," CALL("2",
					   "f") ",{'role':'assistant','content'"
						":'b'}," OUTPUT("1", "'x'")),
		    MESSAGES(ASSISTANT("a\\n\\nb",
			CALLED("1", "f", A1) "," CALLED(
			    "2", "f", A1)) "," TOOL("1", "x")),
		    NULL },
		/* the user shows what a tool cannot */
		{ INPUT(CALL("1", "f") "," CALL("2", "f") "," OUTPUT(
		      "1", "[" IMAGE("u") "]") "," OUTPUT("2",
		      "[{'type':'input_text','text':'y'}," IMAGE(
			  "v") "]") ",{'role':'user','content':'"
				    "and?'}"),
		    MESSAGES(ASSISTANT("",
			CALLED("1", "f", A1) "," CALLED(
			    "2", "f", A1)) "," TOOL("1", "") "," TOOL("2",
			"y") ",{'role':'user','content':"
			     "[" SHOWN("u") "," SHOWN("v") "," PART(
				 "and?") "]}"),
		    NULL },
		{ INPUT(CALL("1", "f") "," OUTPUT("1", "[" IMAGE("u") "]")),
		    MESSAGES(ASSISTANT("", CALLED("1", "f", A1)) "," TOOL(
			"1", "") ",{'role':'user','content':"
				 "[" SHOWN("u") "]}"),
		    NULL },
		/* an output in pieces */
		{ INPUT(CALL("1", "f") "," OUTPUT("1", "'x'") "," OUTPUT(
		      "1", "'y'")),
		    MESSAGES(ASSISTANT("", CALLED("1", "f", A1)) "," TOOL(
			"1", "x\\n\\ny")),
		    NULL },
		/* free text */
		{ INPUT("{'type':'custom_tool_call','call_id':'1','"
			"name':'p','input':'a\\n\\'b\\''},{'type':'"
			"custom_tool_call_output','call_id':'1','"
			"output':'ok'}"),
		    MESSAGES(ASSISTANT("",
			CALLED("1", "p",
			    "{\\'input\\':\\'a\\\\n\\\\\\'b\\\\\\'"
			    "\\'}")) "," TOOL("1", "ok")),
		    NULL },
		/* a namespace, and no arguments */
		{ INPUT("{'type':'function_call','call_id':'1','"
			"namespace':'n','name':'f','arguments':''}"),
		    MESSAGES(ASSISTANT("", CALLED("1", "n__f", "{}"))), NULL },
		{ INPUT("{'type':'local_shell_call','call_id':'1','"
			"action':{ "
			"'command':\n['ls']}},{'type':'local_shell_"
			"call_output','id':'1','output':'a'},{'"
			"type':'shell_call_output','call_id':'2','"
			"output':[{'stdout':'b'}]},{'type':'apply_"
			"patch_call_output','call_id':'3','status':"
			"'completed'}"),
		    MESSAGES(ASSISTANT("",
			CALLED("1", "local_shell",
			    "{ \\'command\\': [\\'ls\\']}")) "," TOOL("1",
			"a") "," TOOL("2",
			"[{\\'stdout\\':\\'b\\'}]") "," TOOL("3", "")),
		    NULL },
		{ INPUT("{'role':'user','content':'q'},{'type':'"
			"web_search_call','id':'w'},{'type':'mcp_"
			"call'},{'type':'mcp_list_tools'}"),
		    MESSAGES(SAID("user", "q")), "web_search_call, mcp_call" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
tools(void **state)
{
#define ASK(members) "{" HI "," members "}"
#define CHAT(members) HI_CHAT "," members "}"
#define TF "{'type':'function','name':'f'}"
#define TG "{'type':'function','name':'g'}"
	static const struct row rows[] = {
		{ ASK("'tools':[{'type':'function','name':'f','description':'d'"
		      ",'strict':true,'parameters':{'type':'object'}},{'type':'"
		      "function','name':'g','description':null,'strict':false,'"
		      "parameters':null}],'tool_choice':'auto','parallel_tool_"
		      "calls':true"),
		    CHAT("'tools':[{'type':'function','function':{'name':'f','"
			 "description':'d','parameters':{'type':'object'},'"
			 "strict':true}}," F("g") "],'tool_choice':'auto'"),
		    NULL },
		{ ASK("'tools':[],'tool_choice':'auto','parallel_tool_calls':"
		      "false"),
		    HI_CHAT "}", NULL },
		{ ASK("'tools':[" TF "],'tool_choice':{'type':'function','name'"
		      ":'f'},'parallel_tool_calls':false"),
		    CHAT("'tools':[" F("f") "],'tool_choice':" F(
			"f") ",'parallel_tool_calls':false"),
		    NULL },
		{ ASK("'tools':[" TF "," TG
		      "],'tool_choice':{'type':'allowed_tools','mode':'"
		      "required','tools':[{'type':'function','name':'g'}]}"),
		    CHAT("'tools':[" F("g") "],'tool_choice':'required'"),
		    NULL },
		{ ASK("'tools':[{'type':'custom','name':'p','description':'d','"
		      "format':{'type':'grammar','syntax':'lark','definition':'"
		      "s: "
		      "\\'x\\''}}],'tool_choice':{'type':'custom','name':'p'}"),
		    CHAT("'tools':[{'type':'function','function':{'name':'p','"
			 "description':'d','parameters':{'type':'object','"
			 "properties':{'input':{'type':'string','description':'"
			 "In this grammar (lark):\\ns: "
			 "\\'x\\''}},'required':['input']}}}],'tool_choice':" F(
			     "p")),
		    NULL },
		{ ASK("'tools':[{'type':'namespace','name':'n','tools':[" TF
		      "]},{'type':'web_search'},{'type':'Odd, type'}]"),
		    CHAT("'tools':[" F("n__f") "]"), "web_search, tool" },
		{ ASK("'tools':[{'type':'web_search'}],'tool_choice':'auto'"),
		    HI_CHAT "}", "web_search" },
		{ INPUT("{'type':'additional_tools','tools':[" TF
			"]},{'role':'user','content':'hi'}"),
		    CHAT("'tools':[" F("f") "]"), NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
settings(void **state)
{
	static const struct row rows[] = {
		{ ASK("'max_output_tokens':7,'temperature':0.5,'top_p':1,'"
		      "stream':true,'store':true,'user':'u','metadata':{'a':'b'"
		      "},'include':[],'previous_response_id':null"),
		    CHAT("'max_tokens':7,'temperature':0.5,'top_p':1,'stream':"
			 "true"),
		    NULL },
		{ ASK("'stream':false,'reasoning':{'effort':'minimal'},'text':{"
		      "'verbosity':'low'}"),
		    CHAT("'reasoning_effort':'low'"), NULL },
		{ ASK("'reasoning':{'effort':'xhigh'}"),
		    CHAT("'reasoning_effort':'high'"), NULL },
		{ ASK("'reasoning':{'effort':'none'},'top_logprobs':2"),
		    HI_CHAT "}", "top_logprobs" },
		{ ASK("'text':{'format':{'type':'json_object'}}"),
		    CHAT("'response_format':{'type':'json_object'}"), NULL },
		{ ASK("'text':{'format':{'type':'json_schema','name':'n','"
		      "schema':{'type':'object'},'strict':true}}"),
		    CHAT("'response_format':{'type':'json_schema','json_schema'"
			 ":{'name':'n','schema':{'type':'object'},'strict':"
			 "true}}"),
		    NULL },
		{ ASK("'text':{'format':{'type':'text'}}"), HI_CHAT "}", NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
what_chat_cannot_say_is_named(void **state)
{
	static const struct {
		const char *request;
		enum err rc;
		const char *why; /* begins so */
	} rows[] = {
		{ ASK("'previous_response_id':'r'"), ERR_UNSUPPORTED,
		    "previous_response_id: " },
		{ ASK("'conversation':'c'"), ERR_UNSUPPORTED,
		    "conversation: " },
		{ ASK("'prompt':{'id':'p'}"), ERR_UNSUPPORTED, "prompt: " },
		{ "{}", ERR_INVALID, "input: it holds no message" },
		{ INPUT(""), ERR_INVALID, "input: it holds no message" },
		{ INPUT("{'role':'user','content':'a'},7"), ERR_INVALID,
		    "input[1]: it is not an object" },
		{ INPUT("{'id':'x'}"), ERR_UNSUPPORTED,
		    "input[0]: item_reference: nothing is stored" },
		{ INPUT("{'type':'compaction'}"), ERR_UNSUPPORTED,
		    "input[0]: compaction has no" },
		{ INPUT("{'type':'hologram'}"), ERR_UNSUPPORTED,
		    "input[0]: hologram has no" },
		{ INPUT("{'role':'tool','content':'a'}"), ERR_INVALID,
		    "input[0]: its role" },
		{ INPUT("{'role':'user'}"), ERR_INVALID,
		    "input[0]: it has no content" },
		{ INPUT("{'role':'user','content':[{'type':'input_text','text':"
			"'a'},{'type':'input_file','file_id':'f'}]}"),
		    ERR_UNSUPPORTED,
		    "input[0].content[1]: input_file has no counterpart in "
		    "chat: use a backend that speaks /v1/responses" },
		{ INPUT("{'role':'user','content':[{'type':'input_image','file_"
			"id':'f'}]}"),
		    ERR_UNSUPPORTED,
		    "input[0].content[0]: a picture by file_id has no" },
		{ INPUT("{'role':'system','content':[" IMAGE("u") "]}"),
		    ERR_UNSUPPORTED, "input[0].content[0]: what only a user" },
		{ INPUT("{'role':'user','content':[{'type':'input_image'}]}"),
		    ERR_INVALID, "input[0].content[0]: it has no image_url" },
		{ INPUT("{'role':'user','content':[{}]}"), ERR_INVALID,
		    "input[0].content[0]: it has no type" },
		{ INPUT(CALL("1", "f") "," OUTPUT(
		      "1", "[{'type':'input_image','file_id':'x'}]")),
		    ERR_UNSUPPORTED, "input[1].output[0]: a picture by file" },
		{ INPUT("{'type':'function_call','name':'f','arguments':''}"),
		    ERR_INVALID, "input[0]: it has no call_id" },
		{ INPUT("{'type':'function_call_output','call_id':'1'}"),
		    ERR_INVALID, "input[0]: it has no output" },
		{ ASK("'tools':[{'name':'f'}]"), ERR_INVALID,
		    "tools: one has no type" },
		{ ASK("'tools':[{'type':'function'}]"), ERR_INVALID,
		    "tools: one has no name" },
		{ ASK("'tools':[{'type':'web_search'}],'tool_choice':'"
		      "required'"),
		    ERR_UNSUPPORTED, "tool_choice: there is no tool" },
		{ ASK("'tools':[" TF
		      "],'tool_choice':{'type':'web_search_preview'}"),
		    ERR_UNSUPPORTED, "tool_choice: web_search_preview has no" },
		{ ASK("'text':{'format':{'type':'regex'}}"), ERR_INVALID,
		    "text.format: " },
	};
	char request[JSON_MAX];
	struct errmsg why;
	struct slice chat;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct translation *t = translation_of_responses();
		enum err rc = translation_request(
		    t, json_of(request, rows[i].request), &chat, &why);

		if (rc != rows[i].rc ||
		    !slice_starts(slice_of(why.text), slice_of(rows[i].why)))
			fail_msg("%s: %d %s", rows[i].request, rc, why.text);
		translation_free(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(pictures_and_sound),
		cmocka_unit_test(calls_and_what_came_of_them),
		cmocka_unit_test(tools),
		cmocka_unit_test(settings),
		cmocka_unit_test(what_chat_cannot_say_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
