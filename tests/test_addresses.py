"""The address for which a request counts, behind trusted and other proxies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.security.addresses import MOST_HOPS, UNKNOWN, client_address, counted_networks, networks

PROXY = "10.0.0.7"
TRUSTED = networks("10.0.0.0/8, 2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("198.51.100.4", None, "198.51.100.4"),
        ("198.51.100.4", "203.0.113.9", "198.51.100.4"),
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, "203.0.113.9", "203.0.113.9"),
        (PROXY, "192.0.2.1, 203.0.113.9", "203.0.113.9"),
        (PROXY, "192.0.2.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        (PROXY, "192.0.2.1,203.0.113.9 , ,", "203.0.113.9"),
        (PROXY, "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        (PROXY, "203.0.113.9:4711", "203.0.113.9"),
        (PROXY, "[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64"),
        (PROXY, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (PROXY, "::ffff:203.0.113.9", "203.0.113.9"),
        (PROXY, "fe80::1%eth0", "fe80::/64"),
        ("2001:db8:ffff::1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("::1", "203.0.113.9", "::/64"),
        ("", "203.0.113.9", UNKNOWN),
    ],
)
def test_only_what_a_trusted_proxy_wrote_is_believed(peer, forwarded_for, address):
    assert client_address(peer, forwarded_for, TRUSTED) == address


@pytest.mark.parametrize(
    "garbage", ["unknown", "_hidden", "203.0.113", "1" * 5000, "'; --", "[", "a:b", "百"]
)
def test_hops_left_of_garbage_are_not_believed(garbage):
    assert client_address(PROXY, f"203.0.113.9, {garbage}", TRUSTED) == PROXY
    assert client_address(PROXY, f"203.0.113.9, {garbage}, 10.2.2.2", TRUSTED) == "10.2.2.2"
    assert client_address(PROXY, f"{garbage}, 203.0.113.9", TRUSTED) == "203.0.113.9"


def test_only_a_limited_number_of_hops_of_a_header_is_read():
    hops = ["203.0.113.9", *["10.2.2.2"] * MOST_HOPS]
    assert client_address(PROXY, ",".join(hops), TRUSTED) == "10.2.2.2"
    assert client_address(PROXY, ",".join(hops[:-1]), TRUSTED) == "203.0.113.9"


@given(claimed=st.text(), peer=st.ip_addresses(v=4).filter(lambda a: not str(a).startswith("10.")).map(str))
def test_an_address_that_a_client_claims_changes_nothing(claimed, peer):
    assert client_address(peer, claimed, TRUSTED) == peer
    assert client_address(PROXY, f"{claimed}, {peer}", TRUSTED) == peer
    assert client_address(PROXY, claimed, ()) == PROXY


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "10.0.0.1/8", "heroku", "*", "0.0.0.0/0", "::/0", "10.0.0.1;10.0.0.2"]
)
def test_a_list_that_is_wrong_or_trusts_everybody_is_refused(text):
    with pytest.raises(ValueError):
        networks(text)


def test_an_address_alone_is_a_network_of_one():
    assert client_address("192.0.2.1", "203.0.113.9", networks("192.0.2.1,")) == "203.0.113.9"
    assert client_address("192.0.2.2", "203.0.113.9", networks("192.0.2.1,")) == "192.0.2.2"
    assert networks("") == ()


def test_an_ipv6_network_counts_and_a_wider_one_with_ten_times_as_much():
    assert counted_networks("2001:db8:1:2::/64") == {"2001:db8:1:2::/64": 1, "2001:db8:1::/48": 10}
    assert counted_networks("192.0.2.1") == {"192.0.2.1": 1}
    assert counted_networks("") == {}
