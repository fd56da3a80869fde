import copy
import random
from typing import Any

import pytest

from localmesh.apiserver.write.patches import MOST_OPERATIONS, PatchError, apply_operations, merge


def random_document(dice: random.Random, depth: int = 3) -> Any:
    if depth == 0 or dice.random() < 0.3:
        return dice.choice(["a", 1, True, 2.5, "", [], {}])
    if dice.random() < 0.3:
        return [random_document(dice, depth - 1) for _ in range(dice.randint(0, 3))]
    return {dice.choice("abcd"): random_document(dice, depth - 1) for _ in range(dice.randint(0, 4))}


def difference(before: Any, after: Any) -> Any:
    """Return the JSON merge patch from one document to another."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    changed = {name: difference(before.get(name), value) for name, value in after.items() if before.get(name) != value}
    return changed | dict.fromkeys(before.keys() - after.keys())


@pytest.mark.parametrize("seed", range(50))
def test_a_merge_patch_leads_from_any_document_to_any_other(seed: int) -> None:
    dice = random.Random(seed)
    before, after = random_document(dice), random_document(dice)
    kept = copy.deepcopy(before)
    assert merge(before, difference(before, after)) == after
    assert before == kept


@pytest.mark.parametrize(
    ("original", "patch", "expected"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_are_those_of_the_rfc(original: Any, patch: Any, expected: Any) -> None:
    assert merge(original, patch) == expected


@pytest.mark.parametrize(
    ("original", "operation", "expected"),
    [  # RFC 6902, appendix A
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"foo": "bar", "baz": "qux"}),
        ({"foo": [1, 3]}, {"op": "add", "path": "/foo/1", "value": 2}, {"foo": [1, 2, 3]}),
        ({"foo": [1]}, {"op": "add", "path": "/foo/-", "value": [2]}, {"foo": [1, [2]]}),
        ({"baz": 1, "foo": 2}, {"op": "remove", "path": "/baz"}, {"foo": 2}),
        ({"foo": [1, 2, 3]}, {"op": "remove", "path": "/foo/1"}, {"foo": [1, 3]}),
        ({"baz": 1}, {"op": "replace", "path": "/baz", "value": 2}, {"baz": 2}),
        ({"a": {"b": 1}, "c": {}}, {"op": "move", "from": "/a/b", "path": "/c/d"}, {"a": {}, "c": {"d": 1}}),
        ({"foo": [1, 2, 3]}, {"op": "move", "from": "/foo/0", "path": "/foo/2"}, {"foo": [2, 3, 1]}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"a": 1}, {"op": "replace", "path": "", "value": [2]}, [2]),
    ],
)
def test_json_patches_are_those_of_the_rfc(original: Any, operation: Any, expected: Any) -> None:
    kept = copy.deepcopy(original)
    assert apply_operations(original, [operation]) == expected
    assert original == kept


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"op": "test", "path": "/a", "value": 2}, "testing value /a failed: test failed"),
        ({"op": "test", "path": "/d/e/f", "value": 2}, "testing value /d/e/f failed: test failed"),
        ({"op": "remove", "path": "/b"}, "remove operation does not apply: doc is missing path: /b: missing value"),
        ({"op": "replace", "path": "/b", "value": 1}, "replace operation does not apply: doc is missing path: /b"),
        ({"op": "add", "path": "/b/c", "value": 1}, "add operation does not apply: doc is missing path: /b/c"),
        ({"op": "add", "path": "/l/5", "value": 1}, "add operation does not apply: doc is missing path: /l/5"),
        ({"op": "remove", "path": "/l/x"}, "remove operation does not apply: doc is missing path: /l/x"),
        ({"op": "remove", "path": "/l/-1"}, "remove operation does not apply: doc is missing path: /l/-1"),
        ({"op": "move", "from": "/b", "path": "/a"}, "move operation does not apply: doc is missing path: /b"),
        ({"op": "add", "path": "/a/b", "value": 1}, "add operation does not apply: doc is missing path: /a/b"),
        ({"op": "remove", "path": 5}, '{"op": "remove", "path": 5} is no operation of a JSON patch'),
        ({"op": "jump", "path": "/a"}, '{"op": "jump", "path": "/a"} is no operation of a JSON patch'),
        ({"path": None}, '{"path": null} is no operation of a JSON patch'),
        ({"op": "copy", "path": "/x"}, '{"op": "copy", "path": "/x"} is no operation of a JSON patch'),
        ({"op": "copy", "from": "/b", "path": "/x"}, "copy operation does not apply: doc is missing path: /b"),
        ("remove", '"remove" is no operation of a JSON patch'),
        (None, "null is no operation of a JSON patch"),
    ],
)
def test_an_operation_that_cannot_be_applied_is_named_and_never_in_python(operation: Any, words: str) -> None:
    with pytest.raises(PatchError) as refused:
        apply_operations({"a": 1, "l": [], "d": {"e": {}}}, [{"op": "test", "path": "/a", "value": 1}, operation])
    began = "the server rejected our request due to an error in our request: operation 1: "
    assert str(refused.value).startswith(began + words)


def test_a_json_patch_is_a_list_and_no_endless_one() -> None:
    for operations in ({"op": "add"}, [{"op": "test", "path": "", "value": {}}] * (MOST_OPERATIONS + 1)):
        with pytest.raises(PatchError, match="a JSON patch is a list of operations, 10000 at most"):
            apply_operations({}, operations)


def test_copies_of_copies_end_before_memory_does() -> None:
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/{number}"} for number in range(60)]
    with pytest.raises(PatchError, match="the copies are larger than 3145728 bytes"):
        apply_operations({"a": {}}, doubling)


def test_neither_the_document_nor_the_patch_is_changed() -> None:
    document = {"a": {"b": 1}}
    operations = [{"op": "add", "path": "/c", "value": {}}, {"op": "move", "from": "/a", "path": "/c/d"}]
    before = copy.deepcopy((document, operations))
    assert apply_operations(document, operations) == {"c": {"d": {"b": 1}}}
    assert (document, operations) == before
