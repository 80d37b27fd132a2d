# SPDX-License-Identifier: Apache-2.0
"""Reading one answer's body under a limit: pure, the same for both transports.

The libraries' own decoding is off: they accept a gzip stream that stops in the middle, and one of them
inflates a whole chunk before anybody can look at its size.
"""

from __future__ import annotations

import zlib

ACCEPT_ENCODING = "gzip"  # the only coding that is decoded here, so the only one asked for

_GZIP_WBITS = 16 + zlib.MAX_WBITS


class BrokenBody(Exception):
    """The body breaks a rule; the text is safe to show."""


class BodyReader:
    """Collects chunks as they arrive; raises as soon as the decoded bytes exceed ``bytes_max``."""

    def __init__(self, content_encoding: str, *, bytes_max: int) -> None:
        coding = content_encoding.strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise BrokenBody("the answer has a content coding that was not asked for")
        self._inflate = zlib.decompressobj(_GZIP_WBITS) if coding.endswith("gzip") else None
        self._bytes_max = bytes_max
        self._bytes = 0
        self._chunks: list[bytes] = []
        self._coded = False

    def feed(self, chunk: bytes) -> None:
        if self._inflate is None:
            self._keep(chunk)
            return
        self._coded = self._coded or bool(chunk)
        try:
            while chunk:
                # One byte more than allowed is enough to know, and all that a bomb may take.
                self._keep(self._inflate.decompress(chunk, self._bytes_max - self._bytes + 1))
                chunk = self._inflate.unconsumed_tail
                if self._inflate.eof and self._inflate.unused_data:
                    chunk = self._inflate.unused_data  # RFC 1952, 2.2: members may follow each other
                    self._inflate = zlib.decompressobj(_GZIP_WBITS)
        except zlib.error:
            raise BrokenBody("the answer does not decompress") from None

    def finish(self) -> bytes:
        """The whole body; raises if its compressed stream is not at its end."""
        if self._inflate is not None and self._coded and not self._inflate.eof:
            raise BrokenBody("the answer was cut short inside its compressed body")
        return b"".join(self._chunks)

    def _keep(self, decoded: bytes) -> None:
        self._bytes += len(decoded)
        if self._bytes > self._bytes_max:
            raise BrokenBody(f"the answer is larger than {self._bytes_max} bytes")
        self._chunks.append(decoded)
