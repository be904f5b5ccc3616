"""The calls of browsers and scripts: CPU of server and database per call, against a bare Flask page.

The reader has 10,000 unread notifications among 1,000,000 rows. CPU is measured at one connection; the line also shows
the times at one and at sixteen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from statistics import median, quantiles

from bench import cpu, peer
from bench.http import Request, Server, ask_once, bellhop, hello, time_requests
from bench.rounds import Case, at_most
from bench.tables import LARGE, SMALL, table

CONNECTIONS = 16
SECONDS, QUICK_SECONDS = 0.4, 0.15
# Each process compiles its templates and statements, and each connection of PostgreSQL plans its statements.
WARM_UP_SECONDS = 1.0
QUICK_ROWS = 100_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
HTMX = {"HX-Request": "true"}
# Written by another process, and not measured.
UNREAD = (
    "UPDATE notifications SET read_at = NULL, status = 'sent' WHERE id IN ({rows})",
    "UPDATE users SET inbox_version = inbox_version + 1 WHERE id = {reader}",
)
SOMETHING_NEW = ("UPDATE users SET inbox_version = inbox_version + 1 WHERE id = {reader}",)
SOMEBODY_ELSE = ("UPDATE users SET inbox_version = inbox_version + 1 WHERE id = {reader} + 1",)
CLICK = Request("/notifications/{row}/reading", HTMX | FORM, "POST", "view=&from=list")


@dataclass(frozen=True)
class Call:
    """A call, and the limit of its cost in bare pages.

    `before` are SQL statements to execute before each call, `after` after each series of calls, none of which name the
    same row twice. A conditional call sends the current ETag.
    """

    name: str
    limit: float
    request: Request
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    is_conditional: bool = False


CALLS = (
    Call("page", 10, Request("/notifications")),
    Call("fragment", 10, Request("/notifications", HTMX)),
    Call("search-page", 12, Request("/notifications?q=pri")),
    Call("click", 8, CLICK, after=UNREAD),
    Call("click-written", 12, CLICK, SOMETHING_NEW, UNREAD),
    Call("one", 6, Request("/notifications/{row}")),
    Call("pulse", 2, Request("/notifications/pulse", HTMX), is_conditional=True),
    Call("pulse-list", 3, Request("/notifications/pulse?list=1", HTMX)),
    Call("badge", 1.5, Request("/api/notifications/unread-count/")),
    Call("badge-written", 2, Request("/api/notifications/unread-count/"), SOMEBODY_ELSE),
    Call("json-list", 2, Request("/api/notifications/")),
    Call("json-list-written", 3, Request("/api/notifications/"), SOMEBODY_ELSE),
    Call("views", 3, Request("/api/notifications/views/")),
    Call("views-written", 6, Request("/api/notifications/views/"), SOMEBODY_ELSE),
    Call("json-detail", 3, Request("/api/notifications/{row}/?peek=true")),
    Call(
        "json-read",
        6,
        Request("/api/notifications/mark-read/", JSON, "POST", '{"notification_id": {row}}'),
        after=UNREAD,
    ),
    Call("json-search-rare", 3, Request("/api/notifications/?search=quill")),
    Call("json-search-common", 5, Request("/api/notifications/?search=pri")),
)


def compare(call: Call, database: str, *, is_quick: bool = False, is_cluster: bool = False) -> Case:
    """Compare a call to Bellhop with a bare page and, unless it must be quick, with django-notifications-hq."""
    ours = Caller.of_bellhop(call, database, QUICK_ROWS if is_quick else LARGE, is_cluster=is_cluster)
    bare = Caller(hello(), Request("/"))
    theirs = None if is_quick or call.name not in peer.CALLS else Caller.of_peer(call, database, LARGE)
    if is_quick:
        ours.seconds = bare.seconds = QUICK_SECONDS

    def beside() -> None:
        ours.crowd()
        if theirs:
            theirs.cost()

    def notes() -> str:
        peers = f"; django-notifications-hq {median(theirs.costs) / median(bare.costs):.1f}" if theirs else ""
        return ours.times() + peers

    def prepare() -> None:
        ours.warm_up()
        bare.warm_up()

    by = " by htmx" if HTMX.items() <= call.request.headers.items() else ""
    about = f"{call.request.method} {call.request.path}{by}, CPU ms / bare page"
    return Case(about, at_most(call.limit), ours.cost, bare.cost, prepare=prepare, beside=beside, notes=notes)


def compare_growth(database: str) -> Case:
    """Compare the page of a reader with 10,000 unread among 1,000,000 rows with 830 unread among 1,000."""
    page = CALLS[0]
    large, small = (Caller.of_bellhop(page, database, rows) for rows in (LARGE, SMALL))
    return Case("page among 1,000,000 rows / 1,000 rows, CPU ms", at_most(1.2), large.cost, small.cost)


@dataclass
class Caller:
    """Repeats one call, at one connection or at sixteen.

    `database` are the processes of the database server and of Redis, `not_counted` those that work for the benchmark.
    """

    server: Server
    request: Request
    database: Sequence[int] = ()
    not_counted: Sequence[int] = ()
    rows: Sequence[int] = (0,)
    before: Callable[[int], None] | None = None
    after: Callable[[Sequence[int]], None] | None = None
    seconds: float = SECONDS
    costs: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)

    @classmethod
    def of_bellhop(cls, call: Call, database: str, rows: int, *, is_cluster: bool = False) -> Caller:
        """Call Bellhop as the reader of a table of this many rows."""
        filled, server = table(rows, database), bellhop(rows, database, is_cluster=is_cluster)
        is_api = call.request.path.startswith("/api/")
        who = {"Authorization": f"Bearer {filled.token}"} if is_api else filled.browser(filled.reader)
        request = replace(call.request, headers={**call.request.headers, **who})
        if call.is_conditional:
            etag = ask_once(server.port, request)["etag"]
            request = replace(request, headers={**request.headers, "If-None-Match": etag})

        def write(statements: Sequence[str], rows: Sequence[int]) -> None:
            named = ", ".join(map(str, rows))
            filled.write(*(text.format(rows=named, reader=filled.reader) for text in statements))

        def restore(rows: Sequence[int]) -> None:
            write(call.after, rows)
            filled.vacuum()

        return cls(
            server,
            request,
            (*filled.processes, *server.redis),
            filled.own_processes,
            filled.unread,
            (lambda row: write(call.before, [row])) if call.before else None,
            restore if call.after else None,
        )

    @classmethod
    def of_peer(cls, call: Call, database: str, rows: int) -> Caller:
        """Call django-notifications-hq in the same way."""
        found = peer.peer(rows, database)
        request, statement = peer.CALLS[call.name]
        request = replace(request, headers=found.headers)

        def prepare(row: int) -> None:
            found.writer.execute(statement.format(row=row))

        before = prepare if statement else None
        return cls(found.server, request, found.processes, found.own_processes, found.rows, before)

    def warm_up(self) -> None:
        """Repeat the call at sixteen connections, so that no process of the server is new to it."""
        self._ask(CONNECTIONS, [], WARM_UP_SECONDS)

    def cost(self) -> float:
        """Measure the CPU of server and database, in milliseconds per call."""
        since = cpu.spent([self.server.process, *self.database], self.not_counted)
        count = self._ask(1, self.alone, self.seconds)
        self.costs.append(1000 * since() / count)
        return self.costs[-1]

    def crowd(self) -> None:
        """Repeat the call at sixteen connections."""
        self._ask(CONNECTIONS, self.crowded, self.seconds)

    def times(self) -> str:
        """Describe how long the calls took."""
        parts = []
        for connections, taken in ((1, self.alone), (CONNECTIONS, self.crowded)):
            p50, p99 = median(taken), quantiles(taken, n=100, method="inclusive")[98]
            parts.append(f"; c={connections} p50 {1000 * p50:.1f} p99 {1000 * p99:.1f} ms")
        return "".join(parts)

    def _ask(self, connections: int, taken: list[float], seconds: float) -> int:
        found = time_requests(
            self.server.port,
            self.request,
            connections=connections,
            seconds=seconds,
            rows=cycle(self.rows),
            before=self.before,
        )
        if self.after:
            self.after(self.rows[: len(found)])
        taken += found
        return len(found)
