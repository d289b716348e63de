#!/usr/bin/env python3
"""Pictures of pages and mails: screenshots.py PAGES_DIRECTORY PICTURES_DIRECTORY

For each page.html a picture in phone width and one in desktop width, light beside dark.
"""
import base64
import pathlib
import sys

from playwright.sync_api import sync_playwright

SIZES = [("phone", 390, 480), ("desktop", 760, 420)]
SCHEMES = ["light", "dark"]


def panels(browser, path, width, height):
    for scheme in SCHEMES:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=False
        )
        page = context.new_page()
        page.goto(path.as_uri())
        yield page.screenshot(full_page=True)
        context.close()


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for path in sorted(source.glob("*.html")):
            for name, width, height in SIZES:
                sheet = browser.new_page(viewport={"width": 2 * width + 24, "height": 400}, device_scale_factor=0.45)
                images = "".join(
                    f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}">'
                    for png in panels(browser, path.resolve(), width, height)
                )
                sheet.set_content(
                    "<style>body{margin:8px;background:#888;display:flex;gap:8px;align-items:flex-start}</style>" + images
                )
                sheet.wait_for_function("[...document.images].every(i => i.complete)")
                picture = target / f"{path.stem}-{name}.png"
                sheet.screenshot(path=picture, full_page=True)
                sheet.close()
                print(picture, picture.stat().st_size)
        browser.close()


main()
