import pytest

from services.webapp.proxy import proxy_for

COMPANY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def company_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", COMPANY)
    monkeypatch.setenv("http_proxy", COMPANY)


def test_a_call_to_another_machine_takes_the_proxy_that_the_environment_names() -> None:
    assert proxy_for("http://catalog.istioinaction:80") == COMPANY


def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", ".istioinaction")
    assert proxy_for("http://catalog.istioinaction:80") is None


@pytest.mark.parametrize(
    "url", ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000", "http://a.localhost"]
)
def test_a_call_to_this_machine_takes_it_only_where_a_mesh_says_so(url: str) -> None:
    assert proxy_for(url) is None
    assert proxy_for(url, proxy_loopback=True) == COMPANY
