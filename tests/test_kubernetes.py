"""The manifests of each stage are sound, and are rolled out in the right order."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.conftest import copy
from tests.kubernetes.manifests import (
    Object,
    complaints,
    container,
    kustomize,
    named,
    pods,
)
from variants import Answers

STAGES = ("dev", "stage", "prod")
MINIMAL = {"cache": "none", "tasks": "inline", "identity": "none", "telemetry": "none"}
RENDERINGS: Mapping[str, Answers] = {
    "kubernetes": {"deploy": "kubernetes"},
    "eks": {"deploy": "eks", "broker": "rabbitmq", "identity": "oidc"},
    "aks": {"deploy": "aks", "webhooks": True, "telemetry": "none"},
    "minimal": {"deploy": "kubernetes", **MINIMAL},
    "aks without tasks": {"deploy": "aks", **MINIMAL},
}
IMAGE = "registry.example/shop@sha256:" + "a" * 64
CHECKOV = "checkov==3.3.30"
KEDA = "cloudcoil-models-keda==2.16.1.0"
# What it finds, and why that stays.
ACCEPTED = {
    "CKV_K8S_11": "a limit of CPU slows a process down while its machine has time",
    "CKV_K8S_35": "settings are read from the environment, on every platform alike",
}
# What KEDA's models do not keep of it, they do not know.
KEDA_MODELS = """
import sys, yaml
from cloudcoil.models.keda import v1alpha1

def lost(given, kept, place=""):
    if isinstance(given, dict):
        for name, value in given.items():
            if name not in kept:
                yield f"{place}.{name}"
            else:
                yield from lost(value, kept[name], f"{place}.{name}")
    elif isinstance(given, list):
        for one, other in zip(given, kept, strict=True):
            yield from lost(one, other, place)

for each in yaml.safe_load_all(sys.stdin):
    model = getattr(v1alpha1, each["kind"]).model_validate(each)
    kept = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    found = list(lost(each, kept))
    assert not found, found
    print(each["kind"])
