"""The tutorial's objects, as its readers apply them."""

from localmesh.core.objects import Object

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: catalog, labels: {app: catalog}}
spec:
  replicas: 1
  selector: {matchLabels: {app: catalog, version: v1}}
  template:
    metadata: {labels: {app: catalog, version: v1}}
    spec:
      containers:
      - name: catalog
        image: istioinaction/catalog:latest
        imagePullPolicy: IfNotPresent
        env:
        - name: KUBERNETES_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        ports: [{containerPort: 3000, name: http, protocol: TCP}]
        securityContext: {privileged: false}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: catalog, labels: {app: catalog}}
spec:
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 3000}]
  selector: {app: catalog}
"""
GATEWAY = """
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: {name: outfitters-gateway}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*"]
"""
ROUTE = """
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: webapp-virtualservice}
spec:
  hosts: ["*"]
  gateways: [outfitters-gateway]
  http:
  - route:
    - destination: {host: webapp, port: {number: 80}}
"""
RULE = """
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: catalog}
spec:
  host: catalog
  subsets:
  - {name: version-v1, labels: {version: v1}}
  - {name: version-v2, labels: {version: v2}}
"""
EVERYTHING = "---".join([SERVICE, DEPLOYMENT, GATEWAY, ROUTE, RULE])  # noqa: FLY002 -- that is what it is


def rolled_out(deployment: Object) -> None:
    """Set the status that a Deployment's controller reports when all is done."""
    replicas = deployment["spec"]["replicas"]
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas),
        "conditions": [
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }
