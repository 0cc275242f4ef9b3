/* gateway/translation/responses_input.c - what a request of responses says, as
 * messages of chat.
 *
 * A call is the assistant's, its output a message of its own. Pictures and
 * files in an output, for which chat has no place there, the user shows behind
 * all outputs in a row. What others say between calls and their outputs, which
 * many servers refuse, is said behind these. */
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/translation/responses_input.h"
#include "gateway/translation/returned.h"

/* --- whose turn it is --- */

static bool
is_output_of_parts(struct slice item, struct scan_member *out)
{
	struct slice type = responses_get_text(item, "type");

	return (slice_is(type, "function_call_output") ||
		   slice_is(type, "custom_tool_call_output")) &&
	    responses_get_text(item, "call_id").n > 0 &&
	    scan_get(item, "output", out) && out->type == SCAN_ARRAY;
}

/* Pictures of outputs, up to where the input has been read. */
static enum err
show(struct reader *r)
{
	const size_t now = r->item;
	struct slice item;
	struct scan_member m;
	enum scan_type type;
	enum err rc = OK;

	if (!r->waits)
		return OK;
	r->waits = false;
	r->unseen = true;
	r->list = "output";
	r->item = r->shown_item;
	chat_writer_turn(&r->messages, CHAT_USER);
	for (; rc == OK && r->shown.p < r->here.p &&
	     scan_next_element(&r->shown, &item, &type);
	     r->item++)
		if (is_output_of_parts(item, &m))
			rc = input_content(r, &m);
	r->unseen = false;
	if (rc == OK)
		r->item = now;
	return rc;
}

/* What was thought, as text or a summary. */
static void
think(struct reader *r)
{
	static const char *const lists[] = { "content", "summary" };
	struct scan_member list;
	enum scan_type type;
	struct slice part;

	for (size_t i = 0; i < COUNT(lists); i++)
		if (scan_get(r->thought, lists[i], &list) &&
		    list.type == SCAN_ARRAY)
			while (scan_next_element(&list.value, &part, &type))
				if (type == SCAN_OBJECT)
					chat_writer_thought(&r->messages,
					    r->thinks,
					    responses_get_text(part, "text"));
}

static enum err
turn(struct reader *r, enum chat_role role)
{
	enum err rc = show(r);

	if (rc != OK)
		return rc;
	chat_writer_turn(&r->messages, role);
	if (role == CHAT_ASSISTANT && r->thinks != NULL)
		think(r);
	r->thinks = NULL;
	return OK;
}

/* --- items --- */

/* How an item of a type is said. */
struct item_row {
	const char *type;
	enum err (*read)(struct reader *, const struct item_row *,
	    struct slice item); /* NULL: it is passed over */
	const char *function; /* that is called, by chat's lights; NULL: the
				 item's own name */
	const char *member; /* with what, or what came of it */
	enum input_origin origin; /* but for a message of the assistant's, and
				     for an output of no call */
};

static enum err
read_message(struct reader *r, const struct item_row *row, struct slice item)
{
	static const struct {
		const char *name;
		enum chat_role role;
	} roles[] = {
		{ "user", CHAT_USER },
		{ "assistant", CHAT_ASSISTANT },
		{ "system", CHAT_SYSTEM },
		{ "developer", CHAT_SYSTEM },
	};
	struct slice name = responses_get_text(item, "role");
	struct scan_member content;
	enum err rc;

	for (size_t i = 0; i < COUNT(roles); i++) {
		if (!slice_is(name, roles[i].name))
			continue;
		if (!scan_get(item, row->member, &content))
			return input_invalid(r, "it has no content");
		rc = turn(r, roles[i].role);
		r->list = row->member;
		return rc == OK ? input_content(r, &content) : rc;
	}
	return input_invalid(
	    r, "its role is none of user, assistant, system, developer");
}

/* Codex's, between its agents: who it is from is said in it. */
static enum err
read_agent(struct reader *r, const struct item_row *row, struct slice item)
{
	struct scan_member content;
	enum err rc;

	if (!scan_get(item, row->member, &content))
		return input_invalid(r, "it has no content");
	rc = turn(r, CHAT_USER);
	r->list = row->member;
	return rc == OK ? input_content(r, &content) : rc;
}

