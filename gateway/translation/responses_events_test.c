/* gateway/translation/responses_events_test.c */
#include "gateway/translation/responses_testing.h"

#include "gateway/lib/count.h"
#include "gateway/translation/responses_check.h"

#define HI "{'input':'hi','stream':true}"
#define DELTA(delta) "{'choices':[{'index':0,'delta':{" delta "}}]}"
#define TEXT(text) DELTA("'content':'" text "'")
#define REASONING(text) DELTA("'reasoning_content':'" text "'")
#define FINISH(reason)                                                         \
	"{'choices':[{'index':0,'delta':{},'finish_reason':'" reason "'}]}"
#define CALLS(calls) DELTA("'tool_calls':[" calls "]")
#define PART(index, id, name, arguments)                                       \
	"{'index':" index ",'id':'" id "','function':{'name':'" name           \
	"','arguments':'" arguments "'}}"
#define MORE(index, arguments)                                                 \
	"{'index':" index ",'function':{'arguments':'" arguments "'}}"
#define BEGIN "created in_progress "

static const struct usage used = {
	.known = true, .input = 9, .output = 5, .cached = 4, .reasoning = 2
};

/* The stream that becomes of these pieces; the caller frees both. */
static struct translation *
stream(const char *request, const char *const *chunks, struct buf *out)
{
	struct translation *t;
	char json[JSON_MAX];

	(void)asked(&t, request);
	translation_free_request(t);
	buf_init(out, SSE_EVENT_MAX);
	for (; *chunks != NULL; chunks++)
		translation_event(t, json_of(json, *chunks), out);
	translation_end(t, &used, out);
	return t;
}

static void
assert_digest(const char *request, const char *const *chunks, const char *want)
{
	struct buf out, digest;
	struct translation *t = stream(request, chunks, &out);
	const char *wrong;

	buf_init(&digest, SSE_EVENT_MAX);
	wrong = check_stream(buf_slice(&out), &digest);
	if (wrong != NULL)
		fail_msg("%s: %.*s", wrong, SLICE_ARG(buf_slice(&out)));
	assert_is(buf_slice(&digest), want);
	buf_fini(&digest);
	buf_fini(&out);
	translation_free(&t);
}

#define DIGEST(request, want, ...)                                             \
	assert_digest(request, (const char *const[]){ __VA_ARGS__, NULL }, want)

/* clang-format off */

