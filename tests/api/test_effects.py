"""Effects reject invalid values."""

from http import HTTPStatus

import pytest

from wsevents.api.effects import Respond


@pytest.mark.parametrize("status", HTTPStatus)
def test_every_http_status_can_be_a_response(status):
    assert Respond(status.value).status == status


@pytest.mark.parametrize("status", [0, -1, 99, 299, 420, 499, 512, 599, 600, 4004])
def test_an_unknown_http_status_raises(status):
    with pytest.raises(ValueError, match=f"{status} is not a known HTTP status"):
        Respond(status)
