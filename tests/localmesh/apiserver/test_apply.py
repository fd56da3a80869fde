from localmesh.apiserver.apply import apply
from localmesh.kinds.objects import Object
from localmesh.kinds.resources import SERVICES
from localmesh.kinds.schema import Schema

SCHEMA = Schema.of(SERVICES)
HTTP = {"name": "http", "port": 80}


def service(*ports: Object, **spec: object) -> Object:
    return {"spec": {"ports": list(ports), **spec}}


def test_what_a_manager_no_longer_applies_goes() -> None:
    live = service({**HTTP, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"}, type="NodePort")
    previous = service(HTTP, {"port": 81}, type="NodePort")
    assert apply(live, previous, service(HTTP), SCHEMA) == service({**HTTP, "protocol": "TCP"})


def test_what_others_set_stays() -> None:
    live = {"metadata": {"annotations": {"theirs": "1", "mine": "2"}}, **service(HTTP, clusterIP="10.0.0.1")}
    previous = {"metadata": {"annotations": {"mine": "2"}}, **service(HTTP)}
    applied = apply(live, previous, service(HTTP), SCHEMA)
    assert applied == {"metadata": {"annotations": {"theirs": "1"}}, **service(HTTP, clusterIP="10.0.0.1")}


def test_items_are_told_apart_by_all_of_their_keys() -> None:
    tcp, udp = {"port": 53, "protocol": "TCP", "name": "a"}, {"port": 53, "protocol": "UDP", "name": "b"}
    applied = apply(service(tcp, udp), {}, service({"port": 53, "protocol": "UDP", "name": "c"}), SCHEMA)
    assert applied == service({**udp, "name": "c"}, tcp)


def test_a_list_that_is_left_out_loses_the_managers_items_only() -> None:
    live = service(HTTP, {"port": 81})
    assert apply(live, service(HTTP), {"spec": {}}, SCHEMA) == service({"port": 81})


def test_a_map_of_which_nothing_is_left_goes() -> None:
    assert apply({"spec": {"selector": {"a": "b"}}}, {"spec": {"selector": {"a": "b"}}}, {}, SCHEMA) == {}
