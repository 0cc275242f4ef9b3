// ai with @ai-sdk/openai-compatible (npm).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embed, generateText, streamText } from 'ai';

const provider = createOpenAICompatible({
  name: 'pointsman', baseURL: process.env.BASE_URL, apiKey: 'any',
});

test('generateText', async () => {
  const r = await generateText({ model: provider('m'), prompt: 'hello' });
  assert.match(r.text, /^word0/);
  assert.equal(r.finishReason, 'stop');
});

test('streamText', async () => {
  const r = streamText({ model: provider('m'), prompt: 'hello' });
  let text = '';
  for await (const part of r.textStream) text += part;
  assert.equal(text.split(' ').length, 8);
});

test('heartbeats are not seen', async () => {
  const r = streamText({ model: provider('slow'), prompt: 'hello' });
  let text = '';
  for await (const part of r.textStream) text += part;
  assert.equal(text.split(' ').length, 8);
});

test('a cut stream is an error part and keeps the text so far', async () => {
  const errors = [];
  const r = streamText({
    model: provider('broken'), prompt: 'hello',
    onError: ({ error }) => errors.push(error),
  });
  let text = '';
  for await (const part of r.fullStream) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'error') errors.push(part.error);
  }
  assert.ok(errors.length > 0);
  assert.match(text, /word0/);
});

test('embed', async () => {
  const r = await embed({
    model: provider.textEmbeddingModel
      ? provider.textEmbeddingModel('m') : provider.embeddingModel('m'),
    value: 'a',
  });
  assert.ok(Math.abs(r.embedding[0] - 0.5) < 1e-6);
});
