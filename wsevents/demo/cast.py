"""The demo's data: three companies, their people and their agents, and callers from outside.

The uuids are fixed, so that `config.yml` and users of the demo can name them.
"""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Person:
    """A person with a telephone: a user of a company, or an external caller.

    Attributes:
        name: caller ID name.
        number: extension, or external number.
        uuid: uuid of the user; None: an external caller.
        id: id of the user's line, endpoint and voicemail box; 0: an external caller.
        agent: agent number, with which the user logs in to a queue; None: not an agent.
    """

    name: str
    number: str
    uuid: str | None = None
    id: int = 0
    agent: str | None = None

    @property
    def user(self) -> str:
        """The uuid of the user.

        Raises:
            ValueError: this is an external caller.
        """
        if self.uuid is None:
            raise ValueError(f"{self.name} is not in the company")
        return self.uuid


@frozen
class Company:
    """A company, which is a tenant.

    Attributes:
        tenant: uuid of the tenant.
        people: its users; at least two for each conversation, two for missed calls, and one more.
        conversations: number of simultaneous answered calls.
        beat: maximum seconds between two events of agents, endpoints and user statuses.
    """

    tenant: str
    people: tuple[Person, ...] = field(repr=False)
    conversations: int
    beat: float

    @property
    def agents(self) -> list[Person]:
        """The users that are agents of a queue."""
        return [person for person in self.people if person.agent]


def _uuid(company: int, person: int) -> str:
    return f"00000000-0000-4000-8{company:03d}-{person:012d}"


def _people(company: int, agents: int, *names: str) -> tuple[Person, ...]:
    extension = 1000 * company
    return tuple(
        Person(
            name=name,
            number=str(extension + number),
            uuid=_uuid(company, number),
            id=10 * company + number,
            agent=str(extension + 100 + number) if number <= agents else None,
        )
        for number, name in enumerate(names, 1)
    )


COMPANIES = (
    Company(
        tenant="00000000-0000-4000-8000-000000000001",
        people=_people(
            1,
            3,
            "Alice Martin",
            "Bruno Tremblay",
            "Chloé Girard",
            "David Okafor",
            "Emma Lindqvist",
            "Farid Benali",
            "Grace Kim",
            "Hugo Peeters",
        ),
        conversations=2,
        beat=0.48,
    ),
    Company(
        tenant="00000000-0000-4000-8000-000000000002",
        people=_people(2, 1, "Ines Duarte", "Jonas Weber", "Kaori Tanaka", "Liam Byrne", "Maya Cohen"),
        conversations=1,
        beat=1.6,
    ),
    Company(
        tenant="00000000-0000-4000-8000-000000000003",
        people=_people(3, 1, "Nadia Rossi", "Oscar Svensson", "Priya Nair", "Quentin Leroy", "Rosa Jiménez"),
        conversations=1,
        beat=2.4,
    ),
)

OUTSIDERS = (
    Person("Maple Street Bakery", "+15145550101"),
    Person("Dr. Singh", "+15145550134"),
    Person("Night Owl Taxi", "+14185550162"),
    Person("Harbour Logistics", "+14385550177"),
    Person("Anonymous", "anonymous"),
)
