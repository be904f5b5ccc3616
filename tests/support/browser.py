"""A real browser, whose pages fail the test on errors.

    def test_inbox(page_factory, live_url):
        page = page_factory(live_url, width=390, color_scheme="dark")
        page.goto("/notifications")
        assert axe(page) == []

Pages from `page_factory` are monitored: a console error, a script error, a violation of the content security policy or
a request to another site fails the test when it ends. A test can ignore an error that it provokes on purpose with
`page.watch.forgive("status of 422")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
ARGUMENTS = [
    "--no-sandbox",  # the sandbox is not available to root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--no-first-run",
]
AXE = Path(__file__).parent.parent / "vendor" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Finds content outside the window or its own box that is neither scrollable nor truncated with an ellipsis.
CUT_OFF = """() => {
  const width = document.documentElement.clientWidth, found = [];
  const panels = '.panel, .panel__scroll, .list, .pane';
  const words = 'a, button, label, summary, th, td, h1, h2, h3, p, .tag';
  const moves = (element) => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
  const isScrolled = (element) => {
    const outer = element.parentElement;
    return outer && !outer.matches(panels) && (moves(outer) || isScrolled(outer));
  };
  for (const element of document.querySelectorAll(`${words}, legend, input, select`)) {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    const isSeen = element.checkVisibility({visibilityProperty: true, opacityProperty: true}) && box.width > 2;
    if (!isSeen || element.closest('.vh, .skip') || isScrolled(element)) continue;
    const isOut = box.left < -1 || box.right > width + 1;
    const isCut = element.matches(words) && style.display !== 'inline' && style.textOverflow !== 'ellipsis'
      && !moves(element) && element.scrollWidth > element.clientWidth + 1;
    if (isOut || isCut) found.push(`${element.tagName}.${element.className} ${element.textContent.trim()}`);
  }
  for (const panel of document.querySelectorAll(`html, ${panels}`)) {
    if (panel.scrollWidth > panel.clientWidth + 1) found.push(`${panel.tagName}.${panel.className} scrolls sideways`);
  }
  return found;
}"""

# A limit costs nothing where a test passes, and a busy machine is slow.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Watch:
    """The problems on a page and on the pages it opened."""

    base_url: str
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        home = urlsplit(self.base_url)[:2]
        context.on(
            "console",
            lambda message: (
                message.type == "error" and self.console.append(f"{message.text} ({message.page.url})")
            ),
        )
        context.on("weberror", lambda web_error: self.errors.append(str(web_error.error)))
        context.on(
            "request",
            lambda request: (
                request.url.startswith(("http", "ws"))
                and urlsplit(request.url)[:2] != home
                and self.foreign.append(request.url)
            ),
        )

    @property
    def problems(self) -> list[str]:
        return [
            *(f"console: {text}" for text in self.console),
            *(f"script: {text}" for text in self.errors),
            *(f"left the site: {url}" for url in self.foreign),
        ]

    def forgive(self, words: str) -> None:
        """Remove the problems that contain these words; fail if there are none."""
        before = len(self.problems)
        for found in (self.console, self.errors, self.foreign):
            found[:] = [text for text in found if words not in text]
        assert len(self.problems) < before, f"nothing to forgive: {words!r} is not in {self.problems}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window if it is installed, otherwise Playwright's."""
    with sync_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page_factory(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages, each in its own browser context: page_factory(base_url, width=390, …).

    Further arguments go to Playwright's `new_context`: color_scheme, has_touch, java_script_enabled,
    locale, timezone_id, reduced_motion, storage_state …
    """
    opened: list[Page] = []

    def make(base_url: str, *, width: int = 1440, height: int = 900, **options: Any) -> Page:
        context = browser.new_context(
            base_url=base_url, viewport={"width": width, "height": height}, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.watch = Watch(base_url)
        page.watch.follow(context)
        opened.append(page)
        return page

    yield make
    problems = [problem for page in opened for problem in page.watch.problems]
    for page in opened:
        page.context.close()
    assert not problems, "\n".join(problems)


def axe(page: Page) -> list[str]:
    """Run axe-core on the page; return one line per element with a violation.

    The script is injected through the debugger, which is not subject to the content security policy.
    """
    # Colours have arbitrary contrast during a transition: wait for running transitions, and make new ones immediate.
    # Except for scroll-driven animations, which never finish, and a toast's countdown, which changes no colour.
    is_calm = page.evaluate("() => matchMedia('(prefers-reduced-motion: reduce)').matches")
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(
        """async () => {
             await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
             await Promise.all(document.getAnimations()
               .filter(a => a.playState === 'running' && a.timeline === document.timeline)
               .filter(a => a.animationName !== 'drain' && a.effect.getComputedTiming().endTime !== Infinity)
               .map(a => a.finished.catch(() => null)));
           }"""
    )
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']}).then(r => r.violations)",
        AXE_TAGS,
    )
    page.emulate_media(reduced_motion="reduce" if is_calm else "no-preference")
    return [
        f"{rule['id']}: {rule['help']} | {' '.join(map(str, node['target']))} | {node['html'][:200]}"
        f" | {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def sign_in_browser(page: Page, client: FlaskClient, address: str) -> None:
    """Give a page the session of a signed-in client."""
    cookie = client.get_cookie("bellhop")
    assert cookie is not None
    page.context.add_cookies([{"name": "bellhop", "value": cookie.value, "url": address}])
