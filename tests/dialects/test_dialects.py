"""What every dialect has in its folder: its attributes, its page script, its part of the embedded default."""

import jwt
import pytest
import yaml

from wsevents.config.plugins import Plugins, read_file
from wsevents.core.password_hash import matches, parse
from wsevents.dialects.isymphony.greeting import PASSWORD
from wsevents.dialects.voipbin.greeting import YEAR, administrator

DIALECTS = Plugins().dialects()


def test_one_dialect_is_served_by_default():
    assert [name for name, dialect in DIALECTS.items() if dialect.default] == ["wazo"]


@pytest.mark.parametrize("name", DIALECTS)
def test_its_name_is_that_of_its_entry_point(name):
    assert DIALECTS[name].name == name


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("attribute", ["page", "demo"])
def test_its_files_are_in_its_own_folder(name, attribute):
    file = getattr(DIALECTS[name], attribute)
    assert DIALECTS[name].__module__.startswith(f"{file.package}.")
    assert read_file(file)


@pytest.mark.parametrize("name", DIALECTS)
def test_its_script_adds_protocols_of_its_own_name(name):
    script = read_file(DIALECTS[name].page)
    assert "protocols" in script
    assert f'dialect: "{name}",' in script


@pytest.mark.parametrize("name", DIALECTS)
def test_its_part_of_the_embedded_default_fits_and_is_printed(name):
    dialect = DIALECTS[name]
    given = yaml.safe_load(read_file(dialect.demo))
    assert set(given) <= {each.name for each in dialect.settings.__attrs_attrs__}
    lines = Plugins().dialect(name).greeting(section(dialect, given), "wss://gateway:4711", 0.0)
    assert lines
    assert any("gateway:4711" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def section(dialect, given):
    from wsevents.config.schema import Schema
    from wsevents.config.yaml_files import Document, read

    return Schema({}).validate(read(yaml.safe_dump(given), Document(0, "demo.yml")), dialect.settings)


def test_the_password_that_is_printed_for_isymphony_is_that_of_each_user():
    users = yaml.safe_load(read_file(DIALECTS["isymphony"].demo))["users"]
    assert users
    assert all(matches(PASSWORD, parse(user["password_hash"])) for user in users.values())


def test_the_jwt_that_is_printed_for_voipbin_is_signed_by_the_key_and_expires_after_a_year():
    key = "a key of more than thirty-two bytes, é"
    claims = jwt.decode(administrator(key, "c1", 1_800_000_000.0), key, ["HS256"])
    assert claims["agent"]["customer_id"] == "c1"
    assert claims["expire"] == "2028-01-15T08:00:00.000000Z"
    assert YEAR == 365 * 86400
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(administrator(key, "c1", 0.0), key.upper(), ["HS256"])