static void
a_text_to_the_letter(void **state)
{
	static const char echo[] =
	    "'background':false,'previous_response_id':null,'store':false,"
	    "'instructions':null,'max_output_tokens':null,"
	    "'max_tool_calls':null,'metadata':{},'parallel_tool_calls':true,"
	    "'prompt_cache_key':null,"
	    "'reasoning':{'effort':null,'summary':null},"
	    "'safety_identifier':null,'temperature':null,"
	    "'text':{'format':{'type':'text'}},'tool_choice':'auto',"
	    "'tools':[],'top_logprobs':0,'top_p':null,"
	    "'truncation':'disabled','user':null";
	static const char head[] =
	    "{'id':'resp_ab12','object':'response','created_at':1700000000";
	static const char *const chunks[] = {
		DELTA("'role':'assistant','content':''"), TEXT("a\\n"),
		TEXT("b"), FINISH("stop"),
		"{'choices':[],'usage':{'prompt_tokens':9}}", NULL
	};
#define EVENT(type, n) \
	"event: response." type "\ndata: {'type':'response." type \
	"','sequence_number':" n
#define MESSAGE(status, content) \
	"{'id':'msg_ab1200','type':'message','status':'" status \
	"','role':'assistant','content':[" content "]}"
#define SAID "{'type':'output_text','annotations':[],'logprobs':[],'text':'"
#define OF ",'item_id':'msg_ab1200','output_index':0,'content_index':0"
	static const char form[] =
	    EVENT("created", "0") ",'response':%s,'status':'in_progress',"
	    "'error':null,'incomplete_details':null,'model':'gem\\'ma',"
	    "'output':[],'usage':null,%s}}\n\n"
	    EVENT("in_progress", "1") ",'response':%s,'status':'in_progress',"
	    "'error':null,'incomplete_details':null,'model':'gem\\'ma',"
	    "'output':[],'usage':null,%s}}\n\n"
	    EVENT("output_item.added", "2") ",'output_index':0,'item':"
	    MESSAGE("in_progress", "") "}\n\n"
	    EVENT("content_part.added", "3") OF ",'part':" SAID "'}}\n\n"
	    EVENT("output_text.delta", "4") OF ",'logprobs':[],'delta':'a\\n'"
	    "}\n\n"
	    EVENT("output_text.delta", "5") OF ",'logprobs':[],'delta':'b'"
	    "}\n\n"
	    EVENT("output_text.done", "6") OF ",'logprobs':[],'text':'a\\nb'"
	    "}\n\n"
	    EVENT("content_part.done", "7") OF ",'part':" SAID "a\\nb'}}\n\n"
	    EVENT("output_item.done", "8") ",'output_index':0,'item':"
	    MESSAGE("completed", SAID "a\\nb'}") "}\n\n"
	    EVENT("completed", "9") ",'response':%s,'status':'completed',"
	    "'error':null,'incomplete_details':null,'model':'gem\\'ma',"
	    "'output':[" MESSAGE("completed", SAID "a\\nb'}") "],"
	    "'usage':{'input_tokens':9,'input_tokens_details':{"
	    "'cached_tokens':4,'cache_write_tokens':0},'output_tokens':5,"
	    "'output_tokens_details':{'reasoning_tokens':2},"
	    "'total_tokens':14},%s}}\n\n";
	char text[JSON_MAX * 2], want[JSON_MAX * 2];
	struct buf out;
	struct translation *t = stream(HI, chunks, &out);

	(void)state;
	snprintf(text, sizeof(text), form, head, echo, head, echo, head, echo);
	for (size_t i = 0; i < sizeof(text); i++)
		want[i] = text[i] == '\'' ? '"' : text[i];
	assert_is(buf_slice(&out), want);
	buf_fini(&out);
	translation_free(&t);
}

static void
what_a_model_says_is_one_item_of_each_kind(void **state)
{
#define SAY(n) \
	"output_item.added:" n " content_part.added:" n " "
#define SAID_SO(n) \
	" output_text.done:" n " content_part.done:" n " output_item.done:" n
	(void)state;
	DIGEST(HI, BEGIN
	    SAY("0") "reasoning_text.delta:0(h) reasoning_text.delta:0(m) "
	    "reasoning_text.done:0 content_part.done:0 output_item.done:0 "
	    SAY("1") "output_text.delta:1(a)" SAID_SO("1") " completed",
	    REASONING("h"), REASONING("m"), TEXT("a"), FINISH("stop"));
	/* as Mistral says it */
	DIGEST(HI, BEGIN
	    SAY("0") "reasoning_text.delta:0(h) "
	    "reasoning_text.done:0 content_part.done:0 output_item.done:0 "
	    SAY("1") "output_text.delta:1(a)" SAID_SO("1") " completed",
	    DELTA("'content':[{'type':'thinking','thinking':[{'type':'text',"
		  "'text':'h'}]},{'type':'text','text':'a'}]"),
	    FINISH("stop"));
	/* for who asks for a summary */
	DIGEST("{'input':'hi','reasoning':{'summary':'auto'}}", BEGIN
	    "output_item.added:0 reasoning_summary_part.added:0 "
	    "reasoning_summary_text.delta:0(h) reasoning_summary_text.done:0 "
	    "reasoning_summary_part.done:0 output_item.done:0 "
	    SAY("1") "output_text.delta:1(a)" SAID_SO("1") " completed",
	    REASONING("h"), TEXT("a"), FINISH("stop"));
	DIGEST(HI, BEGIN
	    SAY("0") "refusal.delta:0(no) refusal.done:0 content_part.done:0 "
	    "output_item.done:0 completed",
	    DELTA("'refusal':'no'"), FINISH("stop"));
	DIGEST(HI, BEGIN
	    SAY("0") "output_text.delta:0(a)" SAID_SO("0") " incomplete",
	    TEXT("a"), FINISH("length"));
	/* nothing, or nothing more */
	DIGEST(HI, BEGIN "completed", DELTA(""), FINISH("stop"));
	DIGEST(HI, BEGIN "incomplete", FINISH("content_filter"));
	DIGEST(HI, BEGIN
	    SAY("0") "output_text.delta:0(a)" SAID_SO("0") " completed",
	    TEXT("a"), FINISH("stop"), TEXT("b"), FINISH("length"), "{}");
}

