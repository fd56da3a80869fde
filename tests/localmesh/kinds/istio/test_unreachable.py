import pytest

from tests.localmesh.kinds.istio.documents import ROUTE, judged, virtual_service

DARK = {"headers": {"x-dark-launch": {"exact": "v2"}}}


def rule(*matches: object, name: str = "") -> dict[str, object]:
    return ROUTE | {"match": list(matches), "name": name}


def warnings(*rules: object) -> tuple[str, ...]:
    return judged(virtual_service(*rules)).warnings


def test_the_tutorials_dark_launch_is_no_reason_for_a_warning() -> None:
    assert warnings(rule(DARK), ROUTE) == ()


def test_rules_behind_one_that_takes_everything_are_named() -> None:
    assert warnings(ROUTE, ROUTE) == ("virtualService rule #1 not used (only the last rule can have no matches)",)
    assert warnings(ROUTE, rule(DARK, DARK, name="late")) == (
        'virtualService rule "late" not used (route without matches defined before)',
    )


def test_a_match_that_was_there_before_is_named_whatever_it_is_called() -> None:
    assert warnings(rule(DARK), rule(DARK | {"name": "again"})) == (
        'virtualService rule #1 match "again" is not used (duplicate/overlapping match in rule #0)',
        "virtualService rule #1 not used (all matches used by prior rules)",
    )


@pytest.mark.parametrize("later", ["/items/1", "/itemsets"])
def test_a_longer_prefix_behind_a_shorter_one_is_named(later: str) -> None:
    hidden, by = f"#0 of prefix {later}", "#0 of prefix /items on #0"
    assert warnings(rule({"uri": {"prefix": "/items"}}), rule({"uri": {"prefix": later}})) == (
        f"virtualService rule #1 match {hidden} is not used (duplicate/overlapping match in rule {by})",
    )


def test_a_longer_prefix_is_reached_when_the_shorter_one_asks_for_more() -> None:
    narrow = {"uri": {"prefix": "/items"}} | DARK
    assert warnings(rule(narrow), rule({"uri": {"prefix": "/items/1"}})) == ()
