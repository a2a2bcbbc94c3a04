"""ECS: Terraform makes what the tables say, and nothing that failed is deployed."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.session import Session
from botocore.validate import ParamValidator

from tests.conftest import Rendered, copy, passes
from tests.terraform import checked, initialized, planned, require_terraform
from tests.test_deployment import default

type Made = dict[str, dict[str, Any]]
type Deploy = Callable[..., tuple[int, str, list[str]]]
type Load = Callable[..., subprocess.CompletedProcess[str]]

# Mocked, AWS says nothing of itself; what is planned follows from the files alone.
PLANS = """
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/one" }
  }
  override_during = plan
}
run "target" {
  command = plan
}
run "steps" {
  command = plan
  variables {
    scaling = "steps"
  }
}
"""
# What AWS sells: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
LONGEST_STOP = 120
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
BALANCER = "(?!internal-)(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*"
STAGES = ("dev", "stage", "prod")
LARGEST_START_PERIOD = 300
MEMORY_OF = {256: (512, 2048), 512: (1024, 4096), 1024: (2048, 8192)}
REPOSITORY = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/fill-in"
IMAGE = f"{REPOSITORY}@sha256:{'a' * 64}"
SECRETS = {
    "DATABASE__URL": "postgresql+asyncpg://shop:of-no-use-here@db.example/shop?ssl=verify-full",
    "CACHE__URL": "rediss://:of-no-use-here@cache.example/0",
    "BROKER__URL": "rediss://:of-no-use-here@broker.example/0",
    "MAIL__URL": "smtps://shop:of-no-use-here@mail.example",
}
LOAD = "from app.settings import Settings; print(Settings.load().environment)"
# Says what it is asked for, and answers as AWS would.
AWS = """#!/bin/sh
echo "$*" >> calls
case "$1 $2" in
"ecs describe-task-definition") cat definition.json ;;
"ecs register-task-definition")
  for last; do :; done
  echo "$last" > registered.json
  echo "arn:new" ;;
"ecs run-task") echo "arn:task" ;;
"ecs describe-tasks") echo "$MIGRATION" ;;
"ecs describe-services")
  case $* in *networkConfiguration*) echo '{}' ;; *) echo "$RUNNING" ;; esac ;;
