# SPDX-License-Identifier: Apache-2.0
"""One table makes the connection form of every Airflow; here the forms are built by Airflow itself."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_sengo import connection_fields
from airflow_provider_sengo.connection_fields import CONNECTION_TYPES, SENANGPAY, SENGO, ConnectionType
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook

FIRST = {"environment": "sandbox", "timeout_s": 30, "deadline_s": 120, "max_attempts": 5}
LAST = {"proxy": None, "ca_bundle": None}
CONTRACT_EXTRAS = {
    "sengo": FIRST | {"requests_per_second": None, "callback_url": None} | LAST,
    "senangpay": FIRST | {"hash_type": "sha256"} | LAST,
}
TITLES = {
    "sengo": ("SenGo", "Client key", "Client token"),
    "senangpay": ("senangPay", "Merchant id", "Secret key (never sent)"),
}
HOOKS: dict[str, type[SenGoHook | SenangPayHook]] = {"sengo": SenGoHook, "senangpay": SenangPayHook}

drawn_from_metadata = pytest.mark.needs_airflow("3.2", "3.1 draws the hooks' widgets, not the metadata")
each_type = pytest.mark.parametrize("table", [SENGO, SENANGPAY], ids=lambda table: table.connection_type)


@pytest.fixture(scope="module")
def forms() -> Any:
    """The forms by connection type, as the installed Airflow's UI is told to draw them."""
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    return {meta.connection_type: meta for meta in HookMetaService.hook_meta_data()}


@each_type
def test_table_holds_the_documented_extras_and_defaults(table: ConnectionType) -> None:
    """Names, defaults and their order are the public contract."""
    defaults = {name: field.default for name, field in table.extras.items()}
    assert list(defaults.items()) == list(CONTRACT_EXTRAS[table.connection_type].items())


@drawn_from_metadata
@each_type
def test_form_shows_labels_defaults_limits_and_choices(table: ConnectionType, forms: Any) -> None:
    """Airflow's own service makes dropdowns, spinners with limits, and help texts of the table."""
    form = forms[table.connection_type]
    assert form.hook_name == TITLES[table.connection_type][0]
    assert set(form.extra_fields) == set(table.extras)
    for name, field in table.extras.items():
        drawn = form.extra_fields[name]
        assert (drawn["value"], drawn["description"]) == (field.default, field.description)
        assert drawn["schema"]["title"] == field.label
        assert field.schema().items() <= drawn["schema"].items()


@drawn_from_metadata
@each_type
def test_form_relabels_and_never_hides_the_port(table: ConnectionType, forms: Any) -> None:
    """Without a stored port, Airflow 3.3.1 and 3.3.2 can't test a stored connection."""
    standard = forms[table.connection_type].standard_fields
    assert standard.host.title == "Base URL (empty: by environment)"
    assert (standard.login.title, standard.password.title) == TITLES[table.connection_type][1:]
    assert standard.url_schema.hidden
    assert not standard.port.hidden
    assert all("port" not in table.hidden for table in CONNECTION_TYPES.values())


def test_no_extra_is_required() -> None:
    """A type without null can't be left empty in the form."""
    types = [field.schema()["type"] for table in CONNECTION_TYPES.values() for field in table.extras.values()]
    assert all("null" in allowed for allowed in types)


@each_type
def test_no_hook_shadows_the_metadata(table: ConnectionType) -> None:
    """Behaviour for 3.1 and metadata for 3.2 and later say the same."""
    hook, metadata = HOOKS[table.connection_type], metadata_of(table)
    behaviour = hook.get_ui_field_behaviour()
    assert metadata["ui-field-behaviour"] == {name.replace("_", "-"): v for name, v in behaviour.items()}
    assert (metadata["hook-name"], metadata["connection-type"]) == (hook.hook_name, hook.conn_type)
    assert metadata["hook-class-name"] == f"{hook.__module__}.{hook.__name__}"


def metadata_of(table: ConnectionType) -> dict[str, Any]:
    """What the provider info says of one connection type."""
    (found,) = (
        item
        for item in connection_fields.connection_types()
        if item["connection-type"] == table.connection_type
    )
    return found


@each_type
def test_the_form_of_airflow_3_1_is_the_hooks_own(table: ConnectionType) -> None:
    """What a hook inherits is not drawn there."""
    hook = HOOKS[table.connection_type]
    assert {"get_connection_form_widgets", "get_ui_field_behaviour"} <= vars(hook).keys()
    assert hook.get_ui_field_behaviour() == connection_fields.field_behaviour(table.connection_type)


@each_type
def test_widgets_of_airflow_3_1_agree_with_the_metadata(
    table: ConnectionType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn with the stand-ins of Airflow 3.1's api-server, the widgets are the same fields."""
    widgets = drawn_with_stand_ins(HOOKS[table.connection_type], monkeypatch)
    assert list(widgets) == list(table.extras)
    for name, field in table.extras.items():
        drawn = widgets[name]
        kind = "integer" if field.kind == "integer" else "string"
        assert drawn["schema"]["type"] == [kind, "null"]
        assert (drawn["schema"]["title"], drawn["description"]) == (field.label, field.description)
        assert drawn["schema"].get("enum", []) == list(field.choices)
        assert str(drawn["value"]) == str(field.default)


def drawn_with_stand_ins(
    hook: type[SenGoHook | SenangPayHook], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """``get_connection_form_widgets`` over Airflow's mocks of wtforms and Flask-AppBuilder."""
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService as Mocks

    stand_ins = {
        "wtforms": SimpleNamespace(StringField=Mocks.MockStringField, IntegerField=Mocks.MockIntegerField),
        "wtforms.validators": SimpleNamespace(Optional=Mocks.MockOptional, any_of=Mocks.MockEnum),
        "flask_babel": SimpleNamespace(lazy_gettext=str),
        "flask_appbuilder": SimpleNamespace(),
        "flask_appbuilder.fieldwidgets": SimpleNamespace(BS3TextFieldWidget=Mocks.MockAnyWidget),
    }
    for name, module in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, module)
    return {name: field.param.dump() for name, field in hook.get_connection_form_widgets().items()}


def test_readme_table_has_one_line_an_extra() -> None:
    """The table names every extra of either type with its default and its limits; shared ones mean one thing."""
    sengo, senangpay = (table.extras for table in connection_fields.CONNECTION_TYPES.values())
    assert all(sengo[name] == senangpay[name] for name in sengo.keys() & senangpay.keys())
    lines = connection_fields.markdown_table().splitlines()[2:]
    assert [line.split("`")[1] for line in lines] == list({**sengo, **senangpay})
    assert "| `timeout_s` | both | `30` | How long to wait for one answer. 0.1 to 300. |" in lines
    assert json.dumps(lines).isascii()
