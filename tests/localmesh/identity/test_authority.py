"""What the authority vouches for, and where its key lies."""

import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from localmesh.core.objects import Key
from localmesh.identity import authority, certificates
from localmesh.identity.authority import FILE, Authority, Certificate
from localmesh.identity.certificates import Certificates

WEBAPP = "spiffe://cluster.local/ns/istioinaction/sa/webapp"
HOUR = timedelta(hours=1)


def parsed(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.chain.encode())


def test_a_certificate_says_whose_it_is_and_nothing_else() -> None:
    authority = Authority.make()
    issued = authority.issue(WEBAPP, HOUR)
    found = parsed(issued)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [WEBAPP]
    assert names.critical
    assert not list(found.subject)
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    found.verify_directly_issued_by(authority.certificate)
    key = serialization.load_pem_private_key(issued.key.encode(), None)
    assert key.public_key() == found.public_key()


def test_a_certificate_is_good_now_for_clocks_that_are_late_too_and_ends() -> None:
    found = parsed(Authority.make().issue(WEBAPP, HOUR))
    now = datetime.now(UTC)
    assert found.not_valid_before_utc < now - timedelta(minutes=1)
    assert now < found.not_valid_after_utc <= now + HOUR


def test_no_two_proxies_have_the_same_key() -> None:
    made = Certificates(Authority.make())
    one, other = made.of(Key("a", "web-1"), WEBAPP), made.of(Key("a", "web-2"), WEBAPP)
    assert one.key != other.key
    assert made.of(Key("a", "web-1"), WEBAPP) is one


def test_a_key_is_not_shown_where_a_certificate_is_printed() -> None:
    issued = Authority.make().issue(WEBAPP, HOUR)
    assert "PRIVATE" not in repr(issued) + str([issued])


def test_a_restart_finds_the_same_authority(tmp_path: Path) -> None:
    first, second = Authority.of(tmp_path), Authority.of(tmp_path)
    assert first.pem == second.pem
    parsed(first.issue(WEBAPP, HOUR)).verify_directly_issued_by(second.certificate)


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    Authority.of(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "nonsense", "half"])
def test_an_authority_that_cannot_be_used_is_replaced_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    before = Authority.of(tmp_path)
    path = tmp_path / FILE
    path.write_text(before.pem if content == "half" else content)
    with caplog.at_level(logging.WARNING):
        after = Authority.of(tmp_path)
    assert after.pem != before.pem
    assert Authority.of(tmp_path).pem == after.pem
    assert "so the mesh gets another authority" in caplog.text


def test_a_key_that_others_could_read_is_used_no_more(tmp_path: Path) -> None:
    before = Authority.of(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    after = Authority.of(tmp_path)
    assert after.pem != before.pem
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_key_and_certificate_have_to_belong_together(tmp_path: Path) -> None:
    before, stranger = Authority.of(tmp_path), Authority.make()
    path = tmp_path / FILE
    path.write_text(path.read_text().replace(before.pem, stranger.pem))
    assert Authority.of(tmp_path).pem not in (before.pem, stranger.pem)


class Clock(datetime):
    """The time of day, set by the test."""

    time = datetime.now(UTC)

    @classmethod
    def now(cls, _tz: object = None) -> datetime:  # type: ignore[override]  # a clock that the test sets
        return cls.time


def test_a_certificate_is_renewed_at_half_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "datetime", Clock)
    pod, made = Key("a", "web-1"), Certificates(Authority.make(), lifetime=HOUR)
    first = made.of(pod, WEBAPP)
    Clock.time = first.issued + timedelta(minutes=29)
    assert not made.are_due
    assert made.of(pod, WEBAPP) is first
    assert 0 < made.wait_s() <= certificates.LONGEST_WAIT.total_seconds()
    Clock.time = first.issued + timedelta(minutes=31)
    assert made.are_due
    assert made.wait_s() == certificates.SHORTEST_WAIT.total_seconds()
    assert made.of(pod, WEBAPP).key != first.key


def test_nobody_sleeps_over_a_renewal_of_what_is_issued_meanwhile() -> None:
    assert Certificates(Authority.make()).wait_s() == certificates.LONGEST_WAIT.total_seconds()
    assert Certificates(Authority.make(), lifetime=timedelta(seconds=20)).wait_s() == 5


def test_a_pod_that_is_gone_is_forgotten() -> None:
    pod, made = Key("a", "web-1"), Certificates(Authority.make(), lifetime=timedelta(0))
    first = made.of(pod, WEBAPP)
    made.forget(pod)
    assert not made.are_due
    assert made.of(pod, WEBAPP) is not first


def test_a_certificate_that_is_good_only_later_is_replaced_when_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(certificates, "datetime", Clock)
    pod, made = Key("a", "web-1"), Certificates(Authority.make())
    first = made.of(pod, WEBAPP)
    Clock.time = first.issued - timedelta(minutes=1)
    assert made.of(pod, WEBAPP) is first, "it is good since two minutes before"
    Clock.time = first.issued - HOUR
    assert made.are_due
    assert made.of(pod, WEBAPP) is not first


def test_an_authority_of_a_clock_that_went_ahead_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(authority, "datetime", Clock)
        Clock.time = datetime.now(UTC) + timedelta(days=2)
        before = Authority.of(tmp_path)
        assert Authority.of(tmp_path).pem == before.pem
    assert Authority.of(tmp_path).pem != before.pem


def test_another_pod_of_the_same_name_leaves_nothing_to_renew_of_the_one_before() -> None:
    pod, made = Key("a", "web-1"), Certificates(Authority.make())
    first = made.of(pod, WEBAPP)
    second = made.of(pod, WEBAPP.replace("webapp", "other"))
    assert second is not first
    assert [issued for _, issued in made._issued.values()] == [second]
