"""Cloud Run: gcloud is given what the tables say, and nothing that failed."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.conftest import copy, passes
from tests.promises.deployment import command, computed, processes
from tests.terraform import checked, require_terraform

# https://cloud.google.com/run/docs/container-contract: from SIGTERM to SIGKILL.
LONGEST_STOP = 10
# So long may a startup probe take in all.
LONGEST_START = 240
IMAGE = f"europe-west1-docker.pkg.dev/images/shop/shop@sha256:{'a' * 64}"
RENDERINGS = {"default": {}, "inline": {"tasks": "inline", "cache": "none"}}
# https://cloud.google.com/run/docs/reference/yaml/v1, as far as it is used.
CONTAINER = {
    "image": str,
    "command": list,
    "ports": [{"name": str, "containerPort": int}],
    "env": [
        {
            "name": str,
            "value": str,
            "valueFrom": {"secretKeyRef": {"name": str, "key": str}},
        }
    ],
    "resources": {"limits": {"cpu": str, "memory": str}},
}
PROBE = {
    "httpGet": {"path": str, "port": int},
    "periodSeconds": int,
    "timeoutSeconds": int,
    "failureThreshold": int,
}
INSTANCE = {
    "serviceAccountName": str,
    "containers": [CONTAINER | {"startupProbe": PROBE, "livenessProbe": PROBE}],
}
COMMON = {
    "run.googleapis.com/execution-environment": str,
    "run.googleapis.com/network-interfaces": str,
    "run.googleapis.com/vpc-access-egress": str,
}
KINDS = {
    "Service": {
        "metadata": {
            "name": str,
            "annotations": {
                "run.googleapis.com/ingress": str,
                "run.googleapis.com/invoker-iam-disabled": str,
            },
        },
        "spec": {
            "template": {
                "metadata": {
                    "annotations": COMMON
                    | {
                        "autoscaling.knative.dev/minScale": str,
                        "autoscaling.knative.dev/maxScale": str,
                        "run.googleapis.com/cpu-throttling": str,
                        "run.googleapis.com/startup-cpu-boost": str,
                    }
                },
                "spec": INSTANCE | {"containerConcurrency": int, "timeoutSeconds": int},
            }
        },
    },
    "WorkerPool": {
        "metadata": {
            "name": str,
            "annotations": {
                "run.googleapis.com/scalingMode": str,
                "run.googleapis.com/manualInstanceCount": str,
            },
        },
        "spec": {"template": {"metadata": {"annotations": COMMON}, "spec": INSTANCE}},
    },
    "Job": {
        "metadata": {"name": str},
        "spec": {
            "template": {
                "metadata": {"annotations": COMMON},
                "spec": {
                    "taskCount": int,
                    "parallelism": int,
                    "template": {
                        "spec": {
                            "serviceAccountName": str,
                            "maxRetries": int,
                            "timeoutSeconds": str,
                            "containers": [CONTAINER],
                        }
                    },
                },
            }
        },
    },
}
# Keeps what it is given, and answers as gcloud would.
GCLOUD = """#!/bin/sh
echo "$CLOUDSDK_CORE_PROJECT $*" >> calls
case "$*" in
*" replace "*) cp "$4" "given-$2-$(basename "$4")" ;;
*"jobs execute"*) exit "$MIGRATION" ;;
esac
"""
# The messages of the real client refuse what they do not know.
JUDGE = """
import json, os, sys
for part in ("lib/third_party", "lib"):
    sys.path.insert(0, os.path.join(sys.argv[1], part))
from googlecloudsdk.api_lib.util.messages import DictToMessageWithErrorCheck
from googlecloudsdk.generated_clients.apis.run.v1 import run_v1_messages
for each in json.load(sys.stdin):
    DictToMessageWithErrorCheck(each, getattr(run_v1_messages, each["kind"]))
