"""Secrets come from the environment, where tollbook.toml does not say them (CONTRACT, section 3)."""

from pathlib import Path

import pytest

from flows.home.settings import Home, load_settings
from schemas.errors import WrongUsage
from tests.scenarios.month.home import make_home

SMTP = '\n[smtp]\nhost = "mail.example.org"\nusername = "billing"\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


def _add(home: Home, text: str) -> None:
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(text)


def _password(home: Home) -> str:
    smtp = load_settings(home).smtp
    assert smtp is not None
    assert smtp.password is not None
    return smtp.password.get_secret_value()


def test_the_password_of_the_mail_server(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _add(home, SMTP)
    monkeypatch.setenv("TOLLBOOK_SMTP__PASSWORD", "from outside")
    assert _password(home) == "from outside"
    _add(home, 'password = "from the file"\n')
    assert _password(home) == "from the file"


def test_any_key_of_a_table(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_RUN__MEMORY_LIMIT_MB", "512")
    monkeypatch.setenv("TOLLBOOK_SELLERS__UK__PHONE", "+44 20 7946 0100")
    settings = load_settings(home)
    assert settings.run.memory_limit_mb == 512
    assert settings.sellers["uk"].phone == "+44 20 7946 0100"


def test_a_server_without_a_host_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_SMTP__PASSWORD", "from outside")
    with pytest.raises(WrongUsage, match=r"smtp\.host: missing") as refused:
        load_settings(home)
    assert "from outside" not in str(refused.value)


def test_what_is_no_table_of_ours_is_nobodys_setting(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_HOME", "/nowhere")
    monkeypatch.setenv("TOLLBOOK_TODAY", "2025-06-02")
    assert load_settings(home).smtp is None
