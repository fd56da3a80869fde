from typing import Any

import pytest

from localmesh.envoy.access import RBAC, AccessVerdict, Downstream, verdict
from localmesh.envoy.matching import Request

WEBAPP = "spiffe://cluster.local/ns/shop/sa/webapp"
REQUEST = Request("catalog", "/items/7?q=1", "GET", {"x-user": "ann"})
BY_CERTIFICATE = Downstream(REQUEST, WEBAPP, "outbound_.80_._.catalog", 3000)
IN_PLAIN_TEXT = Downstream(REQUEST, None, "", 3000)
ANY = {"any": True}
NAMED = {"authenticated": {"principal_name": {"exact": WEBAPP}}}


def rbac(action: str, **policies: tuple[Any, Any]) -> dict[str, Any]:
    """A filter whose policies have one permission and one principal each."""
    rules = {name: {"permissions": [to], "principals": [of]} for name, (to, of) in policies.items()}
    said = {"policies": rules} | ({} if action == "ALLOW" else {"action": action})
    return {"name": RBAC, "typed_config": {"rules": said}}


PERMISSIONS = [
    (ANY, True),
    ({"not_rule": ANY}, False),
    ({"and_rules": {"rules": [ANY, {"destination_port": 3000}]}}, True),
    ({"and_rules": {"rules": [ANY, {"destination_port": 80}]}}, False),
    ({"or_rules": {"rules": [{"destination_port": 80}, {"url_path": {"path": {"prefix": "/items"}}}]}}, True),
    ({"url_path": {"path": {"exact": "/items/7"}}}, True),
    ({"header": {"name": ":method", "string_match": {"exact": "POST"}}}, False),
    ({"header": {"name": "x-user", "present_match": True}}, True),
    ({"uri_template": {"typed_config": {"path_template": "/items/{*}"}}}, True),
    ({"uri_template": {"typed_config": {"path_template": "/{*}"}}}, False),
    ({"uri_template": {"typed_config": {"path_template": "/{**}"}}}, True),
    ({"requested_server_name": {"suffix": "catalog"}}, True),
    ({"metadata": {}}, None),
    ({"and_rules": {"rules": [{"metadata": {}}, {"not_rule": ANY}]}}, False),
    ({"or_rules": {"rules": [{"metadata": {}}, ANY]}}, True),
    ({"not_rule": {"metadata": {}}}, None),
]


@pytest.mark.parametrize(("permission", "fits"), PERMISSIONS, ids=map(str, range(len(PERMISSIONS))))
def test_a_permission_is_held_against_the_request(permission: Any, fits: bool | None) -> None:
    decided = verdict([rbac("ALLOW", p=(permission, ANY))], BY_CERTIFICATE)
    assert decided == AccessVerdict(fits, "" if fits is False else "p", 1)


PRINCIPALS = [
    (NAMED, True, False),
    ({"authenticated": {}}, True, False),
    ({"not_id": NAMED}, False, True),
    ({"or_ids": {"ids": [NAMED, {"direct_remote_ip": {"address_prefix": "10.0.0.0", "prefix_len": 8}}]}}, True, False),
    ({"remote_ip": {"address_prefix": "127.0.0.0", "prefix_len": 8}}, True, True),
]


@pytest.mark.parametrize(("principal", "named", "nameless"), PRINCIPALS, ids=map(str, range(len(PRINCIPALS))))
def test_a_principal_is_held_against_the_certificate(principal: Any, named: bool, nameless: bool) -> None:
    for caller, fits in ((BY_CERTIFICATE, named), (IN_PLAIN_TEXT, nameless)):
        decided = verdict([rbac("ALLOW", p=(ANY, principal))], caller)
        assert decided
        assert decided.lets_in is fits


def test_who_is_denied_is_out_whoever_allows_and_audits_decide_nothing() -> None:
    allow, audit = rbac("ALLOW", all=(ANY, ANY)), rbac("LOG", seen=(ANY, ANY))
    assert verdict([audit], IN_PLAIN_TEXT) is None
    assert verdict([{"name": "envoy.filters.http.router"}], IN_PLAIN_TEXT) is None
    assert verdict([audit, rbac("DENY", no=(ANY, NAMED)), allow], BY_CERTIFICATE) == AccessVerdict(False, "no", 1)
    assert verdict([rbac("DENY", no=(ANY, NAMED)), allow], IN_PLAIN_TEXT) == AccessVerdict(True, "all", 1)
    assert verdict([rbac("DENY", no=(ANY, NAMED))], IN_PLAIN_TEXT) == AccessVerdict(True, "", 1)
    assert verdict([rbac("DENY", no=({"metadata": {}}, ANY)), allow], IN_PLAIN_TEXT) == AccessVerdict(None, "no", 1)
    assert verdict([rbac("ALLOW", a=(ANY, NAMED), b=(ANY, NAMED))], IN_PLAIN_TEXT) == AccessVerdict(False, "", 2)
