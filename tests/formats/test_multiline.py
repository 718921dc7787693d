"""Multi-line rules: the four modes, and stack traces of six languages amid ordinary lines."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.formats.framing import split_lines
from shipper.formats.multiline import PRESETS, MultilineRule
from shipper.formats.records import EMPTY, Line, Rules, assemble, flush


def grouped(rule: MultilineRule, log: str) -> list[str]:
    """The texts of the records of *log*."""
    rules = Rules(multiline=rule)
    raws, texts = split_lines(log.encode(), 1)
    lines = [Line(n, raw, text, 1) for n, (raw, text) in enumerate(zip(raws, texts, strict=True))]
    records, held = assemble(lines, EMPTY, rules)
    return [record.text for record in records + flush(held, rules)]


# Modes


def lines(text: str) -> str:
    return text.replace(" ", "\n") + "\n"


@pytest.mark.parametrize(
    ("start", "condition", "mode", "log", "records"),
    [
        ("^a", "^c", "continue_through", "x c a1 c c b a2 a3 c", "x|c|a1+c+c|b|a2|a3+c"),
        (r"\\$", r"\\$", "continue_past", "x 1\\ 2\\ 3 y 4\\ 5", "x|1\\+2\\+3|y|4\\+5"),
        ("^a", "^a", "halt_before", "x y a1 b c a2 d", "x|y|a1+b+c|a2+d"),
        ("^a", "^h", "halt_before", "a1 b h c a2 a3 h", "a1+b|h|c|a2+a3|h"),
        ("^a", ";$", "halt_with", "x; a1 b c; y a2; a3 d", "x;|a1+b+c;|y|a2;|a3+d"),
        ("^=", "^=", "halt_with", "x = a b = y = c =", "x|=+a+b+=|y|=+c+="),
    ],
)
def test_modes(start: str, condition: str, mode: str, log: str, records: str) -> None:
    """Each mode ends a group where its name says; a line that no group takes stands alone."""
    rule = MultilineRule.between(start, condition, mode)
    assert [text.replace("\n", "+") for text in grouped(rule, lines(log))] == records.split("|")


def test_starts_with_is_halt_before() -> None:
    """What stands before the first start has no record to belong to."""
    rule = MultilineRule.starts_with(r"^\d{4}-")
    assert grouped(rule, "lost\n2026-11-23 a\n  b\n2026-11-24 c\n") == [
        "lost",
        "2026-11-23 a\n  b",
        "2026-11-24 c",
    ]
    assert rule == MultilineRule.between(r"^\d{4}-", r"^\d{4}-", "halt_before")


def test_patterns_are_searched_and_ascii() -> None:
    r"""Without an anchor a pattern may stand anywhere, and ``\d`` is 0 to 9."""
    rule = MultilineRule.starts_with(r"\d")
    assert grouped(rule, "a 1\nb\n٣\nc 2\n") == ["a 1\nb\n٣", "c 2"]


@pytest.mark.parametrize("pattern", ["(", "[a", "(?P<x>a)(?P=y)", "(" * 5000])
def test_bad_patterns_are_refused(pattern: str) -> None:
    """A pattern that can't be compiled is a ValueError which shows it."""
    with pytest.raises(ValueError, match="is no regular expression"):
        MultilineRule.starts_with(pattern)
    with pytest.raises(ValueError, match="is no regular expression"):
        MultilineRule.between("a", pattern, "halt_with")


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    """The message says what there is."""
    with pytest.raises(ValueError, match="halt_before, halt_with"):
        MultilineRule.between("a", "b", "stop")
    with pytest.raises(ValueError, match="java, python, go, ruby, php, csharp"):
        MultilineRule.preset("perl")


@pytest.mark.parametrize("rule", [*PRESETS.values(), MultilineRule.starts_with("^a")])
def test_rules_travel_between_processes(rule: MultilineRule) -> None:
    """A rule is a value: its copy in another process is equal to it."""
    assert pickle.loads(pickle.dumps(rule)) == rule


