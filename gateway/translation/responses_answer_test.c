/* gateway/translation/responses_answer_test.c */
#include "gateway/translation/responses_testing.h"

#include "gateway/lib/count.h"

#define MESSAGE(members, reason)                                               \
	"{'choices':[{'index':0,'message':{" members                           \
	"},'finish_reason':'" reason "'}]}"
#define SAID(status, text)                                                     \
	"{'id':'msg_ab1200','type':'message','status':'" status                \
	"','role':'assistant','content':[{'type':'output_text',"               \
	"'annotations':[],'logprobs':[],'text':'" text "'}]}"

static void
assert_answer(const char *request, const char *answer, const char *begins)
{
	const struct usage usage = { .known = false };
	char json[JSON_MAX], want[JSON_MAX];
	struct translation *t;
	struct buf out;
	struct slice start;

	(void)asked(&t, request);
	translation_free_request(t);
	buf_init(&out, JSON_MAX);
	translation_answer(t, json_of(json, answer), &usage, &out);
	assert_json(buf_slice(&out));
	start = json_of(want, begins);
	if (!slice_starts(buf_slice(&out), start))
		assert_is(buf_slice(&out), want);
	buf_fini(&out);
	translation_free(&t);
}

#define HEAD(status, details, output)                                          \
	"{'id':'resp_ab12','object':'response','created_at':1700000000,"       \
	"'status':'" status "','error':null,'incomplete_details':" details     \
	",'model':'gem\\'ma','output':[" output "],'usage':null,"

/* clang-format off */

static void
whole_answers(void **state)
{
	static const struct {
		const char *answer, *begins;
	} rows[] = {
		{ MESSAGE("'role':'assistant','content':'a\\n'", "stop"),
		    HEAD("completed", "null", SAID("completed", "a\\n")) },
		{ MESSAGE("'content':'a'", "length"),
		    HEAD("incomplete", "{'reason':'max_output_tokens'}",
			SAID("incomplete", "a")) },
		{ MESSAGE("'content':null", "content_filter"),
		    HEAD("incomplete", "{'reason':'content_filter'}", "") },
		{ MESSAGE("'content':null,'refusal':'no'", "stop"),
		    HEAD("completed", "null",
			"{'id':'msg_ab1200','type':'message','status':"
			"'completed','role':'assistant','content':[{'type':"
			"'refusal','refusal':'no'}]}") },
		{ MESSAGE("'reasoning':'h','content':'','tool_calls':["
			"{'id':'c','function':{'name':'f','arguments':'{}'}},"
			"{'id':'c','function':{'name':'p','arguments':"
			"'{\\'input\\':\\'x\\'}'}},"
			"{'id':'d','function':{'name':'g','arguments':''}},"
			"{'id':'e','function':{'arguments':'{}'}}]",
			"tool_calls"),
		    HEAD("completed", "null",
			"{'id':'rs_ab1200','type':'reasoning','status':"
			"'completed','summary':[],'content':[{'type':"
			"'reasoning_text','text':'h'}]},"
			"{'id':'fc_ab1201','type':'function_call','status':"
			"'completed','call_id':'c','name':'f','arguments':"
			"'{}'},"
			"{'id':'ctc_ab1202','type':'custom_tool_call','status'"
			":'completed','call_id':'call_ab1202','name':'p',"
			"'input':'x'},"
			"{'id':'fc_ab1203','type':'function_call','status':"
			"'completed','call_id':'d','name':'g','arguments':"
			"'{}'}") },
		/* as Mistral says it */
		{ MESSAGE("'content':[{'type':'thinking','thinking':"
			"[{'type':'text','text':'h'}]},"
			"{'type':'text','text':'a'}],'tool_calls':["
			"{'id':'c','function':{'name':'f','arguments':"
			"{'a':'\\n'}}}]",
			"stop"),
		    HEAD("completed", "null",
			"{'id':'rs_ab1200','type':'reasoning','status':"
			"'completed','summary':[],'content':[{'type':"
			"'reasoning_text','text':'h'}]},"
			"{'id':'msg_ab1201','type':'message','status':"
			"'completed','role':'assistant','content':[{'type':"
			"'output_text','annotations':[],'logprobs':[],"
			"'text':'a'}]},"
			"{'id':'fc_ab1202','type':'function_call','status':"
			"'completed','call_id':'c','name':'f','arguments':"
			"'{\\'a\\':\\'\\\\n\\'}'}") },
		{ "{}", HEAD("completed", "null", "") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_answer("{'input':'hi','tools':[{'type':'custom',"
			      "'name':'p'}]}",
		    rows[i].answer, rows[i].begins);
}

/* clang-format on */

static void
what_was_asked_for_is_repeated(void **state)
{
	(void)state;
	assert_answer("{'input':'hi','instructions':'i','metadata':{\n'a':\r"
		      "'b'},'store':true,'temperature':0.5,'tool_choice':"
		      "'none','user':'u'}",
	    MESSAGE("'content':'a'", "stop"),
	    HEAD("completed", "null",
		SAID("completed",
		    "a")) "'background':false,'previous_response_id':null,"
			  "'store':false,'instructions':'i',"
			  "'max_output_tokens':null,'max_tool_calls':null,"
			  "'metadata':{ 'a': 'b'},'parallel_tool_calls':true,"
			  "'prompt_cache_key':null,'reasoning':{'effort':null,"
			  "'summary':null},'safety_identifier':null,"
			  "'temperature':0.5,'text':{'format':{'type':'text'}}"
			  ",'tool_choice':'none','tools':[],'top_logprobs':0,"
			  "'top_p':null,'truncation':'disabled','user':'u'}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_answers),
		cmocka_unit_test(what_was_asked_for_is_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
