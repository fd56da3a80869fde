import pytest

from localmesh.apiserver.read.selectors import Selector, SelectorError
from localmesh.kinds.resources import PODS
from localmesh.kinds.schema.definitions import Schema

SCHEMA = Schema.of(PODS)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=catalog", True),
        ("app==catalog,version!=v2", True),
        ("app = catalog , version", True),
        ("app=webapp", False),
        ("version in (v1,v2)", True),
        ("version in (v2, v3)", False),
        ("version notin (v2,v3),app in (catalog)", True),
        ("tier notin (a)", True),
        ("tier!=a", True),
        ("tier", False),
        ("!tier", True),
        ("!app", False),
        ("example.com/team=a", False),
    ],
)
def test_labels_are_selected(selector: str, matches: bool) -> None:
    obj = {"metadata": {"labels": {"app": "catalog", "version": "v1"}}}
    assert Selector.parse(selector, "", SCHEMA).matches(obj) is matches


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("metadata.name=p", True),
        ("metadata.name==p,status.phase!=Failed", True),
        ("status.phase=Running", False),
        ("spec.nodeName=", True),
        ("metadata.labels.app=x", False),
    ],
)
def test_fields_are_selected(selector: str, matches: bool) -> None:
    obj = {"metadata": {"name": "p"}, "status": {"phase": "Pending"}}
    assert Selector.parse("", selector, SCHEMA).matches(obj) is matches


@pytest.mark.parametrize("selector", ["a b", "=a", "a in b", "a in (b", "a=b=c"])
def test_a_selector_that_cannot_be_read_says_so(selector: str) -> None:
    with pytest.raises(SelectorError, match="unable to parse requirement"):
        Selector.parse(selector, "", SCHEMA)


def test_a_field_selector_that_cannot_be_read_says_so() -> None:
    with pytest.raises(SelectorError, match="invalid field selector"):
        Selector.parse("", "metadata.name", SCHEMA)


@pytest.mark.parametrize("path", ["status.phse", "involvedObject.name", "metadata.name.first", "..", "phase"])
def test_a_field_that_the_kind_does_not_have_is_no_empty_list(path: str) -> None:
    with pytest.raises(SelectorError, match="field label not supported"):
        Selector.parse("", f"{path}=x", SCHEMA)
