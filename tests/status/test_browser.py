"""The status page in a real browser: what people see of it, and that no log line acts in it."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from shipper import __version__
from shipper.devcollector.app import Answer
from shipper.devcollector.server import DevCollector
from tests.arrivals import collector, free_port, numbered
from tests.program import eventually, running
from tests.status.browser import DESKTOP, PHONE, browser, needs_chromium, tab
from tests.status.site import Site, page_port

pytestmark = [pytest.mark.e2e, needs_chromium]

expect.set_options(timeout=30_000)

HOSTILE = [
    '192.0.2.9 - - [<img src=x onerror="window.hacked=1">] "GET / HTTP/1.1" 200 5 "-" "x"',
    "<script>window.hacked=2</script>",
    "</code></main><svg onload=window.hacked=3>",
    "javascript:window.hacked=4 ${window.hacked=5} {{constructor.constructor('hacked=6')()}}",
    "left \u202e turned right \x1b[31m red \x00 end",
]
VIEWS = {
    "#/": "verdict-title",
    "#/dead-letters": "letters-title",
    "#/playground": "playground-title",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@contextmanager
def shipping(directory: Path, to: DevCollector, port: int = 0) -> Iterator[tuple[Site, str]]:
    """Ship a log, and one whose name is markup; yield the site and the URL of the page."""
    site = Site(directory, to)
    named = directory / "<b onmouseover=window.hacked=7>.log"
    site.configure(f"listen: '127.0.0.1:{port}'")
    text = site.config.read_text()
    site.config.write_text(text.replace(f"['{site.log}']", f"['{directory}/*.log']"))
    site.log.write_bytes(b"".join(map(numbered, range(20))))
    named.write_bytes("".join(f"{line}\n" for line in HOSTILE).encode())
    with running("run", "-c", site.config) as program:
        yield site, f"http://127.0.0.1:{page_port(program.wait_for('status.listening'))}/"
        assert program.stop() == 0, "".join(program.log)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """One shipper for the tests that only look, or that act on what no other test looks at."""
    with collector() as to, shipping(tmp_path_factory.mktemp("page"), to) as it:
        yield it


@pytest.fixture
def site(shown: tuple[Site, str]) -> Site:
    return shown[0]


Open = Callable[..., Page]


@pytest.fixture
def open_page(shown: tuple[Site, str], chromium: Browser) -> Iterator[Open]:
    """Open a view of the page; at the end no script may have failed, and no line acted."""
    pages: list[Page] = []
    with ExitStack() as stack:

        def open_it(view: str = "#/", **options: Any) -> Page:
            pages.append(stack.enter_context(tab(chromium, shown[1] + view, **options)))
            expect(pages[-1].locator("#live")).to_have_attribute("data-state", "live")
            return pages[-1]

        yield open_it
        assert [page.evaluate("window.hacked") for page in pages] == [None] * len(pages)


def part(page: Page, name: str) -> Any:
    return page.locator(f'[data-part="{name}"]')


def token_of(site: Site) -> str:
    return (site.directory / "state" / "status-token").read_text().strip()


def test_it_says_at_a_glance_how_it_goes(site: Site, open_page: Open) -> None:
    """The verdict, the four figures, files, sources, requests, and a ledger that adds up."""
    page = open_page()
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well")
    expect(part(page, "verdict")).to_contain_text("Reading 2 files.")
    expect(part(page, "tiles")).to_contain_text("all files are read to their ends")
    expect(part(page, "files")).to_contain_text(str(site.log))
    expect(part(page, "sources").locator("tbody tr")).to_contain_text("web")
    expect(part(page, "requests")).to_contain_text("delivered")
    expect(part(page, "ledger")).to_contain_text("adds up")
    expect(
        page.get_by_role("img", name=re.compile("Events a second, the last hour"))
    ).to_be_visible()


def test_it_asks_nobody_else(shown: tuple[Site, str], chromium: Browser) -> None:
    """All that it loads comes from this server: it works without any network."""
    asked: list[str] = []
    with tab(chromium, "about:blank") as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(shown[1])
        for view, title in VIEWS.items():
            page.goto(shown[1] + view)
            expect(page.locator(f"#{title}")).to_be_visible()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(shown[1])] == []


def test_what_happens_is_shown_without_a_reload(site: Site, open_page: Open) -> None:
    """New lines and new dead letters appear by themselves."""
    page = open_page()
    expect(part(page, "tiles")).to_contain_text(re.compile(r"\d+ in all"))
    before = int(re.findall(r"(\d+) in all", part(page, "tiles").inner_text())[0])
    with site.log.open("ab") as log:
        log.write(b"".join(map(numbered, range(100, 140))))
    expect(part(page, "tiles")).to_contain_text(f"{before + 40} in all")


def test_a_line_that_was_lost_is_taken_up_again(tmp_path: Path, chromium: Browser) -> None:
    """While nothing runs the page says so; when it runs again the page is live by itself."""
    port = free_port()
    with collector() as to, ExitStack() as stack:
        with shipping(tmp_path, to, port) as (_, url):
            context = stack.enter_context(chromium.new_context())
            page = context.new_page()
            page.goto(url)
            expect(page.locator("h1").first).to_have_text("All is well")
        expect(page.locator("h1").first).to_have_text("No connection to the shipper")
        expect(page.locator("#live")).to_have_attribute("data-state", "lost")
        with shipping(tmp_path, to, port):
            expect(page.locator("h1").first).to_have_text("All is well")
            expect(page.locator("#live")).to_have_text("live")


def test_a_collector_that_says_nothing_is_told(tmp_path: Path, chromium: Browser) -> None:
    """Long before its time is up: a request that waits for an answer is neither well nor unsent."""
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        running("run", "-c", silent(tmp_path, mute.getsockname()[1])) as program,
        tab(
            chromium, f"http://127.0.0.1:{page_port(program.wait_for('status.listening'))}/"
        ) as page,
    ):
        expect(page.locator("h1").first).to_have_text("Waiting for the collector")
        expect(part(page, "verdict")).to_contain_text("20 events wait in the queue")
        expect(part(page, "requests")).to_contain_text("None was answered yet.")
        expect(page).to_have_title("(…) Overview – shipper on node-7")
        page.goto(page.url.partition("#")[0] + "#/dead-letters")
        expect(page).to_have_title("(…) Dead letters – shipper on node-7")
        expect(page.locator("#where")).to_have_text(f"{__version__} on node-7")
        program.stop(signal.SIGKILL)


def silent(directory: Path, port: int) -> Path:
    """Return a configuration that ships twenty lines to *port* of this machine."""
    log, config = directory / "access.log", directory / "shipper.yaml"
    log.write_bytes(b"".join(map(numbered, range(20))))
    config.write_text(
        f"state: {directory}/state\n"
        "namespace: node-7\n"
        f"collector: {{url: 'http://127.0.0.1:{port}'}}\n"
        f"sources: [{{name: web, paths: ['{log}'], grammar: nginx_access}}]\n"
        "status: {listen: '127.0.0.1:0'}\n"
    )
    return config


def test_many_files_are_folded(tmp_path: Path, chromium: Browser) -> None:
    """Ten stand there, the others when they are asked for, and stay so while the page lives."""
    with collector() as to:
        site = Site(tmp_path, to)
        site.config.write_text(site.config.read_text().replace("access.log", "*.log"))
        for number in range(24):
            (tmp_path / f"{number}.log").write_bytes(numbered(number))
        with (
            site.run() as (program, client),
            tab(chromium, f"http://127.0.0.1:{client.port}/") as page,
        ):
            rows = part(page, "files").locator("tbody tr").locator("visible=true")
            expect(rows).to_have_count(10)
            more = part(page, "files").locator("summary")
            expect(more).to_have_text("14 more files, all read to their ends")
            more.focus()
            page.keyboard.press("Enter")
            expect(rows).to_have_count(24)
            with site.log.open("ab") as log:
                log.write(b"".join(map(numbered, range(100, 140))))
            expect(part(page, "tiles")).to_contain_text("64 in all")
            expect(rows).to_have_count(25)
            expect(more).to_have_text("15 more files, all read to their ends")
            expect(more).to_be_focused()
            assert program.stop() == 0


def test_the_first_dead_letter_comes_by_itself(tmp_path: Path, chromium: Browser) -> None:
    """Where the page says that there is none, nobody reads what the next one would move."""
    with collector() as to:
        site = Site(tmp_path, to)
        with (
            site.run() as (program, client),
            tab(chromium, f"http://127.0.0.1:{client.port}/#/dead-letters") as page,
        ):
            expect(page.locator("#letters")).to_contain_text("None. Every record became an event")
            with site.log.open("ab") as log:
                log.write(b"the disk is full\n")
            expect(page.locator(".letter")).to_contain_text("the disk is full")
            assert program.stop() == 0


def test_hostile_lines_are_only_text(open_page: Open) -> None:
    """In dead letters and in the playground: shown as written, unseen characters by number."""
    page = open_page("#/dead-letters")
    lines = page.locator("#letters .line")
    expect(lines).to_have_count(len(HOSTILE))
    told = lines.all_inner_texts()
    assert told[::-1][:4] == HOSTILE[:4]
    assert told[0] == "left \\u202e turned right \\u001b[31m red \\u0000 end"
    expect(page.locator("#letters")).to_contain_text("<b onmouseover=window.hacked=7>.log, byte 0")
    for number in range(len(HOSTILE)):
        page.goto(page.url.partition("#")[0] + "#/dead-letters")
        lines.nth(number).hover()
        page.locator(".letter").nth(number).get_by_role("link").click()
        expect(page.locator(".result .line").first).to_be_visible()
        page.locator(".result .line").first.hover()
    page.goto(page.url.partition("#")[0] + "#/")
    part(page, "files").get_by_text("<b onmouseover=window.hacked=7>.log").hover()
    assert page.locator("main img, main script, main b[onmouseover], main svg[onload]").count() == 0


def test_a_dead_letter_shows_where_the_grammar_stopped(open_page: Open) -> None:
    """What was understood, the character after it, and what was expected there."""
    page = open_page("#/dead-letters")
    letter = page.locator(".letter").last
    expect(letter.locator(".understood")).to_have_text("192.0.2.9 - - [")
    expect(letter.locator(".stop")).to_have_text("<")
    expect(letter).to_contain_text(
        "nginx_access got furthest; it expected %{HTTPDATE:time_local} here."
    )
    letter.get_by_role("link", name="Open in the playground").click()
    expect(page.locator("#playground-title")).to_be_visible()
    expect(page.get_by_label("Lines")).to_have_value(HOSTILE[0])
    expect(page.locator("#grammars")).to_have_value("nginx_access")
    expect(page.locator(".result .stop")).to_have_text("<")


def test_the_playground_colours_the_fields(open_page: Open) -> None:
    """A line, its fields, its event, its schema; a field lights up in both places."""
    page = open_page("#/playground")
    page.locator("#grammars").fill("nginx_access")
    page.get_by_label("Lines").fill(numbered(7).decode().rstrip())
    line = page.locator(".result .line")
    expect(line.locator('[data-field="path"]')).to_have_text("/n/00000007")
    expect(line.locator('[data-field="status"]')).to_have_text("200")
    row = page.locator('.result tr[data-field="status"]')
    expect(row).to_contain_text("200")
    line.locator('[data-field="status"]').hover()
    expect(row).to_have_class("lit")
    page.get_by_text("Snowplow event").click()
    expect(page.locator(".result pre").first).to_contain_text("nginx_access/jsonschema/1-0-0")
    page.get_by_text("Schema", exact=True).click()
    expect(page.locator(".result pre").last).to_contain_text('"maxLength"')


def test_a_grammar_can_be_written(open_page: Open) -> None:
    """It begins as the named one; mistakes are told with their lines; none can hang the page."""
    page = open_page("#/playground")
    page.locator("#grammars").fill("logfmt")
    page.get_by_label("Lines").fill("GET /shop 200")
    page.get_by_text("of my own").click()
    own = page.get_by_label("The grammar, as YAML")
    expect(own).to_have_value(re.compile("^name: logfmt"))
    head = "name: mine\ntitle: t\nschema: iglu:com.example/mine/jsonschema/1-0-0\n"
    match = "match: ['^%{WORD:verb} %{NOTSPACE:path} %{INT:code}$']\n"
    own.fill(f"{head}{match}fields: {{verb: {{}}, path: {{}}, cod: {{}}}}\n")
    expect(page.get_by_role("alert")).to_contain_text("line 5 fields.cod")
    own.fill(f"{head}{match}fields: {{verb: {{}}, path: {{}}, code: {{}}}}\n")
    expect(page.locator('.result [data-field="path"]').first).to_have_text("/shop")
    own.fill(head + "match: ['(?<q>(?:x|xx|xxx)+)y']\nfields: {q: {}}\n")
    page.get_by_label("Lines").fill("\n".join(["x" * 60 + "y!"] * 50))
    expect(page.locator(".result").first).to_contain_text("a match within 0.5 s")
    expect(page.locator(".result").last).to_contain_text("Not tried")


def test_new_dead_letters_are_announced(own: tuple[Site, Page]) -> None:
    """The list that somebody reads does not move by itself; a button brings what came since."""
    site, page = own
    with site.log.open("ab") as log:
        log.write(b"one more that no grammar takes\n")
    expect(page.locator("#letters-count")).to_have_text(str(len(HOSTILE) + 1))
    expect(page.locator(".letter")).to_have_count(len(HOSTILE))
    page.get_by_role("button", name="Show those that came since").click()
    expect(page.locator(".letter .line").first).to_have_text("one more that no grammar takes")
    expect(page.get_by_role("button", name="Show those that came since")).to_be_hidden()


@pytest.fixture
def own(tmp_path: Path, chromium: Browser) -> Iterator[tuple[Site, Page]]:
    """A shipper of its own for a test that acts, and its dead letters in a tab."""
    with (
        collector() as to,
        shipping(tmp_path, to) as (site, url),
        tab(chromium, f"{url}#/dead-letters") as page,
    ):
        expect(page.locator(".letter")).to_have_count(len(HOSTILE))
        yield site, page
        assert page.evaluate("window.hacked") is None
        assert page.context.cookies() == []


def test_acting_takes_the_token(own: tuple[Site, Page]) -> None:
    """By keyboard alone: a wrong one is told, the right one acts, and is not asked for again."""
    site, page = own
    page.locator(".letter").first.get_by_role("button", name="Replay").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{site.directory}/state/status-token")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.type("not the token")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("that is not the token")
    page.keyboard.type(token_of(site))
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_have_text("0 back in the queue, 1 failed again.")
    expect(page.locator(".letter").first).to_contain_text("tried 2 times")
    page.locator(".letter").last.get_by_role("button", name="Replay").click()
    expect(page.locator(".letter").last).to_contain_text("tried 2 times")


def test_all_of_a_reason_are_replayed_when_the_grammar_is_mended(own: tuple[Site, Page]) -> None:
    """They leave the page and go into the queue; the collector gets them as text."""
    site, page = own
    grammars = site.directory / "grammars"
    grammars.mkdir()
    (grammars / "anything.yaml").write_text(
        "name: anything\ntitle: t\nschema: iglu:org.logfilesource/nginx_access/jsonschema/1-0-0\n"
        "match: ['(?s)^(?<text>.*)$']\nfields: {text: {max_length: 65535}}\n"
    )
    text = site.config.read_text().replace("nginx_access", "anything")
    site.config.write_text(f"{text}grammars: {{directories: ['{grammars}']}}\n")
    page.evaluate("token => sessionStorage.setItem('shipper-token', token)", token_of(site))
    page.get_by_role("button", name="web: no_match").click()
    eventually(lambda: grammars_now(page) == ["anything"])
    page.get_by_role("button", name=f"Replay all {len(HOSTILE)}").click()
    expect(page.locator("#toast")).to_have_text(f"{len(HOSTILE)} back in the queue.")
    expect(page.locator("#letters")).to_contain_text("Every record became an event")
    expect(page.locator("#letters-count")).to_be_hidden()


def grammars_now(page: Page) -> list[str]:
    """Return by what the source of the newest dead letter is read, none while it starts anew."""
    try:
        found = page.request.get(f"{page.url.partition('#')[0]}api/dead-letters").json()["letters"][
            0
        ]["grammars"]
    except Error:
        return []
    return list(found)


def test_a_discard_asks_first(own: tuple[Site, Page]) -> None:
    """Cancelled, nothing happens; confirmed, the letter is gone, here and in the state."""
    site, page = own
    page.evaluate("token => sessionStorage.setItem('shipper-token', token)", token_of(site))
    first = page.locator(".letter").first
    number = first.get_attribute("data-letter")
    for answer in ("Cancel", "Discard"):
        first.get_by_role("button", name="Discard").click()
        page.get_by_role("dialog").get_by_role("button", name=answer).click()
        expect(page.locator(".letter")).to_have_count(len(HOSTILE) - (answer == "Discard"))
    expect(page.locator(f'[data-letter="{number}"]')).to_have_count(0)
    expect(page.locator("#letters-count")).to_have_text(str(len(HOSTILE) - 1))


def test_an_event_that_was_refused_is_shown_with_the_collectors_words(
    tmp_path: Path, chromium: Browser
) -> None:
    """The event can be opened, down to its fields; replayed, it is sent again as it is."""
    picky = [True]

    def answer(_method: str, _target: str, body: bytes) -> Answer | None:
        is_refused = picky[0] and b"/n/00000007" in body
        return Answer(400, body=b"<i>not to our taste</i>") if is_refused else None

    with (
        collector(intercept=answer) as to,
        shipping(tmp_path, to) as (site, url),
        tab(chromium, f"{url}#/dead-letters") as page,
    ):
        page.get_by_role("button", name="web: rejected").click()
        letter = page.locator(".letter")
        expect(letter).to_have_count(1)
        expect(letter).to_contain_text("HTTP 400: <i>not to our taste</i>")
        expect(letter.get_by_role("link")).to_have_count(0)  # it is no record to parse
        letter.get_by_text("The event").click()
        expect(letter.locator("pre")).to_contain_text('"path": "/n/00000007"')
        page.evaluate("token => sessionStorage.setItem('shipper-token', token)", token_of(site))
        picky[0] = False
        letter.get_by_role("button", name="Replay", exact=True).click()
        expect(page.locator("#toast")).to_have_text("1 back in the queue.")
        eventually(lambda: to.counts().good == 20)


CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (place) => {
    for (let at = place; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const place of document.querySelectorAll("body *")) {
    const text = [...place.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !place.checkVisibility() || place.closest("svg, .skip, :disabled")) continue;
    const [one, two] = [light(parse(getComputedStyle(place).color)), light(ground(place))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) poor.push(`${place.className || place.tagName}: ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_text_can_be_read(open_page: Open, view: str, scheme: str) -> None:
    """By day and by night each text has the contrast of 4.5 that WCAG asks for."""
    page = open_page(view, color_scheme=scheme)
    expect(page.locator(f"#{VIEWS[view]}")).to_be_visible()
    expect(page.locator(".result, .letter, .tile").locator("visible=true").first).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == (scheme == "dark")


@pytest.mark.parametrize("view", VIEWS)
def test_it_fits_a_phone(open_page: Open, view: str) -> None:
    """Nothing is wider than the screen, and what is touched is large enough for a finger."""
    page = open_page(view, viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator(f"#{VIEWS[view]}")).to_be_visible()
    expect(page.locator(".result, .letter, .tile").locator("visible=true").first).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, nav a, a.button')]"
        ".filter((place) => place.checkVisibility())"
        ".map((place) => place.getBoundingClientRect().height).filter((height) => height < 30)"
    )
    assert small == []


def test_it_works_by_keyboard(open_page: Open) -> None:
    """Tab reaches the skip link, then each view; Enter opens it; where one is can be seen."""
    page = open_page(viewport=DESKTOP)
    expect(page.locator("#verdict-title")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for name, title in zip(("Overview", "Dead letters", "Playground"), VIEWS.values(), strict=True):
        page.keyboard.press("Tab")
        link = page.get_by_role("navigation").get_by_role("link", name=name)
        expect(link).to_be_focused()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator(f"#{title}")).to_be_visible()
        expect(link).to_have_attribute("aria-current", "page")
        link.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Lines")).to_be_focused()
