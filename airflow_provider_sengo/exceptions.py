# SPDX-License-Identifier: Apache-2.0
"""Every error this package raises on purpose; imports nothing.

::

    SenGoProviderError
    |-- NotSent               never left this machine              safe to repeat
    |-- OutcomeUnknown        left, no whole answer came back      look it up, then decide
    |-- Rejected              the gateway said no
    |   |-- NotAuthorized       key, token, signature, address or product refused: fix the connection
    |   |-- DuplicateReference  the reference was used before
    |   |-- NotFound            unknown, or older than the gateway's seven days
    |   `-- Unavailable         429 or 5xx: try again, after ``retry_after_s`` if it says so
    |-- UnexpectedResponse    not the documented shape             names the place, never the value
    |-- SignatureMismatch     does not verify                      trust nothing in it
    |-- PaymentFailed         a final status other than the wanted one
    `-- ArchiveIncomplete     a day could not be read to the end, or is lost

All are plain exceptions that survive pickling, and no text holds a secret. ``curable`` says whether doing
the same again later may help: then a task lets the error through to Airflow's retries, else it fails for
good. Wrong arguments raise ``ValueError`` before anything is sent.
"""

from __future__ import annotations


class SenGoProviderError(Exception):
    """The root of all errors of this package."""

    curable = False


class NotSent(SenGoProviderError):
    """The connect phase failed, so the gateway has seen nothing of the request."""

    curable = True


class OutcomeUnknown(SenGoProviderError):
    """The request may have reached the gateway, but no whole answer came back.

    Not ``curable`` where only a person can find out what became of it.
    """

    def __init__(self, message: str, *, curable: bool = True) -> None:
        super().__init__(message)
        self.curable = curable


class Rejected(SenGoProviderError):
    """The gateway answered, and the answer is no.

    ``http_status``: the HTTP status, or the envelope's ``responseCode`` where a refusal came with HTTP
    200. ``code``: the gateway's own word (``DUPLICATE_REFERENCE``), or empty.
    """

    def __init__(self, message: str, *, http_status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code


class NotAuthorized(Rejected):
    """Key, token, signature, address or product was refused."""


class DuplicateReference(Rejected):
    """The reference was used before."""


class NotFound(Rejected):
    """Unknown to the gateway, or older than the seven days it remembers."""


class Unavailable(Rejected):
    """The gateway is busy or broken (429, 5xx); ``retry_after_s`` is its own wish in seconds, or None."""

    curable = True

    def __init__(
        self, message: str, *, http_status: int = 0, code: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, http_status=http_status, code=code)
        self.retry_after_s = retry_after_s


class UnexpectedResponse(SenGoProviderError):
    """An answer that is not of the documented shape; ``json_path`` says where (``$`` = the whole).

    ``http_status``: 404 or 405 where the base URL's path seems to be wrong, else 0.
    """

    curable = True

    def __init__(self, message: str, *, json_path: str = "$", http_status: int = 0) -> None:
        super().__init__(message)
        self.json_path = json_path
        self.http_status = http_status


class SignatureMismatch(SenGoProviderError):
    """An answer or a callback does not verify."""


class PaymentFailed(SenGoProviderError):
    """A payment reached a final status other than the wanted one."""


class ArchiveIncomplete(SenGoProviderError):
    """A day could not be read to the end, or left the gateway's window unread.

    Not ``curable`` once the gateway has forgotten the day.
    """

    def __init__(self, message: str, *, curable: bool = True) -> None:
        super().__init__(message)
        self.curable = curable
