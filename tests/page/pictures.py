#!/usr/bin/env python3
"""Makes the pictures of the operators' page that docs show: seven minutes of
traffic over simulated backends, three things that go wrong, a Chromium.

usage: tests/page/pictures.py [--calm S] [--into FOLDER]   (make page-pictures)
"""
import argparse
import os
import sys
import time

from browser import Browser, ROOT, missing
from stage import KEYS, Stage

SLOW_SECONDS, REST_SECONDS = 70, 80
WIDE, SMALL = (1440, 1330), (1200, 900)


class Pictures:
    def __init__(self, browser, stage, folder):
        self.browser, self.stage, self.folder = browser, stage, folder

    def open(self, size):
        page = self.browser.tab(color_scheme="light")
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"http://127.0.0.1:{self.stage.gateway.admin}/")
        page.locator("#now dd").first.wait_for()
        page.wait_for_timeout(1500)
        return page

    def keep(self, name, taken):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(taken)
        print(f"{path}: {len(taken)} bytes", flush=True)

    def whole(self, name):
        page = self.open(WIDE)
        self.keep(name, page.screenshot())
        page.close()

    def card(self, name, tenant):
        """An incident, alone."""
        page = self.open(SMALL)
        card = page.locator(".incident").filter(
            has=page.locator('[data-of="who"]', has_text=tenant))
        self.keep(name, card.screenshot())
        page.close()

    def receipt(self, name):
        page = self.open(SMALL)
        page.locator("#receipts-missed").check()
        page.locator("#receipts .open").first.click()
        page.locator(".receipt .why").wait_for()
        page.locator(".receipt").scroll_into_view_if_needed()
        self.keep(name, page.locator(".receipt").screenshot())
        page.close()

    def playground(self, name):
        page = self.open(SMALL)
        ground = page.locator("#playground")
        ground.get_by_label("Tenant key").fill(KEYS["PAGE_ACME"])
        ground.get_by_role("combobox", name="Class").select_option("voice")
        ground.get_by_label("Tokens at most").fill("40")
        ground.get_by_role("button", name="Send").click()
        ground.locator(".receipt .why").wait_for()
        page.set_viewport_size({"width": SMALL[0], "height": 1100})
        self.keep(name, ground.screenshot())
        page.close()


def play(o):
    with Stage() as stage, Browser() as browser:
        pictures = Pictures(browser, stage, o.into)
        whole = o.calm + SLOW_SECONDS + REST_SECONDS + 30
        stage.load(24, whole, ("acme", "gemma", 4), ("night", "gemma", 3),
                   ("zeta", "qwen", 3))
        stage.load(4, whole, ("flood", "llama", 1))
        time.sleep(o.calm)
        stage.slow()
        time.sleep(SLOW_SECONDS)
        pictures.whole("page.png")
        pictures.card("incident-slow.png", "acme")
        pictures.receipt("receipt.png")
        pictures.playground("playground.png")
        stage.down()
        stage.crowd(REST_SECONDS + 20)
        time.sleep(REST_SECONDS)
        pictures.card("incident-down.png", "zeta")
        pictures.card("incident-crowd.png", "flood")


def main():
    parser = argparse.ArgumentParser(
        prog="tests/page/pictures.py",
        description="Pictures of the operators' page, into docs/images.")
    parser.add_argument("--calm", type=float, default=240,
                        help="seconds before anything goes wrong [240]")
    parser.add_argument("--into", default=os.path.join(ROOT, "docs/images"))
    o = parser.parse_args()
    if missing():
        sys.exit(f"there is no {missing()}: tools/bootstrap test")
    play(o)


if __name__ == "__main__":
    main()