static struct slice
call_id_of(struct slice item)
{
	struct slice id = responses_get_text(item, "call_id");

	return id.n > 0 ? id : responses_get_text(item, "id");
}

/* The call that it came of; empty: none, as of what Codex's timers and other
 * threads say. */
static struct slice
output_id_of(const struct item_row *row, struct slice item)
{
	return row->function != NULL ? call_id_of(item)
				     : responses_get_text(item, "call_id");
}

/* Without memory to tell by it is taken for one. */
static bool
is_object(const struct scan_member *string)
{
	struct errmsg why;
	struct buf json;
	size_t n;
	bool object;

	buf_init(&json, string->value.n);
	scan_unescape(string->value, &json);
	object = buf_err(&json) != OK ||
	    scan_object(buf_slice(&json), NULL, 0, &n, &why) == OK;
	buf_fini(&json);
	return object;
}

/* A call that was cut short stays in its client's history, and servers that
 * read what it was made with would refuse each request from then on. */
static void
add_arguments(
    const struct item_row *row, const struct scan_member *m, struct buf *out)
{
	struct slice text = scan_inside(m);

	if (m->type != SCAN_STRING) {
		chat_writer_escape(out, m->value);
	} else if (strcmp(row->member, "input") == 0) {
		buf_add_str(out, "{\\\"input\\\":\\\"");
		chat_writer_escape(out, text);
		buf_add_str(out, "\\\"}");
	} else {
		buf_add(out, is_object(m) ? text : SLICE("{}"));
	}
}

static enum err
read_call(struct reader *r, const struct item_row *row, struct slice item)
{
	struct buf *out = r->messages.out;
	struct responses_tool tool = {
		.name = responses_get_text(item, "name"),
		.namespace = responses_get_text(item, "namespace"),
	};
	struct slice id = call_id_of(item);
	struct scan_member with;
	enum err rc;

	if (row->function != NULL)
		tool.name = slice_of(row->function);
	if (id.n == 0 || tool.name.n == 0)
		return input_invalid(r, "it has no call_id or no name");
	if (!scan_get(item, row->member, &with))
		return fail(r->why, ERR_INVALID, "input[%zu]: it has no %s",
		    r->item, row->member);
	rc = turn(r, CHAT_ASSISTANT);
	if (rc != OK)
		return rc;
	order_note_call(r, id);
	chat_writer_call(&r->messages);
	buf_add_str(out, "{\"id\":\"");
	buf_add(out, returned_id(id));
	buf_add_str(out, "\",\"type\":\"function\",\"function\":{\"name\":\"");
	responses_add_name(out, &tool);
	buf_add_str(out, "\",\"arguments\":\"");
	add_arguments(row, &with, out);
	buf_add_str(out, "\"}");
	returned_add_extra(out, id, r->t->origin);
	buf_add_char(out, '}');
	return OK;
}

/* An output that no call was made for, which the user says. */
static enum err
read_event(struct reader *r, const struct scan_member *output,
    const struct item_row *row, struct slice item)
{
	enum err rc = turn(r, CHAT_USER);

	if (rc != OK)
		return rc;
	chat_writer_text(&r->messages, responses_get_text(item, "name"));
	r->list = row->member;
	return input_content(r, output);
}

/* What is neither a string nor parts is JSON to the model. */
static enum err
read_output(struct reader *r, const struct item_row *row, struct slice item)
{
	struct slice id = output_id_of(row, item);
	struct scan_member m = { .type = SCAN_NULL };

	if (id.n == 0 && row->function != NULL)
		return input_invalid(r, "it has no call_id");
	if (!scan_get(item, row->member, &m) && row->function == NULL)
		return input_invalid(r, "it has no output");
	if (id.n == 0)
		return read_event(r, &m, row, item);
	order_note_output(r, id);
	if (!r->waits) {
		r->shown = r->here;
		r->shown_item = r->item;
	}
	if (r->messages.role == CHAT_TOOL && slice_eq(id, r->answered))
		chat_writer_turn(&r->messages, CHAT_TOOL); /* there is more */
	else
		chat_writer_result(&r->messages, returned_id(id));
	r->answered = id;
	if (m.type == SCAN_NULL)
		return OK;
	if (row->function != NULL && m.type != SCAN_STRING) {
		chat_writer_json(&r->messages, m.value);
		return OK;
	}
	r->list = row->member;
	return input_content(r, &m);
}

