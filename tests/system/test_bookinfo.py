"""Bookinfo as the tutorial and docs/bookinfo.md have it, in the namespace `default`: deployed, looked at, routed."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.system.cluster import Cluster
from tests.system.load import bound
from tests.system.waiting import eventually

pytestmark = [pytest.mark.mesh, pytest.mark.long]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PAGE = "/productpage"
REVIEWS = "/api/v1/products/0/reviews"
RATINGS = "/api/v1/products/0/ratings"
LESSONS = "k8s/bookinfo/networking"
DEPLOYMENTS = ("details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3")


@pytest.fixture(scope="module", autouse=True)
def _bookinfo(cluster: Cluster) -> Iterator[None]:
    """Bookinfo alone: the storefront's gateway takes every path, too."""
    cluster.kubectl("delete", "namespace", "istioinaction", "--ignore-not-found")
    cluster.kubectl("label", "namespace", "default", "istio-injection=enabled", "--overwrite")
    cluster.kubectl("apply", "-k", "k8s/bookinfo", "-n", "default")
    cluster.ready(*DEPLOYMENTS, namespace="default")
    eventually(lambda: cluster.get(PAGE).status_code == 200, "the gateway serves the page")
    yield
    cluster.kubectl("delete", "-k", "k8s/bookinfo", "-n", "default")
    cluster.kubectl("label", "namespace", "default", "istio-injection-")


