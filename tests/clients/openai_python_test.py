"""openai (PyPI), unchanged but for its base_url."""
import base64
import io
import os
import struct
import tempfile
import time
import unittest
import urllib.request
import json
import wave

import openai

client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="any")
HELLO = [{"role": "user", "content": "hello"}]


def wav():
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"\1\2" * 16000)
    return out.getvalue()


def fake_stats():
    with urllib.request.urlopen(os.environ["FAKE_URL"] + "/fake/stats") as r:
        return json.load(r)


class OpenAIPython(unittest.TestCase):
    def test_chat(self):
        r = client.chat.completions.create(model="m", messages=HELLO)
        self.assertTrue(r.choices[0].message.content.startswith("word0"))
        self.assertEqual(r.usage.completion_tokens, 8)
        self.assertTrue(r._request_id.startswith("req_"))

    def test_streaming_with_usage(self):
        stream = client.chat.completions.create(
            model="m", messages=HELLO, stream=True,
            stream_options={"include_usage": True})
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or ""
                       for c in chunks if c.choices)
        self.assertEqual(len(text.split()), 8)
        self.assertEqual(chunks[-1].usage.completion_tokens, 8)

    def test_usage_is_not_forced_on_who_did_not_ask(self):
        stream = client.chat.completions.create(
            model="m", messages=HELLO, stream=True)
        self.assertTrue(all(c.choices for c in stream))

    def test_heartbeats_are_not_seen(self):
        stream = client.chat.completions.create(
            model="slow", messages=HELLO, stream=True)
        text = "".join(c.choices[0].delta.content or "" for c in stream)
        self.assertEqual(len(text.split()), 8)

    def test_what_fails_after_heartbeats_raises(self):
        stream = client.chat.completions.create(
            model="late", messages=HELLO, stream=True)
        with self.assertRaises(openai.APIError) as caught:
            list(stream)
        self.assertEqual(caught.exception.code, "all_backends_failed")

    def test_an_idempotency_key_is_answered_once(self):
        before = fake_stats()["requests"]
        key = {"idempotency-key": str(time.time())}
        answers = [client.chat.completions.create(
            model="m", messages=HELLO, extra_headers=key) for _ in range(2)]
        self.assertEqual(answers[0].id, answers[1].id)
        self.assertNotEqual(answers[0]._request_id, answers[1]._request_id)
        with self.assertRaises(openai.ConflictError) as caught:
            client.chat.completions.create(
                model="m", messages=HELLO * 2, extra_headers=key)
        self.assertEqual(caught.exception.code, "idempotency_key_reused")
        # It retries every other 409.
        self.assertEqual(caught.exception.request.headers[
            "x-stainless-retry-count"], "0")
        self.assertEqual(fake_stats()["requests"], before + 1)

    def test_completions(self):
        r = client.completions.create(model="m", prompt="hello")
        self.assertTrue(r.choices[0].text.startswith("word0"))

    def test_tools_are_passed_on(self):
        tools = [{"type": "function", "function": {
            "name": "f", "parameters": {"type": "object", "properties": {}}}}]
        r = client.chat.completions.create(
            model="m", messages=HELLO, tools=tools)
        self.assertEqual(r.choices[0].finish_reason, "stop")

    def test_embeddings_default_to_base64_and_decode(self):
        r = client.embeddings.create(model="m", input=["a", "b"])
        self.assertEqual(len(r.data), 2)
        self.assertAlmostEqual(r.data[0].embedding[0], 0.5, places=6)
        self.assertAlmostEqual(r.data[1].embedding[0], 1.0, places=6)
        self.assertEqual(len(struct.pack("<f", r.data[0].embedding[0])), 4)

    def test_models(self):
        self.assertIn("m", [m.id for m in client.models.list()])
        self.assertEqual(client.models.retrieve("m").id, "m")
        with self.assertRaises(openai.NotFoundError):
            client.models.retrieve("no/such")

    def test_unknown_model(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="nope", messages=HELLO)
        self.assertEqual(caught.exception.code, "model_not_found")

    def test_bad_type(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="m", messages="hello")
        self.assertEqual(caught.exception.param, "messages")

    def test_a_cut_stream_is_an_error_not_an_end(self):
        with self.assertRaises(openai.APIError) as caught:
            for _ in client.chat.completions.create(
                    model="broken", messages=HELLO, stream=True):
                pass
        self.assertIn("broke off", str(caught.exception))

    def test_speech_is_streamed_to_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "speech.mp3")
            with client.audio.speech.with_streaming_response.create(
                    model="media", voice="alloy", input="hello") as r:
                r.stream_to_file(path)
            with open(path, "rb") as f:
                self.assertEqual(f.read(), bytes(range(256)) * 8)

    def test_cut_speech_raises(self):
        # its HTTP library's error, as it comes
        with self.assertRaisesRegex(Exception, "complete message body"), \
                client.audio.speech.with_streaming_response.create(
                    model="cut", voice="alloy", input="hello") as r:
            r.read()

    def test_transcriptions_of_a_wav(self):
        for ask in (client.audio.transcriptions, client.audio.translations):
            r = ask.create(model="media", file=("a.wav", wav()))
            self.assertTrue(r.text.startswith("word0 word1"))

    def test_a_transcript_in_pieces(self):
        stream = client.audio.transcriptions.create(
            model="media", file=("a.wav", wav()), stream=True)
        seen = list(stream)
        self.assertEqual("".join(e.delta for e in seen[:-1]), seen[-1].text)
        self.assertEqual(seen[-1].usage.output_tokens, 8)

    def test_pictures(self):
        r = client.images.generate(model="media", prompt="a cat")
        self.assertEqual(base64.b64decode(r.data[0].b64_json), b"hello")
        self.assertEqual(r.usage.output_tokens, 8)

    def test_moderations(self):
        r = client.moderations.create(model="media", input="hello")
        self.assertFalse(r.results[0].flagged)
        with self.assertRaises(openai.BadRequestError) as caught:
            client.moderations.create(input="hello")
        self.assertEqual(caught.exception.code, "model_required")

    def test_what_a_backend_cannot_do(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            client.audio.speech.create(model="m", voice="x", input="hello")
        self.assertIn("speech", str(caught.exception))

    def test_no_second_retry_layer(self):
        began = time.monotonic()
        with self.assertRaises(openai.InternalServerError):
            client.chat.completions.create(model="down", messages=HELLO,
                                           timeout=10)
        self.assertLess(time.monotonic() - began, 9)

    def test_a_timeout_of_its_own_is_the_clients_to_raise(self):
        for seconds in (0.1, 0.2, 0.3) * 3:
            with self.assertRaises(openai.APITimeoutError):
                client.with_options(max_retries=0).chat.completions.create(
                    model="slow", messages=HELLO, timeout=seconds)

    def test_cancellation_reaches_the_backend(self):
        stream = client.chat.completions.create(
            model="m", messages=HELLO, stream=True,
            extra_body={"fake": {"itl_ms": 50, "tokens": 1000}})
        next(iter(stream))
        stream.close()
        end = time.monotonic() + 2
        while fake_stats()["running"] > 0 and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(fake_stats()["running"], 0)


if __name__ == "__main__":
    unittest.main()