/* One that a server has made is its own. */
static enum err
read_search(struct reader *r, const struct item_row *row, struct slice item)
{
	if (responses_get_text(item, "call_id").n == 0 ||
	    slice_is(responses_get_text(item, "execution"), "server"))
		return OK;
	if (row->origin == INPUT_MODEL)
		return read_call(r, row, item);
	r->has_tools = true;
	return read_output(r, row, item);
}

/* What they are is said with the others. */
static enum err
note_tools(struct reader *r, const struct item_row *row, struct slice item)
{
	(void)row;
	(void)item;
	r->has_tools = true;
	return OK;
}

/* To who thought it, where there are tools: in the middle of a turn some
 * insist. Others' is left out. */
static enum err
read_reasoning(struct reader *r, const struct item_row *row, struct slice item)
{
	(void)row;
	r->thought = item;
	r->thinks = r->has_tools
	    ? returned_name(
		  responses_get_text(item, "encrypted_content"), r->t->origin)
	    : NULL;
	return OK;
}

static enum err
leave_out(struct reader *r, const struct item_row *row, struct slice item)
{
	(void)item;
	translation_leave_out(r->t, row->type);
	return OK;
}

static enum err
refuse(struct reader *r, const struct item_row *row, struct slice item)
{
	(void)item;
	return input_unsupported(r, "", slice_of(row->type));
}

/* Some SDKs refer to what they were answered unless `store` is false. */
static enum err
refuse_stored(struct reader *r, const struct item_row *row, struct slice item)
{
	(void)item;
	return fail(r->why, ERR_UNSUPPORTED,
	    "input[%zu]: %s: nothing is stored for chat: send the item itself "
	    "(an SDK does with `store` false), or use a backend that speaks "
	    "/v1/responses",
	    r->item, row->type);
}

static const struct item_row items[] = {
	{ "message", read_message, NULL, "content", INPUT_OTHERS },
	{ "agent_message", read_agent, NULL, "content", INPUT_OTHERS },
	{ "function_call", read_call, NULL, "arguments", INPUT_MODEL },
	{ "function_call_output", read_output, NULL, "output", INPUT_OUTPUT },
	{ "custom_tool_call", read_call, NULL, "input", INPUT_MODEL },
	{ "custom_tool_call_output", read_output, NULL, "output",
	    INPUT_OUTPUT },
	{ "local_shell_call", read_call, "local_shell", "action", INPUT_MODEL },
	{ "local_shell_call_output", read_output, "local_shell", "output",
	    INPUT_OUTPUT },
	{ "shell_call", read_call, "shell", "action", INPUT_MODEL },
	{ "shell_call_output", read_output, "shell", "output", INPUT_OUTPUT },
	{ "apply_patch_call", read_call, "apply_patch", "operation",
	    INPUT_MODEL },
	{ "apply_patch_call_output", read_output, "apply_patch", "output",
	    INPUT_OUTPUT },
	{ "reasoning", read_reasoning, NULL, NULL, INPUT_MODEL },
	{ "additional_tools", note_tools, NULL, NULL, INPUT_NONE },
	{ "mcp_list_tools", NULL, NULL, NULL, INPUT_NONE },
	{ "tool_search_call", read_search, RESPONSES_SEARCH, "arguments",
	    INPUT_MODEL },
	{ "tool_search_output", read_search, RESPONSES_SEARCH, "tools",
	    INPUT_OUTPUT },
	{ "web_search_call", leave_out, NULL, NULL, INPUT_NONE },
	{ "file_search_call", leave_out, NULL, NULL, INPUT_NONE },
	{ "code_interpreter_call", leave_out, NULL, NULL, INPUT_NONE },
	{ "image_generation_call", leave_out, NULL, NULL, INPUT_NONE },
	{ "computer_call", leave_out, NULL, NULL, INPUT_NONE },
	{ "computer_call_output", leave_out, NULL, NULL, INPUT_NONE },
	{ "mcp_call", leave_out, NULL, NULL, INPUT_NONE },
	{ "mcp_approval_request", leave_out, NULL, NULL, INPUT_NONE },
	{ "mcp_approval_response", leave_out, NULL, NULL, INPUT_NONE },
	{ "program", leave_out, NULL, NULL, INPUT_NONE },
	{ "program_output", leave_out, NULL, NULL, INPUT_NONE },
	{ "configuration_update", leave_out, NULL, NULL, INPUT_NONE },
	{ "item_reference", refuse_stored, NULL, NULL, INPUT_NONE },
	{ "compaction", refuse, NULL, NULL, INPUT_NONE },
	{ "compaction_trigger", refuse, NULL, NULL, INPUT_NONE },
};

