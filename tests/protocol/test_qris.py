# SPDX-License-Identifier: Apache-2.0
"""A QRIS text is read whatever the order of its tags, and a text that is not whole says nothing."""

from __future__ import annotations

import binascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.qris import QrisContent, doubts_about, parse_qris_content
from airflow_provider_sengo.simulator.qr_text import qris_text

NOTHING = QrisContent()


@pytest.fixture
def documented(sample: Any) -> str:
    """The code printed on docs.sengo.id/fund-acceptance/qris."""
    return str(sample("qris")["responseData"]["qris"]["content"])


def item(tag: str, value: str) -> str:
    return f"{tag}{len(value):02}{value}"


def sealed(text: str) -> str:
    """With its checksum, as bitwise long division gives it."""
    crc = 0xFFFF
    for byte in f"{text}6304".encode(errors="surrogatepass"):
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return f"{text}6304{crc:04X}"


def test_the_checksum_is_the_standard_one() -> None:
    """CRC-16/CCITT-FALSE has 29B1 as its check value."""
    assert f"{binascii.crc_hqx(b'123456789', 0xFFFF):04X}" == "29B1"


def test_the_documented_sample(documented: str) -> None:
    """Every field of it; its tags do not ascend, and its amount is not the one in the JSON around it."""
    assert parse_qris_content(documented) == QrisContent(
        is_emv=True,
        amount="19477",
        currency="360",
        merchant_name="TopUpKu",
        merchant_city="BANDAR LAMPUNG",
        merchant_pan="936000110000274394",
        nmid="ID1024361878738",
        reference="66e934f6f5d64f1c",
        crc_given="36F3",
        crc_valid=True,
    )


def test_the_simulators_codes() -> None:
    """An independent writer's code is read back: total amount, and the id's first 16 hex digits."""
    read = parse_qris_content(qris_text("66e934f6-f5d6-4f1c-bb3d-450ec2873782", 10085))
    assert (read.amount, read.reference, read.crc_valid) == ("10085", "66e934f6f5d64f1c", True)
    assert (read.nmid, read.merchant_name) == ("ID1024361878738", "SenGo Simulator")


@pytest.mark.parametrize("end", ["36F4", "0000", "36F"])
def test_a_wrong_checksum_is_told(documented: str, end: str) -> None:
    """One that is wrong leaves the rest readable; one that is cut leaves an item that is not whole."""
    read = parse_qris_content(documented[:-4] + end)
    assert not read.crc_valid
    assert (read.is_emv, read.crc_given) == ((True, end) if len(end) == 4 else (False, None))


def test_a_checksum_in_small_letters_is_taken(documented: str) -> None:
    """Readers compare numbers; ``crc_given`` is as written."""
    read = parse_qris_content(documented[:-4] + "36f3")
    assert (read.crc_given, read.crc_valid) == ("36f3", True)


@pytest.mark.parametrize(
    "text",
    [
        item("00", "01") + item("54", "100"),
        item("00", "01") + item("63", "0000") + item("54", "100"),
        item("54", "100") + item("00", "01"),
    ],
    ids=["no checksum", "checksum not last", "format not first"],
)
def test_what_a_payers_app_would_refuse_is_read_all_the_same(text: str) -> None:
    """It is shown to a person, who sees that the checksum is not valid."""
    read = parse_qris_content(text)
    assert (read.is_emv, read.amount, read.crc_valid) == (True, "100", False)
    assert (read.currency, read.merchant_pan, read.nmid, read.reference) == (None, None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lorem ipsum",
        "https://pay.example/1",
        "0",
        "000",
        "0002",
        "000201" + "5405100",
        "000201" + "54²3100",
        "000201" + item("54", "100") + item("54", "900"),
        item("54", "100"),
    ],
)
def test_what_is_not_whole_says_nothing(text: str) -> None:
    """Cut short, odd digits, an amount twice, no format indicator: no field is guessed."""
    assert parse_qris_content(text) == NOTHING


