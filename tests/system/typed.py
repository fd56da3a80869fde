"""The tutorial's commands as a reader types them on a laptop: what is changed, what is waited for, what comes back.

A loop ends after a few rounds, a page is opened by asking for it, a port of the tutorial's cluster is this mesh's.
"""

import re
from dataclasses import dataclass

from tests.system import heredocs

ENDLESS = 124
"""The exit code of `timeout` for what would go on for ever."""
SECONDS = 5
"""How long an endless command is watched."""

PROXIES = r"^istio-ingressgateway-\S+\.istio-system "
READY = "kubectl rollout status deploy/{0} -n istioinaction --timeout=90s"
ASK_CATALOG = "curl -sf --retry 40 --retry-all-errors --retry-delay 0 http://127.0.0.1:30000/api/catalog"
V1, V2 = '"name": "Atlas Shirt"', '"imageUrl": "'
BOOKS = "<title>Simple Bookstore App</title>"


@dataclass(frozen=True, slots=True)
class Typed:
    """What a command of the tutorial needs and says."""

    says: str
    """A regular expression that its output matches somewhere."""
    first: str = ""
    """What the tutorial does before it without a row of its own (a heredoc), or waits for."""


WAIT = "curl -sf --retry 40 --retry-all-errors --retry-delay 0 http://127.0.0.1:30000/productpage"
RATINGS_ASK = (
    "for i in $(seq 100); do kubectl exec deploy/ratings-v1 -c ratings -- curl -sSf productpage:9080/productpage "
    "&& break; sleep 0.2; done"
)
"""Istio's own bookinfo.yaml has no probes, so its pods are ready before their programs listen."""
ITEM = r'"id": 1,\s+"color": "amber"'
ANSWERS = {
    # the tools
    "echo …": Typed("^$"),
    "kubectl version --client=true": Typed(r"Client Version: v1\.\d+"),
    # a first cluster
    "kubectl cluster-info": Typed("control plane is running at"),
    "kubectl get node -o wide": Typed("No resources found"),
    "kubectl get pod -A…": Typed(r"istio-system +istio-ingressgateway-\S+ +1/1 +Running"),
    "kubectl get namespaces": Typed(r"istio-system +Active"),
    "kubectl get pod -v6": Typed(r"200 OK.*\nNo resources found in default namespace."),
    "export …": Typed("^$"),
    "cat $KUBECONFIG": Typed("current-context: "),
    "ls -l $KUBECONFIG": Typed("-rw-------"),
    "unset KUBECONFIG": Typed("^$"),
    # 2.2
    "kubectl get all,svc,ep,sa,cm,secret,pdb -n istio-system": Typed(r"deployment.apps/istio-ingressgateway +1/1"),
    "kubectl get pod -n istio-system": Typed(r"istio-ingressgateway-\S+ +1/1 +Running"),
    "kubectl get pod,svc -n istio-system": Typed(r"service/istio-ingressgateway +NodePort"),
    # 2.3
    "kubectl create ns istioinaction": Typed("^namespace/istioinaction created$"),
    "kubectl label namespace istioinaction …": Typed("^namespace/istioinaction labeled$"),
    "kubectl get ns --show-labels": Typed(r"istioinaction +Active +\S+ +istio-injection=enabled,"),
    "cat services/…": Typed("kind: Deployment"),
    "kubectl apply -f services/catalog/…": Typed("deployment.apps/catalog created"),
    "kubectl apply -f services/webapp/…": Typed("deployment.apps/webapp created"),
    "kubectl get pod -n istioinaction": Typed(
        r"catalog-\S+ +2/2 +Running +0 .*\nwebapp-\S+ +2/2 +Running +0 ",
        first=f"{READY.format('catalog')} && {READY.format('webapp')}",
    ),
    "cat <<EOF | kubectl apply -f -": Typed("^pod/netshoot created$"),
    "kubectl exec -it netshoot -- …": Typed(
        ITEM, first="kubectl wait pod/netshoot -n default --for=condition=Ready --timeout=60s"
    ),
    "kubectl port-forward …": Typed("Forwarding from 127.0.0.1:"),
    "open http://localhost:8080": Typed("Elinor Glasses"),
    # 2.4
    "cat <<EOF | kubectl -n istioinaction apply -f -": Typed("virtualservice.networking.istio.io/webapp-virtual"),
    "kubectl get gw,vs -n istioinaction": Typed(r'webapp-virtualservice +\["outfitters-gateway"\] +\["\*"\]'),
    "kubectl get vs -n istioinaction": Typed(r'catalog +\["catalog"\]', first=heredocs.RETRIES),
    "kubectl get gw,vs,dr -n istioinaction": Typed(
        r"destinationrule.networking.istio.io/catalog +catalog", first=heredocs.SUBSETS
    ),
    "docker exec … istioctl proxy-status": Typed(PROXIES),
    "docker exec … istioctl ps": Typed(PROXIES),
    "istioctl proxy-status": Typed(PROXIES),
    "ISTIOIGW=…": Typed("^$"),
    "WEBAPP=…": Typed("^$"),
    "docker exec … istioctl proxy-config all …": Typed("webapp.istioinaction.svc.cluster.local"),
    "docker exec … istioctl proxy-config listener …": Typed(r"^(0\.0\.0\.0|127\.0\.0\.1) +\d+ +\S.* Route: \S+"),
    "docker exec … istioctl proxy-config route $ISTIOIGW": Typed("webapp-virtualservice.istioinaction"),
    "docker exec … istioctl proxy-config route $WEBAPP": Typed("catalog.istioinaction"),
    "docker exec … istioctl proxy-config routes …": Typed("webapp-virtualservice.istioinaction"),
    "docker exec … istioctl proxy-config cluster …": Typed("catalog.istioinaction.svc.cluster.local +80 "),
    "docker exec … istioctl proxy-config endpoint …": Typed(r"HEALTHY .*outbound\|80\|\|catalog.istioinaction"),
    "docker exec … istioctl proxy-config secret …": Typed("default +Cert Chain +ACTIVE"),
    "docker exec … istioctl proxy-config log …": Typed(r"^ +http: \w+"),
    "kubectl get svc,ep …": Typed(r"endpoints/istio-ingressgateway +127.0.0.1:\d+"),
    "kubectl get svc -n istio-system …": Typed(r"istio-ingressgateway +NodePort .*,80:30000/TCP"),
    "kubectl describe svc …": Typed(r"External Traffic Policy: +Local"),
    "kubectl patch svc …": Typed(r"^service/\S+ patched"),
    "curl -s http://127.0.0.1:30000/api/catalog | jq": Typed(r'"name": "Red Dragon Watch"', first=ASK_CATALOG),
    "curl -s http://127.0.0.1:30000/api/catalog/items/1 | jq": Typed(ITEM),
    "curl … -I | head -n 1": Typed(r"^HTTP/1.1 200 OK\s*$"),
    "while …/items/1 ; sleep 1; echo; done": Typed(r'(\{"id":1,.*\}\n){2}'),
    "while … -I | head -n 1 ; …": Typed(r"(HTTP/1.1 200 OK\s+\d{4}-\d\d-\d\d .*\s+){2}"),
    # 2.4.1
    "open http://127.0.0.1:30001": Typed("istio_requests_total"),
    "open http://127.0.0.1:30002": Typed("<html"),
    "open http://127.0.0.1:30003": Typed("<html"),
    "open http://127.0.0.1:20001": Typed("<html"),
    "open http://127.0.0.1:30004": Typed("<html"),
    # 2.4.2
    "kubectl config set-context …": Typed('Context "[^"]+" modified.'),
    "chmod +x chaos.sh": Typed("^$"),
    "./chaos.sh 500 100": Typed(r'catalog-\S+: blowups=\{"500": "100%"\}'),
    "./chaos.sh 500 50": Typed(r'catalog-\S+: blowups=\{"500": "50%"\}'),
    # 2.4.3
    "./chaos.sh 500 delete": Typed(
        r"catalog-\S+: blowups=\{\}\n+catalog-v2-\S+: blowups=\{\}",
        first=f"{heredocs.CATALOG_V2}{READY.format('catalog-v2')}\n"
        "for i in $(seq 50); do kubectl exec deploy/catalog-v2 -n istioinaction -c catalog -- "
        "curl -sf localhost:3000/items && break; sleep 0.2; done",
    ),
    "kubectl get deploy,pod,svc,ep -n istioinaction": Typed(r"deployment.apps/catalog-v2 +1/1 +1 +1 "),
    'while … http://127.0.0.1:30000/api/catalog | jq; date "+%Y-%m-%d %H:%M:%S" ; …': Typed(
        rf"({V1}(?!imageUrl)[^Z]*){{2}}", first=heredocs.V1_ONLY
    ),
    'while … -H "x-dark-launch: v2" | jq; …': Typed(rf"({V2}[^Z]*){{8}}", first=heredocs.DARK_LAUNCH),
    "kubectl delete deploy,svc,gw,vs,dr --all …": Typed(r'deployment.apps "webapp" deleted'),
    # Bookinfo
    "kubectl rollout status …": Typed("successfully rolled out"),
    "kubectl label namespace default …": Typed("^namespace/default labeled$"),
    "kubectl apply -f samples/bookinfo/platform/…": Typed("deployment.apps/productpage-v1 created"),
    "kubectl get all,sa": Typed(
        r"serviceaccount/bookinfo-productpage",
        first="kubectl wait -n default --for=condition=available deploy --all --timeout=90s",
    ),
    'kubectl exec "$(kubectl get pod -l app=ratings …': Typed(BOOKS, first=RATINGS_ASK),
    "kubectl logs … --tail=-1": Typed(r'"GET /productpage HTTP/1.1" 200 .* inbound\|9080\|\|'),
    "kubectl logs … -c productpage -f": Typed("productpage"),
    "kubectl logs … -c istio-proxy -f": Typed(r'"GET /productpage HTTP/1.1" 200'),
    "cat samples/…": Typed("kind: VirtualService"),
    "kubectl apply -f samples/bookinfo/networking/…": Typed("virtualservice.networking.istio.io/bookinfo created"),
    "kubectl get gw,vs": Typed(r'bookinfo +\["bookinfo-gateway"\] +\["\*"\]'),
    "open http://127.0.0.1:30000/productpage": Typed(BOOKS, first=WAIT),
    "curl -v -s …": Typed(BOOKS),
    "for i in {1..100}; do …": Typed(rf"^({BOOKS}\n){{100}}$"),
    "while …/productpage | …": Typed(rf"({BOOKS}\n-+\n){{2}}"),
    # Envoy from inside
    "kubectl exec -it deploy/istio-ingressgateway … http://localhost:15000/logging": Typed(r"active loggers:\s"),
    "kubectl exec -it …/logging?http=debug": Typed(r"  http: debug\s"),
    "kubectl exec -it …/logging?http=info": Typed(r"  http: info\s"),
    "open http://localhost:15000": Typed("config_dump"),
}
"""By a row's pattern (`…` is the rest of a line); the longest that fits a command counts."""

HEREDOCS = {
    "cat <<EOF | kubectl apply -f -": heredocs.NETSHOOT,
    "cat <<EOF | kubectl -n istioinaction apply -f -": heredocs.GATEWAY,
}


def bounded(command: str) -> str:
    """Return a command that ends, where the tutorial's is ended by Ctrl-C."""
    if command.startswith("while ") or command.endswith(" -f"):
        quoted = command.replace("'", "'\\''")
        return f"timeout {SECONDS} bash -c '{quoted}'"
    return command


def at_this_mesh(text: str, ports: dict[int, int]) -> str:
    """Return a command, or what it says, with the ports that the tutorial names on the outside replaced by others."""
    return re.sub(r"(?<![.\d])3000[0-4]\b", lambda found: str(ports[int(found[0])]), text)


def opened(command: str, ports: dict[int, int]) -> str:
    """Return the request that stands for opening a page."""
    url = command.split()[1]
    return "curl -sfL " + re.sub(r":(\d+)", lambda found: f":{ports[int(found[1])]}", url)
