import pytest

from localmesh.kinds.istio.hosts import covers, intersection, overlap, resolve, resolve_gateway


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("*", "shop.io", True),
        ("*", "*.io", True),
        ("*.io", "shop.io", True),
        ("*.io", "*.shop.io", True),
        ("*.shop.io", "*.io", False),
        ("*.shop.io", "shop.io", False),
        ("*shop.io", "shop.io", True),
        ("*shop.io", "*shop.io", True),
        ("shop.io", "shop.io", True),
        ("shop.io", "*.io", False),
        ("Shop.io", "shop.io", False),
    ],
)
def test_a_wildcard_covers_what_ends_like_it(wide: str, narrow: str, covered: bool) -> None:
    assert covers(wide, narrow) is covered
    assert overlap(wide, narrow) is (covered or covers(narrow, wide))


def test_of_two_hosts_that_overlap_the_narrower_one_is_served() -> None:
    assert intersection(["*.io", "a.com"], ["shop.io", "*", "b.com"]) == ["shop.io", "*.io", "a.com"]


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("catalog", "catalog.ns.svc.cluster.local"),
        ("catalog.ns", "catalog.ns"),
        ("*", "*"),
        ("*.io", "*.io"),
        ("::1", "::1"),
    ],
)
def test_only_a_name_without_a_dot_is_short_for_a_service(host: str, meant: str) -> None:
    assert resolve(host, "ns") == meant


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ("mesh", "mesh"),
        ("front", "ns/front"),
        ("other/front", "other/front"),
        ("front.other", "other/front"),
        ("front.other.svc.cluster.local", "other/front"),
    ],
)
def test_a_gateway_is_looked_for_beside_the_virtual_service(entry: str, meant: str) -> None:
    assert resolve_gateway(entry, "ns") == meant
