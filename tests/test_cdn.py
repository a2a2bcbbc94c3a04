"""CloudFront: what Terraform and CloudFormation are given is what they take."""

from pathlib import Path

import pytest
import yaml

from tests.conftest import copy, passes
from tests.terraform import initialized, planned, require_terraform

# Mocked, AWS says nothing of itself but the names of what it would have made.
PLAN = """
mock_provider "aws" {
  override_resource {
    target = aws_cloudformation_stack.cdn
    values = {
      outputs = {
        Arn          = "arn:aws:cloudfront::1:distribution/E1"
        Distribution = "E1"
        Domain       = "d1"
      }
    }
  }
  override_during = plan
}
run "made" {
  command = plan
  variables {
    name = "shop"
  }
}
"""


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(folder, tmp_path_factory.mktemp("cdn") / "service", cdn="cloudfront")


class TestTerraform:
    def test_is_formatted(self, service: Path) -> None:
        require_terraform()

        passes("terraform", "fmt", "-check", "ops/cdn", cwd=service)

    def test_lets_the_service_purge_and_do_no_more(
        self, service: Path, tmp_path: Path
    ) -> None:
        where = initialized(service / "ops/cdn", tmp_path / "cdn")

        made = planned(where, PLAN)["made"]

        policy = yaml.safe_load(made["aws_iam_user_policy.purging"]["policy"])
        assert policy["Statement"] == [
            {
                "Action": "cloudfront:CreateInvalidation",
                "Effect": "Allow",
                "Resource": "arn:aws:cloudfront::1:distribution/E1",
            }
        ]
        parameters = made["aws_cloudformation_stack.cdn"]["parameters"]
        template = made["aws_cloudformation_stack.cdn"]["template_body"]
        declared = yaml.load(template, Loader=yaml.BaseLoader)["Parameters"]
        assert parameters.keys() == declared.keys()


@pytest.mark.thorough
def test_cloudformation_takes_the_distribution(service: Path) -> None:
    passes("uvx", "--quiet", "cfn-lint", "ops/cdn/distribution.yaml", cwd=service)