"""
# Answers for the API server: it has jobs in this state, and takes what it is given.
KUBECTL = """\
#!/bin/sh
case "$*" in
kustomize*) exec {kubectl} "$@" ;;
*"get job"*) echo "{state}" ;;
apply*) grep -h "image:" "$3" >> {folder}/images ;;
esac
echo "$*" >> {folder}/asked
"""

type Rendering = Callable[[str], Path]


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    place = tmp_path_factory.mktemp("kubernetes")
    return cache(lambda name: copy(folder, place / name, **RENDERINGS[name]))


@pytest.fixture(scope="module")
def overlay(service: Rendering) -> Callable[[str, str], list[Object]]:
    return cache(
        lambda name, stage: kustomize(service(name) / "ops/kubernetes/overlays" / stage)
    )


type Overlay = Callable[[str, str], list[Object]]


class TestOverlay:
    @pytest.mark.parametrize("stage", STAGES)
    @pytest.mark.parametrize("name", RENDERINGS)
    def test_is_sound(self, overlay: Overlay, name: str, stage: str) -> None:
        assert complaints(overlay(name, stage)) == []

    @pytest.mark.parametrize("name", RENDERINGS)
    def test_is_a_namespace_of_its_own(self, overlay: Overlay, name: str) -> None:
        for stage in STAGES:
            objects = overlay(name, stage)
            [namespace] = named(objects, "Namespace")
            inside = [each for each in objects if each["kind"] != "Namespace"]

            assert namespace == f"corner-shop-{stage}"
            assert {each["metadata"]["namespace"] for each in inside} == {namespace}

    @pytest.mark.parametrize("name", RENDERINGS)
    def test_differs_in_sizes_names_and_switches(
        self, overlay: Overlay, name: str
    ) -> None:
        told = [shape(overlay(name, stage)) for stage in STAGES]

        assert told[0] == told[1] == told[2]

    def test_has_no_more_than_there_is_to_do(self, overlay: Overlay) -> None:
        objects = overlay("minimal", "prod")

        assert set(named(objects, "Deployment")) == {"api"}
        assert not named(objects, "ScaledObject")


def shape(objects: list[Object]) -> list[tuple[str, str, object]]:
    """What is there, and what runs in it, without what a stage may say of it."""
    found = [(each["kind"], each["metadata"]["name"][:8]) for each in objects]
    templates = pods(objects)
    return sorted(
        (
            kind,
            name,
            container(templates[name])["resources"] if name in templates else 0,
        )
        for kind, name in found
    )


def change(name: str, *path: str | int, to: object) -> Callable[[list[Object]], None]:
    def edit(objects: list[Object]) -> None:
        kind, _, which = name.partition("/")
        place = named(objects, kind)[which]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return edit


POD = ("spec", "template", "spec")
ONLY = (*POD, "containers", 0)
FAULTS = {
    "a probe of another port": (
        change("Deployment/api", *ONLY, "ports", 1, "containerPort", to=9999),
        "api has the ports",
    ),
    "a restart on readiness": (
        change(
            "Deployment/api", *ONLY, "livenessProbe", "httpGet", "path", to="/readyz"
        ),
        "api is asked elsewhere by its livenessProbe",
    ),
    "a grace that is too short": (
        change("Deployment/worker", *POD, "terminationGracePeriodSeconds", to=130),
        "worker is killed after 130 s",
    ),
    "a stop before balancers know": (
        change("Deployment/api", *ONLY, "lifecycle", to={}),
        "api stops before balancers know",
    ),
    "fewer while it is replaced": (
        change(
            "Deployment/api",
            "spec",
            "strategy",
            "rollingUpdate",
            "maxUnavailable",
            to=1,
        ),
        "api is missing while it is replaced",
    ),
    "a number beside an autoscaler": (
        change("Deployment/api", "spec", "replicas", to=3),
        "api is scaled, and its number is fixed",
    ),
    "a least that is the most": (
        change("HorizontalPodAutoscaler/api", "spec", "minReplicas", to=12),
        "api has 12 to 12",
    ),
    "root": (
        change("Deployment/relay", *POD, "securityContext", "runAsUser", to=0),
        "relay runs as root",
    ),
    "a file system that can be written": (
        change(
            "Job/migrate", *ONLY, "securityContext", "readOnlyRootFilesystem", to=False
        ),
        "migrate may write",
    ),
    "another command": (
        change("Deployment/relay", *ONLY, "command", to=["python", "-m", "app.main"]),
        "relay runs",
    ),
    "a Secret of another name": (
        change("Deployment/api", *ONLY, "envFrom", 1, "secretRef", "name", to="secret"),
        "api needs the Secret secret",
    ),
    "a word that Kubernetes does not know": (
        change("Deployment/api", "spec", "replica", to=3),
        "Deployment api: ",
    ),
    "a word that KEDA does not know": (
        change("ScaledObject/worker", "spec", "minReplicas", to=1),
        "ScaledObject knows no minReplicas",
    ),
    "an open wall": (
        change("NetworkPolicy/requests", "spec", "ingress", 0, "from", to=[]),
        "requests lets everybody pass",
    ),
    "no walls": (
        change("NetworkPolicy/nobody", "spec", "policyTypes", to=["Ingress"]),
        "what is not said is allowed",
    ),
    "a budget for nobody": (
        change(
            "PodDisruptionBudget/api", "spec", "selector", "matchLabels", to={"a": "b"}
        ),
        "PodDisruptionBudget api selects no pod",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(overlay: Overlay, fault: str) -> None:
    edit, reason = FAULTS[fault]
    objects = deepcopy(overlay("kubernetes", "prod"))

    edit(objects)

    assert any(reason in each for each in complaints(objects))


class TestDeployment:
    @pytest.mark.parametrize("name", ["kubernetes", "minimal"])
    def test_migrates_before_it_replaces_anything(
        self, service: Rendering, tmp_path: Path, name: str
    ) -> None:
        done = deploy(service(name), tmp_path, state="SuccessCriteriaMet Complete")

        assert done.returncode == 0, done.stdout + done.stderr
        asked = (tmp_path / "asked").read_text().splitlines()
        selectors = [each.split("--selector ")[1] for each in asked if "apply" in each]
        assert selectors == [
            "!app.kubernetes.io/component",
            "app.kubernetes.io/component=migration",
            "app.kubernetes.io/component,app.kubernetes.io/component!=migration",
        ]
        assert asked.index(next(each for each in asked if "get job" in each)) < 5
        assert [each.split()[4] for each in asked if "rollout" in each] == [
            f"deployment/{each}" for each in processes_of(name)
        ]

    def test_runs_the_image_that_it_is_given(
        self, service: Rendering, tmp_path: Path
    ) -> None:
        deploy(service("kubernetes"), tmp_path, state="Complete")

        images = (tmp_path / "images").read_text().split("\n")
        assert {each.strip() for each in images if each} == {f"image: {IMAGE}"}

    def test_leaves_the_processes_alone_when_the_migration_fails(
        self, service: Rendering, tmp_path: Path
    ) -> None:
        done = deploy(service("kubernetes"), tmp_path, state="FailureTarget Failed")

        asked = (tmp_path / "asked").read_text()
        assert done.returncode == 1
        assert "did not succeed" in done.stderr
        assert "logs job/migrate" in asked
        assert "rollout" not in asked
        assert "!=migration" not in asked

    @pytest.mark.parametrize("image", ["shop", "shop:1.4.0"])
    def test_refuses_what_may_become_another_image(
        self, service: Rendering, tmp_path: Path, image: str
    ) -> None:
        done = deploy(service("kubernetes"), tmp_path, state="Complete", image=image)

        assert done.returncode == 2
        assert not (tmp_path / "asked").exists()

    @pytest.mark.parametrize("name", RENDERINGS)
    def test_steps_leave_nothing_out(self, overlay: Overlay, name: str) -> None:
        """The first has what all need, the second the migration, the third the rest."""
        for each in overlay(name, "prod"):
            part = each["metadata"].get("labels", {}).get("app.kubernetes.io/component")
            if each["kind"] == "Job":
                assert part == "migration"
            elif each["kind"] in {"Deployment", "PodDisruptionBudget", "Service"}:
                assert part in processes_of(name)
            elif each["kind"] in {"ConfigMap", "Namespace", "ServiceAccount"}:
                assert part is None


def processes_of(name: str) -> list[str]:
    return (
        ["api"]
        if name in {"minimal", "aks without tasks"}
        else ["api", "relay", "worker"]
    )


def deploy(
    service: Path, folder: Path, *, state: str, image: str = IMAGE
) -> subprocess.CompletedProcess[str]:
    there = shutil.which("kubectl")
    kubectl = folder / "bin/kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(KUBECTL.format(kubectl=there, state=state, folder=folder))
    kubectl.chmod(0o755)
    path = f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "ops/kubernetes/deploy.sh", "prod", image],
        cwd=service,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


class TestPlaceholders:
    @pytest.mark.parametrize("name", RENDERINGS)
    def test_are_listed_with_their_places(self, service: Rendering, name: str) -> None:
        done = check(service(name))

        assert done.returncode == 1
        assert "overlays/prod/kustomization.yaml:" in done.stdout
        assert "corner-shop.prod.invalid" in done.stdout
        places = [line for line in done.stdout.splitlines() if line.startswith("  ")]
        assert len(places) == int(done.stdout.split()[0])

    def test_of_other_stages_do_not_hold_up_one(self, service: Rendering) -> None:
        every, one = (check(service("eks"), *stage).stdout for stage in ((), ("dev",)))

        assert "overlays/dev/" in one
        assert "overlays/prod/" not in one
        assert {*one.splitlines()[1:]} < {*every.splitlines()}

    def test_leave_nothing_to_say_once_they_are_filled_in(
        self, service: Rendering, tmp_path: Path
    ) -> None:
        filled = tmp_path / "filled"
        shutil.copytree(service("eks"), filled)
        for file in (filled / "ops").rglob("*.yaml"):
            text = file.read_text().replace(".invalid", ".example")
            text = text.replace("0" * 12, "123456789012").replace("fill-in", "own")
            file.write_text(text)

        done = check(filled)

        assert (done.returncode, done.stdout) == (0, "")


def check(service: Path, *stage: str) -> subprocess.CompletedProcess[str]:
    command = ["python", "-m", "dev.placeholders", *stage]
    return subprocess.run(
        command, cwd=service, capture_output=True, text=True, check=False
    )


@pytest.mark.thorough
class TestElsewhere:
    """What others say of them: checkers that are installed for the occasion."""

    @pytest.mark.parametrize("name", RENDERINGS)
    def test_checkov_finds_nothing(
        self, overlay: Overlay, tmp_path: Path, name: str
    ) -> None:
        for stage in STAGES:
            text = yaml.safe_dump_all(overlay(name, stage))
            said = text.replace("image: corner-shop", f"image: {IMAGE}")
            (tmp_path / f"{stage}.yaml").write_text(said)

        flags = ("--framework=kubernetes", "--quiet", "--output=json")
        skipped = f"--skip-check={','.join(ACCEPTED)}"
        run = subprocess.run(
            ["uvx", "--quiet", CHECKOV, *flags, skipped, f"--directory={tmp_path}"],
            capture_output=True,
            text=True,
            check=False,
        )

        summary = json.loads(run.stdout)["summary"]
        assert summary["passed"] > 100
        assert summary["failed"] == summary["parsing_errors"] == 0, run.stdout

    @pytest.mark.parametrize("name", ["kubernetes", "eks", "aks"])
    def test_keda_knows_every_word(self, overlay: Overlay, name: str) -> None:
        kinds = ("ScaledObject", "TriggerAuthentication")
        objects = [each for each in overlay(name, "prod") if each["kind"] in kinds]

        said = subprocess.run(
            ["uv", "run", "--no-project", "--with", KEDA, "python", "-c", KEDA_MODELS],
            input=yaml.safe_dump_all(objects),
            capture_output=True,
            text=True,
            check=False,
        )

        assert said.returncode == 0, said.stderr
        assert sorted(said.stdout.split()) == sorted(kinds)
