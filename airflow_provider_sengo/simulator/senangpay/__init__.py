# SPDX-License-Identifier: Apache-2.0
"""senangPay's part of the simulator: stored cards, charges, queries and the tokenization page.

Sources: guide.senangpay.com and developer.senangpay.my (tokenization, query APIs). What they leave open is a
switch in ``settings``.
"""
