"""What kubectl makes of an overlay, and what is wrong with it."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.promises.deployment import computed

# The oldest that the manifests are written for, and the newest whose schemas there are.
VERSIONS = ("1.33", "1.37")
# What extensions of Kubernetes add: kind -> what may stand in its `spec`.
EXTENSIONS: Mapping[str, str] = {
    "Gateway": "gatewayClassName listeners",
    "HTTPRoute": "parentRefs hostnames rules",
    "ScaledObject": "scaleTargetRef minReplicaCount maxReplicaCount pollingInterval "
    "advanced triggers",
    "TriggerAuthentication": "secretTargetRef",
    "ExternalSecret": "refreshInterval secretStoreRef target data",
    "SecretStore": "provider",
    "SecretProviderClass": "provider parameters secretObjects",
}
IMAGE_USER = 10001

type Object = dict[str, Any]
type Check = Callable[[list[Object]], Iterator[str]]


def kustomize(overlay: Path) -> list[Object]:
    run = subprocess.run(
        ["kubectl", "kustomize", overlay], check=True, capture_output=True, text=True
    )
    return [each for each in yaml.safe_load_all(run.stdout) if each]


def named(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def pods(objects: list[Object]) -> dict[str, Object]:
    """The pod of each Deployment and Job, by the name of its container."""
    workloads = {**named(objects, "Deployment"), **named(objects, "Job")}
    return {name: each["spec"]["template"] for name, each in workloads.items()}


def container(pod: Object) -> Object:
    [only] = pod["spec"]["containers"]
    return only


def schemas(objects: list[Object]) -> Iterator[str]:
    """A kind that no schema knows is one of the extensions, and says nothing else."""
    for each in objects:
        kind = each["kind"]
        if kind in EXTENSIONS:
            for unknown in each["spec"].keys() - EXTENSIONS[kind].split():
                yield f"{kind} knows no {unknown}"
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{kind} {each['metadata']['name']}: {error.message}"


def references(objects: list[Object]) -> Iterator[str]:
    """What one names is there, but what an extension makes of it."""
    made = {kind: set(named(objects, kind)) for kind in {e["kind"] for e in objects}}
    made["Secret"] = set(secrets(objects))
    for name, pod in pods(objects).items():
        sources = container(pod)["envFrom"]
        wanted = [("ServiceAccount", pod["spec"]["serviceAccountName"])]
        wanted += [("ConfigMap", e["configMapRef"]["name"]) for e in sources[:1]]
        wanted += [("Secret", e["secretRef"]["name"]) for e in sources[1:]]
        for kind, target in wanted:
            if target not in made.get(kind, ()):
                yield f"{name} needs the {kind} {target}"
        mounted = {each["name"] for each in container(pod)["volumeMounts"]}
        if mounted != {each["name"] for each in pod["spec"]["volumes"]}:
            yield f"{name} mounts other volumes than it has"
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for name, each in named(objects, kind).items():
            if each["spec"]["scaleTargetRef"]["name"] not in made["Deployment"]:
                yield f"{kind} {name} scales nothing"
    yield from _selected(objects)


def _selected(objects: list[Object]) -> Iterator[str]:
    labels = [pod["metadata"]["labels"] for pod in pods(objects).values()]
    for each in objects:
        spec = each.get("spec", {})
        wanted = spec.get("selector", spec.get("podSelector"))
        if wanted is None:
            continue
        wanted = wanted.get("matchLabels", wanted)
        if not any(wanted.items() <= has.items() for has in labels):
            yield f"{each['kind']} {each['metadata']['name']} selects no pod"


def secrets(objects: list[Object]) -> dict[str, set[str]]:
    """The keys of each Secret that comes from a store."""
    found = {
        name: {entry["secretKey"] for entry in each["spec"]["data"]}
        for name, each in named(objects, "ExternalSecret").items()
    }
    for each in named(objects, "SecretProviderClass").values():
        for secret in each["spec"]["secretObjects"]:
            found[secret["secretName"]] = {entry["key"] for entry in secret["data"]}
    return found


def restricted(objects: list[Object]) -> Iterator[str]:
    """Pod Security Standards, restricted, and what goes beyond them."""
    for name, pod in pods(objects).items():
        own, whole = container(pod)["securityContext"], pod["spec"]["securityContext"]
        limits = container(pod)["resources"]
        kept = {
            "runs as root": whole["runAsNonRoot"] and whole["runAsUser"] == IMAGE_USER,
            "has no seccomp": whole["seccompProfile"] == {"type": "RuntimeDefault"},
            "may become more": own["allowPrivilegeEscalation"] is False,
            "may write": own["readOnlyRootFilesystem"] is True,
            "has capabilities": own["capabilities"] == {"drop": ["ALL"]},
            "has a token": pod["spec"]["automountServiceAccountToken"] is False,
            "has another limit of memory than it asks for": limits["limits"]
            == {"memory": limits["requests"]["memory"]},
        }
        yield from (f"{name} {fault}" for fault, well in kept.items() if not well)


def ends(objects: list[Object]) -> Iterator[str]:
    """A pod is asked until balancers know that it ends, and has time for its work."""
    [told] = (each["data"] for each in named(objects, "ConfigMap").values())
    variables = {"api": "SERVER__GRACE_SECONDS", "worker": "TASKS__GRACE_SECONDS"}
    for name, deployment in named(objects, "Deployment").items():
        pod = deployment["spec"]["template"]
        sleep = container(pod).get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        before, given = (
            sleep.get("seconds", 0),
            pod["spec"]["terminationGracePeriodSeconds"],
        )
        needed = int(told[variables[name]]) if name in variables else grace(name)
        if given <= before + needed:
            yield f"{name} is killed after {given} s, and needs {before} + {needed} s"
        if name == "api" and before < LAG_SECONDS:
            yield "api stops before balancers know"
        rolling = deployment["spec"]["strategy"]["rollingUpdate"]
        if rolling != {"maxSurge": 1, "maxUnavailable": 0}:
            yield f"{name} is missing while it is replaced"


# As short as it may be anywhere: kube-proxy learns within a second or two.
LAG_SECONDS = 5


def grace(name: str) -> int:
    return computed("processes")[name]["grace"]["seconds"]


def processes(objects: list[Object]) -> Iterator[str]:
    """The pods run what the table of processes says, and are asked where it says."""
    table, probes = computed("processes"), computed("probes")
    for name, pod in pods(objects).items():
        own = container(pod)
        expected = (computed("migration") if name == "migrate" else table[name])[
            "command"
        ]
        if own["command"] != expected.split():
            yield f"{name} runs {own['command']}"
        if name == "migrate":
            continue
        ports = {each["name"]: each["containerPort"] for each in own["ports"]}
        wanted = {"admin": probes["port"]}
        if "port" in table[name]:
            wanted["http"] = table[name]["port"]
        if ports != wanted:
            yield f"{name} has the ports {ports}"
        for probe, path in (
            ("startupProbe", probes["alive"]),
            ("livenessProbe", probes["alive"]),
            ("readinessProbe", probes["ready"]),
        ):
            if own[probe]["httpGet"] != {"path": path, "port": "admin"}:
                yield f"{name} is asked elsewhere by its {probe}"
        began = own["startupProbe"]
        if (
            began["periodSeconds"] * began["failureThreshold"]
            != probes["start_seconds"]
        ):
            yield f"{name} has another time to start"


def scales(objects: list[Object]) -> Iterator[str]:
    """How many there are is for one alone to say, and the least is not the most."""
    hpa = named(objects, "HorizontalPodAutoscaler")
    keda = named(objects, "ScaledObject")
    for name in hpa.keys() & keda.keys():
        yield f"{name} is scaled by two"
    for name, deployment in named(objects, "Deployment").items():
        fixed = "replicas" in deployment["spec"]
        if fixed == (name in hpa.keys() | keda.keys()):
            yield f"{name} is scaled, and its number is fixed, or neither"
    for name, each in {**hpa, **keda}.items():
        spec = each["spec"]
        least = spec.get("minReplicas", spec.get("minReplicaCount"))
        most = spec.get("maxReplicas", spec.get("maxReplicaCount"))
        if not 1 <= least < most:
            yield f"{name} has {least} to {most}"


def walls(objects: list[Object]) -> Iterator[str]:
    """Nothing passes but what a policy says, and no policy lets everybody in."""
    policies = named(objects, "NetworkPolicy")
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if closed not in [each["spec"] for each in policies.values()]:
        yield "what is not said is allowed"
    for name, each in policies.items():
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in each["spec"].get(way, ()):
                if not rule.get(peers) or not rule.get("ports"):
                    yield f"{name} lets everybody pass"


ALL: tuple[Check, ...] = (
    schemas,
    references,
    restricted,
    ends,
    processes,
    scales,
    walls,
)


def complaints(objects: list[Object]) -> list[str]:
    return [complaint for check in ALL for complaint in check(objects)]
