# SPDX-License-Identifier: Apache-2.0
"""Tasks that wait for payments, on the worker or in the triggerer.

They only look, so that looking once more harms nothing: no call that pays or changes anything may be made here.
"""
