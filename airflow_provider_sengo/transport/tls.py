# SPDX-License-Identifier: Apache-2.0
"""Whom both transports trust: the given CA bundle, else certifi's store. Never the environment.

``ssl.create_default_context()`` without a file would obey ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, and
requests would obey ``REQUESTS_CA_BUNDLE``; both libraries are given this context instead.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """A client context that checks certificate and name; ``ValueError`` if the bundle can't be read."""
    path = ca_bundle or certifi.where()
    try:
        if Path(path).is_dir():
            context = ssl.create_default_context(capath=path)
        else:
            context = ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"ca_bundle {path!r} cannot be read ({type(error).__name__})") from None
    # What SSLKEYLOGFILE switches on would write the session's keys to a file.
    context.keylog_filename = None  # type: ignore[assignment]  # typeshed knows text only
    context.set_alpn_protocols(["http/1.1"])
    return context
