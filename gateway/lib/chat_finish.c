/* gateway/lib/chat_finish.c - why an answer of chat ended.
 *
 * Beside OpenAI's words are those of vLLM and SGLang (abort), OpenRouter
 * (error), DeepSeek (insufficient_system_resource), GLM (network_error,
 * sensitive, model_context_window_exceeded), Mistral (model_length) and Gemini,
 * whose own come in capitals, or behind OpenAI's: "content_filter:
 * PROHIBITED_CONTENT". */
#include "gateway/lib/chat_finish.h"

#include "gateway/lib/count.h"

enum chat_finish
chat_finish_of(const struct scan_member *finish_reason)
{
	static const struct {
		const char *name;
		enum chat_finish finish;
	} names[] = {
		{ "stop", CHAT_STOP },
		{ "length", CHAT_LENGTH },
		{ "max_tokens", CHAT_LENGTH },
		{ "MAX_TOKENS", CHAT_LENGTH },
		{ "model_length", CHAT_LENGTH },
		{ "model_context_window_exceeded", CHAT_LENGTH },
		{ "tool_calls", CHAT_TOOL_CALLS },
		{ "function_call", CHAT_TOOL_CALLS },
		{ "sensitive", CHAT_FILTERED },
		{ "SAFETY", CHAT_FILTERED },
		{ "RECITATION", CHAT_FILTERED },
		{ "BLOCKLIST", CHAT_FILTERED },
		{ "PROHIBITED_CONTENT", CHAT_FILTERED },
		{ "SPII", CHAT_FILTERED },
		{ "error", CHAT_FAILED },
		{ "abort", CHAT_FAILED },
		{ "network_error", CHAT_FAILED },
		{ "insufficient_system_resource", CHAT_FAILED },
	};

	if (!scan_nonempty_string(finish_reason)) /* some say "" */
		return CHAT_GOES_ON;
	for (size_t i = 0; i < COUNT(names); i++)
		if (scan_string_is(finish_reason, names[i].name))
			return names[i].finish;
	return slice_starts(scan_inside(finish_reason), SLICE("content_filter"))
	    ? CHAT_FILTERED
	    : CHAT_STOP;
}
