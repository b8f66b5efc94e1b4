"""`wsevents import-wazo` reads the files of wazo-websocketd and writes a configuration of wsevents."""

import stat

import pytest
import yaml

from tests.support.certificates import write_pair
from tests.support.shell import wsevents

MAIN = """
debug: false
user: www-data
websocket: {{listen: 0.0.0.0, port: 9502, ping_interval: 30, certificate: {crt}, private_key: {key}}}
auth: {{host: auth.example.org, port: 9497, key_file: {folder}/key.yml}}
bus: {{host: one, username: guest, exchange_name: wazo-headers}}
"""


@pytest.fixture
def folder(tmp_path):
    """A configuration of wazo-websocketd."""
    root = tmp_path / "wazo-websocketd"
    (root / "conf.d").mkdir(parents=True)
    key, crt = write_pair(root)
    (root / "config.yml").write_text(MAIN.format(key=key, crt=crt, folder=root))
    (root / "key.yml").write_text("service_id: gateway\nservice_key: s3cret-key\n")
    (root / "conf.d" / "10-first.yml").write_text("bus: {host: two, password: 's3cret: \"1\"'}\n")
    (root / "conf.d" / "20-second.yml").write_text("bus: {host: three, vhost: /v}\n")
    (root / "conf.d" / ".hidden.yml").write_text("bus: {host: four}\n")
    (root / "conf.d" / "note.txt").write_text("bus: {host: five}\n")
    return root


def test_the_files_are_merged_as_in_wazo_and_the_result_is_valid(folder, tmp_path):
    output = tmp_path / "config.yml"
    done = wsevents("import-wazo", folder, "--output", output, XIVO_UUID="o1")
    assert (done.status, done.out) == (0, "")
    found = yaml.safe_load(output.read_text())
    assert found["bus"] == {
        "endpoint": "tcp:two:5672",
        "vhost": "/v",
        "username": "guest",
        "password": 's3cret: "1"',
        "exchange_name": "wazo-headers",
    }
    assert found["listen"] == [f"ssl:9502:privateKey={folder}/server.key:certKey={folder}/server.crt"]
    assert found["origin_uuid"] == "o1"
    assert found["auth"]["key_file"] == str(folder / "key.yml")
    check = wsevents("check-config", output)
    assert check.status == 0, check.err


def test_each_remark_is_a_line_on_standard_error(folder):
    done = wsevents("import-wazo", folder)
    assert yaml.safe_load(done.out)["bus"]["endpoint"] == "tcp:two:5672"
    keys = [line.partition(":")[0] for line in done.err.splitlines()]
    assert set(keys) == {"websocket.certificate", "XIVO_UUID", "user"}
    assert "s3cret" not in done.err


def test_later_files_replace_earlier_ones(folder):
    files = [folder / "config.yml", folder / "conf.d" / "20-second.yml"]
    assert yaml.safe_load(wsevents("import-wazo", *files).out)["bus"]["endpoint"] == "tcp:three:5672"


def test_json_is_the_configuration_with_the_remarks(folder):
    found = wsevents("import-wazo", folder, "--json").json
    assert found["config"]["websocket"] == {"ping_interval": 30}
    assert {one["key"] for one in found["remarks"]} >= {"user"}


def test_the_file_is_private_and_is_replaced_only_with_force(folder, tmp_path):
    output = tmp_path / "config.yml"
    output.write_text("mine")
    done = wsevents("import-wazo", folder, "--output", output)
    assert (done.status, done.err.splitlines()[-1]) == (1, f"{output} exists; use --force to replace it")
    assert output.read_text() == "mine"
    assert wsevents("import-wazo", folder, "--output", output, "--force").status == 0
    assert stat.S_IMODE(output.stat().st_mode) in {0o600, 0o640}
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["config.yml"]


def test_a_folder_without_a_configuration_is_one_line(tmp_path):
    done = wsevents("import-wazo", tmp_path)
    assert (done.status, done.err) == (
        1,
        f"{tmp_path}/config.yml: cannot be read: No such file or directory\n",
    )


def test_invalid_yaml_is_reported_with_its_line_and_without_its_content(folder):
    (folder / "conf.d" / "30.yml").write_text("bus:\n  password: !s3cret\n")
    done = wsevents("import-wazo", folder)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith(f"{folder}/conf.d/30.yml: line 2: ")
    assert "s3cret" not in line


def test_a_folder_that_is_not_writable_is_one_line(folder, tmp_path):
    done = wsevents("import-wazo", folder, "--output", tmp_path / "none" / "config.yml")
    assert done.status == 1
    assert done.err.splitlines()[-1].endswith("cannot be written: No such file or directory")
