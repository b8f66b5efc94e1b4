"""The index, compared with a search through all peers."""

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.index import Index


@frozen(cache_hash=True)
class Wish:
    name: str
    addresses: tuple


def test_peers_with_equal_interests_are_one_audience():
    index = Index()
    for peer in range(100):
        index.subscribe(peer, frozenset({Wish("w", (1, 2))}))
    audiences = list(index.at([1, 2]))
    assert len(audiences) == 1
    assert list(audiences[0].peers) == list(range(100))


def test_an_address_without_interests_has_no_audience():
    index = Index()
    index.subscribe("p", frozenset({Wish("w", (1,))}))
    assert list(index.at([2])) == []


wishes = st.frozensets(
    st.builds(Wish, st.sampled_from("ab"), st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple)),
    max_size=3,
)


@given(st.lists(st.tuples(st.integers(0, 4), wishes), max_size=30), st.lists(st.integers(0, 3), max_size=4))
def test_the_index_agrees_with_a_search_and_is_empty_after_all_peers_have_left(changes, addresses):
    index, held = Index(), {}
    for peer, interests in changes:
        index.subscribe(peer, interests)
        held[peer] = interests
    found = sorted(
        ((peer, audience.interest) for audience in index.at(addresses) for peer in audience.peers), key=repr
    )
    searched = sorted(
        (
            (peer, wish)
            for peer, interests in held.items()
            for wish in interests
            if set(wish.addresses) & set(addresses)
        ),
        key=repr,
    )
    assert found == searched
    assert len(index) == sum(map(bool, held.values()))
    for peer in held:
        index.subscribe(peer, frozenset())
    assert index.empty


def test_two_thousand_peers_that_leave_again_leave_the_index_empty():
    index = Index()
    for peer in range(2000):
        index.subscribe(peer, frozenset({Wish(str(peer % 7), (peer % 13, "*"))}))
        index.subscribe(peer, frozenset({Wish(str(peer % 5), (peer % 11,))}))
    for peer in range(2000):
        index.subscribe(peer, frozenset())
    assert index.empty
