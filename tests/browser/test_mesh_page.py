"""The pages of the local mesh in a browser, over a real mesh: half of catalog's answers fail, and retries heal them.

With SCREENSHOTS=FOLDER each picture that is judged here is kept for people.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from localmesh.core.loopback import is_free
from tests.system.cluster import Cluster, environment_for
from tests.system.load import Load, bound
from tests.system.local import MESH, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

LAPTOP, PHONE = (1280, 900), (390, 844)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CALLS = 600
WRONG = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: catalog, namespace: istioinaction}
spec: {host: catalog, subsets: [{name: v9, labels: {version: v9}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: istioinaction}
spec:
  hosts: [catalog]
  http:
  - route: [{destination: {host: catalog, subset: v9}}]
  - match: [{headers: {x-dark-launch: {exact: v2}}}]
    route: [{destination: {host: catalog, subset: v9}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: nowhere, namespace: istioinaction}
spec: {hosts: [webapp], http: [{route: [{destination: {host: webapp, subset: nowhere}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: refused, namespace: istioinaction}
spec:
  hosts: [refused.example]
  gateways: [outfitters-gateway]
  http:
  - headers: {request: {set: {x-from: '%NOBODY_KNOWS%'}}}
    route: [{destination: {host: catalog}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: strayed, namespace: istioinaction}
spec: {hosts: [strayed.example], gateways: [forgotten], http: [{route: [{destination: {host: catalog}}]}]}
"""
DENY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: istioinaction}
spec:
  selector: {matchLabels: {app: catalog}}
  action: DENY
  rules: [{to: [{operation: {ports: ["3000"]}}]}]
"""
BANNER = {
    "VirtualService catalog.istioinaction: catalog v9 has no healthy endpoint: requests for it get 503 (UH)": "error",
    "VirtualService nowhere.istioinaction: webapp nowhere does not exist: requests for it get 503 (NC)": "error",
    "VirtualService refused.istioinaction: Envoy refuses RDS": "error",
    "VirtualService catalog.istioinaction: VirtualService rule #1 not used": "warning",
    "VirtualService strayed.istioinaction: spec.gateways[0]: Referenced gateway not found": "warning",
}
"""What is wrong with these, as the page says it."""

CATALOG_CALLS = '#calls tr[data-source="istioinaction/webapp"][data-service="catalog.istioinaction"]'
UNLABELLED = """[...document.querySelectorAll('button, input, select, a')].filter(
  element => !(element.labels?.length || element.textContent.trim() || element.ariaLabel)).length"""


@dataclass(frozen=True, slots=True)
class Watched:
    """A mesh whose catalog fails, and its pages."""

    cluster: Cluster
    first: int
    """Of the four ports of telemetry."""

    @property
    def mesh(self) -> str:
        return f"http://127.0.0.1:{self.first + 2}/"

    @property
    def traces(self) -> str:
        return f"http://127.0.0.1:{self.first + 3}/"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder, gateway = tmp_path_factory.mktemp("m"), free_port()
    first = next(port for port in range(30500, 32700, 4) if all(map(is_free, range(port, port + 4))))
    environment = {**environment_for(str(folder / "kubeconfig"), folder / "bin"), "MESH_DIR": str(folder)}
    cluster = Cluster(f"http://127.0.0.1:{gateway}", environment)
    ports = ["--gateway-port", str(gateway), "--api-port", str(free_port()), "--telemetry-ports", str(first)]
    done = cluster.run([MESH, "up", *ports])
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        cluster.ready("prometheus", "kiali", "jaeger", namespace="istio-system")
        cluster.kubectl("apply", "-f", "k8s/experiments/catalog-retries.yaml")
        assert cluster.run(["bin/chaos.sh", "-n", "istioinaction", "500", "50"]).returncode == 0
        with Load(f"{cluster.gateway}/api/catalog") as load:
            load.wait_for(CALLS)
        yield Watched(cluster, first)
    finally:
        assert cluster.run([MESH, "down"]).returncode == 0


@contextmanager
def opened(
    browser: "Browser",
    url: str,
    name: str,
    *,
    size: tuple[int, int] = LAPTOP,
    scheme: Literal["light", "dark"] = "light",
    ready: str = "svg.graph",
) -> Iterator["Page"]:
    """A page, once it shows something; afterwards, that it asked nobody else for anything and complained of nothing."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    page.locator(ready).first.wait_for()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
    yield page
    context.close()
    assert {urlsplit(address).netloc for address in asked} == {urlsplit(url).netloc}
    assert complaints == []


def share(cell: "Locator") -> float:
    found = re.fullmatch(r"(\d+(?:\.\d)?) %", cell.inner_text().strip())
    assert found, cell.inner_text()
    return float(found[1]) / 100


