"""Settings and accounts that many tests need."""

from wsevents.api.identity import Identity
from wsevents.core.password_hash import ScryptHash, derive
from wsevents.dialects.isymphony.settings import Account, IsymphonySettings

PATH = "/communication_manager/ws/event"
BOSS = Identity("boss", "-", ("#",), reach="all")
ONE = Identity("one", "t1", ("events.#",), reach="tenant")


def quick_hash(password, costs=(16, 1, 1)):
    """Return a weak hash that is fast to compute."""
    form = ScryptHash(*costs, b"saltsalt", bytes(32))
    return ScryptHash(*costs, b"saltsalt", derive(password, form)).text()


def account(password="pw", tenant=None, acl=("#",), **more):
    return Account(password_hash=quick_hash(password, **more), tenant_uuid=tenant, acl=list(acl))


def settings(**more):
    users = {"boss": account("boss-pw"), "one": account("one-pw", "t1", ("events.#",))}
    return IsymphonySettings(**{"users": users, **more})
