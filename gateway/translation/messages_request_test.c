/* gateway/translation/messages_request_test.c */
#include "gateway/translation/messages_test.h"

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

#define STRICT                                                                 \
	"{'type':'object','properties':{'a':{}},'required':['a'],"             \
	"'additionalProperties':false}"
#define LOOSE                                                                  \
	"{'type':'object','properties':{'a':{}},'additionalProperties':false}"
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
	becomes("{" HI ",'tools':[{'type':'custom','name':'g','strict':true,"
		"'input_schema':" STRICT "},{'name':'h','strict':true,"
		"'input_schema':" LOOSE "}]}",
	    "{" SAYS_HI ",'tools':[{'type':'function','function':{'name':'g',"
	    "'parameters':" STRICT ",'strict':true}},{'type':'function',"
	    "'function':{'name':'h','parameters':" LOOSE "}}]}",
	    "");
	becomes("{" HI ",'tools':[{'type':'\\u0022\\r\\n'}],'tool_choice':"
		"{'type':'auto'},'mcp_servers':[{'type':'url'}],"
		"'container':'c'}",
	    "{" SAYS_HI "}", "u0022rn, mcp_servers, container");
	refuses("{" HI ",'tools':{}}", ERR_INVALID, "tools: ");
	refuses("{" HI ",'tools':[7]}", ERR_INVALID, "tools.0: ");
	refuses("{" HI ",'tools':[" TOOL ",{'name':''}]}", ERR_INVALID,
	    "tools.1.name: ");
	refuses("{" HI ",'tools':[{'name':'f','description':7}]}", ERR_INVALID,
	    "tools.0.description: ");
	refuses("{" HI ",'tools':[{'name':'f','input_schema':7}]}", ERR_INVALID,
	    "tools.0.input_schema: ");
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
	    "'schema':" STRICT "}}}";

	(void)state;
	becomes("{" HI ",'output_format':{'type':'json_schema','schema':" STRICT
		"}}",
	    chat, "");
	becomes("{" HI ",'output_config':{'format':{'type':'json_schema',"
		"'schema':" STRICT "}}}",
	    chat, "");
	/* what is optional may stay out */
	becomes("{" HI ",'output_config':{'format':{'type':'json_schema',"
		"'schema':" LOOSE "}}}",
	    "{" SAYS_HI ",'response_format':{'type':'json_schema',"
	    "'json_schema':{'name':'answer','schema':" LOOSE "}}}",
	    "");
	refuses("{" HI ",'output_config':{'format':{'type':'x'}}}",
	    ERR_UNSUPPORTED, "output_config.format.type: ");
	knows_formats = false;
	refuses("{" HI ",'output_config':{'format':{'type':'json_schema',"
		"'schema':{'type':'object'}}}}",
	    ERR_UNSUPPORTED,
	    "output_config.format: the chat of this backend knows no schemas");
	knows_formats = true;
	refuses("{" HI ",'output_format':{'type':'json_schema'}}", ERR_INVALID,
	    "output_format.schema: ");
}

static void
what_is_stored_elsewhere_is_not_asked_for_in_chat(void **state)
{
	(void)state;
	becomes(
	    "{" HI ",'thread':null,'compaction':null}", "{" SAYS_HI "}", "");
	refuses("{" HI ",'thread':{'type':'create'}}", ERR_UNSUPPORTED,
	    "thread: nothing is stored for chat");
	refuses("{" HI ",'thread':{'type':'continue','previous_message_id':"
		"'msg_1'}}",
	    ERR_UNSUPPORTED, "thread: nothing is stored for chat");
	refuses("{" HI ",'compaction':{}}", ERR_UNSUPPORTED,
	    "compaction: it has no counterpart in chat");
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

/* As Claude Code 2.1 asks, shortened: its agents and skills are told by the
 * system after the user's question, and results come as they are ready. */
static void
what_claude_code_asks(void **state)
{
	(void)state;
	becomes("{'model':'claude-opus-4-8','messages':["
		"{'role':'user','content':[{'type':'text','text':"
		"'<system-reminder>\\nToday is Monday.\\n</system-reminder>'},"
		"{'type':'text','text':'Run it'}]},"
		"{'role':'system','content':'Agent types: claude'},"
		"{'role':'assistant','content':[{'type':'thinking','thinking':"
		"'hm','signature':''},{'type':'text','text':'I will.'},"
		"{'type':'tool_use','id':'call_1','name':'Bash','input':"
		"{'command':'echo a'}},{'type':'tool_use','id':'call_2',"
		"'name':'Bash','input':{'command':'false'}}]},"
		"{'role':'user','content':[{'tool_use_id':'call_2',"
		"'type':'tool_result','content':'Exit code 1',"
		"'is_error':true},{'tool_use_id':'call_1','type':"
		"'tool_result','content':'a','is_error':false,"
		"'cache_control':{'type':'ephemeral'}}]}],"
		"'system':[{'type':'text','text':"
		"'x-anthropic-billing-header: cc_version=2; cch=1;'},"
		"{'type':'text','text':'You are an agent.','cache_control':"
		"{'type':'ephemeral'}},{'type':'text','text':'\\nBe safe.'}],"
		"'tools':[{'name':'Bash','description':'Runs it.',"
		"'input_schema':{'type':'object'}},{'type':"
		"'web_search_20250305','name':'web_search','max_uses':8}],"
		"'metadata':{'user_id':'u'},'max_tokens':64000,"
		"'thinking':{'type':'adaptive'},'context_management':{'edits':"
		"[{'type':'clear_thinking_20251015','keep':'all'}]},"
		"'output_config':{'effort':'high'},'stream':true}",
	    "{'messages':[{'role':'system','content':'You are an agent."
	    "\\n\\nBe safe.\\nAgent types: claude'},"
	    "{'role':'user','content':'<system-reminder>\\nToday is Monday."
	    "\\n</system-reminder>\\nRun it'},"
	    "{'role':'assistant','content':'I will.','tool_calls':["
	    "{'id':'call_1','type':'function','function':{'name':'Bash',"
	    "'arguments':'{\\'command\\':\\'echo a\\'}'}},"
	    "{'id':'call_2','type':'function','function':{'name':'Bash',"
	    "'arguments':'{\\'command\\':\\'false\\'}'}}]},"
	    "{'role':'tool','content':'a','tool_call_id':'call_1'},"
	    "{'role':'tool','content':'Error: Exit code 1',"
	    "'tool_call_id':'call_2'}],"
	    "'tools':[{'type':'function','function':{'name':'Bash',"
	    "'description':'Runs it.','parameters':{'type':'object'}}}],"
	    "'max_tokens':64000,'stream':true}",
	    "web_search_20250305");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_means_the_same_is_copied),
		cmocka_unit_test(tools_are_functions),
		cmocka_unit_test(a_tool_may_be_chosen),
		cmocka_unit_test(a_format_of_output_is_a_format_of_response),
		cmocka_unit_test(
		    what_is_stored_elsewhere_is_not_asked_for_in_chat),
		cmocka_unit_test(effort_is_effort),
		cmocka_unit_test(what_claude_code_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
