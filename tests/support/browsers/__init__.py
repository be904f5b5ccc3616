"""Chromium, Firefox and WebKit behind one small interface, each with a mouse or with touch.

    with firefox(has_touch=True) as driver:
        page = Page(driver, live_url)
        page.goto("/notifications")
        page.press("j", "Alt+l")
        page.click("#later button", "Tomorrow morning")

Playwright's Firefox and WebKit are builds of its own. These are the browsers of the system, driven by the protocols of
the standard: WebDriver BiDi, which Firefox speaks itself, and WebDriver. Chromium is the one of the other tests.
"""
