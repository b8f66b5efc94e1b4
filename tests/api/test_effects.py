"""The values that flow between the rooms: what cannot be is not made."""

from http import HTTPStatus

import pytest

from wsevents.api.effects import Respond


@pytest.mark.parametrize("status", HTTPStatus)
def test_every_status_that_http_has_can_refuse(status):
    assert Respond(status.value).status == status


@pytest.mark.parametrize("status", [0, -1, 99, 299, 420, 499, 512, 599, 600, 4004])
def test_a_status_that_http_does_not_have_is_a_mistake_where_it_is_made(status):
    with pytest.raises(ValueError, match=f"{status} is not a known HTTP status"):
        Respond(status)
