# SPDX-License-Identifier: Apache-2.0
"""The images are whole, the same each time, and refuse what no code can hold."""

from __future__ import annotations

import struct
import zlib
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_sengo.qr_image import CONTENT_CHARACTERS_MAX, QUIET_ZONE_MODULES, qr_png, qr_svg
from airflow_provider_sengo.simulator.qr_text import qris_text

CONTENT = qris_text("66e934f6-f5d6-4f1c-bb3d-450ec2873782", 10085)
SVG = "{http://www.w3.org/2000/svg}"


def chunks(png: bytes) -> dict[bytes, bytes]:
    """A PNG's chunks by name, each with a valid checksum, or the test fails."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found: dict[bytes, bytes] = {}
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", png, at + 8 + length)
        assert crc == zlib.crc32(name + data)
        found[name] = found.get(name, b"") + data
        at += 12 + length
    assert at == len(png)
    assert name == b"IEND"
    return found


def pixels(png: bytes) -> list[list[bool]]:
    """The rows of a one-bit PNG; True is black."""
    found = chunks(png)
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert (depth, colour) == (1, 0), "one bit of grey a pixel"
    stride = 1 + (width + 7) // 8
    data = zlib.decompress(found[b"IDAT"])
    rows: list[bytes] = []
    for start in range(0, stride * height, stride):
        how, line = data[start], data[start + 1 : start + stride]
        assert how in (0, 2), "as it is, or as the difference to the row above"
        above = rows[-1] if rows and how else bytes(len(line))
        rows.append(bytes((byte + up) % 256 for byte, up in zip(line, above, strict=True)))
    return [[not row[column // 8] >> (7 - column % 8) & 1 for column in range(width)] for row in rows]


def finder(rows: list[list[bool]]) -> bool:
    """The seven modules in the upper left corner that a camera looks for."""
    start = QUIET_ZONE_MODULES
    square = [
        "".join("#" if dark else "." for dark in row[start : start + 7]) for row in rows[start : start + 7]
    ]
    return square == ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"]


def test_png_is_a_code_with_its_quiet_zone() -> None:
    """Black on white, square, white all around, and the corner is a finder pattern."""
    rows = pixels(qr_png(CONTENT, scale=1))
    assert {len(row) for row in rows} == {len(rows)}
    assert (len(rows) - 2 * QUIET_ZONE_MODULES - 17) % 4 == 0  # every size of a QR code is 17 + 4 n
    assert not any(any(row) for row in rows[:QUIET_ZONE_MODULES])
    assert not any(any(row[:QUIET_ZONE_MODULES]) for row in rows)
    assert finder(rows)


def test_scale_is_pixels_a_module() -> None:
    """Each module of the large image is the one of the small image."""
    small, large = pixels(qr_png(CONTENT, scale=1)), pixels(qr_png(CONTENT, scale=3))
    assert [row[::3] for row in large[::3]] == small
    assert len(pixels(qr_png(CONTENT))) == 8 * len(small)


def test_svg_is_well_formed_and_draws_nothing_else() -> None:
    """A document of its own: a white ground, one path, no script, no link."""
    root = ET.fromstring(qr_svg(CONTENT, scale=2).encode())
    assert root.tag == f"{SVG}svg"
    assert {each.tag for each in root.iter()} <= {f"{SVG}svg", f"{SVG}path", f"{SVG}g"}
    width = 2 * len(pixels(qr_png(CONTENT, scale=1)))
    assert (root.get("width"), root.get("height")) == (str(width), str(width))
    assert "#fff" in qr_svg(CONTENT)


def test_the_same_content_gives_the_same_image() -> None:
    """To the byte; another content gives another."""
    assert qr_png(CONTENT) == qr_png(CONTENT)
    assert qr_svg(CONTENT) == qr_svg(CONTENT)
    assert qr_png(CONTENT) != qr_png(CONTENT[:-1] + "0")
    assert "<?xml" in qr_svg(CONTENT)


@pytest.mark.parametrize("draw", [qr_png, qr_svg])
def test_what_cannot_be_drawn_names_the_rule(draw) -> None:
    """Empty, too long, no text, a scale that is none; never the content itself."""
    with pytest.raises(ValueError, match=r"content: .* it is empty"):
        draw(" \n")
    with pytest.raises(ValueError, match=r"content: must be at most 512 characters; has 513"):
        draw("7" * 513)
    with pytest.raises(ValueError, match=r"content: .* got NoneType"):
        draw(None)
    with pytest.raises(ValueError, match=r"content: must be text that UTF-8 can hold"):
        draw("\ud800")
    for scale in (0, -1, 41, 1.5, True, "8"):
        with pytest.raises(ValueError, match=r"scale: must be a whole number from 1 to 40"):
            draw(CONTENT, scale=scale)


@pytest.mark.parametrize("content", ["7", "A", "é", "漢", "😀"])
def test_the_longest_content_fits(content: str) -> None:
    """Whatever the characters: the limit is below what a QR code holds."""
    assert chunks(qr_png(content * CONTENT_CHARACTERS_MAX, scale=1))
