from localmesh.telemetry.findings import MAX_SHOWN, troubles


def finding(name: str = "catalog", code: str = "", message: str = "spec.http[0]: no") -> dict[str, str]:
    about = {"kind": "VirtualService", "namespace": "shop", "name": name}
    return {**about, "message": message, "code": code}


def test_what_is_left_out_comes_before_what_analysis_wonders_about() -> None:
    wondering, failing = troubles([finding("odd", "IST0101"), finding("broken")])[::-1]
    assert (wondering.level, failing.level) == ("warning", "error")
    assert failing.text == "VirtualService broken.shop: spec.http[0]: no"
    assert failing.fix == "kubectl describe virtualservice broken -n shop"


def test_no_banner_is_longer_than_a_page() -> None:
    assert len(troubles(finding(str(number)) for number in range(MAX_SHOWN + 5))) == MAX_SHOWN
    assert troubles([]) == []
