"""The names of people who have chosen none."""

from collections import Counter

from server.game.given_names import given_name
from server.security.random_codes import new_person_id


def test_a_given_name_follows_from_the_id_alone_and_hardly_two_people_share_one():
    assert given_name("0123456789a") == given_name("0123456789a")
    names = Counter(given_name(new_person_id()) for _ in range(3000))
    assert len(names) > 2900
    assert all(len(name) <= 12 and name[-3] == " " and name[-2:].isdigit() for name in names)
