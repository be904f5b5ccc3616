"""Which URLs people may be sent to, and which redirects stay on this site."""

from __future__ import annotations

import pytest

from app import safe_urls


@pytest.mark.parametrize(
    "url",
    ["https://example.com", "http://example.com:8080/a?b=c#d", "https://[::1]/", "https://bücher.example/ü"],
)
def test_web_addresses_are_links(url: str) -> None:
    assert safe_urls.is_web_address(url)
    assert safe_urls.is_link(url)
    assert not safe_urls.is_path(url)


@pytest.mark.parametrize("url", ["/", "/notifications/5", "/jobs?next=//b", "/a//b"])
def test_paths_are_links(url: str) -> None:
    assert safe_urls.is_path(url)
    assert safe_urls.is_link(url)
    assert not safe_urls.is_web_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "jobs",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/a\tb",
        "/a\nb",
        "/a b",
        '/"onclick="x',
        "https://",
        "https:///path",
        "https://a:0/",
        "https://a:99999/",
        "https://[::1/",
        "https://a\\@evil.example",
        "https://a<b>",
        "https://a\u2028b",
        "HTTPS:evil",
    ],
)
def test_everything_else_is_not_a_link(url: str) -> None:
    assert not safe_urls.is_link(url)


@pytest.mark.parametrize("target", ["/", "/notifications/5?place=done", "/a%20b", "/?search=a//b"])
def test_paths_of_this_site_are_local_redirects(target: str) -> None:
    assert safe_urls.is_local_redirect(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "notifications",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/%2fevil.example",
        "/%252fevil.example",
        "/%255cevil.example",
        "/a%0d%0ab",
        "/a\tb",
        "/" + "a" * 2000,
        "/%2525252525252541",
    ],
)
def test_redirects_that_may_leave_the_site_are_not_local(target: str) -> None:
    assert not safe_urls.is_local_redirect(target)
