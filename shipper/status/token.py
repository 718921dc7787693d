"""Who may act by the page: whoever shows the token.

Rule 1: it is compared in a time that does not depend on how much of it is right, and is told to
        nobody: the page names the file that it stands in.
Rule 2: it comes in a header, which no form and no foreign page can send: there are no cookies.
Rule 3: where it can't be kept, as on a full disk, nobody may act. All else goes on.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from starlette.requests import Request

from shipper.config.models import Config
from shipper.serving.wire import RefusedError

HEADER: Final = "x-shipper-token"
FILE: Final = "status-token"
_BYTES: Final = 24
_LEAST: Final = 16


class Token:
    """The token of a page; `place` tells people where it is, `missing` why there is none."""

    def __init__(self, secret: str, place: str, missing: str = "") -> None:
        self._secret = secret.encode()
        self.place = place
        self.missing = missing

    def check(self, request: Request) -> None:
        """Raise RefusedError if *request* does not show the token."""
        if self.missing:
            raise RefusedError(503, f"{self.missing}: mend that, and reload or restart")
        shown = request.headers.get(HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._secret):
            what = "the token is missing" if not shown else "that is not the token"
            raise RefusedError(403, f"{what}: it is in {self.place}")


def token_of(config: Config) -> Token:
    """Return the configured token, or the one kept with the state, which is made if need be."""
    configured = config.status and config.status.token
    if configured:
        return Token(configured.get_secret_value(), "status.token of the configuration")
    file = config.state / FILE
    try:
        return Token(_kept(file) or _made(file), str(file))
    except OSError as error:
        what = f"there is no token, because {file} can't be kept ({error.strerror or error})"
        return Token("", str(file), what)


def _kept(file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ValueError):
        return ""
    return secret if len(secret) >= _LEAST else ""


def _made(file: Path) -> str:
    secret, part = secrets.token_urlsafe(_BYTES), file.with_name(f".{file.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as out:
        out.write(f"{secret}\n")
    part.replace(file)
    return secret
