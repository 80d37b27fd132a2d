# SPDX-License-Identifier: Apache-2.0
"""The HTML of the tokenization page: one form, no script, nothing from elsewhere, everything escaped. Pure."""

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from .answers import HTML, Answer
from .senangpay_tokens import TEST_CARD, TEST_CVV

STYLE = (
    "body{font:1.1rem/1.5 sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}"
    "label{display:block;margin-top:1rem}"
    "input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;border:1px solid #595959}"
    "button{font:inherit;margin-top:1.5rem;padding:.6rem 1.2rem;color:#fff;background:#0b5394;border:0}"
    ":focus-visible{outline:3px solid #b45f06;outline-offset:2px}"
    "dt{font-weight:bold}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>\n"
    "<body><main><h1>{title}</h1>\n{content}\n</main></body></html>\n"
)
_CARD_FIELDS = (  # name, label, hint, autocomplete, pattern
    ("card_number", "Card number", f"The test card is {TEST_CARD}; any other fails.", "cc-number", "[0-9 ]+"),
    ("expiry", "Expiry (MM/YY)", "Any month.", "cc-exp", "[0-9]{2}/[0-9]{2}"),
    ("cvv", "Security code (CVV)", f"The test card's is {TEST_CVV}.", "cc-csc", "[0-9]{3,4}"),
)


def page(title: str, content: str, *, status: int = 200, form_action: str = "'none'") -> Answer:
    """A page of this simulator; ``content`` is HTML, the title is not."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    text = _PAGE.format(title=escape(title), style=STYLE, content=content)
    headers = (
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    )
    return Answer(status, text.encode(), HTML, headers)


def form_page(action: str, signed: dict[str, str], return_url: str | None) -> Answer:
    """The card form. Its policy names the return URL's origin, too: browsers hold redirects against it."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in signed.items()
    )
    fields = "".join(
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" aria-describedby="{name}-hint" inputmode="numeric" required '
        f'autocomplete="{autocomplete}" pattern="{pattern}"><div id="{name}-hint">{hint}</div>\n'
        for name, label, hint, autocomplete, pattern in _CARD_FIELDS
    )
    content = (
        f"<p>For {escape(signed['name'])}, order {escape(signed['order_id'])}. "
        "This is a simulator: no card is charged, nothing leaves this machine.</p>\n"
        f'<form method="post" action="{escape(action)}">{hidden}{fields}'
        '<button type="submit">Store this card</button></form>'
    )
    form_action = f"'self' {origin_of(return_url)}" if return_url else "'self'"
    return page("Store a card", content, form_action=form_action)


def result_page(fields: dict[str, str]) -> Answer:
    """What a return URL would have been told, when there is none."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in fields.items())
    note = "<p>No return URL is set; it would have been told this.</p>"
    return page("Result", f"{note}\n<dl>{rows}</dl>")


def origin_of(url: str) -> str:
    """Scheme, host and port alone, built anew: nothing else of the URL gets into a header."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{host}:{parts.port or 80}"
