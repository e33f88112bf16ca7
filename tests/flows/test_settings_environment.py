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


@pytest.mark.parametrize(
    "host",
    [
        "smtp://billing:open-sesame@mail.example.org",
        "billing:open-sesame@mail.example.org",
        "mail.example.org:587",
        "open sesame",
    ],
)
def test_a_host_is_a_name_and_what_stands_there_instead_is_not_repeated(tmp_path: Path, host: str) -> None:
    home = make_home(tmp_path / "home")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(f'\n[smtp]\nhost = "{host}"\n')
    with pytest.raises(WrongUsage, match=r"smtp\.host: expected the name of a host") as refused:
        load_settings(home)
    assert "sesame" not in str(refused.value)


def test_a_password_goes_in_clear_to_this_machine_or_with_a_reason(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    before = home.settings_file.read_text(encoding="utf-8")
    smtp = '\n[smtp]\nhost = "{}"\nusername = "billing"\npassword = "open sesame"\nsecurity = "none"\n'
    for host, more, is_fine in (
        ("mail.example.org", "", False),
        ("mail.example.org", 'login_in_clear = "our own tunnel"\n', True),
        ("localhost", "", True),
        ("127.0.0.1", "", True),
        ("::1", "", True),
    ):
        home.settings_file.write_text(before + smtp.format(host) + more, encoding="utf-8")
        if is_fine:
            assert load_settings(home).smtp is not None
            continue
        with pytest.raises(WrongUsage, match="would send the password in clear") as refused:
            load_settings(home)
        assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("key", ["website", "payment_url"])
def test_a_web_address_of_a_seller_is_one(tmp_path: Path, key: str) -> None:
    home = make_home(tmp_path / "home")
    text = home.settings_file.read_text(encoding="utf-8")
    for address in ("javascript:alert(1)", "ftp://pay.example", "https://me:secret@pay.example", "pay.example"):
        home.settings_file.write_text(
            text.replace("[sellers.uk]\n", f'[sellers.uk]\n{key} = "{address}"\n'), encoding="utf-8"
        )
        with pytest.raises(WrongUsage, match=f"{key}: expected a web address that begins with https://"):
            load_settings(home)
