# SPDX-License-Identifier: Apache-2.0
"""How the customer's pages look: alone, accessible, in one style with enough contrast, and time in words."""

import re
from urllib.parse import urlencode, urlsplit

import page_browser
import pytest
from page_browser import Page

from airflow_provider_sengo.simulator import pay_page

browser = page_browser.browser


def card_page(browser):
    """The other gateway's form, by the address that a client would sign."""
    from airflow_provider_sengo.simulator import senangpay_hashes

    settings = browser.world.settings.senangpay
    signed = {"order_id": "a1", "name": "Abu", "email": "a@example.com", "phone": "+60123456789"}
    signed["hash"] = senangpay_hashes.token_request(settings.secret_key, settings.merchant_id, "a1")
    url = f"/tokenization/{settings.merchant_id}?{urlencode(signed)}"
    status, headers, body = browser.world.handle("GET", url)
    assert status == 200
    page = Page(body)
    page.headers, page.raw = headers, body.decode()
    return page


def all_pages(browser):
    made = browser.create()
    pages = [browser.open("/"), browser.open(f"/pay/{made['id']}"), browser.open("/pay/x", 404)]
    return [*pages, browser.click(f"/pay/{made['id']}/fail"), card_page(browser)]


def test_pages_are_alone_and_accessible(browser):
    """Language, title, one heading, one main part, names for code and buttons; no script, no address
    elsewhere, and a policy that lets the browser load the page's own style and nothing else.
    """
    for page in all_pages(browser):
        assert page.all("html") == [{"lang": "en"}]
        assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
        assert [len(page.all(tag)) for tag in ("title", "h1", "main")] == [1, 1, 1]
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert not page.all("script")
        assert not page.all("link")
        assert not page.all("img")
        assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
        assert not [attrs for _, attrs in page.tags if "style" in attrs]
        addresses = [
            attrs[name] for _, attrs in page.tags for name in ("href", "src", "action") if name in attrs
        ]
        assert all(urlsplit(one).netloc == "" and one.startswith("/") for one in addresses)
        assert "http:" not in page.raw
        assert all(button == {"type": "submit"} or "class" in button for button in page.all("button"))


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_one_look_with_enough_contrast(browser):
    """All pages share one style; text, links and buttons have 4.5 to 1 in light and in dark, focus and lines 3."""
    (style,) = {re.search("<style>(.*?)</style>", page.raw)[1] for page in all_pages(browser)}
    assert "color-scheme:light dark" in style
    assert "max-width:34rem" in style
    assert ":focus-visible{outline:3px" in style
    schemes = re.findall(r":root\{[^}]*\}", style)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = {name: luminance(value) for name, value in re.findall(r"--(\w+):#([0-9a-f]+)", scheme)}

        def contrast(one, other, colours=colours):
            bright, dark = sorted((colours[one], colours[other]), reverse=True)
            return (bright + 0.05) / (dark + 0.05)

        assert min(contrast("text", "back"), contrast("text", "soft"), contrast("link", "back")) >= 4.5
        assert min(contrast("focus", "back"), contrast("line", "back"), contrast("link", "soft")) >= 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "less than a second"),
        (0.4, "less than a second"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (3_600, "1 hour"),
        (200_000, "2 days 7 hours"),
    ],
)
def test_time_left_in_words(seconds, text):
    """The two largest units that count."""
    assert pay_page.left_text(seconds) == text
