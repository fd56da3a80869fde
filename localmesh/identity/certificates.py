"""The certificates of all proxies, each renewed at half its time."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from localmesh.core.objects import Key
from localmesh.identity.authority import SKEW, Authority, Certificate

LIFETIME = timedelta(hours=24)
"""Of a proxy's certificate, as in Istio (`SECRET_TTL`)."""

LONGEST_WAIT = timedelta(seconds=30)
"""Between two looks at what is to be renewed: a machine that slept wakes up with certificates that have ended."""

SHORTEST_WAIT = timedelta(seconds=1)
"""Between two tries for one that could not be delivered."""


class Certificates(Struct):
    """Keeps a key for each proxy, in memory alone: no two proxies have the same."""

    authority: Authority
    lifetime: timedelta = LIFETIME
    _issued: dict[Key, tuple[str, Certificate]] = field(default_factory=dict)
    """By pod: its identity, and what it got. A pod has one identity; another pod may come to have its name."""

    def of(self, pod: Key, identity: str) -> Certificate:
        """Return the certificate of a pod's proxy, a new one if it is time."""
        known, issued = self._issued.get(pod, ("", None))
        if issued is None or known != identity or _is_due(issued):
            issued = self.authority.issue(identity, self.lifetime)
            self._issued[pod] = identity, issued
        return issued

    def forget(self, pod: Key) -> None:
        """Forget the keys of a pod that is gone."""
        self._issued.pop(pod, None)

    @property
    def are_due(self) -> bool:
        """Whether some certificate is to be renewed."""
        return any(_is_due(issued) for _, issued in self._issued.values())

    def wait_s(self) -> float:
        """Return for how many seconds nothing is to be done, whatever is issued meanwhile."""
        now = datetime.now(UTC)
        waits = [_renewal(issued) - now for _, issued in self._issued.values()]
        return max(min([LONGEST_WAIT, self.lifetime / 4, *waits]), SHORTEST_WAIT).total_seconds()


def _renewal(certificate: Certificate) -> datetime:
    return certificate.issued + (certificate.expires - certificate.issued) / 2


def _is_due(certificate: Certificate) -> bool:
    """Tell whether half its time is over, or it is good only later by a clock that was set back."""
    return not certificate.issued - SKEW <= datetime.now(UTC) < _renewal(certificate)
