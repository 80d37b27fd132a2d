# SPDX-License-Identifier: Apache-2.0
"""Tasks over the hooks and the archive; what they push is plain data.

Templates, XComs, retries and deferral are theirs. No request is built here, and no rule of a payment or of the
archive stands here: those are in ``protocol`` and ``archive``.
"""
