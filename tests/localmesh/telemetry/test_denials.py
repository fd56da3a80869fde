import pytest

from localmesh.telemetry.denials import in_words


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ("rbac_access_denied_matched_policy[ns[shop]-policy[no-one]-rule[2]]",
         "denied by AuthorizationPolicy no-one.shop, spec.rules[2]"),
        ("rbac_access_denied_matched_policy[none]", "denied: no rule of an ALLOW AuthorizationPolicy matches"),
        ("jwt_authn_access_denied{Jwt_is_missing}", "denied by RequestAuthentication: Jwt is missing"),
        ("via_upstream", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_who_denied_is_said_in_words(details: str, words: str) -> None:
    assert in_words(details) == words
