# SPDX-License-Identifier: Apache-2.0
"""Tasks over the hooks; what they push is plain data."""
