// openai (npm), unchanged but for its baseURL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'any' });
const messages = [{ role: 'user', content: 'hello' }];

test('chat', async () => {
  const r = await client.chat.completions.create({ model: 'm', messages });
  assert.match(r.choices[0].message.content, /^word0/);
  assert.match(r._request_id, /^req_/);
});

test('responses, of a backend that only chats', async () => {
  const r = await client.responses.create({ model: 'm', input: 'hello' });
  assert.match(r.output_text, /^word0/);
  assert.equal(r.usage.output_tokens, 8);
  const stream = client.responses.stream({ model: 'm', input: 'hello' });
  let text = '';
  for await (const e of stream) {
    if (e.type === 'response.output_text.delta') text += e.delta;
  }
  const last = await stream.finalResponse();
  assert.equal(last.output_text, text);
  assert.equal(text.split(' ').length, 8);
});

test('streaming with usage', async () => {
  const stream = await client.chat.completions.create({
    model: 'm', messages, stream: true,
    stream_options: { include_usage: true },
  });
  let text = '', usage;
  for await (const c of stream) {
    text += c.choices[0]?.delta?.content ?? '';
    usage = c.usage ?? usage;
  }
  assert.equal(text.split(' ').length, 8);
  assert.equal(usage.completion_tokens, 8);
});

test('heartbeats are not seen', async () => {
  const stream = await client.chat.completions.create({
    model: 'slow', messages, stream: true,
  });
  let text = '';
  for await (const c of stream) text += c.choices[0].delta.content ?? '';
  assert.equal(text.split(' ').length, 8);
});

test('what fails after heartbeats raises', async () => {
  const stream = await client.chat.completions.create({
    model: 'late', messages, stream: true,
  });
  await assert.rejects(async () => {
    for await (const c of stream) void c;
  }, (e) => e instanceof OpenAI.APIError && e.code === 'all_backends_failed');
});

test('embeddings: base64 is what this client decodes blindly', async () => {
  const r = await client.embeddings.create({ model: 'm', input: ['a'] });
  assert.equal(r.data[0].embedding[0], 0.5);
});

test('an unknown model is a shaped 404', async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'nope', messages }),
    (e) => e.status === 404 && e.code === 'model_not_found');
});

test('a cut stream raises, with its code', async () => {
  const stream = await client.chat.completions.create({
    model: 'broken', messages, stream: true,
  });
  await assert.rejects(async () => {
    for await (const c of stream) void c;
  }, (e) => e instanceof OpenAI.APIError && e.code === 'upstream_failed');
});

test('models', async () => {
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  assert.ok(ids.includes('m'));
});

test('leaving a stream stops the work', async () => {
  const stream = await client.chat.completions.create({
    model: 'm', messages, stream: true,
    fake: { itl_ms: 50, tokens: 1000 },
  });
  for await (const c of stream) { void c; break; }
  const running = async () =>
    (await (await fetch(process.env.FAKE_URL + '/fake/stats')).json()).running;
  for (let i = 0; i < 200 && (await running()) > 0; i++)
    await new Promise((done) => setTimeout(done, 10));
  assert.equal(await running(), 0);
});

test('speech, and a cut one rejects', async () => {
  const speak = (model) => client.audio.speech.create(
    { model, voice: 'alloy', input: 'hello' });
  const r = await speak('media');
  assert.equal(r.headers.get('content-type'), 'audio/mpeg');
  assert.equal((await r.arrayBuffer()).byteLength, 8 * 256);
  const cut = await speak('cut');
  await assert.rejects(cut.arrayBuffer());
});

test('transcriptions', async () => {
  const file = () => toFile(Buffer.alloc(40000, 'RIFF'), 'a.wav');
  const r = await client.audio.transcriptions.create(
    { model: 'media', file: await file() });
  assert.match(r.text, /^word0 word1/);
  const stream = await client.audio.transcriptions.create(
    { model: 'media', file: await file(), stream: true });
  const seen = [];
  for await (const e of stream) seen.push(e.type);
  assert.equal(seen.at(-1), 'transcript.text.done');
  assert.equal(seen.length, 9);
});
