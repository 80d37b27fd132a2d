# SPDX-License-Identifier: Apache-2.0
"""The only network code. Import ``transport.sync`` or ``transport.aio``; nothing heavy is imported here."""
