from typing import Any

import pytest

from localmesh.apiserver.write.patches import PatchError
from localmesh.apiserver.write.strategic import merge
from localmesh.core.objects import Object
from localmesh.kinds.resources import DEPLOYMENTS, PODS, SERVICES
from localmesh.kinds.schema.definitions import Schema


def patched(containers: list[Object], patch: Object) -> list[Any]:
    """Return a pod's containers after a patch of its spec."""
    result = merge({"spec": {"containers": containers}}, {"spec": patch}, Schema.of(PODS))
    found: list[Any] = result["spec"]["containers"]
    return found


A = {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}
B = {"name": "b", "image": "b:1", "args": ["1", "2"]}


def test_items_are_merged_by_their_key_and_the_others_stay() -> None:
    assert patched([A, B], {"containers": [{"name": "b", "image": "b:2"}]}) == [A, {**B, "image": "b:2"}]


def test_an_item_with_a_new_key_is_added() -> None:
    assert patched([A], {"containers": [B]}) == [A, B]


def test_merging_goes_on_inside_of_items() -> None:
    (container,) = patched([A], {"containers": [{"name": "a", "env": [{"name": "Y", "value": "3"}]}]})
    assert container["env"] == [{"name": "X", "value": "1"}, {"name": "Y", "value": "3"}]


def test_lists_without_a_key_are_replaced() -> None:
    assert patched([B], {"containers": [{"name": "b", "args": ["3"]}]}) == [{**B, "args": ["3"]}]


def test_null_takes_a_field_away() -> None:
    assert patched([B], {"containers": [{"name": "b", "args": None}]}) == [{"name": "b", "image": "b:1"}]


def test_an_item_is_deleted_by_a_directive() -> None:
    assert patched([A, B], {"containers": [{"name": "a", "$patch": "delete"}]}) == [B]


def test_a_list_and_a_map_are_replaced_by_a_directive() -> None:
    assert patched([A, B], {"containers": [{"$patch": "replace"}, {"name": "c"}]}) == [{"name": "c"}]
    service = {"spec": {"selector": {"app": "a", "version": "1"}}}
    patch = {"spec": {"selector": {"$patch": "replace", "app": "b"}}}
    assert merge(service, patch, Schema.of(SERVICES)) == {"spec": {"selector": {"app": "b"}}}


def test_the_order_is_the_patchs_and_what_it_does_not_name_stays_behind_its_neighbour() -> None:
    order = {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}
    assert patched([A, B], order) == [B, A]
    beside = {"name": "beside"}
    assert patched([A, beside, B], order) == [B, A, beside]
    assert patched([beside, A, B], order) == [beside, B, A]


def test_retain_keys_drops_the_other_members_of_a_union() -> None:
    deployment = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert merge(deployment, patch, Schema.of(DEPLOYMENTS)) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_lists_of_scalars_are_united_and_deleted_from() -> None:
    pod = {"metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["b", "c"]}}
    assert merge(pod, patch, Schema.of(PODS)) == {"metadata": {"finalizers": ["b", "c"]}}


def test_the_arguments_are_not_changed() -> None:
    original = {"spec": {"containers": [{"name": "a", "env": [{"name": "X"}]}]}}
    merge(original, {"spec": {"containers": [{"name": "a", "env": [{"name": "Y"}]}]}}, Schema.of(PODS))
    assert original == {"spec": {"containers": [{"name": "a", "env": [{"name": "X"}]}]}}


@pytest.mark.parametrize("patch", [{"containers": [{"image": "x"}]}, {"containers": [{"name": "a", "$patch": "no"}]}])
def test_a_patch_that_makes_no_sense_says_why(patch: Object) -> None:
    with pytest.raises(PatchError, match=r"has no name|is unknown"):
        patched([A], patch)
