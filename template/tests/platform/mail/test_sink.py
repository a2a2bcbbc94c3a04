"""The mail server of the development environment."""

from pathlib import Path

import pytest

from app.platform.mail import Mail
from app.platform.mail.smtp import SmtpMail, SmtpMailSettings
from dev.smtp import MailSink


async def test_a_mail_is_shown_and_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(f"line {number}" for number in range(20))
    mail = Mail(to="ada@example.com", subject="Your order", text=text, key="1")

    async with MailSink.open(directory=tmp_path / "mails") as sink:
        settings = SmtpMailSettings.model_validate({"url": sink.url})
        async with SmtpMail.open(settings) as mailer:
            await mailer.send(mail)

    shown = capsys.readouterr().out
    assert "mail from noreply@localhost to ada@example.com\n  Your order" in shown
    assert "| line 0" in shown
    assert "line 19" not in shown
    (file,) = (tmp_path / "mails").glob("*.eml")
    assert b"Subject: Your order" in file.read_bytes()
