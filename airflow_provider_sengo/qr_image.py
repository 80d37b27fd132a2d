# SPDX-License-Identifier: Apache-2.0
"""Draws the text of a QRIS code, for whoever sends the code to a customer.

The same content gives the same image, to the byte. Nothing here reads the content or asks a gateway; segno
is imported when something is drawn.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segno import QRCode

CONTENT_CHARACTERS_MAX = 512  # EMVCo's own limit for a merchant-presented code
SCALE_MAX = 40  # pixels a module; a whole code is some 80 modules wide
QUIET_ZONE_MODULES = 4  # ISO/IEC 18004 asks for them, and cameras need them
ERROR_CORRECTION = "m"  # restores 15 percent, as printed QRIS do


def qr_png(content: str, *, scale: int = 8) -> bytes:
    """Draw a code in black on white as the bytes of a PNG file.

    ``scale``: pixels a module, 1 to 40. Raises: ValueError naming the rule, never the content.
    """
    image = io.BytesIO()
    code = _code(content)
    code.save(
        image, kind="png", scale=_scale(scale), border=QUIET_ZONE_MODULES, dark="#000000", light="#ffffff"
    )
    return image.getvalue()


def qr_svg(content: str, *, scale: int = 8) -> str:
    """Draw a code in black on white as a whole SVG document, without scripts or links.

    ``scale``: user units a module, 1 to 40. Raises: ValueError naming the rule, never the content.
    """
    image = io.BytesIO()
    code = _code(content)
    code.save(
        image, kind="svg", scale=_scale(scale), border=QUIET_ZONE_MODULES, dark="#000000", light="#ffffff"
    )
    return image.getvalue().decode()


def _code(content: str) -> QRCode:
    if not isinstance(content, str):
        raise ValueError(f"content: must be the text of a code; got {type(content).__name__}.")
    if not content.strip():
        raise ValueError("content: must be the text of a code; it is empty.")
    if len(content) > CONTENT_CHARACTERS_MAX:
        raise ValueError(f"content: must be at most {CONTENT_CHARACTERS_MAX} characters; has {len(content)}.")
    import segno

    try:
        return segno.make_qr(content, error=ERROR_CORRECTION, boost_error=False)
    except UnicodeError:
        raise ValueError("content: must be text that UTF-8 can hold.") from None


def _scale(scale: int) -> int:
    if isinstance(scale, bool) or not isinstance(scale, int) or not 1 <= scale <= SCALE_MAX:
        raise ValueError(f"scale: must be a whole number from 1 to {SCALE_MAX}.")
    return scale
