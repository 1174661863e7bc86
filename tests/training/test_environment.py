"""A variable that cannot be meant as it stands is refused in one sentence, and never read as something else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import ROOT
from training import environment
from training.environment import SettingError


@pytest.mark.parametrize("value", ["500MB", "1e3", "5m", "1_000", "nan", "inf", "0x10", "-1", "1,5", "5 0", "٣", "9" * 400])
def test_a_number_with_a_unit_or_an_exponent_is_refused_and_not_cut_to_its_digits(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("NUMBER", value)
    for read in (environment.number, environment.whole):
        with pytest.raises(SettingError, match=f"NUMBER must be a .*number from 0.*and it is “{value[:5]}"):
            read("NUMBER", 1)


@pytest.mark.parametrize(("value", "meant"), [("", 7), (" 12 ", 12), ("0", 0), ("007", 7)])
def test_whole_numbers_and_empty_variables_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch, value: str, meant: int) -> None:
    monkeypatch.setenv("NUMBER", value)
    assert environment.whole("NUMBER", 7) == meant
    assert environment.number("NUMBER", 7.0) == meant


def test_what_is_neither_yes_nor_no_is_no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH", "fales")
    with pytest.raises(SettingError, match="SWITCH must be 1 or 0, and it is “fales”"):
        environment.flag("SWITCH")
    for value, meant in (("Yes", True), ("0", False), ("off", False), ("TRUE", True)):
        monkeypatch.setenv("SWITCH", value)
        assert environment.flag("SWITCH") is meant


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "//u:verysecret@host",
        "http://u:verysecret@host",
        "redis://u:very#secret@host:6379",
        "redis://u:very/secret@host:6379",
        "redis://u:very?secret@host:6379",
        "redis://u:verysecret@host:99999",
        "redis://u:verysecret@host:port",
        "redis://[::1",
        "redis://",
    ],
)
def test_a_url_that_would_be_misread_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(SettingError) as refused:
        environment.address("REDIS_URL", ["redis", "rediss", "unix"])
    assert "REDIS_URL" in str(refused.value)
    assert "very" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("proxies", ["*", "0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.1/8", "127.0.0.1;10.0.0.1"])
def test_proxies_are_addresses_and_never_everybody(monkeypatch: pytest.MonkeyPatch, proxies: str) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", proxies)
    with pytest.raises(SettingError, match="TRUSTED_PROXIES must"):
        environment.networks("TRUSTED_PROXIES")


@pytest.mark.parametrize(
    "variables",
    [
        {"DISK_RESERVE_GIB": "500MB"},
        {"LEASE_SECONDS": "1e3"},
        {"LEASE_SECONDS": "0"},
        {"MAX_ATTEMPTS": "three"},
        {"API_RATE": "600 per minute"},
        {"API_RATE": "0/m"},
        {"EXPLORER_MEMORY": "half"},
        {"EXPLORER_THREADS": "0"},
        {"DEBUG": "fales"},
        {"REDIS_URL": "localhost:6379"},
        {"DATABASE_URL": "mysql://host/lab"},
        {"DATABASE_URL": "sqlite:////srv/lab#1/lab.sqlite3"},
        {"EMAIL_URL": "mail.example.org"},
        {"SITE_URL": "lab.example.org"},
        {"WEBHOOK_URL": "file:///etc/passwd"},
        {"OIDC_DEFAULT_ROLE": "owner"},
        {"TRUSTED_PROXIES": "*"},
        {"DATA_GROUP": "no-such-group"},
        {"HTTPS": "1"},
        {"SECURE_COOKIES": "1"},
        {"DATA_DIR": "~nobody-of-this-name/lab"},
        {"DATA_DIR": "/proc/none"},
    ],
    ids=lambda error: " ".join(f"{name}={value}" for name, value in error.items()),
)
def test_a_laboratory_does_not_start_with_a_setting_that_is_none_and_says_which_in_one_line(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("DATASETS_DIR", "SECRET_KEY")}
    environ |= {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "webapp.settings"} | variables
    command = [sys.executable, str(ROOT / "manage.py"), "check"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert next(iter(variables)) in done.stderr


def test_the_command_line_says_before_it_computes_that_its_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "training", "run", "movie-reviews", "--out", str(tmp_path / "file" / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"--out {tmp_path}/file/out cannot be written: Not a directory.\n"


def test_an_account_without_name_and_home_gets_the_data_folder(tmp_path: Path) -> None:
    script = (
        "import os, pwd, sys; from pathlib import Path; sys.modules.pop('pwd')\n"
        "def none(*_): raise KeyError('uid not found')\n"
        "pwd.getpwuid = none; sys.modules['pwd'] = pwd\n"
        "for name in ('HOME', 'USER', 'LOGNAME', 'LNAME', 'USERNAME'): os.environ.pop(name, None)\n"
        "from training.environment import home; home(Path(sys.argv[1]))\n"
        "import getpass; print(Path.home(), getpass.getuser())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path), str(os.getuid())]


def test_a_secret_may_be_in_a_file_which_children_do_not_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("rediss://lab:p ass@host/0\n")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("REDIS_URL", "")
    environment.read_secrets(("REDIS_URL", "HF_TOKEN"))
    assert os.environ["REDIS_URL"] == "rediss://lab:p ass@host/0"
    assert "REDIS_URL_FILE" not in os.environ


def test_a_secret_is_not_set_twice_and_its_file_must_be_readable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SECRET_KEY", "")
    with pytest.raises(SettingError, match="SECRET_KEY_FILE names a file that cannot be read: FileNotFoundError"):
        environment.read_secrets(("SECRET_KEY",))
    monkeypatch.setenv("SECRET_KEY", "hidden words")
    with pytest.raises(SettingError, match="SECRET_KEY and SECRET_KEY_FILE are both set") as refused:
        environment.read_secrets(("SECRET_KEY",))
    assert "hidden" not in str(refused.value)


def test_every_program_reads_secrets_from_files_and_keeps_them_out_of_its_logs(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-the-metrics-42\n")
    code = (
        "from training.file_permissions import restrict_permissions; restrict_permissions(); import logging;"
        "from django.conf import settings; import django; django.setup();"
        "logging.getLogger('webapp').warning('it is %s', settings.METRICS_TOKEN); assert settings.METRICS_TOKEN[-2:] == '42'"
    )
    variables = {"DATA_DIR": str(tmp_path / "data"), "METRICS_TOKEN_FILE": str(tmp_path / "token"), "PATH": ""}
    variables["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    done = subprocess.run([sys.executable, "-c", code], env=variables, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "it is ***"