def test_callers_see_94_percent_where_attempts_see_50(browser: "Browser", watched: Watched) -> None:
    with opened(browser, watched.mesh, "mesh", ready=CATALOG_CALLS) as page:
        page.locator("#windows label", has_text="5 min").click()
        page.locator("#live.on").wait_for()
        cells = page.locator(f"{CATALOG_CALLS} td")
        calls, attempts = share(cells.nth(2)), share(cells.nth(3))
        assert abs(calls - 0.9375) < bound(0.9375, CALLS) + 0.005
        assert abs(attempts - 0.5) < bound(0.5, CALLS) + 0.005
        assert "URX: all retries were used up" in cells.nth(6).inner_text()
        said = page.locator("svg.graph").get_attribute("aria-label") or ""
        assert "istioinaction/webapp to istioinaction/catalog" in said
        assert {"istio-ingressgateway", "webapp", "catalog"} <= set(page.locator(".node .name").all_text_contents())
        assert "3, on 5xx" in page.locator("#rules").inner_text()
        assert said.count("mutual TLS") == 2
        assert page.locator(".padlock title").all_text_contents() == ["mutual TLS"] * 2
        assert "mutual TLS" in page.locator(CATALOG_CALLS).inner_text()


def test_the_page_fits_a_phone_and_the_dark(browser: "Browser", watched: Watched) -> None:
    with opened(browser, watched.mesh, "mesh-phone-dark", size=PHONE, scheme="dark", ready=CATALOG_CALLS) as page:
        assert page.evaluate(OVERFLOW) == 0
        ground, text = (
            page.evaluate(f"getComputedStyle(document.body).{which}.match(/\\d+/g).slice(0, 3).map(Number)")
            for which in ("backgroundColor", "color")
        )
        assert max(ground) < 64
        assert min(text) > 192
        assert page.evaluate(UNLABELLED) == 0


FAN = """async (width) => {
  const {drawGraph} = await import('./static/graph.js');
  const parent = document.createElement('div');
  parent.style.width = `${width}px`;
  document.body.append(parent);
  const ids = ['n/a', 'n/b1', 'n/b2', 'n/b3', 'n/c'];
  const nodes = ids.map((id) => ({id, name: id.slice(2), namespace: 'n', version: '', kind: 'workload'}));
  const ends = [[0, 1], [0, 2], [0, 3], [1, 4], [3, 4]];
  const edges = ends.map(([source, destination]) => ({source: ids[source], destination: ids[destination], service: 's',
    rps: 3, success: 1, attempts_ps: 3, attempt_success: 1, share: 0.3, p50: 12, p99: 120, mirrored_ps: 0, secured: 1,
    denied: {}, ends: {}}));
  drawGraph(parent, {nodes, edges});
  const kept = [...parent.querySelectorAll('*')];
  drawGraph(parent, {nodes, edges: edges.map((edge) => ({...edge, rps: 4}))});
  const hidden = (box, {x, y}) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
  const paths = [...parent.querySelectorAll('path.calls')];
  const points = paths.map((path) => Array.from({length: 101}, (_, part) =>
    path.getPointAtLength(path.getTotalLength() * part / 100)));
  const texts = [...parent.querySelectorAll('g[data-source]')].map((label) =>
    [...label.querySelectorAll('text')].map((text) => text.getBBox()));
  const crossed = texts.flatMap((boxes, index) => points.filter((line, other) =>
    (width > 1000 || other !== index) && line.some((point) => boxes.some((box) => hidden(box, point)))));
  const boxes = [...parent.querySelectorAll('.node rect')].map((rect) => rect.getBBox());
  const covered = texts.flat().filter((text) => boxes.some((box) =>
    text.y < box.y + box.height && box.y < text.y + text.height &&
    text.x < box.x + box.width && box.x < text.x + text.width));
  const calm = kept.every((element) => element.isConnected) && parent.textContent.includes('4.0/s');
  parent.remove();
  return [paths.length, crossed.length, covered.length, calm];
}"""


@pytest.mark.parametrize("width", [1240, 700])
def test_no_line_crosses_a_label_and_what_is_drawn_stays_while_its_numbers_change(
    browser: "Browser", watched: Watched, width: int
) -> None:
    with opened(browser, watched.mesh, "mesh-fan") as page:
        assert page.evaluate(FAN, width) == [5, 0, 0, True]


def test_a_failing_calls_trace_shows_its_four_attempts(browser: "Browser", watched: Watched) -> None:
    with opened(browser, watched.traces, "traces", ready="#list a") as page:
        page.locator("[name=errors]").check()
        page.locator("#list a", has_text="3 retries").first.click()
        page.locator("[data-attempt='4']").wait_for()
        attempts = page.locator("#waterfall button[data-attempt]", has_text="catalog-")
        attempts.nth(3).wait_for()  # once the spans of all pods have come in
        assert page.locator("#waterfall button[data-attempt]").count() == attempts.count() == 4
        texts = attempts.all_inner_texts()
        assert all("answered 500" in text for text in texts), texts
        attempts.first.press("Enter")
        assert attempts.first.get_attribute("aria-expanded") == "true"
        assert page.locator("dl.tags:visible").count() == 1
        assert page.evaluate(UNLABELLED) == 0


