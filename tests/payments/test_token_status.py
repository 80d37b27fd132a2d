# SPDX-License-Identifier: Apache-2.0
"""A card is switched on or off for certain, or the error says where it is."""

import pytest
from charge_world import CREDENTIALS, LOST, TOGGLE
from payment_world import Execution, make_world, trouble

from airflow_provider_sengo.exceptions import OutcomeUnknown, Rejected
from airflow_provider_sengo.protocol import senangpay
from airflow_provider_sengo.protocol.charge import set_token_status


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("fault", [None, *LOST], ids=str)
def test_a_card_is_brought_into_the_wanted_state(start, wanted, fault):
    """From either state, two toggles at most, three after a lost answer, and the state is as wanted."""
    world = make_world()
    token = world.senangpay.issue_token(enabled=start)
    if fault is not None:
        fault.strike(world, TOGGLE, (1,))
    execution = Execution(world)
    machine = set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled=wanted)
    if fault is not None and fault.name == "soft_error":  # a refusal in so many words is not argued with
        with pytest.raises(Rejected):
            execution.run(machine)
        assert len(execution.sent) == 1
        return
    state = execution.run(machine)
    assert state.enabled is wanted
    assert world.senangpay.token(token)["enabled"] is wanted
    assert len(execution.sent) <= (2 if fault is None else 3)


def test_a_card_whose_answers_are_all_lost_is_not_called_switched():
    """Three toggles without an answer: OutcomeUnknown, and the task may run again."""
    world = make_world()
    token = world.senangpay.issue_token()
    LOST[0].strike(world, TOGGLE, ())
    execution = Execution(world)
    with pytest.raises(OutcomeUnknown) as caught:
        execution.run(set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled=False))
    assert caught.value.curable
    assert len(execution.sent) == 3


def test_a_toggle_refused_half_way_says_where_the_card_is():
    """The first toggle took the card away, the second is refused: the error names the state it is in."""
    world = make_world()
    token = world.senangpay.issue_token(enabled=True)
    trouble("refuse", status=200, code="Invalid token", processed=False).strike(world, TOGGLE, (2,))
    with pytest.raises(OutcomeUnknown, match="its state is disabled"):
        Execution(world).run(
            set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled=True)
        )
    with pytest.raises(ValueError, match="enabled"):
        next(set_token_status(toggle=senangpay.toggle_token(CREDENTIALS, token), enabled="false"))
