from localmesh.envoy.complaints import complaints

PLACE = "envoy config source/extensions/config_subscription/rest/http_subscription_impl.cc:132"
REJECTED = "REST config for /v3/discovery:routes rejected"
LOG = (
    f"2026-11-25T15:11:36.442000+09:00\twarning\t{PLACE}\t{REJECTED}: missing ): ((\tthread=7\n"
    "2026-11-25T15:11:36.500000+09:00\twarning\tenvoy upstream lds_api.cc:89\tlds: listener 'l2' rejected\tthread=7\n"
    f"2026-11-25T15:11:37.000000+09:00\twarning\t{PLACE}\t{REJECTED}: goo.gle/debugonly\n"
    'name: "two"\n: Proto constraint validation failed (RingHash: too large)\tthread=7\n'
)


def test_each_reason_is_given_by_its_time() -> None:
    assert complaints(LOG) == {
        "2026-11-25T15:11:36.442000+09:00": "missing ): ((",
        "2026-11-25T15:11:37.000000+09:00": "Proto constraint validation failed (RingHash: too large)",
    }


def test_a_log_without_complaints_gives_none() -> None:
    assert complaints("2026-11-25T15:11:36.442000+09:00\twarning\tenvoy main server.cc:1028\tcaught\tthread=7\n") == {}