static void
calls(void **state)
{
#define CALL_DONE(n) "function_call_arguments.done:" n " output_item.done:" n
	(void)state;
	DIGEST(HI, BEGIN
	    SAY("0") "output_text.delta:0(so)" SAID_SO("0")
	    " output_item.added:1 function_call_arguments.delta:1({) "
	    "function_call_arguments.delta:1(}) " CALL_DONE("1") " completed",
	    TEXT("so"), CALLS(PART("0", "c", "f", "")),
	    CALLS(MORE("0", "{")), CALLS(MORE("0", "}")),
	    FINISH("tool_calls"));
	/* in turns, the second with its name late */
	DIGEST(HI, BEGIN
	    "output_item.added:0 function_call_arguments.delta:0(1) "
	    "function_call_arguments.delta:0(2) output_item.added:1 "
	    "function_call_arguments.delta:1(xy) "
	    "function_call_arguments.delta:0(3) "
	    CALL_DONE("0") " " CALL_DONE("1") " completed",
	    CALLS(PART("0", "c", "f", "1")), CALLS(MORE("1", "x")),
	    CALLS(MORE("0", "2") "," PART("1", "d", "g", "y")),
	    CALLS(MORE("0", "3")), FINISH("stop"));
	/* all with one index, or none */
	DIGEST(HI, BEGIN
	    "output_item.added:0 function_call_arguments.delta:0(1) "
	    "output_item.added:1 function_call_arguments.delta:1(2) "
	    CALL_DONE("0") " " CALL_DONE("1") " completed",
	    CALLS(PART("0", "c", "f", "1")), CALLS(PART("0", "d", "f", "2")),
	    FINISH("tool_calls"));
	DIGEST(HI, BEGIN
	    "output_item.added:0 function_call_arguments.delta:0(1) "
	    "output_item.added:1 function_call_arguments.delta:1(2) "
	    CALL_DONE("0") " " CALL_DONE("1") " completed",
	    CALLS("{'function':{'name':'f','arguments':'1'}},"
		  "{'function':{'name':'f','arguments':'2'}}"),
	    FINISH("tool_calls"));
	/* another id with each part */
	DIGEST(HI, BEGIN
	    "output_item.added:0 function_call_arguments.delta:0(1) "
	    "function_call_arguments.delta:0(2) "
	    CALL_DONE("0") " completed",
	    CALLS(PART("0", "c", "f", "1")),
	    CALLS("{'index':0,'id':'d','function':{'arguments':'2'}}"),
	    FINISH("tool_calls"));
	/* as an object */
	DIGEST(HI, BEGIN
	    "output_item.added:0 function_call_arguments.delta:0({\\\"a\\\":1}) "
	    CALL_DONE("0") " completed",
	    CALLS("{'function':{'name':'f','arguments':{'a':1}}}"),
	    FINISH("tool_calls"));
	/* no arguments are some; no name is no call */
	DIGEST(HI, BEGIN
	    "output_item.added:0 function_call_arguments.delta:0({}) "
	    CALL_DONE("0") " completed",
	    CALLS(PART("0", "c", "f", "")), CALLS(MORE("7", "x") ",3"),
	    FINISH("tool_calls"));
}

