/* gateway/translation/responses_request_test.c */
#include "gateway/translation/responses_testing.h"

#include "gateway/lib/count.h"

/* clang-format off */

static void
texts(void **state)
{
	static const struct row rows[] = {
		{ "{'input':'hi'}",
		    "{'messages':[{'role':'user','content':'hi'}]}",
		    NULL },
		{ "{'instructions':'be \\'brief\\'','input':'\\u00e9'}",
		    "{'messages':[{'role':'system','content':"
		    "'be \\'brief\\''},{'role':'user','content':'\\u00e9'}]}",
		    NULL },
		/* all that comes first is the system's, what comes later
		 * the user's; what one says in a row is one message */
		{ "{'instructions':'a','input':[{'role':'developer',"
		  "'content':'b'},{'type':'message','role':'system',"
		  "'content':[{'type':'input_text','text':'c'},"
		  "{'type':'input_text','text':'d'}]},"
		  "{'role':'user','content':'e'},{'role':'user',"
		  "'content':'f'},{'role':'assistant',"
		  "'content':[{'type':'output_text','text':'g',"
		  "'annotations':[]},{'type':'refusal','refusal':'no'}]},"
		  "{'role':'developer','content':'h'}]}",
		    "{'messages':[{'role':'system','content':"
		    "'a\\n\\nb\\n\\nc\\nd'},{'role':'user',"
		    "'content':'e\\n\\nf'},{'role':'assistant',"
		    "'content':'g\\nno'},{'role':'user','content':'h'}]}",
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
pictures_and_sound(void **state)
{
	static const struct row rows[] = {
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_image','image_url':'data:,x'}]}]}",
		    "{'messages':[{'role':'user','content':["
		    "{'type':'image_url','image_url':{'url':'data:,x'}}]}]}",
		    NULL },
		{ "{'input':[{'role':'user','content':'a'},"
		  "{'role':'user','content':[{'type':'input_text',"
		  "'text':'b'},{'type':'input_image','image_url':'u'},"
		  "{'type':'input_image','image_url':'v'},"
		  "{'type':'input_text','text':'c'},"
		  "{'type':'input_text','text':'d'},"
		  "{'type':'input_image','image_url':'w','detail':'low'}]},"
		  "{'role':'user','content':'e'}]}",
		    "{'messages':[{'role':'user','content':[{'type':'text',"
		    "'text':'a\\n\\nb'},{'type':'image_url',"
		    "'image_url':{'url':'u'}},{'type':'image_url',"
		    "'image_url':{'url':'v'}},{'type':'text',"
		    "'text':'c\\nd'},{'type':'image_url',"
		    "'image_url':{'url':'w','detail':'low'}},"
		    "{'type':'text','text':'e'}]}]}",
		    NULL },
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_audio','input_audio':{'data':'x',"
		  "'format':'wav'}}]}]}",
		    "{'messages':[{'role':'user','content':["
		    "{'type':'input_audio','input_audio':{'data':'x',"
		    "'format':'wav'}}]}]}",
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
calls_and_what_came_of_them(void **state)
{
	static const struct row rows[] = {
		{ "{'input':[{'role':'user','content':'q'},"
		  "{'type':'reasoning','summary':[],'id':'r'},"
		  "{'role':'assistant','content':'so'},"
		  "{'type':'function_call','call_id':'1','name':'f',"
		  "'arguments':'{\\'a\\':1}'},{'type':'reasoning',"
		  "'summary':[]},{'type':'function_call','call_id':'2',"
		  "'name':'g','arguments':'{\\'a\\':1}'},"
		  "{'type':'function_call_output','call_id':'1',"
		  "'output':'x\\n'},{'type':'function_call_output',"
		  "'call_id':'2','output':[{'type':'input_text',"
		  "'text':'y'}]},{'type':'function_call','call_id':'3',"
		  "'name':'f','arguments':'{\\'a\\':1}'},"
		  "{'type':'function_call_output','call_id':'3',"
		  "'output':'z'}]}",
		    "{'messages':[{'role':'user','content':'q'},"
		    "{'role':'assistant','content':'so',"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'f','arguments':'{\\'a\\':1}'}},"
		    "{'id':'2','type':'function','function':{'name':'g',"
		    "'arguments':'{\\'a\\':1}'}}]},{'role':'tool',"
		    "'tool_call_id':'1','content':'x\\n'},"
		    "{'role':'tool','tool_call_id':'2','content':'y'},"
		    "{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'3','type':'function',"
		    "'function':{'name':'f','arguments':'{\\'a\\':1}'}}]},"
		    "{'role':'tool','tool_call_id':'3','content':'z'}]}",
		    NULL },
		/* what it said behind its call */
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'name':'f','arguments':'{\\'a\\':1}'},"
		  "{'role':'assistant','content':'a'},"
		  "{'type':'function_call','call_id':'2','name':'f',"
		  "'arguments':'{\\'a\\':1}'},{'role':'assistant',"
		  "'content':'b'},{'type':'function_call_output',"
		  "'call_id':'1','output':'x'}]}",
		    "{'messages':[{'role':'assistant','content':'a\\n\\nb'  ,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'f','arguments':'{\\'a\\':1}'}},"
		    "{'id':'2','type':'function','function':{'name':'f',"
		    "'arguments':'{\\'a\\':1}'}}]},{'role':'tool',"
		    "'tool_call_id':'1','content':'x'}]}",
		    NULL },
		/* the user shows what a tool cannot */
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'name':'f','arguments':'{\\'a\\':1}'},"
		  "{'type':'function_call','call_id':'2','name':'f',"
		  "'arguments':'{\\'a\\':1}'},{'type':"
		  "'function_call_output','call_id':'1',"
		  "'output':[{'type':'input_image','image_url':'u'}]},"
		  "{'type':'function_call_output','call_id':'2',"
		  "'output':[{'type':'input_text','text':'y'},"
		  "{'type':'input_image','image_url':'v'}]},"
		  "{'role':'user','content':'and?'}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'f','arguments':'{\\'a\\':1}'}},"
		    "{'id':'2','type':'function','function':{'name':'f',"
		    "'arguments':'{\\'a\\':1}'}}]},{'role':'tool',"
		    "'tool_call_id':'1','content':''},"
		    "{'role':'tool','tool_call_id':'2','content':'y'},"
		    "{'role':'user','content':[{'type':'image_url',"
		    "'image_url':{'url':'u'}},{'type':'image_url',"
		    "'image_url':{'url':'v'}},{'type':'text',"
		    "'text':'and?'}]}]}",
		    NULL },
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'name':'f','arguments':'{\\'a\\':1}'},"
		  "{'type':'function_call_output','call_id':'1',"
		  "'output':[{'type':'input_image','image_url':'u'}]}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'f','arguments':'{\\'a\\':1}'}}]},"
		    "{'role':'tool','tool_call_id':'1','content':''},"
		    "{'role':'user','content':[{'type':'image_url',"
		    "'image_url':{'url':'u'}}]}]}",
		    NULL },
		/* an output in pieces */
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'name':'f','arguments':'{\\'a\\':1}'},"
		  "{'type':'function_call_output','call_id':'1',"
		  "'output':'x'},{'type':'function_call_output',"
		  "'call_id':'1','output':'y'}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'f','arguments':'{\\'a\\':1}'}}]},"
		    "{'role':'tool','tool_call_id':'1',"
		    "'content':'x\\n\\ny'}]}",
		    NULL },
		/* free text */
		{ "{'input':[{'type':'custom_tool_call','call_id':'1',"
		  "'name':'p','input':'a\\n\\'b\\''},"
		  "{'type':'custom_tool_call_output','call_id':'1',"
		  "'output':'ok'}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'p','arguments':'{\\'input\\':"
		    "\\'a\\\\n\\\\\\'b\\\\\\'\\'}'}}]},"
		    "{'role':'tool','tool_call_id':'1','content':'ok'}]}",
		    NULL },
		/* arguments that are no object, which servers cannot read */
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'name':'f','arguments':'{\\'a\\':\\'b'},"
		  "{'type':'function_call','call_id':'2','name':'f',"
		  "'arguments':'null'},{'type':'function_call','call_id':'3',"
		  "'name':'f','arguments':' {\\'a\\':\\n\\'\\\\n\\'}'}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function','function':{"
		    "'name':'f','arguments':'{}'}},{'id':'2','type':"
		    "'function','function':{'name':'f','arguments':'{}'}},"
		    "{'id':'3','type':'function','function':{'name':'f',"
		    "'arguments':' {\\'a\\':\\n\\'\\\\n\\'}'}}]}]}",
		    NULL },
		/* a namespace, and no arguments */
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'namespace':'n','name':'f','arguments':''}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'n__f','arguments':'{}'}}]}]}",
		    NULL },
		{ "{'input':[{'type':'local_shell_call','call_id':'1',"
		  "'action':{ 'command':\n['ls']}},{'type':"
		  "'local_shell_call_output','id':'1','output':'a'},"
		  "{'type':'shell_call_output','call_id':'2',"
		  "'output':[{'stdout':'b'}]},{'type':"
		  "'apply_patch_call_output','call_id':'3',"
		  "'status':'completed'}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function',"
		    "'function':{'name':'local_shell',"
		    "'arguments':'{ \\'command\\': [\\'ls\\']}'}}]},"
		    "{'role':'tool','tool_call_id':'1','content':'a'},"
		    "{'role':'tool','tool_call_id':'2',"
		    "'content':'[{\\'stdout\\':\\'b\\'}]'},"
		    "{'role':'tool','tool_call_id':'3','content':''}]}",
		    NULL },
		{ "{'input':[{'role':'user','content':'q'},"
		  "{'type':'web_search_call','id':'w'},"
		  "{'type':'mcp_call'},{'type':'mcp_list_tools'}]}",
		    "{'messages':[{'role':'user','content':'q'}]}",
		    "web_search_call, mcp_call" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
tools(void **state)
{
	static const struct row rows[] = {
		{ "{'input':'hi','tools':[{'type':'function','name':'f',"
		  "'description':'d','strict':true,'parameters':{"
		  "'type':'object'}},{'type':'function','name':'g',"
		  "'description':null,'strict':false,'parameters':null}],"
		  "'tool_choice':'auto','parallel_tool_calls':true}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'tools':[{'type':'function','function':{'name':'f',"
		    "'description':'d','parameters':{'type':'object'},"
		    "'strict':true}},{'type':'function',"
		    "'function':{'name':'g'}}],'tool_choice':'auto'}",
		    NULL },
		{ "{'input':'hi','tools':[],'tool_choice':'auto',"
		  "'parallel_tool_calls':false}",
		    "{'messages':[{'role':'user','content':'hi'}]}",
		    NULL },
		{ "{'input':'hi','tools':[{'type':'function','name':'f'}],"
		  "'tool_choice':{'type':'function','name':'f'},"
		  "'parallel_tool_calls':false}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'tools':[{'type':'function','function':{'name':'f'}}],"
		    "'tool_choice':{'type':'function',"
		    "'function':{'name':'f'}},'parallel_tool_calls':false}",
		    NULL },
		{ "{'input':'hi','tools':[{'type':'function','name':'f'},"
		  "{'type':'function','name':'g'}],'tool_choice':{"
		  "'type':'allowed_tools','mode':'required',"
		  "'tools':[{'type':'function','name':'g'}]}}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'tools':[{'type':'function','function':{'name':'g'}}],"
		    "'tool_choice':'required'}",
		    NULL },
		{ "{'input':'hi','tools':[{'type':'custom','name':'p',"
		  "'description':'d','format':{'type':'grammar',"
		  "'syntax':'lark','definition':'s: \\'x\\''}}],"
		  "'tool_choice':{'type':'custom','name':'p'}}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'tools':[{'type':'function','function':{'name':'p',"
		    "'description':'d','parameters':{'type':'object',"
		    "'properties':{'input':{'type':'string',"
		    "'description':'In this grammar (lark):\\ns:"
		    " \\'x\\''}},'required':['input']}}}],"
		    "'tool_choice':{'type':'function',"
		    "'function':{'name':'p'}}}",
		    NULL },
		{ "{'input':'hi','tools':[{'type':'namespace','name':'n',"
		  "'tools':[{'type':'function','name':'f'}]},"
		  "{'type':'web_search'},{'type':'Odd, type'}]}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'tools':[{'type':'function','function':{"
		    "'name':'n__f'}}]}",
		    "web_search, tool" },
		{ "{'input':'hi','tools':[{'type':'web_search'}],"
		  "'tool_choice':'auto'}",
		    "{'messages':[{'role':'user','content':'hi'}]}",
		    "web_search" },
		{ "{'input':[{'type':'additional_tools',"
		  "'tools':[{'type':'function','name':'f'}]},"
		  "{'role':'user','content':'hi'}]}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'tools':[{'type':'function','function':{'name':'f'}}]}",
		    NULL },
		/* what a client has searched for, and may have found before */
		{ "{'input':[{'type':'tool_search_call','call_id':'1',"
		  "'execution':'client','arguments':{'query':'x'}},"
		  "{'type':'tool_search_output','call_id':'1','tools':["
		  "{'type':'namespace','name':'n','tools':[{'type':"
		  "'function','name':'f'}]},{'type':'function','name':'g'}]},"
		  "{'type':'tool_search_output','call_id':'2','tools':["
		  "{'type':'namespace','name':'n','tools':[{'type':"
		  "'function','name':'f'}]},{'type':'function','name':'g'},"
		  "{'type':'function','name':'h'}]},"
		  "{'type':'tool_search_call','call_id':null,'arguments':{}}],"
		  "'tools':[{'type':'tool_search','execution':'client',"
		  "'description':'d','parameters':{}},"
		  "{'type':'tool_search'}]}",
		    "{'messages':[{'role':'assistant','content':null,"
		    "'tool_calls':[{'id':'1','type':'function','function':{"
		    "'name':'tool_search','arguments':"
		    "'{\\'query\\':\\'x\\'}'}}]},{'role':'tool',"
		    "'tool_call_id':'1','content':'[{\\'type\\':"
		    "\\'namespace\\',\\'name\\':\\'n\\',\\'tools\\':["
		    "{\\'type\\':\\'function\\',\\'name\\':\\'f\\'}]},"
		    "{\\'type\\':\\'function\\',\\'name\\':\\'g\\'}]'},"
		    "{'role':'tool','tool_call_id':'2','content':"
		    "'[{\\'type\\':\\'namespace\\',\\'name\\':\\'n\\',"
		    "\\'tools\\':[{\\'type\\':\\'function\\',"
		    "\\'name\\':\\'f\\'}]},{\\'type\\':\\'function\\',"
		    "\\'name\\':\\'g\\'},{\\'type\\':\\'function\\',"
		    "\\'name\\':\\'h\\'}]'}],"
		    "'tools':[{'type':'function','function':{'name':"
		    "'tool_search','description':'d','parameters':{}}},"
		    "{'type':'function','function':{'name':'n__f'}},"
		    "{'type':'function','function':{'name':'g'}},"
		    "{'type':'function','function':{'name':'h'}}]}",
		    "tool_search" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
settings(void **state)
{
	static const struct row rows[] = {
		{ "{'input':'hi','max_output_tokens':7,'temperature':"
		  "0.5,'top_p':1,'stream':true,'store':true,'user':'u',"
		  "'metadata':{'a':'b'},'include':[],"
		  "'previous_response_id':null}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'max_tokens':7,'temperature':0.5,'top_p':1,'stream':"
		    "true}",
		    NULL },
		{ "{'input':'hi','stream':false,'reasoning':{"
		  "'effort':'minimal'},'text':{'verbosity':'low'}}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'reasoning_effort':'low'}",
		    NULL },
		{ "{'input':'hi','reasoning':{'effort':'xhigh'}}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'reasoning_effort':'high'}",
		    NULL },
		{ "{'input':'hi','reasoning':{'effort':'none'},"
		  "'top_logprobs':2}",
		    "{'messages':[{'role':'user','content':'hi'}]}",
		    "top_logprobs" },
		{ "{'input':'hi','include':['reasoning.encrypted_content',"
		  "'message.output_text.logprobs'],'moderation':{"
		  "'model':'m'}}",
		    "{'messages':[{'role':'user','content':'hi'}]}",
		    "logprobs, moderation" },
		{ "{'input':'hi','text':{'format':{'type':'json_object'}}}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'response_format':{'type':'json_object'}}",
		    NULL },
		{ "{'input':'hi','text':{'format':{'type':'json_schema',"
		  "'name':'n','schema':{'type':'object'},'strict':true}}}",
		    "{'messages':[{'role':'user','content':'hi'}],"
		    "'response_format':{'type':'json_schema',"
		    "'json_schema':{'name':'n','schema':{'type':'object'},"
		    "'strict':true}}}",
		    NULL },
		{ "{'input':'hi','text':{'format':{'type':'text'}}}",
		    "{'messages':[{'role':'user','content':'hi'}]}",
		    NULL },
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
		{ "{'input':'hi','previous_response_id':'r'}",
		    ERR_UNSUPPORTED, "previous_response_id: " },
		{ "{'input':'hi','conversation':'c'}",
		    ERR_UNSUPPORTED, "conversation: " },
		{ "{'input':'hi','prompt':{'id':'p'}}",
		    ERR_UNSUPPORTED, "prompt: " },
		{ "{}",
		    ERR_INVALID, "input: it holds no message" },
		{ "{'input':[]}",
		    ERR_INVALID, "input: it holds no message" },
		{ "{'input':[{'role':'user','content':'a'},7]}",
		    ERR_INVALID, "input[1]: it is not an object" },
		{ "{'input':[{'id':'x'}]}",
		    ERR_UNSUPPORTED,
		    "input[0]: item_reference: nothing is stored" },
		{ "{'input':[{'type':'compaction'}]}",
		    ERR_UNSUPPORTED, "input[0]: compaction has no" },
		{ "{'input':[{'type':'hologram'}]}",
		    ERR_UNSUPPORTED, "input[0]: hologram has no" },
		{ "{'input':[{'role':'tool','content':'a'}]}",
		    ERR_INVALID, "input[0]: its role" },
		{ "{'input':[{'role':'user'}]}",
		    ERR_INVALID, "input[0]: it has no content" },
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_text','text':'a'},"
		  "{'type':'input_file','file_id':'f'}]}]}",
		    ERR_UNSUPPORTED,
		    "input[0].content[1]: a file by file_id has no "
		    "counterpart in chat: use a backend that speaks "
		    "/v1/responses" },
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_file','file_url':'u'}]}]}",
		    ERR_UNSUPPORTED,
		    "input[0].content[0]: a file by file_url has no" },
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_file'}]}]}",
		    ERR_INVALID,
		    "input[0].content[0]: it has no file_data" },
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_image','file_id':'f'}]}]}",
		    ERR_UNSUPPORTED,
		    "input[0].content[0]: a picture by file_id has no" },
		{ "{'input':[{'role':'system','content':["
		  "{'type':'input_image','image_url':'u'}]}]}",
		    ERR_UNSUPPORTED,
		    "input[0].content[0]: what only a user" },
		{ "{'input':[{'role':'user','content':["
		  "{'type':'input_image'}]}]}",
		    ERR_INVALID,
		    "input[0].content[0]: it has no image_url" },
		{ "{'input':[{'role':'user','content':[{}]}]}",
		    ERR_INVALID, "input[0].content[0]: it has no type" },
		{ "{'input':[{'type':'function_call','call_id':'1',"
		  "'name':'f','arguments':'{\\'a\\':1}'},"
		  "{'type':'function_call_output','call_id':'1',"
		  "'output':[{'type':'input_image','file_id':'x'}]}]}",
		    ERR_UNSUPPORTED,
		    "input[1].output[0]: a picture by file" },
		{ "{'input':[{'type':'function_call','name':'f',"
		  "'arguments':''}]}",
		    ERR_INVALID, "input[0]: it has no call_id" },
		{ "{'input':[{'type':'function_call_output','call_id':'1'}]}",
		    ERR_INVALID, "input[0]: it has no output" },
		{ "{'input':'hi','tools':[{'name':'f'}]}",
		    ERR_INVALID, "tools: one has no type" },
		{ "{'input':'hi','tools':[{'type':'function'}]}",
		    ERR_INVALID, "tools: one has no name" },
		{ "{'input':'hi','tools':[{'type':'web_search'}],"
		  "'tool_choice':'required'}",
		    ERR_UNSUPPORTED, "tool_choice: there is no tool" },
		{ "{'input':'hi','tools':[{'type':'function','name':'f'}],"
		  "'tool_choice':{'type':'web_search_preview'}}",
		    ERR_UNSUPPORTED,
		    "tool_choice: web_search_preview has no" },
		{ "{'input':'hi','text':{'format':{'type':'regex'}}}",
		    ERR_INVALID, "text.format: " },
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

/* clang-format on */

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
