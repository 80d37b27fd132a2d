# SPDX-License-Identifier: Apache-2.0
"""The frame and the look of every page that a person sees: light and dark, phone width, no script. Pure.

A page names nothing outside the server, and its policy lets the browser load nothing but its own style.
"""

import base64
import hashlib
from html import escape

from .answers import HTML, Answer

STYLE = (
    ":root{color-scheme:light dark;--text:#1a1a1a;--back:#fff;--soft:#f2f2f2;--line:#595959;"
    "--link:#0b5394;--focus:#b45f06}"
    "@media (prefers-color-scheme:dark){:root{--text:#ececec;--back:#16181b;--soft:#25282d;--line:#9a9a9a;"
    "--link:#8ab8f0;--focus:#f0b060}}"
    "body{font:1.1rem/1.5 sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;"
    "color:var(--text);background:var(--back)}"
    "a{color:var(--link)}"
    "label{display:block;margin-top:1rem}"
    "input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;color:inherit;background:var(--back);"
    "border:1px solid var(--line)}"
    "button{font:inherit;margin-top:1.5rem;padding:.6rem 1.2rem;min-height:2.75rem;color:var(--back);"
    "background:var(--link);border:1px solid var(--link)}"
    ".choices{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}.choices button{margin-top:0}"
    "button.other{color:var(--link);background:var(--back)}"
    ":focus-visible{outline:3px solid var(--focus);outline-offset:2px}"
    "dt{font-weight:bold}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
    ".status{padding:.6rem 1rem;background:var(--soft);border-left:.4rem solid var(--link)}"
    ".qr{display:block;width:100%;max-width:19rem;margin:1.5rem 0}.qr svg{display:block;width:100%}"
    "code{overflow-wrap:anywhere}"
    "ul{padding:0;list-style:none}li{padding:.6rem 0;border-bottom:1px solid var(--line);"
    "overflow-wrap:anywhere}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head>\n"
    "<body><main><h1>{title}</h1>\n{content}\n</main></body></html>\n"
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
    return Answer(status, text.encode("utf-8", "replace"), HTML, headers)


def fields_list(fields: dict[str, str]) -> str:
    """Names and values as a description list; both are text."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in fields.items())
    return f"<dl>{rows}</dl>"