@pytest.fixture
def lesson(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """Applies files of the lessons; afterwards all their rules are gone."""

    def apply(*names: str) -> None:
        for name in names:
            cluster.kubectl("apply", "-n", "default", "-f", f"{LESSONS}/{name}.yaml")

    yield apply
    kinds = "virtualservices.networking.istio.io,destinationrules.networking.istio.io"
    names = cluster.kubectl("get", kinds, "-n", "default", "-o", "name").split()
    ours = [name for name in names if not name.endswith("/bookinfo")]
    if ours:
        cluster.kubectl("delete", "-n", "default", *ours)
    eventually(lambda: set(versions(cluster.get, 20)) == {"v1", "v2", "v3"}, "all versions of reviews answer again")


@pytest.fixture
def jason(cluster: Cluster) -> Iterator[httpx.Client]:
    """A browser in which jason has signed in."""
    with httpx.Client(base_url=cluster.gateway, timeout=30, trust_env=False) as client:
        page = {"referer": f"{cluster.gateway}{PAGE}?u=normal"}
        answer = client.post("/login", data={"username": "jason"}, headers=page)
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
        assert "Signed in as <strong>jason</strong>" in client.get(PAGE).text
        yield client


def version(answer: httpx.Response) -> str:
    """Which version of reviews answered; the status when none did, as while a route's subset has gone before it."""
    found = re.search(r"reviews-(v\d)", answer.text)
    return found[1] if found else str(answer.status_code)


def versions(get: Callable[[str], httpx.Response], count: int) -> Counter[str]:
    """How often each version of reviews answers."""
    return Counter(version(get(REVIEWS)) for _ in range(count))


def proxy_log(cluster: Cluster, app: str) -> list[str]:
    """What the sidecars of an app logged last."""
    ask = ("logs", "-n", "default", "-l", f"app={app}", "-c", "istio-proxy", "--tail=500")
    return cluster.kubectl(*ask).splitlines()


def test_every_pod_has_a_sidecar(cluster: Cluster) -> None:
    def pods() -> list[list[str]]:
        table = cluster.kubectl("get", "pods", "-n", "default", "-l", "app in (details,ratings,reviews,productpage)")
        return [line.split()[1:3] for line in table.splitlines()[1:]]

    # Those of an earlier deployment take their time to leave.
    eventually(lambda: pods() == [["2/2", "Running"]] * len(DEPLOYMENTS), "every pod runs with a sidecar")


def test_the_tutorials_curl_from_the_ratings_pod_finds_the_title(cluster: Cluster) -> None:
    said = cluster.sh("""
kubectl config set-context --current --namespace=default >/dev/null
kubectl exec "$(kubectl get pod -l app=ratings -o jsonpath='{.items[0].metadata.name}')" -c ratings \\
  -- curl -sS productpage:9080/productpage | grep -o "<title>.*</title>"
""")
    assert said == "<title>Simple Bookstore App</title>\n"


def test_a_loop_at_the_gateway_meets_every_version_of_reviews(cluster: Cluster) -> None:
    pages = cluster.sh(f"for i in $(seq 30); do curl -sS {cluster.gateway}{PAGE}; done")
    assert pages.count("<title>Simple Bookstore App</title>") == 30
    by_version = {name: len(re.findall(f"reviews-{name}", pages)) for name in ("v1", "v2", "v3")}
    assert sum(by_version.values()) == 30
    assert all(by_version.values())
    assert ('fill="black"' in pages, 'fill="red"' in pages) == (True, True)


def test_the_pages_own_files_come_through_the_gateway(cluster: Cluster) -> None:
    page = cluster.get(PAGE).text
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert len(files) == 3
    assert {cluster.get(file).status_code for file in files} == {200}
    assert cluster.get("/").status_code == 404


def test_productpages_sidecar_logs_its_calls(cluster: Cluster) -> None:
    cluster.get(PAGE)
    for part in (
        '"GET /productpage HTTP/1.1" 200',
        "outbound|9080||details.default.svc.cluster.local",
        "outbound|9080||reviews.default.svc.cluster.local",
    ):
        said = f"{part} in productpage's access log"
        eventually(lambda part=part: any(part in line for line in proxy_log(cluster, "productpage")), said)


def test_a_request_and_those_it_causes_have_one_request_id(cluster: Cluster) -> None:
    mark = f"/api/v1/products/0/reviews?mark={time.time_ns()}"
    eventually(lambda: version(cluster.get(mark)) in {"v2", "v3"}, "a version of reviews that asks ratings")
    eventually(lambda: any(mark in line for line in proxy_log(cluster, "productpage")), "the access log is written")
    ids = {uuid for line in proxy_log(cluster, "productpage") if mark in line for uuid in UUID.findall(line)}
    for app in ("productpage", "reviews", "ratings"):
        said = f"{app} is called with one of {ids}"
        eventually(lambda app=app: any(ids & set(UUID.findall(line)) for line in proxy_log(cluster, app)), said)


def test_all_to_version_1(cluster: Cluster, lesson: Callable[..., None]) -> None:
    lesson("destination-rules", "all-v1")
    eventually(lambda: set(versions(cluster.get, 20)) == {"v1"}, "v1 alone")
    assert set(versions(cluster.get, 30)) == {"v1"}
    assert "<svg" not in cluster.get(PAGE).text


def test_jason_alone_sees_version_2(cluster: Cluster, lesson: Callable[..., None], jason: httpx.Client) -> None:
    lesson("destination-rules", "all-v1", "reviews-jason-v2")
    eventually(lambda: version(jason.get(REVIEWS)) == "v2", "jason sees v2")
    assert set(versions(jason.get, 20)) == {"v2"}
    assert set(versions(cluster.get, 20)) == {"v1"}
    assert 'fill="black"' in jason.get(PAGE).text
    # Who says so without signing in is not jason: productpage names the user itself.
    assert version(cluster.get(REVIEWS, end_user="jason")) == "v1"
    assert (jason.get("/logout").status_code, version(jason.get(REVIEWS))) == (303, "v1")


@pytest.mark.parametrize(
    ("name", "share"), [("reviews-90-10", {"v1": 0.9, "v2": 0.1}), ("reviews-50-50", {"v1": 0.5, "v3": 0.5})]
)
def test_a_share_of_the_requests_goes_to_another_version(
    cluster: Cluster, lesson: Callable[..., None], name: str, share: dict[str, float]
) -> None:
    lesson("destination-rules", name)
    eventually(lambda: set(versions(cluster.get, 20)) <= set(share), "the two versions alone")
    with httpx.Client(base_url=cluster.gateway, timeout=30, trust_env=False) as client:
        seen = versions(client.get, 300)
    assert set(seen) == set(share)
    for which, probability in share.items():
        assert abs(seen[which] / 300 - probability) < bound(probability, 300)


def test_all_to_version_3(cluster: Cluster, lesson: Callable[..., None]) -> None:
    lesson("destination-rules", "reviews-v3")
    eventually(lambda: set(versions(cluster.get, 20)) == {"v3"}, "v3 alone")
    assert cluster.get(PAGE).text.count('fill="red"') == 9


UNRATED = "Ratings service is currently unavailable"


def test_a_delay_finds_that_productpage_has_less_patience_than_reviews_and_version_3_mends_it(
    cluster: Cluster, lesson: Callable[..., None], jason: httpx.Client
) -> None:
    lesson("destination-rules", "all-v1", "reviews-jason-v2", "ratings-delay-jason")
    eventually(lambda: "Error fetching product reviews" in jason.get(PAGE).text, "the delay is felt")
    started = time.monotonic()
    page = jason.get(PAGE)
    assert time.monotonic() - started >= 6
    assert page.status_code == 200
    assert "reviews gave no answer within 3 s; it was asked twice" in page.text
    assert "PublisherA" in page.text
    assert 'role="alert"' not in cluster.get(PAGE).text
    lesson("reviews-v3")
    eventually(lambda: "Error fetching" not in jason.get(PAGE).text, "version 3 gives up in time")
    assert jason.get(PAGE).text.count(f">{UNRATED}<") == 2
    lesson("reviews-half-a-second")
    eventually(lambda: "reviews answered 504; it was asked twice" in jason.get(PAGE).text, "the mesh gives up")


def test_an_abort_leaves_jason_the_reviews(cluster: Cluster, lesson: Callable[..., None], jason: httpx.Client) -> None:
    lesson("destination-rules", "all-v1", "reviews-jason-v2", "ratings-abort-jason")
    eventually(lambda: UNRATED in jason.get(PAGE).text, "the abort is felt")
    page = jason.get(PAGE).text
    assert page.count(f">{UNRATED}<") == 2
    assert "Error fetching" not in page
    assert 'role="alert"' not in cluster.get(PAGE).text
    assert jason.get(RATINGS).json()["error"].startswith("Sorry, product ratings")


def test_a_version_of_ratings_that_fails_half_the_time(cluster: Cluster) -> None:
    ratings = ("deploy/ratings-v1", "-n", "default", "-c", "ratings")
    cluster.kubectl("set", "env", *ratings, "SERVICE_VERSION=v-faulty")
    try:
        cluster.ready("ratings-v1", namespace="default")
        eventually(lambda: cluster.get(RATINGS).status_code == 503, "ratings fails")
        with httpx.Client(base_url=cluster.gateway, timeout=30, trust_env=False) as client:
            seen = Counter(client.get(RATINGS).status_code for _ in range(300))
        assert set(seen) == {200, 503}
        assert abs(seen[503] / 300 - 0.5) < bound(0.5, 300)
    finally:
        cluster.kubectl("set", "env", *ratings, "SERVICE_VERSION-")
        cluster.ready("ratings-v1", namespace="default")


def test_the_page_is_there_and_honest_without_details(cluster: Cluster) -> None:
    cluster.kubectl("scale", "deploy/details-v1", "-n", "default", "--replicas=0")
    try:
        eventually(lambda: "Error fetching product details" in cluster.get(PAGE).text, "details is missed")
        page = cluster.get(PAGE)
        assert page.status_code == 200
        assert "Reviewer1" in page.text
        assert cluster.get("/api/v1/products/0").status_code == 503
    finally:
        cluster.kubectl("scale", "deploy/details-v1", "-n", "default", "--replicas=1")
        cluster.ready("details-v1", namespace="default")