static void
tools_that_chat_calls_otherwise(void **state)
{
	static const char request[] =
	    "{'input':'hi','tools':[{'type':'custom','name':'p'},"
	    "{'type':'namespace','name':'n','tools':["
	    "{'type':'function','name':'f'}]},"
	    "{'type':'tool_search','execution':'client'}]}";
	static const char *const chunks[] = {
		CALLS(PART("0", "c", "p", "{\\'input\\': \\'a\\\\nb\\'}")),
		CALLS(PART("1", "c", "n__f", "1")),
		CALLS(PART("2", "", "p", "?")),
		CALLS(PART("3", "d", "tool_search", "{\\'query\\':\\n1}")),
		CALLS(PART("4", "e", "tool_search", "[")),
		FINISH("tool_calls"), NULL
	};
	static const char *const items[] = {
		"{'id':'ctc_ab1200','type':'custom_tool_call','status':"
		"'completed','call_id':'c','name':'p','input':'a\\nb'}",
		"{'id':'fc_ab1201','type':'function_call','status':'completed'"
		",'call_id':'call_ab1201','name':'f','namespace':'n',"
		"'arguments':'1'}",
		"{'id':'ctc_ab1202','type':'custom_tool_call','status':"
		"'completed','call_id':'call_ab1202','name':'p','input':'?'}",
		"{'id':'tsc_ab1203','type':'tool_search_call','status':"
		"'completed','call_id':'d','execution':'client','arguments':"
		"{'query': 1}}",
		"{'id':'tsc_ab1204','type':'tool_search_call','status':"
		"'completed','call_id':'e','execution':'client','arguments':"
		"{}}",
	};
	struct buf out;
	struct translation *t = stream(request, chunks, &out);
	char want[JSON_MAX], all[JSON_MAX];

	(void)state;
	assert_digest(request, chunks, BEGIN
	    "output_item.added:0 output_item.added:1 "
	    "function_call_arguments.delta:1(1) output_item.added:2 "
	    "output_item.added:3 output_item.added:4 "
	    "custom_tool_call_input.delta:0(a\\nb) "
	    "custom_tool_call_input.done:0 output_item.done:0 "
	    CALL_DONE("1") " custom_tool_call_input.delta:2(?) "
	    "custom_tool_call_input.done:2 output_item.done:2 "
	    "output_item.done:3 output_item.done:4 completed");
	snprintf(all, sizeof(all), "[%s,%s,%s,%s,%s]", items[0], items[1],
	    items[2], items[3], items[4]);
	json_of(want, all);
	buf_add_char(&out, '\0');
	assert_non_null(strstr(out.p, want));
	buf_fini(&out);
	translation_free(&t);
}

static void
a_name_too_long_for_chat_comes_back_whole(void **state)
{
#define LONG "a123456789b123456789c123456789"
#define SHORT LONG "__" LONG "c123456789"
	static const char request[] =
	    "{'input':[{'type':'function_call','call_id':'1','namespace':'"
	    LONG "','name':'" LONG "c123456789','arguments':'{}'}],"
	    "'tools':[{'type':'namespace','name':'" LONG "','tools':["
	    "{'type':'function','name':'" LONG "c123456789'}]}]}";
	char chunk[512], json[JSON_MAX], called[65];
	struct translation *t;
	struct slice chat = asked(&t, request);
	struct buf out;
	const char *name;

	(void)state;
	name = strstr(chat.p, "\"name\":\"") + 8;
	slice_copy(called, sizeof(called), slice_make(name, 64));
	assert_int_equal(name[64], '"');
	assert_memory_equal(name, SHORT, 55);
	assert_non_null(strstr(name + 64, called)); /* the tool's own, too */
	snprintf(chunk, sizeof(chunk), CALLS(PART("0", "c", "%s", "1")),
	    called);
	buf_init(&out, SSE_EVENT_MAX);
	translation_event(t, json_of(json, chunk), &out);
	buf_add_char(&out, '\0');
	json_of(json, "'name':'" LONG "c123456789','namespace':'" LONG "'");
	assert_non_null(strstr(out.p, json));
	buf_fini(&out);
	translation_free(&t);
}

