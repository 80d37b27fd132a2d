# SPDX-License-Identifier: Apache-2.0
"""The HTML of the tokenization page: one form and its result, everything escaped. Pure."""

from html import escape
from urllib.parse import urlsplit

from .answers import Answer
from .html_page import fields_list, page
from .senangpay_tokens import TEST_CARD, TEST_CVV

_CARD_FIELDS = (  # name, label, hint, autocomplete, pattern
    ("card_number", "Card number", f"The test card is {TEST_CARD}; any other fails.", "cc-number", "[0-9 ]+"),
    ("expiry", "Expiry (MM/YY)", "Any month.", "cc-exp", "[0-9]{2}/[0-9]{2}"),
    ("cvv", "Security code (CVV)", f"The test card's is {TEST_CVV}.", "cc-csc", "[0-9]{3,4}"),
)


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
    note = "<p>No return URL is set; it would have been told this.</p>"
    return page("Result", f"{note}\n{fields_list(fields)}")


def origin_of(url: str) -> str:
    """Scheme, host and port alone, built anew: nothing else of the URL gets into a header."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{host}:{parts.port or 80}"