esac
"""


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(folder, tmp_path_factory.mktemp("ecs") / "service", deploy="ecs")


@pytest.fixture(scope="module")
def facts(service: Path) -> dict[str, Any]:
    return yaml.safe_load((service / "ops/ecs/facts.yaml").read_text())


@pytest.fixture(scope="module")
def made(service: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """What Terraform would make of prod, by address, for each way to scale."""
    where = initialized(service / "ops/ecs", tmp_path_factory.mktemp("plan") / "ecs")
    return planned(where, PLANS, "-var-file=environments/prod.tfvars")


@pytest.fixture
def deploy(service: Path, tmp_path: Path) -> Deploy:
    """Run the script against a stand-in for AWS; give its end, words and calls."""
    definition = {
        "family": "x",
        "cpu": "256",
        "containerDefinitions": [
            {"name": "api", "image": f"{REPOSITORY}:undeployed"},
            {"name": "collector", "image": "public.ecr.aws/collector:v1"},
        ],
    }
    where = tmp_path / "ecs"
    shutil.copytree(service / "ops/ecs", where)
    (where / "definition.json").write_text(json.dumps(definition, indent=4))
    (where / "aws").write_text(AWS)
    (where / "aws").chmod(0o755)

    def run(
        image: str = IMAGE, *, migration: str = "0", running: str = "arn:new"
    ) -> tuple[int, str, list[str]]:
        told = {"MIGRATION": migration, "RUNNING": running}
        done = subprocess.run(
            ["sh", where / "deploy.sh", "stage", image],
            env=os.environ | told | {"PATH": f"{where}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        calls = where / "calls"
        said = calls.read_text().splitlines() if calls.exists() else []
        asked = [line for line in said if line.startswith("ecs ")]
        return done.returncode, done.stdout + done.stderr, asked

    return run


class TestNames:
    """AWS takes 32 letters for a balancer, and 64 for a role."""

    @pytest.mark.parametrize("slug", ["x" * 22, "x" * 40, "internal-" + "tools-" * 5])
    def test_fit_however_long_the_services_is(
        self, folder: Path, tmp_path: Path, slug: str
    ) -> None:
        slug = slug.rstrip("-")
        where = copy(folder, tmp_path / "x", deploy="ecs", project_slug=slug)
        facts = yaml.safe_load((where / "ops/ecs/facts.yaml").read_text())

        names = [f"{facts['balancer']['name']}-{stage}" for stage in STAGES]
        assert all(re.fullmatch(BALANCER, name) for name in names), names
        roles = [
            f"{facts['service']}-{each}"
            for each in ("stage-execution", "pipeline-stage")
        ]
        assert max(map(len, roles)) <= 64
        source = (where / "ops/ecs/balancer.tf").read_text()
        assert source.count('= "${local.facts.balancer.name}-${var.stage}"') == 2

    def test_of_two_that_are_cut_differ(self, folder: Path, tmp_path: Path) -> None:
        names = set()
        for end in "xy":
            slug = f"the-shop-at-the-corner-of-the-street-{end}"
            where = copy(folder, tmp_path / end, deploy="ecs", project_slug=slug)
            facts = yaml.safe_load((where / "ops/ecs/facts.yaml").read_text())
            names.add(facts["balancer"]["name"])

        assert len(names) == 2
        assert all(name.startswith("the-shop-at-the-") for name in names)


class TestTerraform:
    def test_is_formatted(self, service: Path) -> None:
        require_terraform()

        passes("terraform", "fmt", "-check", "-recursive", "ops/ecs", cwd=service)

    def test_is_valid_for_the_account(self, service: Path, tmp_path: Path) -> None:
        where = initialized(service / "ops/ecs", tmp_path / "ecs", "account")

        passes("terraform", "validate", "-no-color", cwd=where)

    @pytest.mark.thorough
    def test_checkov_finds_nothing(self, service: Path) -> None:
        checked(service, "ops/ecs")


@pytest.mark.timeout(300)
class TestTaskDefinitions:
    def test_are_taken_by_the_clients_own_model(self, made: dict[str, Made]) -> None:
        model = Session().get_service_model("ecs")
        shape = model.operation_model("RegisterTaskDefinition").input_shape
        found = definitions(made["target"])

        assert set(found) == {"api", "relay", "worker", "migrate"}
        for definition in found.values():
            report = ParamValidator().validate(request(definition), shape)
            assert not report.has_errors(), report.generate_report()

    def test_run_what_the_table_says(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        told = facts["workloads"] | {"migrate": facts["migration"]}

        for name, container in containers(made["target"]).items():
            assert container["command"] == told[name]["command"]
            settings = {
                each["name"]: each["value"] for each in container["environment"]
            }
            assert settings == facts["plain_settings"]["prod"]
            secrets = {each["name"]: each["valueFrom"] for each in container["secrets"]}
            assert set(secrets) == set(facts["secret_settings"])
            # AWS takes no name that begins with aws or ssm, as a service's own may.
            assert all(":parameter/services/" in each for each in secrets.values())

    def test_are_told_the_secrets_that_the_page_has_one_put_there(
        self, made: dict[str, Made], service: Path
    ) -> None:
        page = (service / "docs/howto/deploy_ecs.md").read_text()

        for container in containers(made["target"]).values():
            for each in container["secrets"]:
                name = each["valueFrom"].partition(":parameter")[2]
                assert f" --name {name.replace('/prod/', '/STAGE/')} " in page

    def test_have_few_rights(self, made: dict[str, Made], service: Path) -> None:
        dockerfile = (service / "Dockerfile").read_text()
        user = re.search(r"^USER (\S+)$", dockerfile, re.M)[1]

        for container in containers(made["target"]).values():
            assert container["user"] == user
            assert container["readonlyRootFilesystem"]
            assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
            assert container["linuxParameters"]["initProcessEnabled"]
            [mounted] = [each["containerPath"] for each in container["mountPoints"]]
            # Else the volume is root's, and the image's user cannot write to it.
            assert f'VOLUME ["{mounted}"]' in dockerfile

    def test_are_asked_as_the_image_is(
        self, made: dict[str, Made], service: Path
    ) -> None:
        dockerfile = (service / "Dockerfile").read_text()
        check = json.loads(
            re.search(r"^HEALTHCHECK[^[]*CMD (\[.*\])$", dockerfile, re.M)[1]
        )

        for name, container in containers(made["target"]).items():
            if name != "migrate":
                assert container["healthCheck"]["command"] == ["CMD", *check]
                assert container["healthCheck"]["startPeriod"] <= LARGEST_START_PERIOD

    def test_are_of_a_size_that_is_sold(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        for name, definition in definitions(made["target"]).items():
            cpu, memory = int(definition["cpu"]), int(definition["memory"])
            least, most = MEMORY_OF[cpu]
            assert least <= memory <= most
            if name != "migrate":
                asked = facts["workloads"][name]
                assert cpu >= asked["cpu_milli"] * 1024 / 1000
                assert memory >= asked["memory_mib"]


@pytest.mark.timeout(300)
class TestArithmetic:
    def test_a_process_is_given_the_time_it_is_told(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        told = facts["plain_settings"]["prod"]
        stops = {
            name: each["stopTimeout"]
            for name, each in containers(made["target"]).items()
        }

        assert stops["api"] == int(told["SERVER__GRACE_SECONDS"])
        assert stops["worker"] == int(told["TASKS__GRACE_SECONDS"]) <= LONGEST_STOP
        assert (
            int(told["TASKS__ATTEMPT_SECONDS"]) + default("TELEMETRY__FLUSH_SECONDS")
            < stops["worker"]
        )

    def test_the_balancer_waits_for_what_has_begun(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        told = facts["plain_settings"]["prod"]
        group = made["target"]["aws_lb_target_group.this"]

        stops = int(told["SERVER__DRAIN_SECONDS"]) + int(told["SERVER__FINISH_SECONDS"])

        assert int(group["deregistration_delay"]) > stops

    def test_the_balancer_closes_idle_connections_first(
        self, made: dict[str, Made]
    ) -> None:
        idle = made["target"]["aws_lb.this"]["idle_timeout"]

        assert idle < default("SERVER__KEEP_ALIVE_SECONDS")

    def test_an_outage_that_all_share_replaces_nothing_at_once(
        self, made: dict[str, Made]
    ) -> None:
        [check] = made["target"]["aws_lb_target_group.this"]["health_check"]

        assert check["path"] == "/readyz"
        assert check["interval"] * check["unhealthy_threshold"] >= 60
        assert check["timeout"] < check["interval"]


@pytest.mark.timeout(300)
class TestServices:
    def test_replace_their_tasks_without_a_gap(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        services = of_kind(made["target"], "aws_ecs_service")

        assert {each["name"] for each in services} == set(facts["workloads"])
        for each in services:
            assert each["deployment_minimum_healthy_percent"] == 100
            assert each["deployment_circuit_breaker"] == [
                {"enable": True, "rollback": True}
            ]

    def test_scale_within_their_bounds(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        bounds = {
            each["resource_id"].rsplit("/", 1)[1]: (
                each["min_capacity"],
                each["max_capacity"],
            )
            for each in of_kind(made["target"], "aws_appautoscaling_target")
        }

        assert bounds == {
            name: (each["replicas"]["prod"]["min"], each["replicas"]["prod"]["max"])
            for name, each in facts["workloads"].items()
        }

    def test_add_one_above_and_remove_one_below(self, made: dict[str, Made]) -> None:
        """Literally: above 70 % of the CPU one more, below 30 % one fewer."""
        alarms = of_kind(made["steps"], "aws_cloudwatch_metric_alarm")
        marks = {
            (each["comparison_operator"], each["threshold"])
            for each in alarms
            if each["metric_name"] == "CPUUtilization"
        }
        policies = of_kind(made["steps"], "aws_appautoscaling_policy")
        steps = {
            each["name"].rsplit("-", 1)[1]: each["step_scaling_policy_configuration"][
                0
            ]["step_adjustment"][0]["scaling_adjustment"]
            for each in policies
            if each["policy_type"] == "StepScaling"
        }

        assert marks == {("GreaterThanThreshold", 70), ("LessThanThreshold", 30)}
        assert steps == {"up": 1, "down": -1}

    def test_keep_to_a_target_of_cpu_requests_and_work(
        self, made: dict[str, Made], facts: dict[str, Any]
    ) -> None:
        rules = facts["autoscaling"]
        targets = {
            each["name"].removeprefix(f"{facts['service']}-prod-"): each[
                "target_tracking_scaling_policy_configuration"
            ][0]["target_value"]
            for each in of_kind(made["target"], "aws_appautoscaling_policy")
        }

        assert targets["api-cpu"] == targets["worker-cpu"] == rules["cpu"]["high"]
        requests = rules["requests_per_second"] * 60 * 0.7
        assert targets["api-requests"] == pytest.approx(requests)
        assert targets["worker-queue"] == rules["backlog"]["messages_per_worker"]
        assert set(targets) == {
            "api-cpu",
            "api-requests",
            "relay-cpu",
            "worker-cpu",
            "worker-queue",
        }

    def test_are_watched(self, made: dict[str, Made]) -> None:
        names = {
            each["alarm_name"]
            for each in of_kind(made["target"], "aws_cloudwatch_metric_alarm")
        }

        for promise in ("errors", "latency", "queue", "api-missing", "worker-missing"):
            assert any(name.endswith(f"prod-{promise}") for name in names), promise


class TestDeployment:
    def test_migrates_before_anything_else(self, deploy: Deploy) -> None:
        code, said, calls = deploy()

        commands = [call.split()[1] for call in calls]
        first = commands.index("update-service")
        assert code == 0, said
        assert "describe-tasks" in commands[:first]
        assert commands.count("update-service") == 3
        assert commands[first:].count("run-task") == 0

    @pytest.mark.parametrize("migration", ["1", "None"])
    def test_a_failed_migration_deploys_nothing(
        self, deploy: Deploy, migration: str
    ) -> None:
        code, said, calls = deploy(migration=migration)

        assert code == 1
        assert f"The migration ended with {migration}, and nothing is deployed." in said
        assert not any("update-service" in call for call in calls)

    def test_says_when_ecs_went_back(self, deploy: Deploy) -> None:
        code, said, _ = deploy(running="arn:old")

        assert code == 1
        assert "api did not become healthy: ECS went back to arn:old." in said

    def test_changes_the_image_and_nothing_else(
        self, deploy: Deploy, tmp_path: Path
    ) -> None:
        deploy()

        before = json.loads((tmp_path / "ecs/definition.json").read_text())
        after = json.loads((tmp_path / "ecs/registered.json").read_text())
        assert after["containerDefinitions"][0].pop("image") == IMAGE
        del before["containerDefinitions"][0]["image"]
        assert after == before

    @pytest.mark.parametrize(
        "image", [f"{REPOSITORY}:latest", "elsewhere/x@sha256:" + "a" * 64]
    )
    def test_refuses_what_is_no_digest_of_the_repository(
        self, deploy: Deploy, image: str
    ) -> None:
        code, said, calls = deploy(image)

        assert code != 0
        assert "image" in said
        assert not any("run-task" in call or "update-service" in call for call in calls)


@pytest.fixture
def load(folder: Path, rendered: Rendered, tmp_path: Path) -> Load:
    """Read the settings as a process in production does, with what else it is told."""
    python = rendered("redis")[0] / ".venv/bin/python"

    def run(deploy: str, **others: str) -> subprocess.CompletedProcess[str]:
        service = copy(folder, tmp_path / "service", deploy=deploy, identity="none")
        return subprocess.run(
            [python, "-c", LOAD],
            cwd=service,
            env=SECRETS | told_to_production(service, deploy) | others,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.timeout(300)
class TestSettings:
    @pytest.mark.parametrize("deploy", ["ecs", "cloud_run"])
    def test_start_a_process_in_production(self, load: Load, deploy: str) -> None:
        """Limits that contradict each other, or what is unsafe, would end it."""
        run = load(deploy)

        assert run.stdout.strip() == "production", run.stderr

    def test_of_cloud_run_cannot_say_how_soon_a_worker_is_killed(
        self, load: Load
    ) -> None:
        """An attempt may take longer: what is broken off is made again."""
        run = load("cloud_run", TASKS__GRACE_SECONDS="8")

        assert run.returncode == 1
        assert (
            "TASKS__ATTEMPT_SECONDS (120) must be below TASKS__GRACE_SECONDS"
            in run.stderr
        )


def told_to_production(service: Path, deploy: str) -> dict[str, str]:
    if deploy == "ecs":
        facts = yaml.safe_load((service / "ops/ecs/facts.yaml").read_text())
        return facts["plain_settings"]["prod"]
    values = (service / "ops/cloud_run/stages.env").read_text()
    known = re.findall(r"^prod\.(ENVIRONMENT|[A-Z]+__[A-Z_]+)=(.*)$", values, re.M)
    return dict(known)


def of_kind(made: Made, kind: str) -> list[dict[str, Any]]:
    return [each for address, each in made.items() if f"{kind}." in address]


def definitions(made: Made) -> dict[str, dict[str, Any]]:
    found = of_kind(made, "aws_ecs_task_definition")
    return {each["family"].rsplit("-", 1)[1]: each for each in found}


def containers(made: Made) -> dict[str, dict[str, Any]]:
    """The service's own container of each task."""
    return {
        name: json.loads(each["container_definitions"])[0]
        for name, each in definitions(made).items()
    }


def request(definition: dict[str, Any]) -> dict[str, Any]:
    """As the provider sends it: the names of the API for those of Terraform."""
    [platform] = definition["runtime_platform"]
    return {
        "family": definition["family"],
        "cpu": definition["cpu"],
        "memory": definition["memory"],
        "networkMode": definition["network_mode"],
        "requiresCompatibilities": definition["requires_compatibilities"],
        "taskRoleArn": definition["task_role_arn"],
        "executionRoleArn": definition["execution_role_arn"],
        "volumes": [{"name": each["name"]} for each in definition["volume"]],
        "runtimePlatform": {
            "cpuArchitecture": platform["cpu_architecture"],
            "operatingSystemFamily": platform["operating_system_family"],
        },
        "containerDefinitions": json.loads(definition["container_definitions"]),
    }