def test_one_of_a_thing_is_no_plural_and_a_time_beyond_all_dates_is_said_to_be_none(
    browser: "Browser", watched: Watched
) -> None:
    with opened(browser, watched.traces, "traces-words", ready="#list a") as page:
        words = page.evaluate(
            "import('./static/dom.js').then(({counted, timeOfDay}) => [counted(1, 'span'), timeOfDay(2 ** 64)])"
        )
        assert words == ["1 span", "at no possible time"]


def test_traces_fit_a_phone(browser: "Browser", watched: Watched) -> None:
    with opened(browser, watched.traces, "traces-phone", size=PHONE, scheme="dark", ready="#list a") as page:
        page.locator("#list a").first.click()
        page.locator("#waterfall button").first.wait_for()
        assert page.evaluate(OVERFLOW) == 0


def test_faults_are_ended_and_set_with_the_keyboard(browser: "Browser", watched: Watched) -> None:
    with opened(browser, watched.mesh, "mesh-faults", ready="#faults tr") as page:
        row = page.locator("#faults tr")
        assert "500, 50 %" in row.inner_text()
        end = row.get_by_role("button")
        end.focus()
        page.locator("#faults td:nth-child(3)", has_text=re.compile("^[1-9]")).wait_for()
        page.keyboard.press("Enter")
        page.locator("#no-faults").wait_for()
        page.locator("[name=type]").select_option("503")
        page.locator("[name=percentage]").fill("20")
        page.locator("[name=percentage]").press("Enter")
        page.locator("#faults", has_text="503, 20 %").wait_for()
        listed = watched.cluster.run(["bin/chaos.sh", "-n", "istioinaction", "list"]).stdout
        assert "503" in listed
        assert "500" not in listed


def test_a_denied_call_is_shown_as_one_with_the_policy_that_denied_it(browser: "Browser", watched: Watched) -> None:
    watched.cluster.kubectl("apply", "-f", "-", stdin=DENY)
    with Load(f"{watched.cluster.gateway}/api/catalog") as load:
        load.wait_for(100)
    words = "denied by AuthorizationPolicy nobody.istioinaction, spec.rules[0]"
    with opened(browser, watched.mesh, "mesh-denied", ready=CATALOG_CALLS) as page:
        page.locator(f"{CATALOG_CALLS} td", has_text=words).wait_for()
        page.locator(f"{CATALOG_CALLS} small.bad", has_text="denied").wait_for()
        page.locator(".edge text.bad", has_text="denied").wait_for()
        assert words in (page.locator("svg.graph").get_attribute("aria-label") or "")
    with opened(browser, watched.traces, "traces-denied", ready="#list a") as page:
        page.locator("#list a").first.click()
        page.locator("#waterfall button", has_text=words).wait_for()
    watched.cluster.kubectl("delete", "-f", "-", stdin=DENY)


def test_the_banner_names_what_cannot_work_until_it_is_mended(browser: "Browser", watched: Watched) -> None:
    watched.cluster.kubectl("apply", "-f", "-", stdin=WRONG)
    with opened(browser, watched.mesh, "mesh-before-the-banner") as page:
        for text, level in BANNER.items():
            page.locator(f"#troubles li.{level}", has_text=text).wait_for()
        assert page.locator("#banner").get_attribute("aria-live") == "polite"
        refused = page.locator("#troubles li", has_text="Envoy refuses")
        assert "kubectl describe virtualservice refused -n istioinaction" in refused.inner_text()
    for scheme, size in (("light", LAPTOP), ("dark", PHONE)):
        with opened(browser, watched.mesh, f"mesh-wrong-{scheme}", size=size, scheme=scheme, ready="li.error") as page:
            assert page.evaluate(OVERFLOW) == 0
    watched.cluster.kubectl("delete", "-f", "-", stdin=WRONG)
    with opened(browser, watched.mesh, "mesh-mended") as page:
        page.locator("#live.on").wait_for()
        page.locator("#troubles li").first.wait_for(state="detached")


def test_without_the_storefront_the_page_says_that_nothing_is_there(browser: "Browser", watched: Watched) -> None:
    watched.cluster.kubectl("delete", "namespace", "istioinaction")
    with opened(browser, watched.mesh, "mesh-empty", ready="#no-faults") as page:
        page.locator("#no-faults", has_text="No catalog runs.").wait_for()
        page.locator("#no-rules").wait_for()
        assert page.locator("#troubles li").count() == 0
        assert page.evaluate(OVERFLOW) == 0
