"""The certificates of all proxies, each renewed at half its time."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from localmesh.core.objects import Key
from localmesh.identity.authority import Authority, Certificate

LIFETIME = timedelta(hours=24)
"""Of a proxy's certificate, as in Istio (`SECRET_TTL`)."""

LONGEST_WAIT = timedelta(seconds=30)
"""Between two looks at what is to be renewed: a machine that slept wakes up with certificates that have ended."""


class Certificates(Struct):
    """Keeps a key for each proxy, in memory alone: no two proxies have the same."""

    authority: Authority
    lifetime: timedelta = LIFETIME
    _issued: dict[tuple[Key, str], Certificate] = field(default_factory=dict)

    def of(self, pod: Key, identity: str) -> Certificate:
        """Return the certificate of a pod's proxy, a new one if it is time."""
        issued = self._issued.get((pod, identity))
        if issued is None or _is_due(issued):
            issued = self._issued[pod, identity] = self.authority.issue(identity, self.lifetime)
        return issued

    def forget(self, pod: Key) -> None:
        """Forget the keys of a pod that is gone."""
        for owner in [owner for owner in self._issued if owner[0] == pod]:
            del self._issued[owner]

    @property
    def are_due(self) -> bool:
        """Whether some certificate is to be renewed."""
        return any(map(_is_due, self._issued.values()))

    def wait_s(self) -> float:
        """Return for how many seconds nothing is to be done, whatever is issued meanwhile."""
        now = datetime.now(UTC)
        waits = [_renewal(certificate) - now for certificate in self._issued.values()]
        return max(min([LONGEST_WAIT, self.lifetime / 4, *waits]), timedelta()).total_seconds()


def _renewal(certificate: Certificate) -> datetime:
    return certificate.issued + (certificate.expires - certificate.issued) / 2


def _is_due(certificate: Certificate) -> bool:
    return datetime.now(UTC) >= _renewal(certificate)
