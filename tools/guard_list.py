# SPDX-License-Identifier: Apache-2.0
"""The guards of the two promises, as text to take out and the tests that must notice. See ``guards``."""

from __future__ import annotations

from typing import NamedTuple


class Guard(NamedTuple):
    """What is taken out (``text`` becomes ``instead`` in ``file``), and the tests that must notice."""

    name: str
    file: str
    text: str
    instead: str
    tests: str


ARCHIVE_AND_PAYMENTS = [
    Guard(
        "drift: totals that change are a sign of movement",
        "archive/pages.py",
        'self._moved["the totals changed"] = None',
        "pass",
        "tests/archive/test_archive_pages.py",
    ),
    Guard(
        "drift: an id listed twice is a sign of movement",
        "archive/pages.py",
        'self._moved["an id was listed twice"] = None',
        "pass",
        "tests/archive/test_archive_pages.py",
    ),
    Guard(
        "drift: distinct ids must make up the total",
        "archive/pages.py",
        "if len(self._ids) != self.first.total_records:",
        "if False:",
        "tests/archive/test_archive_pages.py",
    ),
    Guard(
        "drift: the first and the last page are read again and compared",
        "archive/pages.py",
        "if before.rows != again.rows:",
        "if False:",
        "tests/archive/test_archive_pages.py",
    ),
    Guard(
        "listing order: walk down after totals fell",
        "archive/pages.py",
        "numbers[::-1] if downward else numbers",
        "numbers",
        "tests/archive/test_archive_pages.py",
    ),
    Guard(
        "an empty page where rows must be is never the end",
        "protocol/envelope.py",
        "if not rows and extra.total_records > 0 and page <= extra.total_pages:",
        "if False:",
        "tests/protocol/test_envelope.py",
    ),
    Guard(
        "project: coverage counts only the project's own reads",
        "archive/coverage.py",
        "if record.project != project or record.started_at > now:",
        "if record.started_at > now:",
        "tests/archive/test_archive_coverage.py",
    ),
    Guard(
        "project: rows of another project are never looked at",
        "archive/tables.py",
        'where = pc.field("project") == project',
        'where = pc.field("project") != ""',
        "tests/archive",
    ),
    Guard(
        "ids are looked up in other days",
        "archive/compare.py",
        "span = range(-LOOK_AROUND_DAYS, LOOK_AROUND_DAYS + 1)",
        "span = range(0, 1)",
        "tests/archive",
    ),
    Guard(
        "rank: a less final version is refused",
        "archive/compare.py",
        "if read != version(digest, rank) and rank_of(read) < rank:",
        "if False:",
        "tests/archive",
    ),
    Guard(
        "a status is unsupported only if the first request is refused",
        "archive/listing.py",
        "return refused and read.requests == 1",
        "return refused",
        "tests/archive/test_archive_failures.py",
    ),
    Guard(
        "success is read last",
        "archive/run.py",
        'STATUSES = ("pending", "expired", "failed", "success")',
        'STATUSES = ("success", "pending", "expired", "failed")',
        "tests/archive",
    ),
    Guard(
        "a day counts as over eight hours after its end",
        "archive/days.py",
        "CLOSING_HOURS = 8",
        "CLOSING_HOURS = 0",
        "tests/archive/test_archive_days.py tests/archive/test_archive_coverage.py",
    ),
    Guard(
        "a read that ends after the window's edge is not complete",
        "archive/coverage.py",
        "self.started_at >= days.closed_at(day) and self.finished_at < end",
        "self.started_at >= days.closed_at(day)",
        "tests/archive/test_archive_coverage.py",
    ),
    Guard(
        "sealing takes two looks 20 h apart",
        "archive/coverage.py",
        "SEALING_HOURS = 20",
        "SEALING_HOURS = 0",
        "tests/archive/test_archive_coverage.py",
    ),
    Guard(
        "lenient rows: one odd record never blocks a day",
        "archive/rows.py",
        "except DECODE_ERRORS:\n        return _read_odd(raw)",
        "except DECODE_ERRORS:\n        raise",
        "tests/archive/test_archive_rows.py",
    ),
    Guard(
        "reads are recorded after the rows they vouch for",
        "archive/run.py",
        "        done = commit(archive.tables, job.partition, spool, read_id=run, now=clock().astimezone(UTC))\n",
        "        from airflow_provider_sengo.archive.merge import Committed as C\n"
        "        archive.record_reads([_record(job, run, read, C(new=Counter(), changed=Counter(), refused=0,"
        " gone=(), pending_left=0)) for read in reads])\n"
        "        done = commit(archive.tables, job.partition, spool, read_id=run, now=clock().astimezone(UTC))\n",
        "tests/archive",
    ),
    Guard(
        "history is written before the rows it explains",
        "archive/merge.py",
        "        _keep_history(tables, partition, spool, found, _replaced(rewrite.left, spool), read_id=read_id)\n",
        "",
        "tests/archive",
    ),
    Guard(
        "connect phase: only a proof of it makes NotSent",
        "transport/failure.py",
        "if phase is Phase.CONNECTING:",
        "if phase is not Phase.UNTOUCHED:",
        "tests/transport",
    ),
    Guard(
        "no library repeats a request: one attempt, one connection",
        "transport/rounds.py",
        "if self.phase is not Phase.UNTOUCHED:",
        "if False:",
        "tests/transport",
    ),
    Guard(
        "a call that is not repeatable is sent once",
        "protocol/retry.py",
        "return repeatable and isinstance(error",
        "return isinstance(error",
        "tests/protocol/test_retry.py tests/transport",
    ),
    Guard(
        "payment: looked up before it is sent",
        "protocol/payment.py",
        "    found = yield from _look(look)\n    if found is not None:\n"
        "        return (yield from _standing_payment(found, reference, amount_rupiah, "
        "accept_overdue=accept_overdue))\n    archived",
        "    archived",
        "tests/payments/test_qris_once.py",
    ),
    Guard(
        "payment: looked for again after a lost answer",
        "protocol/payment.py",
        "        found = yield from _look_after_loss(look, reference, lost)\n",
        "        found = None\n",
        "tests/payments/test_qris_once.py",
    ),
    Guard(
        "payment: reference, amount and channel must agree",
        "protocol/payment.py",
        "if found.merchant_ref != reference or found.amount != amount_rupiah or found.qris is None:",
        "if False:",
        "tests/payments/test_qris_once.py",
    ),
    Guard(
        "payment: the archive answers for what the gateway forgot",
        "protocol/payment.py",
        "    if archived is not None:\n        return archived\n",
        "",
        "tests/payments/test_qris_once.py",
    ),
    Guard(
        "payment: too old a run sends nothing",
        "protocol/payment.py",
        "if now - known_since >= REFERENCE_AGE_MAX:",
        "if False:",
        "tests/payments/test_qris_once.py",
    ),
    Guard(
        "charge: the mark is written before it is sent",
        "protocol/charge.py",
        "    yield Mark()\n",
        "",
        "tests/payments/test_charge_once.py",
    ),
    Guard(
        "charge: never sent where it may have been sent",
        "protocol/charge.py",
        "if seen.rows or may_have_been_sent:",
        "if seen.rows:",
        "tests/payments/test_charge_once.py",
    ),
    Guard(
        "charge: exactly one paid row is ours",
        "protocol/charge.py",
        "if len(seen.paid) > 1:",
        "if False:",
        "tests/payments/test_charge_rows.py",
    ),
    Guard(
        "charge: the paid row's amount must be ours",
        "protocol/charge.py",
        "if row.amount_sen != amount_sen:",
        "if False:",
        "tests/payments/test_charge_rows.py",
    ),
    Guard(
        "charge: a pending row is waited for",
        "protocol/charge.py",
        "return bool(seen.paid) and not seen.pending",
        "return bool(seen.paid)",
        "tests/payments/test_charge_rows.py",
    ),
    Guard(
        "charge: an answer counts only if its hash verifies",
        "protocol/senangpay_charge.py",
        "    _verify(asked, texts)\n",
        "",
        "tests/payments/test_charge_once.py",
    ),
    Guard(
        "charge: the answer's amount must be the one asked for",
        "protocol/senangpay_charge.py",
        'if texts["amount_paid"] != str(charge.amount_sen):',
        "if False:",
        "tests/payments/test_charge_once.py",
    ),
    Guard(
        "senangPay: the Basic password is empty",
        "protocol/senangpay.py",
        'f"{credentials.merchant_id}:".encode()',
        'f"{credentials.merchant_id}:{credentials.secret_key}".encode()',
        "tests/protocol/test_senangpay.py",
    ),
    Guard(
        "mark: what was kept as sent stays so, whatever the try",
        "operators/identity.py",
        "return bool(kept != self.NOT_SENT)",
        "return False",
        "tests/operators/test_payment_retries.py",
    ),
    Guard(
        "mark: nothing kept proves nothing once the run was cleared",
        "operators/identity.py",
        "return is_uncleared and self._store is not None",
        "return self._store is not None",
        "tests/operators/test_payment_remapped.py",
    ),
]
