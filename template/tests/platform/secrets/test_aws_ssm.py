import pytest
from pydantic import ValidationError

from app.platform.secrets import NotReadError
from app.platform.secrets.aws_ssm import AwsSsmSecretsSettings
from tests.fixtures.secrets_aws_ssm import Parameters
from tests.platform.secrets.contract import (
    ReadinessContract,
    SecretsContract,
    SettingsContract,
)


class TestAwsSsmSecrets(SecretsContract):
    @pytest.mark.parametrize(
        ("variable", "sentence"),
        [
            ("AWS_REGION", "SECRETS__REGION is missing"),
            ("AWS_ACCESS_KEY_ID", "there are no credentials for AWS"),
        ],
    )
    def test_are_not_had_of_nowhere_or_by_nobody(
        self,
        kept: Parameters,
        monkeypatch: pytest.MonkeyPatch,
        variable: str,
        sentence: str,
    ) -> None:
        monkeypatch.delenv(variable)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        with pytest.raises(NotReadError, match=sentence):
            kept.settings().opened().known()


class TestSettings(SettingsContract):
    @pytest.mark.parametrize("path", ["shop/production", "/shop/", "/", "/shop//x"])
    def test_refuse_what_is_no_path(self, path: str) -> None:
        with pytest.raises(ValidationError, match="is no path such as"):
            AwsSsmSecretsSettings(path=path)

    def test_are_safe_over_tls(self) -> None:
        unsafe = AwsSsmSecretsSettings.model_validate(
            {"endpoint_url": "http://ssm.example"}
        )

        assert [each.name for each in unsafe.unsafe()] == ["endpoint_url"]
        assert not list(AwsSsmSecretsSettings(path="/shop/production").unsafe())


class TestReadiness(ReadinessContract):
    pass
