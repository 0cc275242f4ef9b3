/* gateway/translation/messages_documents_test.c */
#include "gateway/translation/messages_test.h"

#define DOCUMENT(source, more)                                                 \
	"{'type':'document','source':{'type':" source "}" more "}"
#define PDF "'base64','media_type':'application/pdf','data':'JVBE'"
#define SAYS_PDF                                                               \
	"{'type':'file','file':{'filename':'document.pdf',"                    \
	"'file_data':'data:application/pdf;base64,JVBE'}}"
#define SAYS_TEXT(text) "{'type':'text','text':'" text "'}"
#define TEXT_BLOCK(text) SAYS_TEXT(text)

static void
documents_of_text_are_text(void **state)
{
	(void)state;
	says("{'role':'user','content':[{'type':'document','title':'T',"
	     "'context':'C','source':{'type':'text','media_type':'text/plain',"
	     "'data':'D'}},{'type':'text','text':'a'}]}",
	    "{'role':'user','content':'T\\nC\\nD\\na'}");
	says("{'role':'user','content':[" DOCUMENT("'content','content':'D'",
		 ",'title':'T'") "," DOCUMENT("'content','content':[" //
		 TEXT_BLOCK("E") "," TEXT_BLOCK("F") "]",
		 ",'title':null") "]}",
	    "{'role':'user','content':'T\\nD\\nE\\nF'}");
	/* in the order of its blocks */
	says("{'role':'user','content':[" DOCUMENT("'content','content':[" //
		 TEXT_BLOCK("E") "," IMAGE "," TEXT_BLOCK("F") "]",
		 "") "]}",
	    "{'role':'user','content':[" SAYS_TEXT(
		"E") "," SAYS_IMAGE "," SAYS_TEXT("F") "]}");
	wrong_message(
	    "{'role':'user','content':[" DOCUMENT("'text','data':7", "") "]}",
	    ERR_INVALID, "messages.0.content.0.source.data: ");
	wrong_message("{'role':'user','content':[" TEXT_BLOCK("a") "," //
	    DOCUMENT("'content','content':[" TEXT_BLOCK("b") "," DOCUMENT(
			 "'text','data':'c'", "") "]",
		"") "]}",
	    ERR_UNSUPPORTED,
	    "messages.0.content.1.content.1: in another a block of type "
	    "document has no counterpart");
}

static void
documents_of_bytes_are_files(void **state)
{
	(void)state;
	says("{'role':'user','content':[" DOCUMENT(PDF,
		 ",'title':'T','context':'C','cache_control':"
		 "{'type':'ephemeral'}") "," TEXT_BLOCK("a") "]}",
	    "{'role':'user','content':[" SAYS_TEXT("T") "," SAYS_TEXT("C") //
	    "," SAYS_PDF "," SAYS_TEXT("a") "]}");
	says_but("{'role':'user','content':[" DOCUMENT(
		     PDF, ",'citations':{'enabled':true}") "]}",
	    "{'role':'user','content':[" SAYS_PDF "]}", "citations");
	says("{'role':'user','content':[" DOCUMENT(
		 PDF, ",'citations':{'enabled':false}") "]}",
	    "{'role':'user','content':[" SAYS_PDF "]}");
	wrong_message("{'role':'user','content':[" DOCUMENT(
			  "'url','url':'https://x/y.pdf'", "") "]}",
	    ERR_UNSUPPORTED,
	    "messages.0.content.0: a document from a source of type url has "
	    "no counterpart in chat: use a backend that speaks /v1/messages");
	wrong_message("{'role':'user','content':[" DOCUMENT(
			  "'file','file_id':'f'", "") "]}",
	    ERR_UNSUPPORTED,
	    "messages.0.content.0: a document from a source of type file");
	wrong_message("{'role':'user','content':[" DOCUMENT(
			  "'base64','media_type':'a/b','data':''", "") "]}",
	    ERR_UNSUPPORTED, "messages.0.content.0: a document of type a/b");
	wrong_message("{'role':'user','content':[" DOCUMENT(
			  "'base64','data':''", "") "]}",
	    ERR_INVALID, "messages.0.content.0.source: ");
	wrong_message("{'role':'assistant','content':[" DOCUMENT(PDF, "") "]}",
	    ERR_UNSUPPORTED, "messages.0.content.0: an image or a file");
	takes_files = false;
	wrong_message("{'role':'user','content':[" DOCUMENT(PDF, "") "]}",
	    ERR_UNSUPPORTED,
	    "messages.0.content.0: the chat of this backend takes no files "
	    "but of text: use one that takes them, or speaks /v1/messages");
	takes_files = true;
}

static void
what_a_search_has_found_is_text(void **state)
{
	(void)state;
	says_but("{'role':'user','content':[{'type':'search_result','source':"
		 "'https://x','title':'T','content':[" TEXT_BLOCK(
		     "a") "," TEXT_BLOCK("b") "],'citations':{'enabled':true}}"
					      "]}",
	    "{'role':'user','content':'T\\nhttps://x\\na\\nb'}", "citations");
}

static void
documents_of_results_follow(void **state)
{
	(void)state;
	says(CALLED ",{'role':'user','content':[" RESULT("t1",
		 ",'content':[" DOCUMENT(PDF, ",'title':'T'") "," //
		 DOCUMENT("'content','content':[" TEXT_BLOCK("a") "," IMAGE "]",
		     "") "," TEXT_BLOCK("r") "," //
					     "{'type':'search_result','source':"
					     "'s','title':'t',"
					     "'content':[" TEXT_BLOCK(
						 "u") "]}]") "]}",
	    SAYS_CALLED ",{'role':'tool','content':'T\\na\\nr\\nt\\ns\\nu',"
			"'tool_call_id':'t1'},{'role':'user','content':[" //
	    SAYS_PDF "," SAYS_IMAGE "]}");
	/* what follows is found where it is */
	wrong_message("{'role':'user','content':[" RESULT("t1",
			  ",'content':[" DOCUMENT("'content','content':[" //
			      TEXT_BLOCK("a") "," TEXT_BLOCK("b") "]",
			      "") "," //
			  DOCUMENT("'file'", "") "]") "]}",
	    ERR_UNSUPPORTED,
	    "messages.0.content.0.content.1: a document from a source");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_of_text_are_text),
		cmocka_unit_test(documents_of_bytes_are_files),
		cmocka_unit_test(what_a_search_has_found_is_text),
		cmocka_unit_test(documents_of_results_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
