// @langchain/openai (npm).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatOpenAI } from '@langchain/openai';

const model = new ChatOpenAI({
  model: 'm', apiKey: 'any', maxRetries: 0,
  configuration: { baseURL: process.env.BASE_URL },
});

test('invoke', async () => {
  const r = await model.invoke('hello');
  assert.match(r.content, /^word0/);
});

test('stream', async () => {
  let text = '', usage;
  for await (const chunk of await model.stream('hello')) {
    text += chunk.content;
    usage = chunk.usage_metadata ?? usage;
  }
  assert.equal(text.split(' ').length, 8);
  assert.equal(usage.output_tokens, 8);
});

test('responses, of a backend that only chats', async () => {
  const responses = new ChatOpenAI({
    model: 'm', apiKey: 'any', maxRetries: 0, useResponsesApi: true,
    configuration: { baseURL: process.env.BASE_URL },
  });
  let all;
  for await (const chunk of await responses.stream('hello')) {
    all = all?.concat(chunk) ?? chunk;
  }
  assert.equal(all.text.split(' ').length, 8);
  assert.equal(all.usage_metadata.output_tokens, 8);
});
