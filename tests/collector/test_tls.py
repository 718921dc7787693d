"""TLS: who is trusted, what is shown, and certificates that change while the client runs."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest

from shipper.collector.client import Address, HttpCollector
from shipper.collector.tls import Contexts, Tls
from shipper.collector.verdict import Delivered, Unavailable
from tests.faults import OK, FaultServer, Scene, Wire, answering

PEMS = Path(__file__).parents[1] / "certificates"
AUTHORITY = PEMS / "authority.pem"


def over_tls(scene: Scene, certificate: str = "server", **settings: object) -> Scene:
    """A scene behind TLS; *settings* are of the server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEMS / f"{certificate}.pem")
    for name, value in settings.items():
        setattr(context, name, value)
    if context.verify_mode == ssl.CERT_REQUIRED:
        context.load_verify_locations(AUTHORITY)

    def wrapped(wire: Wire) -> None:
        wire.secure(context)
        scene(wire)

    return wrapped


def sent_to(server: FaultServer, tls: Tls) -> Delivered | str:
    """The verdict on a POST: Delivered, or why not."""
    collector = HttpCollector(Address(url=server.url.replace("http:", "https:"), tls=tls))
    try:
        verdict = collector.post(b"{}")
    finally:
        collector.close()
    if isinstance(verdict, Unavailable):
        return f"{verdict.why} {verdict.words}"
    assert isinstance(verdict, Delivered)
    return verdict


def test_an_own_authority_is_trusted() -> None:
    """Without it nothing is sent; with it the request arrives."""
    with FaultServer(over_tls(answering(OK))) as server:
        assert "certificate verify failed" in str(sent_to(server, Tls()))
        assert server.requests == []
        assert sent_to(server, Tls(ca=AUTHORITY)) == Delivered()


def test_an_own_authority_takes_the_place_of_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key goes before REQUESTS_CA_BUNDLE."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with FaultServer(over_tls(answering(OK))) as server:
        assert sent_to(server, Tls(ca=AUTHORITY)) == Delivered()


@pytest.mark.parametrize(("certificate", "word"), [("expired", "expired"), ("other", "mismatch")])
def test_a_certificate_must_be_of_today_and_of_the_host(certificate: str, word: str) -> None:
    """An expired one and one for another name are told in words, and get no event."""
    with FaultServer(over_tls(answering(OK), certificate)) as server:
        assert word in str(sent_to(server, Tls(ca=AUTHORITY)))
        assert server.requests == []


@pytest.mark.parametrize("certificate", ["server", "expired", "other"])
def test_verification_can_be_switched_off(certificate: str) -> None:
    """Then whoever answers gets the events, and no warning is raised at each request."""
    with FaultServer(over_tls(answering(OK), certificate)) as server:
        assert sent_to(server, Tls(verify=False)) == Delivered()


def test_versions_below_the_least_are_refused() -> None:
    """1.3 is not spoken with a server that has only 1.2; 1.2 is."""
    scene = over_tls(answering(OK), maximum_version=ssl.TLSVersion.TLSv1_2)
    with FaultServer(scene) as server:
        assert sent_to(server, Tls(ca=AUTHORITY)) == Delivered()
        told = sent_to(server, Tls(ca=AUTHORITY, min_version="1.3"))
        assert told != Delivered()
        assert len(server.requests) == 1


def test_nothing_older_than_1_2_is_spoken() -> None:
    """Whatever the machine's defaults are."""
    for version, least in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)):
        assert Contexts(Tls(min_version=version), AUTHORITY).get().minimum_version == least


def names(wire: Wire) -> str:
    """Who the client's certificate says it is."""
    assert isinstance(wire.sock, ssl.SSLSocket)
    subject = (wire.sock.getpeercert() or {})["subject"]
    return str(dict(pair[0] for pair in subject)["commonName"])  # type: ignore[misc]


class Door:
    """A server that asks for certificates and notes by which names it was called."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.scene = over_tls(self._play, verify_mode=ssl.CERT_REQUIRED)

    def _play(self, wire: Wire) -> None:
        while wire.request() is not None:
            self.seen.append(names(wire))
            wire.say(OK)


def test_a_client_certificate_is_shown() -> None:
    """Certificate and key in one file or in two; without them the door stays shut."""
    door = Door()
    with FaultServer(door.scene) as server:
        one = PEMS / "client_one.pem"
        for key in (None, one):
            tls = Tls(ca=AUTHORITY, certificate=one, key=key)
            assert sent_to(server, tls) == Delivered()
        assert sent_to(server, Tls(ca=AUTHORITY)) != Delivered()
    assert door.seen == ["Shipper one"] * 2


def test_a_changed_certificate_is_taken_up(tmp_path: Path) -> None:
    """The request after the change shows the new one; half a file leaves the old one in force."""
    now = [0.0]
    mine = tmp_path / "mine.pem"
    shutil.copy(PEMS / "client_one.pem", mine)
    door = Door()
    with FaultServer(door.scene) as server:
        tls = Tls(ca=AUTHORITY, certificate=mine)
        url = server.url.replace("http:", "https:")
        collector = HttpCollector(Address(url=url, tls=tls), monotonic=lambda: now[0])
        assert [collector.post(b"{}") for _ in range(2)] == [Delivered()] * 2
        whole = (PEMS / "client_two.pem").read_bytes()
        mine.write_bytes(whole[: len(whole) // 2])
        now[0] += 1.5
        assert collector.post(b"{}") == Delivered()
        mine.write_bytes(whole)
        assert collector.post(b"{}") == Delivered(), "looked at once a second at most"
        now[0] += 1.5
        assert [collector.post(b"{}") for _ in range(2)] == [Delivered()] * 2
        collector.close()
        assert server.connections == 2, "unchanged files change no connection"
    assert door.seen == ["Shipper one"] * 4 + ["Shipper two"] * 2


def test_a_certificate_that_comes_late_is_an_outage_until_then(tmp_path: Path) -> None:
    """A secret that is mounted after the start is named as missing, and then used."""
    mine = tmp_path / "mine.pem"
    door = Door()
    with FaultServer(door.scene) as server:
        url = server.url.replace("http:", "https:")
        collector = HttpCollector(Address(url=url, tls=Tls(ca=AUTHORITY, certificate=mine)))
        verdict = collector.post(b"{}")
        assert isinstance(verdict, Unavailable)
        assert str(mine) in verdict.why
        shutil.copy(PEMS / "client_one.pem", mine)
        assert collector.post(b"{}") == Delivered()
        collector.close()


def test_a_key_behind_a_password_is_refused_without_asking() -> None:
    """Nobody sits at the terminal: the file is named, and the process goes on."""
    locked = PEMS / "locked.pem"
    tls = Tls(ca=AUTHORITY, certificate=PEMS / "client_one.pem", key=locked)
    with pytest.raises(OSError, match=r"can't use .*locked\.pem"):
        Contexts(tls, AUTHORITY).get()
