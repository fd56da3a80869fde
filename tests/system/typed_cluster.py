"""What the tutorial's commands say in a cluster, where a local mesh says something else or has no such command."""

from tests.system.typed import Typed

ANSWERS = {
    # a first cluster
    "kubectl get node -o wide": Typed(r" Ready .* containerd://"),
    "kubectl get pod -A…": Typed(r"istio-system +istiod-\S+ +1/1 +Running"),
    "kubectl get componentstatuses": Typed("etcd-0 +Healthy"),
    "kubectl get pod -v6": Typed("200 OK"),
    # add-ons
    "export NODE_…": Typed("^$"),
    "echo http://…": Typed("^http://"),
    "kubectl get deploy,pod,svc,ep -n kube-system …": Typed("deployment.apps/kube-ops-view"),
    "kubectl get all -n kube-system …": Typed("deployment.apps/metrics-server"),
    "kubectl patch svc -n istio-system prometheus …": Typed(r"^service/prometheus patched \(no change\)$"),
    "kubectl patch svc -n istio-system grafana …": Typed(r"^service/grafana patched \(no change\)$"),
    "kubectl patch svc -n istio-system kiali …": Typed(r"^service/kiali patched \(no change\)$"),
    "kubectl patch svc -n istio-system tracing …": Typed(r"^service/tracing patched \(no change\)$"),
    # 2.2
    "istioctl version --remote=false": Typed(r"1\.\d+"),
    "istioctl x precheck": Typed("No issues found when checking the cluster"),
    "kubectl get all,svc,ep,sa,cm,secret,pdb -n istio-system": Typed("deployment.apps/istiod +1/1"),
    "kubectl get crd | grep istio.io | sort": Typed(r"virtualservices\.networking\.istio\.io"),
    "kubectl get cm -n istio-system istio -o yaml": Typed("defaultConfig:"),
    # 2.3
    "kubectl get mutatingwebhookconfiguration": Typed("istio-sidecar-injector +4"),
    "kubectl get mutatingwebhookconfiguration …": Typed("kind: MutatingWebhookConfiguration"),
    # 2.4
    "kubectl get svc,ep …": Typed(r"endpoints/istio-ingressgateway +\d+\.\d+\.\d+\.\d+:\d+"),
}