"""


class Deployed(NamedTuple):
    code: int
    said: str
    calls: list[str]
    given: list[dict[str, Any]]


type Deploy = Callable[..., Deployed]


@pytest.fixture(scope="module", params=RENDERINGS)
def service(
    request: pytest.FixtureRequest,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    answers = RENDERINGS[request.param] | {"deploy": "cloud_run"}
    return copy(folder, tmp_path_factory.mktemp("cloud_run") / "service", **answers)


@pytest.fixture
def deploy(service: Path, tmp_path: Path) -> Deploy:
    """Run the script against a stand-in for gcloud; give what it says and is given."""
    where = tmp_path / "cloud_run"
    shutil.copytree(service / "ops/cloud_run", where)
    (where / "gcloud").write_text(GCLOUD)
    (where / "gcloud").chmod(0o755)

    def run(stage: str = "prod", image: str = IMAGE, *, migration: int = 0) -> Deployed:
        path = {"PATH": f"{where}:{os.environ['PATH']}", "MIGRATION": str(migration)}
        done = subprocess.run(
            ["sh", where / "deploy.sh", stage, image],
            env=os.environ | path,
            capture_output=True,
            text=True,
            check=False,
        )
        calls = where / "calls"
        said = calls.read_text().splitlines() if calls.exists() else []
        given = [
            yaml.safe_load(each.read_text()) for each in sorted(where.glob("given-*"))
        ]
        return Deployed(done.returncode, done.stdout + done.stderr, said, given)

    return run


@pytest.fixture
def given(deploy: Deploy) -> list[dict[str, Any]]:
    deployed = deploy()
    assert deployed.code == 0, deployed.said
    return deployed.given


@pytest.fixture
def facts(service: Path) -> dict[str, Any]:
    """What Terraform reads, and the values of prod."""
    folder = service / "ops/cloud_run"
    lines = re.findall(r"^prod\.(\w+)=(.*)$", (folder / "stages.env").read_text(), re.M)
    return yaml.safe_load((folder / "facts.yaml").read_text()) | {"values": dict(lines)}


class TestNames:
    def test_fit_however_long_the_services_is(
        self, folder: Path, tmp_path: Path
    ) -> None:
        """30 letters for an account, 32 for a pool, 49 for what runs."""
        where = copy(folder, tmp_path / "x", deploy="cloud_run", project_slug="x" * 40)
        facts = yaml.safe_load((where / "ops/cloud_run/facts.yaml").read_text())
        documents = (where / "ops/cloud_run/run.yaml").read_text()

        names = re.findall(r"^  name: (\S+)$", documents, re.M)
        assert len(names) == 4
        assert max(map(len, names)) <= 49
        assert 6 <= len(facts["account"]) <= 30
        assert 4 <= len(facts["pool"]) <= 32
        assert f"serviceAccountName: {facts['account']}@" in documents
        values = (where / "ops/cloud_run/stages.env").read_text()
        assert values.count(f"/workloadIdentityPools/{facts['pool']}\n") == 3


class TestTerraform:
    def test_is_formatted(self, service: Path) -> None:
        require_terraform()

        passes("terraform", "fmt", "-check", "-recursive", "ops/cloud_run", cwd=service)

    @pytest.mark.thorough
    def test_checkov_finds_nothing(self, service: Path) -> None:
        checked(service, "ops/cloud_run")


class TestDocuments:
    def test_say_only_what_cloud_run_knows(self, given: list[dict[str, Any]]) -> None:
        for each in given:
            meant = {"apiVersion": str, "kind": str} | KINDS[each["kind"]]
            assert list(slips(each, meant)) == []

    def test_are_taken_by_the_real_client(self, given: list[dict[str, Any]]) -> None:
        judged = judge(given)

        assert judged.returncode == 0, judged.stderr

    def test_the_real_client_refuses_a_slip(self, given: list[dict[str, Any]]) -> None:
        given[-1]["spec"]["template"]["spec"]["containerConcurency"] = 1

        judged = judge(given)

        assert judged.returncode == 1
        assert "containerConcurency" in judged.stderr

    def test_run_what_the_table_says(
        self, given: list[dict[str, Any]], facts: dict[str, Any]
    ) -> None:
        slug = facts["service"]
        told = {f"{slug}-{name}": list(command(name)) for name in processes()}
        told |= {slug: told.pop(f"{slug}-api")}
        told |= {f"{slug}-migrate": computed("migration")["command"].split()}

        assert {each["metadata"]["name"] for each in given} <= set(told)
        for each in given:
            [container] = instance(each)["containers"]
            assert container["command"] == told[each["metadata"]["name"]]
            assert container["image"] == IMAGE
            plain = {
                env["name"]: env["value"] for env in container["env"] if "value" in env
            }
            secret = {env["name"] for env in container["env"] if "valueFrom" in env}
            assert {"ENVIRONMENT", "WEB__HOSTS", "SERVER__GRACE_SECONDS"} <= set(plain)
            assert plain.items() <= facts["values"].items()
            assert secret == set(facts["secret_settings"])

    def test_give_a_process_the_time_that_there_is(
        self, given: list[dict[str, Any]], facts: dict[str, Any]
    ) -> None:
        told = {
            name: float(value)
            for name, value in facts["values"].items()
            if name.endswith("_SECONDS")
        }
        stops = (
            told["SERVER__DRAIN_SECONDS"]
            + told["SERVER__FINISH_SECONDS"]
            + told["TELEMETRY__FLUSH_SECONDS"]
        )

        assert stops < told["SERVER__GRACE_SECONDS"] <= LONGEST_STOP - 2

    def test_ask_it_within_what_is_allowed(self, given: list[dict[str, Any]]) -> None:
        for each in given:
            for container in instance(each)["containers"]:
                for name in ("startupProbe", "livenessProbe"):
                    if (probe := container.get(name)) is not None:
                        assert probe["timeoutSeconds"] < probe["periodSeconds"]
                        assert (
                            probe["periodSeconds"] * probe["failureThreshold"]
                            <= LONGEST_START
                        )
                assert int(container["resources"]["limits"]["cpu"]) >= 1

    def test_scale_within_the_bounds_of_the_stage(self, deploy: Deploy) -> None:
        for stage in ("dev", "stage", "prod"):
            [api] = [each for each in deploy(stage).given if each["kind"] == "Service"]
            annotations = api["spec"]["template"]["metadata"]["annotations"]
            bounds = processes()["api"]["replicas"][stage]
            assert annotations["autoscaling.knative.dev/minScale"] == str(bounds["min"])
            assert annotations["autoscaling.knative.dev/maxScale"] == str(bounds["max"])


class TestDeployment:
    def test_migrates_before_anything_else(self, deploy: Deploy) -> None:
        deployed = deploy()

        words = [
            re.sub(r"/\S*/", "", call).split(maxsplit=1)[1] for call in deployed.calls
        ]
        assert deployed.code == 0, deployed.said
        assert words[0].startswith("run jobs replace")
        assert words[1].startswith("run jobs execute")
        assert words[1].endswith("--wait")
        assert words[2].startswith("run services replace")
        assert all(each.startswith("run worker-pools replace") for each in words[3:])
        assert all(call.startswith("fill-in-prod ") for call in deployed.calls)

    def test_a_failed_migration_deploys_nothing(self, deploy: Deploy) -> None:
        deployed = deploy(migration=1)

        assert deployed.code == 1
        assert "The migration failed, and nothing is deployed." in deployed.said
        assert [each["kind"] for each in deployed.given] == ["Job"]

    @pytest.mark.parametrize(
        ("stage", "image", "words"),
        [
            ("prod", "shop:latest", "An image is named by its digest"),
            ("production", IMAGE, "stages.env knows no stage production."),
        ],
    )
    def test_refuses_in_a_sentence(
        self, deploy: Deploy, stage: str, image: str, words: str
    ) -> None:
        deployed = deploy(stage, image)

        assert deployed.code == 2
        assert words in deployed.said
        assert deployed.calls == []

    def test_a_value_that_is_missing_is_named(
        self, deploy: Deploy, tmp_path: Path
    ) -> None:
        values = tmp_path / "cloud_run/stages.env"
        values.write_text(values.read_text().replace("prod.NETWORK=", "prod.NETWRK="))

        deployed = deploy()

        assert deployed.code == 2
        assert "${NETWORK}" in deployed.said
        assert deployed.calls == []


def instance(document: dict[str, Any]) -> dict[str, Any]:
    template = document["spec"]["template"]["spec"]
    return template["template"]["spec"] if document["kind"] == "Job" else template


def slips(value: Any, meant: Any, place: str = "") -> Iterator[str]:
    """Name each key that is unknown, and each value of another kind."""
    if isinstance(meant, dict):
        for key, each in value.items():
            known = key in meant
            yield from (
                slips(each, meant[key], f"{place}.{key}")
                if known
                else [f"{place}.{key}"]
            )
    elif isinstance(meant, list):
        for each in value:
            yield from slips(each, meant[0], place)
    elif not isinstance(value, meant):
        yield f"{place}: {value!r}"


def judge(documents: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("no gcloud is installed here")
    told = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root,basic.python_location)"],
        capture_output=True,
        text=True,
        check=True,
    )
    root, python = told.stdout.split()
    return subprocess.run(
        [python, "-c", JUDGE, root],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
    )