/* One without a type is a message, or refers to another. NULL: of no type that
 * is known. */
static const struct item_row *
row_of(struct slice item, struct slice *type)
{
	struct scan_member m;

	*type = responses_get_text(item, "type");
	if (type->n == 0)
		*type = scan_get(item, "role", &m) ? SLICE("message")
						   : SLICE("item_reference");
	for (size_t i = 0; i < COUNT(items); i++)
		if (slice_is(*type, items[i].type))
			return &items[i];
	return NULL;
}

enum input_origin
input_origin_of(struct slice item, struct slice *call_id)
{
	struct slice type;
	const struct item_row *row = row_of(item, &type);

	*call_id = SLICE("");
	if (row == NULL)
		return INPUT_NONE;
	if (row->origin == INPUT_OUTPUT)
		*call_id = output_id_of(row, item);
	if (row->origin == INPUT_OUTPUT && call_id->n == 0)
		return INPUT_OTHERS;
	return row->read == read_message &&
		slice_is(responses_get_text(item, "role"), "assistant")
	    ? INPUT_MODEL
	    : row->origin;
}

enum err
input_read_item(struct reader *r, struct slice item)
{
	struct slice type;
	const struct item_row *row = row_of(item, &type);

	r->list = NULL;
	if (row == NULL)
		return input_unsupported(r, "", type);
	return row->read != NULL ? row->read(r, row, item) : OK;
}

/* --- all of them --- */

static enum err
read_items(struct reader *r, struct slice rest)
{
	struct slice item;
	enum scan_type type;
	enum err rc = OK;

	r->here = rest;
	while (rc == OK && scan_next_element(&rest, &item, &type)) {
		r->list = NULL;
		rc = input_count(r);
		if (rc == OK)
			rc = type == SCAN_OBJECT
			    ? order_read_item(r, item)
			    : input_invalid(r, "it is not an object");
		r->here = rest;
		r->item++;
	}
	if (rc == OK)
		rc = order_release(r);
	return rc == OK ? show(r) : rc;
}

static enum err
read_input(struct reader *r, const struct scan_member *input)
{
	if (input->type == SCAN_ARRAY)
		return read_items(r, input->value);
	if (input->type == SCAN_STRING) {
		chat_writer_turn(&r->messages, CHAT_USER);
		chat_writer_text(&r->messages, scan_inside(input));
	}
	return OK;
}

enum err
responses_add_messages(struct translation *t, const struct responses_body *body,
    struct buf *chat, struct errmsg *why)
{
	const struct scan_member *said = &body->at[RESPONSES_INSTRUCTIONS];
	struct reader r = { .t = t,
		.why = why,
		.has_tools = scan_has_elements(&body->at[RESPONSES_TOOLS]) };
	enum err rc;

	chat_writer_init(&r.messages, chat);
	buf_add_str(chat, "\"messages\":[");
	if (scan_nonempty_string(said)) {
		chat_writer_turn(&r.messages, CHAT_SYSTEM);
		chat_writer_text(&r.messages, scan_inside(said));
	}
	rc = read_input(&r, &body->at[RESPONSES_INPUT]);
	if (rc != OK)
		return rc;
	if (r.messages.role == CHAT_NOBODY)
		return fail(why, ERR_INVALID, "input: it holds no message");
	chat_writer_end(&r.messages);
	buf_add_char(chat, ']');
	return OK;
}