@settings(max_examples=300)
@given(st.sampled_from(sorted(PRESETS)), st.integers(0, 99), st.text())
def test_any_line_in_any_state_has_a_fate(name: str, state: int, text: str) -> None:
    """A state that a rule does not have takes no lines; a group is open exactly where one is."""
    rule = PRESETS[name]
    fate, to = rule.step(state, text)
    assert (to > 0) == (fate in ("begin", "join"))
    assert to <= len(rule.states)
    if not 0 < state <= len(rule.states):
        assert fate in ("alone", "begin")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_linear(name: str) -> None:
    """No line can make a ready-made rule slow: 200 kB take well under a second."""
    rule, slowest = PRESETS[name], 0.0
    pieces = ["a.", "A", "A.", "(", "a(", " ", "\t", "\\", ":1", ":1:in '", "[", "0", "x'", "((a)"]
    for piece in pieces:
        text = piece * (200_000 // len(piece))
        for line in (text, f" {text}", f"a.{text}!", f"a:1:in '{text}", f"[{text}", f"A ({text}"):
            for state in range(len(rule.states) + 1):
                began = time.process_time()
                rule.step(state, line)
                slowest = max(slowest, time.process_time() - began)
    assert slowest < 0.5


# Stack traces. Each test's records stand one after the other in the log; the rule finds them.


def check(name: str, records: Sequence[str]) -> None:
    """The records stand after another, with or without blank lines in between."""
    rule = MultilineRule.preset(name)
    texts = [textwrap.dedent(record).strip("\n") for record in records]
    assert grouped(rule, "\n".join(texts) + "\n") == texts
    spaced = [text for text in grouped(rule, "\n\n".join(texts) + "\n") if text]
    assert spaced == texts


def test_java() -> None:
    """Causes, omitted frames, suppressed and circular ones go with the message above the error."""
    check(
        "java",
        [
            "2026-11-23 06:55:44,123 INFO  [main] org.example.shop.Cart - started",
            """
2026-11-23 06:55:45,001 ERROR [http-1] org.example.shop.Cart - checkout failed
org.example.shop.CheckoutException: order 7 can't be paid
\tat org.example.shop.Cart.pay(Cart.java:118)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
\tSuppressed: java.io.IOException: stream closed
\t\tat org.example.shop.Till.close(Till.java:31)
\t\t... 4 more
Caused by: java.sql.SQLTimeoutException: no answer within 30 s
\tat org.example.db.Pool.take(Pool.java:77) ~[db-2.1.jar:2.1]
\tat org.example.shop.Cart$$Lambda/0x00007f1c.run(Unknown Source)
\t... 12 common frames omitted
Caused by: java.net.ConnectException
\tat java.base/sun.nio.ch.Net.connect0(Native Method)
\t[CIRCULAR REFERENCE: java.net.ConnectException]
\t... 14 more
""",
            "2026-11-23 06:55:46,000 WARN  [main] org.example.shop.Cart - at last",
            """
Exception in thread "main" java.lang.IllegalStateException: no state
\tat org.example.Main.main(Main.java:9)
""",
            """
kotlin.UninitializedPropertyAccessException: lateinit property x
\tat org.example.AppKt.main(App.kt:3)
""",
            """
java.lang.OutOfMemoryError: Java heap space
\tat org.example.Main.main(Main.java:12)
""",
            "org.example.Main: a message, not an error",
        ],
    )


def test_python() -> None:
    """Chained tracebacks are one record, with the blank lines and sentences between them."""
    check(
        "python",
        [
            "2026-11-23 06:55:44,123 INFO shop.cart started",
            """
2026-11-23 06:55:45,001 ERROR shop.cart checkout failed
Traceback (most recent call last):
  File "/srv/shop/cart.py", line 41, in pay
    total = sum(prices) / len(prices)
            ~~~~~~~~~~~~^~~~~~~~~~~~~
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop/cart.py", line 44, in pay
    refund()
  [Previous line repeated 996 more times]
shop.errors.RefundError: order 7

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "<string>", line 1, in <module>
shop.errors.Outer.<locals>.CheckoutError
""",
            """
Traceback (most recent call last):
  File "/srv/shop/db.py", line 9, in run
    cursor.execute(sql)
sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key
DETAIL:  Key (id)=(7) already exists.
[SQL: INSERT INTO orders VALUES (7)]
(Background on this error at: https://example.org/e/gkpj)
""",
            """
Traceback (most recent call last):
  File "/srv/shop/a.py", line 1
    print(
         ^
SyntaxError: '(' was never closed
""",
            "2026-11-23 06:55:46,000 INFO shop.cart next",
            """
WARNING:shop:with a stack
Stack (most recent call last):
  File "/srv/shop/a.py", line 3, in <module>
    log.warning("with a stack", stack_info=True)
""",
            """
ERROR:shop:several at once
  + Exception Group Traceback (most recent call last):
  |   File "/srv/shop/a.py", line 3, in <module>
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: one
    +---------------- 2 ----------------
    | KeyError: 'two'
    +------------------------------------
""",
            "INFO:shop:the end",
        ],
    )


def test_python_interrupted() -> None:
    """A line that can't be an error ends a traceback which was never finished."""
    check(
        "python",
        [
            """
Traceback (most recent call last):
  File "/srv/a.py", line 1, in <module>
""",
            "2026-11-23 06:55:44 INFO restarted",
        ],
    )


def test_go() -> None:
    """A panic takes its goroutines with it, and the blank lines between them."""
    check(
        "go",
        [
            "2026/11/23 06:55:44 listening on 192.0.2.1:8080",
            """
panic: runtime error: invalid memory address or nil pointer dereference [recovered]
\tpanic: order 7
[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x4a1b2c]

goroutine 1 [running]:
panic({0x4a8c40?, 0x53f1d0?})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
example.org/shop/cart.(*Cart).Pay(0xc0000141e0, {0xc00001c0a8, 0x1, 0x1})
\t/srv/shop/cart/cart.go:31 +0x1d
example.org/shop/cart.Map[...](...)
\t/srv/shop/cart/map.go:7
main.main.func1()
\t/srv/shop/main.go:12 +0x85

goroutine 18 [chan receive, 2 minutes]:
main.worker(0xc000052060)
\t/srv/shop/main.go:40 +0x45
created by main.main in goroutine 1
\t/srv/shop/main.go:22 +0x6c
exit status 2
""",
            "2026/11/23 06:55:45 listening on 192.0.2.1:8080",
            """
2026/11/23 06:55:46 http: panic serving 198.51.100.7:51734: no cart
goroutine 35 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1903 +0xbe
""",
            """
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [select (no cases)]:
main.main()
\t/srv/shop/main.go:5 +0x1a
""",
            'level=info msg="done (7)"',
        ],
    )


def test_ruby() -> None:
    """Both orders of frames, hints, causes, and backtraces that a logger prints."""
    check(
        "ruby",
        [
            "I, [2026-11-23T06:55:44.123456 #7]  INFO -- : started",
            """
E, [2026-11-23T06:55:45.001002 #7] ERROR -- : divided by 0 (ZeroDivisionError)
/srv/shop/cart.rb:10:in 'Integer#/'
/srv/shop/cart.rb:10:in 'Cart#pay'
""",
            """
cart.rb:10:in `/': divided by 0 (ZeroDivisionError)
\tfrom cart.rb:10:in `pay'
\tfrom cart.rb:14:in `<main>'
""",
            """
Traceback (most recent call last):
\t2: from cart.rb:14:in `<main>'
\t1: from cart.rb:10:in `pay'
cart.rb:10:in `/': divided by 0 (ZeroDivisionError)
""",
            "I, [2026-11-23T06:55:46.000000 #7]  INFO -- : next",
            """
cart.rb:3:in 'block in <main>': undefined method 'pai' for an instance of Cart (NoMethodError)

    cart.pai
        ^^^^
Did you mean?  pay
\tfrom cart.rb:2:in 'Array#each'
\tfrom cart.rb:2:in '<main>'
cart.rb:1:in 'Cart#load': no file (KeyError)
\tfrom cart.rb:2:in '<main>'
\t ... 9063 levels...
""",
            """
ActionController::RoutingError (No route matches [GET] "/x"):

app/middleware/guard.rb:12:in `call'
""",
            "W, [2026-11-23T06:55:47.000000 #7]  WARN -- : the end (of it)",
        ],
    )


def test_php() -> None:
    """Uncaught errors, chained ones, Xdebug's and Monolog's traces."""
    check(
        "php",
        [
            "[23-Nov-2026 06:55:44 UTC] PHP Warning:  No variable $x in /srv/a.php on line 3",
            """
[23-Nov-2026 06:55:45 UTC] PHP Fatal error:  Uncaught RuntimeException: inner in /srv/a.php:12
Stack trace:
#0 /srv/b.php(7): Shop\\Cart->pay(Array)
#1 [internal function]: Shop\\{closure}()
#2 {main}

Next Shop\\CheckoutException: outer in /srv/a.php:20
Stack trace:
#0 {main}
  thrown in /srv/a.php on line 20
""",
            """
[23-Nov-2026 06:55:46 UTC] PHP Notice:  with a trace in /srv/a.php on line 3
[23-Nov-2026 06:55:46 UTC] PHP Stack trace:
[23-Nov-2026 06:55:46 UTC] PHP   1. {main}() /srv/a.php:0
[23-Nov-2026 06:55:46 UTC] PHP   2. pay($order = 7) /srv/a.php:9
""",
            """
[2026-11-23 06:55:47] production.ERROR: boom {"exception":"[object] (LogicException: boom)
[stacktrace]
#0 /srv/vendor/a.php(7): pay()
#1 {main}
"}
""",
            "[2026-11-23 06:55:48] production.INFO: #7 paid",
        ],
    )


def test_csharp() -> None:
    """Inner exceptions with their ends, rethrown ones, and the console logger's indented text."""
    check(
        "csharp",
        [
            "2026-11-23 06:55:44.123 [INF] started",
            """
2026-11-23 06:55:45.001 [ERR] checkout failed
System.InvalidOperationException: order 7
 ---> System.ArgumentNullException: Value cannot be null. (Parameter 'cart')
   at Shop.Cart.Pay(Order order) in /srv/Shop/Cart.cs:line 31
   --- End of inner exception stack trace ---
   at Shop.Cart.Pay(Order order) in /srv/Shop/Cart.cs:line 35
--- End of stack trace from previous location ---
   at Shop.Program.<Main>$(String[] args) in /srv/Shop/Program.cs:line 7
""",
            """
Unhandled exception. System.AggregateException: One or more errors occurred. (a) (b)
 ---> System.Exception: a
   --- End of inner exception stack trace ---
 ---> (Inner Exception #1) System.Exception: b<---

   at Shop.Program.Main()
""",
            """
fail: Shop.Cart[13]
      An order could not be paid.
      System.InvalidOperationException: order 7
         at Shop.Cart.Pay(Order order)
""",
            "2026-11-23 06:55:46.000 [INF] next",
            "System.Net is fine",
        ],
    )


@pytest.mark.parametrize("name", PRESETS)
def test_ordinary_lines_stay_apart(name: str) -> None:
    """Nothing that common loggers print is taken for a part of the line before it."""
    ordinary = [
        '203.0.113.9 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.5.0"',
        "2026-11-23T06:55:44Z INFO at startup (7 ms)",
        'level=info msg="caused by nothing" at=x.go:7',
        '{"level":"error","msg":"at com.example.Foo","trace":"#0"}',
        "<134>Nov 23 06:55:44 host app[7]: from here on",
        "ERROR: something",
        "[2026-11-23 06:55:44] local.INFO: Next try",
        "started",
    ]
    check(name, ordinary)


def test_presets_are_compiled_when_they_are_asked_for() -> None:
    """Loading the module compiles none; the same rule is given each time."""
    code = (
        "import regex; made = []; real = regex.compile\n"
        "regex.compile = lambda *a: made.append(a) or real(*a)\n"
        "from shipper.formats.multiline import PRESETS\n"
        "before = len(made); PRESETS['java']; print(before, len(made) > 3)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True"]
    assert MultilineRule.preset("go") is PRESETS["go"]
