"""Which channels render.py leaves out of the configuration, and what it reports about them."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from tests.rules.rendering import EMAIL, NEEDS, SECRETS, amtool, receivers, render, render_channels

Programs = Mapping[str, Sequence[str]]


def test_a_channel_that_is_not_set_up_reports_how_to_turn_it_on(tmp_path: Path) -> None:
    assert render_channels(tmp_path, ()).lines == {
        "exporter": "on",
        "pagerduty": (
            "left out; to turn it on: fill secrets/pagerduty_routing_key; then `make reload`"
        ),
        "slack": "left out; to turn it on: fill secrets/slack_webhook_url; then `make reload`",
        "email": (
            "left out; to turn it on: set ALERT_EMAIL_TO; set SMTP_FROM; set SMTP_SMARTHOST; "
            "then `make reload`"
        ),
    }


def test_an_empty_secret_counts_as_missing(tmp_path: Path) -> None:
    rendering = render(tmp_path, secrets={"slack_webhook_url": " \n"}, settings={})
    assert (
        rendering.lines["slack"]
        == "left out; to turn it on: fill secrets/slack_webhook_url; then `make reload`"
    )


def test_email_works_without_a_login(tmp_path: Path, programs: Programs) -> None:
    rendering = render(
        tmp_path, secrets={}, settings={**EMAIL, "SMTP_USERNAME": "", "SMTP_REQUIRE_TLS": "false"}
    )
    [email] = next(
        receiver["email_configs"]
        for receiver in yaml.safe_load(rendering.output.read_text(encoding="utf-8"))["receivers"]
        if receiver["name"] == "email"
    )
    assert amtool(programs, "check-config", str(rendering.output)).returncode == 0
    assert not [option for option in email if option.startswith("auth_")]
    assert email["require_tls"] is False


def test_a_newline_in_a_password_file_causes_a_remark(tmp_path: Path) -> None:
    rendering = render(tmp_path, secrets={"smtp_password": "made-up\n"}, settings=EMAIL)
    assert rendering.lines["email"].startswith(
        "on; Alertmanager before 0.27 treats the newline at the end of secrets/smtp_password"
    )


@pytest.mark.parametrize(
    ("channel", "secrets", "settings", "names"),
    [
        (
            "slack",
            {"slack_webhook_url": "hooks.slack.com/services/T0"},
            {},
            "secrets/slack_webhook_url does not hold an http(s) URL",
        ),
        (
            "slack",
            {"slack_webhook_url": "https://hooks.slack.com/a\nhttps://hooks.slack.com/b"},
            {},
            "secrets/slack_webhook_url does not hold an http",
        ),
        (
            "pagerduty",
            {"pagerduty_routing_key": "key = made-up"},
            {},
            "secrets/pagerduty_routing_key holds more than one word",
        ),
        (
            "pagerduty",
            {"pagerduty_routing_key": "made-up"},
            {"PAGERDUTY_URL": "events.eu.pagerduty.com"},
            "PAGERDUTY_URL is 'events.eu.pagerduty.com': it must be an http(s) URL",
        ),
        (
            "email",
            {},
            {"SMTP_SMARTHOST": "smtp.example.org:587"},
            "only SMTP_SMARTHOST set: set ALERT_EMAIL_TO; set SMTP_FROM",
        ),
        ("email", {}, EMAIL, "fill secrets/smtp_password"),
        (
            "email",
            {"smtp_password": "made-up"},
            {**EMAIL, "SMTP_USERNAME": ""},
            "set SMTP_USERNAME",
        ),
        (
            "email",
            {},
            {**EMAIL, "SMTP_USERNAME": "", "SMTP_SMARTHOST": "smtp.example.org"},
            "it must be host:port",
        ),
        (
            "email",
            {},
            {**EMAIL, "SMTP_USERNAME": "", "SMTP_REQUIRE_TLS": "yes"},
            "SMTP_REQUIRE_TLS is 'yes': it must be true or false",
        ),
        (
            "email",
            {},
            {**EMAIL, "SMTP_USERNAME": "", "SMTP_FROM": "alerts"},
            "SMTP_FROM is 'alerts': it must be an email address",
        ),
        (
            "email",
            {},
            {**EMAIL, "SMTP_USERNAME": "", "SMTP_FROM": "a@b, c@d"},
            "it must be one email address",
        ),
    ],
)
def test_a_misconfigured_channel_is_left_out_with_a_warning_and_the_others_stay(
    tmp_path: Path,
    programs: Programs,
    channel: str,
    secrets: dict[str, str],
    settings: dict[str, str],
    names: str,
) -> None:
    others = {name: other for name, other in NEEDS.items() if name != channel}
    rendering = render(
        tmp_path,
        secrets={
            **{name: secret for other in others.values() for name, secret in other[0].items()},
            **secrets,
        },
        settings={
            **{name: value for other in others.values() for name, value in other[1].items()},
            **settings,
        },
    )
    assert rendering.process.returncode == 0
    assert rendering.lines[channel].startswith("WARNING, left out")
    assert names in rendering.lines[channel]
    assert rendering.lines[channel].endswith("then `make reload`")
    assert receivers(rendering) == ["exporter", *others, "nobody"]
    assert amtool(programs, "check-config", str(rendering.output)).returncode == 0
    assert not [secret for secret in secrets.values() if secret in rendering.process.stdout]


def test_a_secret_that_is_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "slack_webhook_url").mkdir(parents=True)
    rendering = render(tmp_path, secrets={}, settings={})
    assert rendering.lines["slack"].startswith(
        "WARNING, left out: secrets/slack_webhook_url cannot be read (Is a directory)"
    )


def test_a_secret_that_is_not_text_is_reported_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pagerduty_routing_key").write_bytes(b"made-up\xff")
    rendering = render(tmp_path, secrets={}, settings={})
    assert rendering.lines["pagerduty"].startswith(
        "WARNING, left out: secrets/pagerduty_routing_key cannot be read (not UTF-8)"
    )
    assert "made-up" not in rendering.process.stdout


def test_an_unreadable_secret_is_reported_with_the_groups_that_could_read_it(
    tmp_path: Path,
) -> None:
    # Root can read everything, unless it gives up that capability.
    launcher = (
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
        if os.geteuid() == 0
        else []
    )
    if launcher and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (util-linux) when run as root")
    (tmp_path / "secrets").mkdir()
    secret = tmp_path / "secrets" / "slack_webhook_url"
    secret.write_text(SECRETS["slack_webhook_url"], encoding="utf-8")
    secret.chmod(0)
    rendering = render(tmp_path, secrets={}, settings={}, launcher=launcher)
    assert (
        f"secrets/slack_webhook_url cannot be read by user {os.geteuid()}"
        in rendering.lines["slack"]
    )
    assert "`chmod g+r secrets/slack_webhook_url`" in rendering.lines["slack"]