def test_templates_that_cannot_be_read_hide_nothing_else() -> None:
    """An issuer may put what it likes into its template; a PAN is one of Indonesia's, an NMID the national's."""
    text = (
        item("00", "01")
        + item("26", "not TLV")
        + item("27", item("00", "COM.OTHER") + item("01", "12345") + item("02", "ID-OTHER"))
        + item("28", item("01", "93600009") + item("02", "M1"))
        + item("50", item("00", "id.co.qris.www") + item("02", "ID1020000000001"))
        + item("62", "0")
    )
    read = parse_qris_content(sealed(text))
    assert (read.merchant_pan, read.nmid, read.reference) == ("93600009", "ID1020000000001", None)
    assert read.crc_valid


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Whatever a gateway sends as the content."""
    assert parse_qris_content(text).crc_given is None or parse_qris_content(text).is_emv


TAGS = st.integers(0, 99).map(lambda number: f"{number:02}").filter(lambda tag: tag not in ("00", "63"))
VALUES = st.text(st.characters(exclude_categories=[]), max_size=99)


@given(st.dictionaries(TAGS, VALUES, max_size=8), st.data())
def test_whole_items_are_read_in_any_order(items: dict[str, str], data: st.DataObject) -> None:
    """Any values, lone surrogates too; the checksum of another implementation agrees."""
    order = data.draw(st.permutations(list((items | {"00": "01"}).items())))
    read = parse_qris_content(sealed("".join(item(tag, value) for tag, value in order)))
    assert read.is_emv
    assert read.crc_valid
    assert (read.amount, read.merchant_name) == (items.get("54"), items.get("59"))


@given(st.integers(1, 283))
def test_every_beginning_of_the_sample_is_refused_or_lacks_its_checksum(length: int) -> None:
    """A code that was cut is never taken for a valid one."""
    code = qris_text("66e934f6-f5d6-4f1c-bb3d-450ec2873782", 10085)
    read = parse_qris_content(code[: min(length, len(code) - 1)])
    assert not read.crc_valid


@pytest.mark.parametrize("amount", [10000, 10085])
def test_a_code_over_the_amount_or_the_total_leaves_no_doubt(amount: int) -> None:
    """Which of the two a code carries is not documented."""
    text = qris_text("66e934f6-f5d6-4f1c-bb3d-450ec2873782", amount)
    assert doubts_about(text, amounts_rupiah={10000, 10085}) == []


def test_the_documented_sample_is_doubtful(documented: str) -> None:
    """Its JSON is over 10000, or 10085 with the fee, and its code asks for 19477."""
    doubts = doubts_about(documented, amounts_rupiah={10085, 10000})
    assert doubts == ["it asks the customer for another amount than 10000 or 10085 rupiah"]


@pytest.mark.parametrize(
    ("items", "doubts"),
    [
        ([("00", "01"), ("53", "360"), ("54", "10000.00")], []),
        ([("00", "01"), ("53", "360"), ("54", "10000.")], []),
        ([("00", "01"), ("54", "10000")], []),
        ([("00", "01")], ["could type in another one than 10000 rupiah"]),
        ([("00", "01"), ("54", "10000.50")], ["another amount than 10000 rupiah"]),
        ([("00", "01"), ("54", "1000O")], ["another amount than 10000 rupiah"]),
        ([("00", "01"), ("54", "")], ["another amount than 10000 rupiah"]),
        ([("00", "01"), ("53", "458"), ("54", "10000")], ["another currency than rupiah"]),
        ([("53", "458"), ("54", "1")], ["no whole EMVCo text"]),
    ],
    ids=lambda value: (
        None if value and isinstance(value[0], str) else "-".join("".join(each) for each in value)
    ),
)
def test_what_a_code_asks_for(items: list[tuple[str, str]], doubts: list[str]) -> None:
    """Whole rupiah with or without decimals, and only rupiah; an absent currency leaves no doubt."""
    text = sealed("".join(item(*each) for each in items))
    told = doubts_about(text, amounts_rupiah={10000})
    assert len(told) == len(doubts)
    assert all(words in each for words, each in zip(doubts, told, strict=True))


def test_a_wrong_checksum_is_told_beside_the_rest(documented: str) -> None:
    """Both are worth knowing."""
    told = doubts_about(f"{documented[:-4]}0000", amounts_rupiah={1})
    assert [each.split(",")[0] for each in told] == [
        "its checksum is wrong",
        "it asks the customer for another amount than 1 rupiah",
    ]


@given(st.text())
def test_no_text_is_too_odd_to_be_doubted(text: str) -> None:
    """A code never keeps a payment from being pushed."""
    assert all(doubts_about(text, amounts_rupiah={1}))


def test_no_code_is_a_doubt_of_its_own() -> None:
    """Somebody waits for a customer who has nothing to scan."""
    assert doubts_about("", amounts_rupiah={1}) == ["there is none to scan"]
