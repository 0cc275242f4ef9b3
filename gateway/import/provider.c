/* gateway/import/provider.c - LiteLLM's providers, as adapters and URLs.
 *
 * Most hosted ones speak OpenAI's API at a URL of their own; what does not is
 * named, so that a note can say so. */
#include <string.h>

#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

#define OPENAI_LIKE(prefix, url, key)                                          \
	{                                                                      \
		prefix, "openai", url, key, NULL, NULL                         \
	}
#define FOREIGN(prefix)                                                        \
	{                                                                      \
		prefix, NULL, NULL, NULL, NULL, NULL                           \
	}

static const struct provider providers[] = {
	{ "openai", "openai", NULL, "OPENAI_API_KEY", NULL, NULL },
	{ "text-completion-openai", "openai", NULL, "OPENAI_API_KEY", NULL,
	    NULL },
	{ "custom_openai", "openai", NULL, "OPENAI_API_KEY", NULL, NULL },
	{ "openai_like", "openai", "env:OPENAI_LIKE_API_BASE",
	    "OPENAI_LIKE_API_KEY", NULL, NULL },
	{ "litellm_proxy", "openai", "env:LITELLM_PROXY_API_BASE",
	    "LITELLM_PROXY_API_KEY", NULL, NULL },
	{ "azure", "openai", "env:AZURE_API_BASE", "AZURE_API_KEY",
	    "/openai/v1",
	    "asked by its v1 API, which needs no api_version and takes the "
	    "deployment's name as the model" },
	{ "azure_ai", "openai", "env:AZURE_AI_API_BASE", "AZURE_AI_API_KEY",
	    NULL, NULL },
	{ "cerebras", "cerebras", NULL, "CEREBRAS_API_KEY", NULL, NULL },
	{ "groq", "groq", NULL, "GROQ_API_KEY", NULL, NULL },
	{ "huggingface", "huggingface", NULL, "HF_TOKEN", NULL, NULL },
	{ "vllm", "vllm", NULL, NULL, NULL, NULL },
	{ "hosted_vllm", "vllm", NULL, NULL, NULL, NULL },
	{ "ollama", "ollama", NULL, NULL, "/v1", NULL },
	{ "ollama_chat", "ollama", NULL, NULL, "/v1", NULL },
	{ "lm_studio", "lmstudio", NULL, NULL, NULL, NULL },
	{ "llamafile", "llamacpp", "http://127.0.0.1:8080/v1", NULL, NULL,
	    NULL },
	{ "anthropic", "anthropic", NULL, "ANTHROPIC_API_KEY", NULL,
	    "chat is asked by its OpenAI-compatible API: no prompt caching "
	    "there" },
	{ "gemini", "openai",
	    "https://generativelanguage.googleapis.com/v1beta/openai",
	    "GEMINI_API_KEY", NULL, "asked by its OpenAI-compatible API" },
	OPENAI_LIKE("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
	OPENAI_LIKE(
	    "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
	OPENAI_LIKE("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
	OPENAI_LIKE(
	    "together_ai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
	OPENAI_LIKE("fireworks_ai", "https://api.fireworks.ai/inference/v1",
	    "FIREWORKS_AI_API_KEY"),
	OPENAI_LIKE("deepinfra", "https://api.deepinfra.com/v1/openai",
	    "DEEPINFRA_API_KEY"),
	OPENAI_LIKE(
	    "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
	OPENAI_LIKE("nvidia_nim", "https://integrate.api.nvidia.com/v1",
	    "NVIDIA_NIM_API_KEY"),
	OPENAI_LIKE(
	    "sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
	OPENAI_LIKE(
	    "perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
	OPENAI_LIKE(
	    "moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
	OPENAI_LIKE("dashscope",
	    "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
	    "DASHSCOPE_API_KEY"),
	OPENAI_LIKE(
	    "meta_llama", "https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
	OPENAI_LIKE("volcengine", "https://ark.cn-beijing.volces.com/api/v3",
	    "VOLCENGINE_API_KEY"),
	OPENAI_LIKE("codestral", "https://codestral.mistral.ai/v1",
	    "CODESTRAL_API_KEY"),
	OPENAI_LIKE("friendliai", "https://api.friendli.ai/serverless/v1",
	    "FRIENDLIAI_API_KEY"),
	{ "github", "openai", "https://models.github.ai/inference",
	    "GITHUB_API_KEY", NULL,
	    "asked at models.github.ai, which knows models by their publisher: "
	    "\"openai/gpt-4o\"" },
	FOREIGN("bedrock"),
	FOREIGN("vertex_ai"),
	FOREIGN("sagemaker"),
	FOREIGN("sagemaker_chat"),
	FOREIGN("cohere"),
	FOREIGN("cohere_chat"),
	FOREIGN("replicate"),
	FOREIGN("watsonx"),
	FOREIGN("databricks"),
	FOREIGN("ai21"),
	FOREIGN("voyage"),
	FOREIGN("jina_ai"),
	FOREIGN("triton"),
	FOREIGN("predibase"),
	FOREIGN("petals"),
	FOREIGN("snowflake"),
	FOREIGN("github_copilot"),
};

/* Names that go without a provider. */
static const struct {
	const char *start, *provider;
} bare[] = {
	{ "gpt-", "openai" },
	{ "chatgpt-", "openai" },
	{ "o1", "openai" },
	{ "o3", "openai" },
	{ "o4", "openai" },
	{ "text-embedding-", "openai" },
	{ "text-moderation-", "openai" },
	{ "omni-moderation-", "openai" },
	{ "ft:gpt-", "openai" },
	{ "whisper-1", "openai" },
	{ "tts-1", "openai" },
	{ "dall-e-", "openai" },
	{ "claude-", "anthropic" },
	{ "command-", "cohere" },
};

static const struct provider *
by_prefix(struct slice prefix)
{
	for (size_t i = 0; i < COUNT(providers); i++)
		if (slice_is(prefix, providers[i].prefix))
			return &providers[i];
	return NULL;
}

static const struct provider *
by_start(struct slice name)
{
	for (size_t i = 0; i < COUNT(bare); i++)
		if (slice_starts(name, slice_of(bare[i].start)))
			return by_prefix(slice_of(bare[i].provider));
	return NULL;
}

/* Never a guess where one is named: its key would go to another. */
const struct provider *
provider_find(
    struct slice name, struct slice explicit_provider, struct slice *model)
{
	ptrdiff_t slash = slice_find(name, '/');
	struct slice first = slice_make(name.p, slash > 0 ? (size_t)slash : 0);
	const struct provider *p;

	if (explicit_provider.n > 0)
		p = by_prefix(explicit_provider);
	else
		p = slash >= 0 ? by_prefix(first) : by_start(name);
	*model = name;
	if (p != NULL && slice_is(first, p->prefix))
		*model = slice_make(name.p + first.n + 1, name.n - first.n - 1);
	return p;
}