/* clang-format on */

static void
every_item_of_many_has_an_id_of_its_own(void **state)
{
	static const char *const ids[] = { "'fc_ab1200'", "'fc_ab12ff'",
		"'fc_ab12100'", "'fc_ab123ff'" };
	char json[JSON_MAX], chunk[256];
	struct translation *t;
	struct buf out;

	(void)state;
	(void)asked(&t, HI);
	buf_init(&out, SSE_EVENT_MAX);
	for (size_t n = 0; n < RESPONSES_ITEMS; n++) {
		snprintf(
		    chunk, sizeof(chunk), CALLS(PART("%zu", "", "f", "")), n);
		translation_event(t, json_of(json, chunk), &out);
	}
	translation_end(t, &used, &out);
	assert_int_equal(buf_err(&out), OK);
	buf_add_char(&out, '\0');
	for (size_t i = 0; i < COUNT(ids); i++) {
		json_of(json, ids[i]);
		assert_non_null(strstr(out.p, json));
	}
	buf_fini(&out);
	translation_free(&t);
}

static void
a_backend_cannot_fill_the_memory(void **state)
{
	struct translation *t;
	char json[JSON_MAX], names[JSON_MAX], chunk[256];
	struct buf out;
	size_t n = 0;

	(void)state;
	(void)asked(&t, HI);
	buf_init(&out, SSE_EVENT_MAX);
	for (; n < 2000 && buf_err(&out) == OK; n++) {
		snprintf(
		    chunk, sizeof(chunk), CALLS(PART("%zu", "", "f", "")), n);
		translation_event(t, json_of(json, chunk), &out);
	}
	assert_int_equal(n, RESPONSES_ITEMS + 1);
	assert_string_equal(translation_passed(t), "more than 1024 parts");
	buf_fini(&out);
	translation_free(&t);
	(void)asked(&t, HI);
	buf_init(&out, SSE_EVENT_MAX);
	for (n = 0; n < RESPONSES_ITEMS && buf_err(&out) == OK; n++) {
		snprintf(names, sizeof(names),
		    CALLS(PART("%zu", "", "%03900d", "")), n, 0);
		translation_event(t, json_of(json, names), &out);
	}
	assert_int_equal(buf_err(&out), ERR_LIMIT);
	assert_true(n < RESPONSES_ITEMS);
	buf_fini(&out);
	translation_free(&t);
	(void)asked(&t, HI);
	for (n = 0; n < 2 * RESPONSES_BYTES / 100; n++) {
		buf_init(&out, SSE_EVENT_MAX);
		snprintf(chunk, sizeof(chunk), TEXT("%0100d"), 0);
		translation_event(t, json_of(json, chunk), &out);
		if (buf_err(&out) != OK)
			break;
		buf_fini(&out);
	}
	assert_int_equal(n, RESPONSES_BYTES / 100);
	assert_string_equal(
	    translation_passed(t), "more than 3 MiB of text in a stream");
	buf_fini(&out);
	translation_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_to_the_letter),
		cmocka_unit_test(what_a_model_says_is_one_item_of_each_kind),
		cmocka_unit_test(calls),
		cmocka_unit_test(tools_that_chat_calls_otherwise),
		cmocka_unit_test(a_name_too_long_for_chat_comes_back_whole),
		cmocka_unit_test(every_item_of_many_has_an_id_of_its_own),
		cmocka_unit_test(a_backend_cannot_fill_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
