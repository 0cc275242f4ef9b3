"""Three things go wrong at once; an operator who has nothing but the page
reads off it who misses its SLO, because of what, since when, and what it
costs."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import PageTest, axe, plain, to_number  # noqa: E402
from stage import Stage  # noqa: E402
from harness import wait_for  # noqa: E402

WARM_SECONDS = 6
SEEN_WITHIN = 25  # s; a minute is what an operator has
STEP = 6  # s: since when is known to a sample of five
AGES = {"s": 1, "min": 60}


def age(text):
    """Seconds of '1 min 5 s ago'."""
    words = text.split()
    return sum(int(n) * AGES[unit]
               for n, unit in zip(words[:-1:2], words[1:-1:2]))


class Incidents(PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage = Stage().__enter__()
        cls.addClassCleanup(cls.stage.stop)

    def card(self, page, tenant):
        return page.locator(".incident").filter(has=page.locator(
            '[data-of="who"]', has_text=tenant))

    def read(self, page, tenant):
        """What a card says, by the names of its parts, once it is there and
        the misses outweigh what went well before."""
        card = self.card(page, tenant)
        card.wait_for(timeout=1000 * SEEN_WITHIN)
        met = card.locator('[data-of="met"]')
        wait_for(lambda: to_number(met.inner_text()) < 95, SEEN_WITHIN,
                 "attainment to fall")
        return {of: plain(card.locator(f'[data-of="{of}"]').inner_text())
                for of in ("who", "who-lines", "cause", "cause-lines",
                           "since", "since-lines", "met", "met-lines",
                           "cost", "cost-lines")}

    def check(self, told, began, cause, model):
        self.assertRegex(told["cause"], cause)
        self.assertIn(model, told["who-lines"])
        self.assertRegex(told["cause-lines"], r"\d+ of \d+ misses in 5 min")
        self.assertIn("target 95 %", told["met-lines"])
        self.assertLessEqual(age(told["since"]),
                             time.monotonic() - began + STEP, told)
        self.assertRegex(told["since-lines"], r"\d\d:\d\d:\d\d local time")
        self.assertRegex(told["cost"], r"^(\$[\d.]+|\$0)/h$")
        self.assertIn("before", told["cost-lines"])

    def test_the_page_alone_tells_of_three_incidents(self):
        stage = self.stage
        page = self.open(stage.gateway)
        self.live(page)
        stage.load(30, WARM_SECONDS + 40, ("acme", "gemma", 3),
                   ("zeta", "qwen", 3), ("night", "gemma", 1))
        stage.load(3, WARM_SECONDS, ("flood", "llama", 1)).wait(60)
        self.assertEqual(page.locator(".incident").count(), 0)
        self.assertRegex(page.locator(".calm").inner_text(),
                         "Nobody misses|by few requests each")
        began = time.monotonic()
        stage.slow()
        stage.down()
        stage.crowd(30)
        self.check(self.read(page, "acme"), began,
                   r"^fast.*: (tokens come slowly|first tokens come late)",
                   "gemma")
        self.check(self.read(page, "zeta"), began, r"^solo", "qwen")
        flood = self.read(page, "flood")
        self.check(flood, began,
                   "^too little capacity for llama: requests", "llama")
        self.assertIn("most traffic on llama: flood", flood["cause-lines"])
        # nobody else is accused, and who is to blame is marked where it is
        self.assertEqual(self.card(page, "night").count(), 0)
        blamed = page.locator(".serving.blamed h3").all_inner_texts()
        self.assertIn("fast · gemma", blamed)
        self.assertNotIn("gpu · gemma", blamed)
        self.assertIn("acme", page.locator("#incident-said").inner_text())
        self.assertEqual(axe(page), [])


if __name__ == "__main__":
    unittest.main()
