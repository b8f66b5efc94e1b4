"""Plugins finds installed plug-ins, and reports a plug-in that does not implement its interface."""

import configparser
import importlib
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support import example_plugins
from wsevents.api.errors import PluginError
from wsevents.api.package_files import PackageFile
from wsevents.config.plugins import KINDS, Plugins, read_file


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution: its name, entry points and source of its module."""

    def install(name, points, source="", module=None):
        folder = tmp_path / name
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(dedent(points))
        (folder / f"{module or name}.py").write_text(dedent(source))
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()

    return install


def problem(what, name):
    with pytest.raises(PluginError) as caught:
        getattr(Plugins(), what)(name)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_third_party_plugin_is_found_by_its_entry_point(install):
    install("third_party", "[wsevents.buses]\nstrange = tests.support.example_plugins:Rabbit\n")
    assert Plugins().bus("strange") is example_plugins.Rabbit


def test_every_kind_has_its_group(install):
    install(
        "third_party",
        """
        [wsevents.buses]
        mine = tests.support.example_plugins:Rabbit
        [wsevents.auth]
        mine = tests.support.example_plugins:WazoAuth
        [wsevents.authorities]
        mine = tests.support.example_plugins:WazoAuth
        [wsevents.dialects]
        mine = tests.support.example_plugins:Talk
        """,
    )
    found = Plugins()
    assert [
        found.bus("mine"),
        found.authenticator("mine"),
        found.dialect("mine"),
        found.authority("mine"),
    ] == [
        example_plugins.Rabbit,
        example_plugins.WazoAuth,
        example_plugins.Talk,
        example_plugins.WazoAuth,
    ]


def test_the_groups_of_the_package_are_those_that_are_searched():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    groups = set(setup["options.entry_points"]) - {"console_scripts"}
    assert groups <= {kind.group for kind in KINDS.values()}


def test_an_authority_needs_no_settings_but_must_be_made_like_the_others(install):
    source = """
        from twisted.application.service import Service
        from wsevents.api.interfaces import IAuthority
        from zope.interface import implementer

        @implementer(IAuthority)
        class Good(Service):
            create = classmethod(lambda cls, settings, reactor: cls())
            def answer(self, question, now): pass
            def revise(self, identity): pass
            def watch(self, changed): pass

        class Bad(Good):
            def create(self, settings, reactor): pass
        """
    install("oracle", "[wsevents.authorities]\ngood = oracle:Good\nbad = oracle:Bad\n", source)
    assert Plugins().authority("good").__name__ == "Good"
    assert problem("authority", "bad").endswith("cannot be used: `create` must be a class method")


def test_an_unknown_name_is_reported_with_the_known_names(install):
    install(
        "third_party",
        "[wsevents.buses]\n"
        "strange = tests.support.example_plugins:Rabbit\n"
        "other = tests.support.example_plugins:Rabbit\n",
    )
    text = problem("bus", "strnge")
    assert "there is no bus 'strnge'; there are: " in text
    assert "other" in text
    assert "strange" in text


def test_an_empty_group_is_reported():
    with pytest.raises(PluginError, match="is wsevents installed"):
        Plugins(lambda group: []).dialect("wazo")


def test_a_module_that_cannot_be_imported_is_named_with_its_distribution(install):
    install("broken", "[wsevents.dialects]\nstrange = broken:Thing\n", "import nothing_of_this_name\n")
    text = problem("dialect", "strange")
    assert "'strange' (entry point broken:Thing of broken) cannot be imported: ModuleNotFoundError" in text
    assert "nothing_of_this_name" in text


def test_a_module_without_the_class_is_named(install):
    install("hollow", "[wsevents.dialects]\nstrange = hollow:Thing\n")
    assert "entry point hollow:Thing of hollow) cannot be imported: AttributeError" in problem(
        "dialect", "strange"
    )


def test_a_missing_method_is_named(install):
    install(
        "unfinished",
        "[wsevents.buses]\nstrange = unfinished:Bus\n",
        """
        from tests.support.example_plugins import Rabbit, RabbitSettings
        from twisted.application.service import Service
        from wsevents.api.interfaces import IBus
        from zope.interface import implementer

        @implementer(IBus)
        class Bus(Service):
            settings = RabbitSettings
            create = classmethod(lambda cls, settings, reactor: cls())
            def attach(self, listener, exchanges, bindings): pass
            def bind(self): pass
            def unbind(self, binding): pass
        """,
    )
    text = problem("bus", "strange")
    assert "of unfinished) cannot be used" in text
    assert "publish" in text
    assert "bind" in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("settings = None", "`settings` must be an attrs class that extends Bus"),
        ("settings = int", "`settings` must be an attrs class that extends Bus"),
        ("settings = TalkSettings", "`settings` must be an attrs class that extends Bus"),
        ("def create(self, settings, reactor): pass", "`create` must be a class method"),
        ("create = staticmethod(lambda settings, reactor: None)", "create"),
    ],
)
def test_errors_that_verify_class_accepts_are_reported(install, body, message):
    install(
        "odd",
        "[wsevents.buses]\nstrange = odd:Bus\n",
        f"""
        from tests.support.example_plugins import Rabbit, TalkSettings

        class Bus(Rabbit):
            {body}
        """,
    )
    # Each case has a module of the same name, which must not come from the cache.
    importlib.sys.modules.pop("odd", None)
    assert message in problem("bus", "strange")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("default = None", "`default` must be an attribute of the class: bool"),
        (
            "page = 'page.js'",
            "`page` must be an attribute of the class: wsevents.api.package_files.PackageFile | None",
        ),
        ("demo = property(lambda self: None)", "`demo` must be an attribute of the class"),
        ("def greeting(self, settings, base_url, now): pass", "`greeting` must be a class method"),
    ],
)
def test_the_class_attributes_of_a_dialect_are_checked(install, body, message):
    install(
        "strange_talk",
        "[wsevents.dialects]\nstrange = strange_talk:Odd\n",
        f"""
        from tests.support.example_plugins import Talk

        class Odd(Talk):
            {body}
        """,
    )
    importlib.sys.modules.pop("strange_talk", None)
    assert message in problem("dialect", "strange")


def test_all_dialects_are_found_and_a_broken_dialect_is_reported(install):
    assert list(Plugins().dialects()) == sorted(Plugins().dialects())
    install("strange_talk", "[wsevents.dialects]\nstrange = tests.support.example_plugins:Talk\n")
    assert Plugins().dialects()["strange"] is example_plugins.Talk
    install("broken", "[wsevents.dialects]\nother = broken:Thing\n", "import nothing_of_this_name\n")
    with pytest.raises(PluginError, match="entry point broken:Thing of broken"):
        Plugins().dialects()


def test_a_file_of_a_plugin_is_read_or_reported():
    assert "<!DOCTYPE html>" in read_file(PackageFile("wsevents.web", "index.html"))
    for file in PackageFile("wsevents.web", "none.js"), PackageFile("nothing_of_this_name", "page.js"):
        with pytest.raises(PluginError, match=f"the file {file.name} of the package {file.package} cannot"):
            read_file(file)


def test_a_class_that_does_not_declare_the_interface_is_rejected(install):
    install("plain", "[wsevents.auth]\nstrange = plain:Auth\n", "class Auth: pass\n")
    text = problem("authenticator", "strange")
    assert "IAuthenticator" in text
    assert "IService" in text


def test_an_object_that_is_not_a_class_is_rejected(install):
    install("thing", "[wsevents.buses]\nstrange = thing:bus\n", "bus = 5\n")
    assert "must be a class" in problem("bus", "strange")


def test_two_distributions_with_one_name_are_both_named(install):
    install("first", "[wsevents.buses]\nstrange = tests.support.example_plugins:Rabbit\n")
    install("second", "[wsevents.buses]\nstrange = tests.support.example_plugins:Rabbit\n")
    assert "first and second; remove all but one" in problem("bus", "strange")
