"""The token: where it comes from, and that nothing else lets anybody act."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from shipper.config.load import load_config, resolved
from shipper.config.models import Config
from shipper.errors import ConfigError
from shipper.serving.wire import RefusedError
from shipper.status.token import Token, token_of

SECRET = "0123456789abcdef"


def configured(directory: Path, status: str, token: str = SECRET) -> Config:
    file = directory / "shipper.yaml"
    file.write_text(
        f"state: {directory}/state\ncollector: {{url: 'https://c.example.com'}}\n"
        f"receiver: {{}}\nstatus: {{{status}}}\n"
    )
    return load_config(file, {"TOKEN": token})


def showing(token: bytes | None) -> Request:
    headers = [] if token is None else [(b"x-shipper-token", token)]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers})


@pytest.mark.parametrize("shown", [None, b"", b"0123456789abcdeg", b"0123456789abcdef0", b"\xff"])
def test_nobody_acts_without_it(shown: bytes | None) -> None:
    """Missing, wrong, longer, and bytes of no text are refused; the answer says where it is."""
    token = Token(SECRET, "/s/status-token")
    with pytest.raises(RefusedError, match="it is in /s/status-token") as refused:
        token.check(showing(shown))
    assert refused.value.response.status_code == 403
    assert SECRET not in str(refused.value)


def test_it_lets_act() -> None:
    """Who shows it passes."""
    Token(SECRET, "").check(showing(SECRET.encode()))


def test_one_is_made_and_kept(tmp_path: Path) -> None:
    """For its owner only; the next start has the same; one that is no token is made anew."""
    config = configured(tmp_path, "")
    config.state.mkdir()
    token_of(config)
    file = config.state / "status-token"
    secret = file.read_text().strip()
    assert len(secret) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    token_of(config).check(showing(secret.encode()))
    assert file.read_text().strip() == secret
    for broken in (b"", b"\xff\xfe"):
        file.write_bytes(broken)
        token_of(config)
        assert file.read_text().strip() not in ("", secret)
    assert [path.name for path in config.state.iterdir()] == ["status-token"]


def test_where_none_can_be_kept_nobody_acts(tmp_path: Path) -> None:
    """An empty token does not act either; the answer says what is to be mended."""
    config = configured(tmp_path, "")
    config.state.write_text("a file where a directory should be")
    token = token_of(config)
    assert "status-token can't be kept (Not a directory)" in token.missing
    for shown in (None, b"", b"anything"):
        with pytest.raises(RefusedError, match="there is no token") as refused:
            token.check(showing(shown))
        assert refused.value.response.status_code == 503


@pytest.mark.parametrize("written", ["${TOKEN}", "file:secret"])
def test_it_can_be_configured(
    tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a variable, by a file; what is printed of the configuration hides it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    config = configured(tmp_path, f"token: '{written}'")
    token = token_of(config)
    token.check(showing(SECRET.encode()))
    assert token.place == "status.token of the configuration"
    assert SECRET not in str(resolved(config))
    assert not config.state.exists()


@pytest.mark.parametrize(
    "weak", ["weak-token", "with blanks in between", "ümlaute-sind-auch-schön"]
)
def test_a_weak_one_is_refused(tmp_path: Path, weak: str) -> None:
    """With the remedy, and without repeating it."""
    with pytest.raises(ConfigError, match=r"status\.token: is shorter than 16") as refused:
        configured(tmp_path, "token: '${TOKEN}'", weak)
    assert weak not in str(refused.value)


def test_it_must_not_stand_in_the_configuration(tmp_path: Path) -> None:
    """Which is copied and committed: it is refused, and not repeated."""
    with pytest.raises(ConfigError, match=r"status\.token: holds a secret that stands") as refused:
        configured(tmp_path, f"token: '{SECRET}'")
    assert SECRET not in str(refused.value)
