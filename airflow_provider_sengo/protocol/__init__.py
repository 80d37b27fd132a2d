# SPDX-License-Identifier: Apache-2.0
"""The gateways' rules as values in, values out: no I/O, clock, randomness, environment or logging."""
