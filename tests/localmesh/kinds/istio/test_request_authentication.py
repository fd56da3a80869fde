from typing import Any

import pytest

from localmesh.core.objects import Object
from tests.localmesh.kinds.istio.documents import complaints, judged

N = "xAE7eB6qugXyCAG3yhh7pkDkT65pHymX"
KEY = f'{{"kty": "RSA", "n": "{N}", "e": "AQAB"}}'
PARSE = "spec.jwtRules[0].jwks: jwks parse error: "


def authentication(**rule: Any) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "users", "namespace": "istioinaction"},
        "spec": {"jwtRules": [{"issuer": "me", "jwks": f'{{"keys": [{KEY}]}}'} | rule]},
    }


@pytest.mark.parametrize("jwks", ['{"keys": []}', '{"keys": null}', KEY, f'{{"keys": [{KEY}]}}'])
def test_keys_are_a_set_or_one(jwks: str) -> None:
    assert complaints(authentication(jwks=jwks)) == []
    assert judged(authentication(jwks=jwks)).warnings == ()


@pytest.mark.parametrize(
    ("jwks", "complaint"),
    [
        ("x", "Expecting value: line 1 column 1 (char 0)"),
        ("[]", "must be an object"),
        ("{}", 'key #0 in "keys": invalid key type from JSON ()'),
        ('{"keys": {}}', "keys must be a list"),
        ('{"keys": {"a": 1}}', "keys must be a list"),
        ('{"keys": [1]}', 'key #0 in "keys": must be an object'),
        ('{"keys": [{"kty": "XX"}]}', 'key #0 in "keys": invalid key type from JSON (XX)'),
        ('{"keys": [{"kty": "RSA", "n": "AQAB"}]}', 'key #0 in "keys": required field e is missing'),
        ('{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}', 'key #0 in "keys": field n must be base64'),
        ('{"keys": [{"kty": "oct", "k": "AQAB", "kid": 3}]}', 'key #0 in "keys": field kid must be a string'),
    ],
)
def test_what_is_no_key_is_refused(jwks: str, complaint: str) -> None:
    assert complaints(authentication(jwks=jwks)) == [PARSE + complaint]


@pytest.mark.parametrize("key", [KEY.replace("}", ', "d": "AQAB"}'), '{"kty": "oct", "k": "AQAB"}'])
def test_a_private_key_is_warned_about(key: str) -> None:
    (warning,) = judged(authentication(jwks=key)).warnings
    assert warning == "jwks key at index 0 contains private key material; only public keys are used for verification"


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"fromHeaders": [{"name": ""}]}, "fromHeaders[0].name: Invalid value"),
        ({"outputClaimToHeaders": [{"header": "a b", "claim": "c"}]}, "spec.jwtRules[0].outputClaimToHeaders"),
        ({"jwks": ""}, "the local mesh fetches no keys"),
    ],
)
def test_what_istiod_refuses_is_refused(rule: Object, complaint: str) -> None:
    assert complaint in "\n".join(complaints(authentication(**rule)))


def test_keys_from_elsewhere_are_refused_by_name() -> None:
    obj = authentication(jwksUri="https://example.com/keys")
    del obj["spec"]["jwtRules"][0]["jwks"]
    (complaint,) = complaints(obj)
    assert complaint.startswith("spec.jwtRules[0].jwksUri: this field is not supported by the local mesh")
