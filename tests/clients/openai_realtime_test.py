"""openai (PyPI): sessions of its Realtime API, unchanged but for base_url."""
import asyncio
import os
import unittest

import openai

BASE = os.environ["BASE_URL"]
client = openai.OpenAI(base_url=BASE, api_key="any")


class Realtime(unittest.TestCase):
    def test_a_session(self):
        with client.realtime.connect(model="voice") as session:
            self.assertEqual(session.recv().type, "session.created")
            session.conversation.item.create(item={
                "type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "hello"}]})
            session.response.create()
            text = ""
            for event in session:
                if event.type == "response.output_text.delta":
                    text += event.delta
                elif event.type == "response.done":
                    break
            self.assertEqual(text, "one two")
            self.assertEqual(event.response.usage.input_tokens, 20)

    def test_an_asynchronous_one(self):
        async def talk():
            other = openai.AsyncOpenAI(base_url=BASE, api_key="any")
            async with other.realtime.connect(model="voice") as session:
                await session.response.create()
                async for event in session:
                    if event.type == "response.done":
                        return event.response.usage.output_tokens
        self.assertEqual(asyncio.run(talk()), 10)

    def test_a_model_that_is_not_there(self):
        with self.assertRaises(Exception) as caught:
            client.realtime.connect(model="none").enter()
        self.assertIn("404", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
