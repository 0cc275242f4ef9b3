/* gateway/translation/responses_files_test.c - files in requests of responses.
 */
#include "gateway/translation/responses_testing.h"

#include "gateway/lib/count.h"

/* clang-format off */

#define PDF \
	"'filename':'a.pdf','file_data':'data:application/pdf;base64,JVBE'"
#define SAYS_PDF "{'type':'file','file':{" PDF "}}"
#define CALLED \
	"{'type':'function_call','call_id':'1','name':'f','arguments':'{}'}"
#define SAYS_CALLED \
	"{'role':'assistant','content':null,'tool_calls':[{'id':'1'," \
	"'type':'function','function':{'name':'f','arguments':'{}'}}]}"
#define FILE(members) "{'type':'input_file'," members "}"
#define TEXT(data) "'file_data':'data:text/" data "'"

static void
files(void **state)
{
	static const struct row rows[] = {
		{ "{'input':[{'role':'user','content':["
		  FILE("'file_id':null,'detail':'low'," PDF) ","
		  "{'type':'input_text','text':'q'}," FILE(
		  "'file_data':'JVBE'") "]}]}",
		    "{'messages':[{'role':'user','content':[" SAYS_PDF
		    ",{'type':'text','text':'q'},{'type':'file','file':{"
		    "'file_data':'JVBE'}}]}]}",
		    NULL },
		/* of text, whoever shows it; as PHP writes it, with line ends,
		 * without padding, in no UTF-8 */
		{ "{'input':[{'role':'developer','content':["
		  FILE("'filename':'n.md'," TEXT("markdown;base64,IyAiYSIK"))
		  "]},{'role':'user','content':["
		  FILE(TEXT("\\/plain;charset=utf-8;base64,YT8\\/\\r\\nYg"))
		  "," FILE("'file_data':'data:text\\/csv;base64,YQ=='") ","
		  FILE(TEXT("csv;base64,")) ","
		  FILE("'file_data':'DATA:application/json;base64,e30='") "," FILE(TEXT("csv;base64,Yf8="))
		  "]}]}",
		    "{'messages':[{'role':'system','content':"
		    "'n.md\\n# \\'a\\'\\n'},{'role':'user','content':"
		    "'a??b\\na\\n{}\\na\\ufffd'}]}",
		    NULL },
		/* of outputs: what is no text the user shows */
		{ "{'input':[" CALLED ",{'type':'function_call_output',"
		  "'call_id':'1','output':[" FILE(PDF) "," FILE(
		  TEXT("csv;base64,YQ==")) "]}]}",
		    "{'messages':[" SAYS_CALLED ",{'role':'tool',"
		    "'tool_call_id':'1','content':'a'},{'role':'user',"
		    "'content':[" SAYS_PDF "]}]}",
		    NULL },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
what_is_no_file_for_chat_is_named(void **state)
{
	static const struct {
		const char *request;
		enum err rc;
		const char *why;
	} rows[] = {
		{ "{'input':[{'role':'user','content':["
		  FILE(TEXT("csv;base64,Y?==")) "]}]}",
		    ERR_INVALID,
		    "input[0].content[0]: its file_data is not in base64" },
		{ "{'input':[{'role':'user','content':["
		  FILE(TEXT("csv;base64,YQ==YQ==")) "]}]}",
		    ERR_INVALID,
		    "input[0].content[0]: its file_data is not in base64" },
		{ "{'input':[{'role':'system','content':[" FILE(PDF) "]}]}",
		    ERR_UNSUPPORTED,
		    "input[0].content[0]: what only a user shows, input_file" },
	};
	char request[JSON_MAX];
	struct errmsg why;
	struct slice chat;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct translation *t = translation_of_responses();

		assert_int_equal(
		    translation_request(t, json_of(request, rows[i].request),
			&chat, &why),
		    rows[i].rc);
		if (!slice_starts(slice_of(why.text), slice_of(rows[i].why)))
			fail_msg("%s: %s", rows[i].request, why.text);
		translation_free(&t);
	}
}

/* clang-format on */

static void
not_all_backends_take_files(void **state)
{
	static const char text[] =
	    "{'input':[{'role':'user','content':[{'type':'input_file',"
	    "'file_data':'data:text/csv;base64,YQ=='}]}]}";
	static const char pdf[] =
	    "{'input':[{'role':'user','content':[{'type':'input_file'," PDF
	    "}]}]}";
	struct translation *t;
	char request[JSON_MAX];
	struct errmsg why = { "" };
	struct slice chat;

	(void)state;
	takes_files = false;
	(void)asked(&t, text);
	translation_free(&t);
	t = translation_of_responses();
	assert_int_equal(
	    translation_request(t, json_of(request, pdf), &chat, &why),
	    ERR_UNSUPPORTED);
	assert_string_equal(why.text,
	    "input[0].content[0]: the chat of this backend takes no files but "
	    "of text: use one that takes them, or speaks /v1/responses");
	translation_free(&t);
	takes_files = true;
}

static void
a_text_is_not_endless(void **state)
{
	struct translation *t = translation_of_responses();
	struct errmsg why = { "" };
	struct slice chat;
	struct buf body;

	(void)state;
	buf_init(&body, 16 << 20);
	buf_add_str(&body, "{\"input\":[{\"role\":\"user\",\"content\":[");
	for (int file = 0; file < 2; file++) {
		buf_add_str(&body, file > 0 ? "," : "");
		buf_add_str(&body,
		    "{\"type\":\"input_file\",\"file_data\":"
		    "\"data:text/csv;base64,");
		for (size_t i = 0; i <= 4u << 20; i += 16)
			buf_add_str(&body, "AAAAAAAAAAAAAAAA");
		buf_add_str(&body, "\"}");
	}
	buf_add_str(&body, "]}]}");
	assert_json(buf_slice(&body));
	assert_int_equal(translation_request(t, buf_slice(&body), &chat, &why),
	    ERR_UNSUPPORTED);
	assert_string_equal(why.text,
	    "input[0].content[1]: more than 8 MiB of text in base64 has no "
	    "counterpart in chat: use a backend that speaks /v1/responses");
	buf_fini(&body);
	translation_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(what_is_no_file_for_chat_is_named),
		cmocka_unit_test(not_all_backends_take_files),
		cmocka_unit_test(a_text_is_not_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
