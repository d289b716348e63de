#!/usr/bin/env python3
"""Debian's Chromium without a window, driven by steps: a JSON list on standard input, one result a step on standard output.

  ["goto", URL]  ["click", TEXT]  ["press", SELECTOR]  ["fill", SELECTOR, TEXT]  ["shot", PATH]
Each result is {"url", "title", "text", "status"}; the browser trusts any certificate of this machine's test authorities.
"""
import json
import sys

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"


def main():
    steps = json.load(sys.stdin)
    results = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            ignore_https_errors=True, java_script_enabled=False, locale="en-US", viewport={"width": 390, "height": 844}
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        statuses = {}
        page.on("response", lambda response: statuses.__setitem__(response.url, response.status))
        for step in steps:
            verb, argument = step[0], step[1]
            if verb == "goto":
                page.goto(argument)
            elif verb == "click":
                page.get_by_text(argument).first.click()
            elif verb == "press":
                page.locator(argument).first.click()
            elif verb == "fill":
                page.locator(argument).first.fill(step[2])
            elif verb == "shot":
                page.screenshot(path=argument, full_page=True)
            else:
                sys.exit(f"no such step: {verb}")
            page.wait_for_load_state("load")
            results.append(
                {
                    "url": page.url,
                    "title": page.title(),
                    "text": page.inner_text("body"),
                    "status": statuses.get(page.url, 0),
                }
            )
        browser.close()
    print(json.dumps(results))


main()
