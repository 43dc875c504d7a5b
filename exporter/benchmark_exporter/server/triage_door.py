"""`/api/v1/triage` and the page `/triage`: who may say what of regressions, from elsewhere.

Programs say it with a token. People confirm it on the page to which messages link. A GET changes
nothing, since chats and mail scanners fetch links by themselves.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import hdrs, web
from msgspec.structs import asdict

from benchmark_exporter.ingest.triaging import TriageError, TriageSelection, triage
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.triage_rows import TriagedRegression
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.server.bodies import TRIAGE_BYTES, Bodies, BodyShare
from benchmark_exporter.server.credential import TRIAGE_PATH, Sender
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.refusal import Refusal, Refused, unavailable
from benchmark_exporter.server.requests_at_once import refusal_response
from benchmark_exporter.server.triage_form import FormTokens
from benchmark_exporter.server.triage_page import HEADERS, TriagePage
from benchmark_exporter.server.triage_requests import TriageRequest, read_form, read_selection
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.site.language import say_for, with_switch
from benchmark_exporter.tokens import TokenFile, bearer
from benchmark_exporter.triage.rule import Saying

log = logging.getLogger(__name__)

PAGE_PATH = "/triage"
MAX_BODY_BYTES, TIMEOUT_SECONDS = 64 * 1024, 10.0
MOST_LISTED = 1000
_ELSEWHERE = (
    "States are confirmed here only on this machine, or behind a login. Use "
    "benchmark-exporter triage, or POST /api/v1/triage with a token"
)
_CHALLENGE = 'Bearer realm="benchmark-exporter"'


class TriageDoor:
    """Answers requests about the states of regressions.

    `sender_of` says who sent a request, and `user_of` whom the proxy has logged in. `wake` has the
    ingest loop run.
    """

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        worker: Worker,
        tokens: TokenFile | None,
        limits: Callable[[], LimitsFor],
        *,
        sender_of: Callable[[web.Request], Sender | None],
        user_of: Callable[[web.Request], str | None],
        note_error: Callable[[Exception], None],
        wake: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._worker = worker
        self._tokens = tokens
        self._limits = limits
        self._sender_of = sender_of
        self._user_of = user_of
        self._note_error = note_error
        self._wake = wake
        self._forms = FormTokens()
        self._lock = asyncio.Lock()
        self._bodies = Bodies(
            BodyShare(TRIAGE_BYTES),
            MAX_BODY_BYTES,
            TIMEOUT_SECONDS,
            size_limit=f"{MAX_BODY_BYTES} bytes",
            time_limit=f"{TIMEOUT_SECONDS:g} s",
        )

    def routes(self) -> Sequence[web.RouteDef]:
        """Its routes."""
        return (
            web.get(TRIAGE_PATH, self.listed),
            web.post(TRIAGE_PATH, self.said_by_program),
            web.get(PAGE_PATH, self.page),
            web.post(PAGE_PATH, self.said_by_person),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """The open regressions that the query selects, as JSON."""
        found = await self._find(read_selection(request.query))
        shown = [each for each in found if each.ended_seconds is None][:MOST_LISTED]
        return web.Response(body=msgspec.json.encode(shown), content_type="application/json")

    async def said_by_program(self, request: web.Request) -> web.Response:
        """Records what the bearer of a token says; answers with the regressions as they were."""
        try:
            who = await self._authorized(request)
            async with self._bodies.received(request) as body:
                asked = _decoded(body)
            selection = asked.selection
            if selection.benchmark_name is None and selection.since_commit is None:
                raise _refused("benchmark_name or since_commit is missing")
            said = await self._say(selection, lambda: asked.saying(who, time.time()))
        except TriageError as error:
            return refusal_response(_refused(str(error)))
        except Refused as refused:
            return refusal_response(refused)
        return web.Response(body=msgspec.json.encode(said), content_type="application/json")

    async def page(self, request: web.Request) -> web.Response:
        """The confirmation page. It changes nothing."""
        selection = read_selection(request.query, further=("said",))
        return await self._page(request, selection, said=request.query.get("said", ""))

    async def said_by_person(self, request: web.Request) -> web.Response:
        """Records what the page's form says, and leads back to the page."""
        selection = read_selection(request.query)
        refusal = self._refusal(request)
        if refusal:
            raise web.HTTPForbidden(text=f"{refusal}\n")
        _refuse_foreign(request)
        try:
            async with self._bodies.received(request) as body:
                form = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20))
        except Refused as refused:
            return refusal_response(refused)
        except ValueError as error:
            raise web.HTTPBadRequest(text="this is not the page's form\n") from error
        if not self._forms.knows(form.get("form_token", ""), _query(selection), time.time()):
            raise web.HTTPForbidden(
                text="this form is of another page, or too old; open the page again\n"
            )
        user = self._user_of(request)
        try:
            asked = read_form(form)
            who = form.get("who", "") if user is None else user
            await self._say(selection, lambda: asked.saying(who, time.time()))
        except TriageError as error:
            return await self._page(request, selection, error=str(error))
        except Refused as refused:
            return refusal_response(refused)
        query = urlencode([*_given(selection), ("said", asked.state)])
        raise web.HTTPSeeOther(f"triage?{query}")

    async def _page(
        self, request: web.Request, selection: TriageSelection, *, said: str = "", error: str = ""
    ) -> web.Response:
        if selection.benchmark_name is None and selection.since_commit is None:
            raise web.HTTPBadRequest(text="benchmark_name or since_commit is missing\n")
        found = await self._find(selection)
        query, say = _query(selection), say_for(request)
        shown = [each for each in found if each.ended_seconds is None] or found
        page = TriagePage(
            regressions=shown,
            action=f"triage?{query}",
            token=self._forms.make(query, time.time()),
            who=self._user_of(request),
            refusal=self._refusal(request),
            error=error,
            # A link may state anything.
            said=said if all(each.state == said for each in shown) else "",
            say=say,
        )
        return web.Response(
            text=with_switch(page.html(), request, say),
            status=400 if error else 200,
            content_type="text/html",
            charset="utf-8",
            headers=HEADERS,
        )

    def _refusal(self, request: web.Request) -> str:
        """Why nobody may confirm anything by this request; empty if they may.

        Whoever comes by the stack's proxy is on this machine or logged in, as the proxy sees to it.
        """
        if self._sender_of(request) is not None or is_local(request.remote):
            return ""
        return _ELSEWHERE

    async def _authorized(self, request: web.Request) -> str:
        """The name of the request's token.

        Raises:
            Refused: it has none that is known.
        """
        tokens = await self._worker.run(self._tokens.read) if self._tokens is not None else ()
        if not tokens:
            detail = "there are no triage tokens; start the exporter with --triage-tokens FILE"
            raise Refused(403, Refusal("triage_off", detail))
        scheme, _, secret = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        token = bearer(tokens, secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            reason = "wrong_token" if scheme.lower() == "bearer" else "no_token"
            detail = "send the header Authorization: Bearer TOKEN, with a triage token"
            raise Refused(401, Refusal(reason, detail), {hdrs.WWW_AUTHENTICATE: _CHALLENGE})
        return token.name

    async def _find(self, selection: TriageSelection) -> Sequence[TriagedRegression]:
        self._publisher.refuse_without_state()
        async with self._lock:  # a ledger that is busy with requests would ingest nothing
            try:
                found = await self._worker.run(self._find_by_worker, selection)
            except LedgerError as error:
                self._note_error(error)
                raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        return found

    async def _say(
        self, selection: TriageSelection, saying: Callable[[], Saying]
    ) -> Sequence[TriagedRegression]:
        """Raises TriageError and Refused."""
        self._publisher.refuse_without_state()
        said = saying()
        async with self._lock:
            try:
                found = await self._worker.run(self._say_by_worker, selection, said)
            except LedgerError as error:
                self._note_error(error)
                raise unavailable(str(error)) from error
        names = sorted({each.name for each in found})
        fields = {"state": said.state, "by": said.who, "benchmarks": ",".join(names[:10])}
        log.info("regressions were given a state", extra={"fields": fields})
        self._wake()
        return found

    def _find_by_worker(self, selection: TriageSelection) -> Sequence[TriagedRegression]:
        with self._opened.ledger.transaction() as transaction:
            return [each for each in transaction.triage.listed() if selection.selects(each)]

    def _say_by_worker(
        self, selection: TriageSelection, saying: Saying
    ) -> Sequence[TriagedRegression]:
        opened = self._opened
        with opened.ledger.transaction() as transaction:
            found = triage(transaction, selection, saying, self._limits())
        self._publisher.publish_by_worker(opened.ledger, opened.ingest.pending_files)
        return found


def _decoded(body: bytes) -> TriageRequest:
    try:
        return msgspec.json.decode(body, type=TriageRequest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(str(error)) from error


def _refused(detail: str) -> Refused:
    return Refused(400, Refusal("invalid", detail))


def _refuse_foreign(request: web.Request) -> None:
    """Raises HTTPForbidden for a form that no page of this address has sent.

    Access has refused other origins. Browsers send an Origin with a form; programs have tokens.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text="send the page's form\n")
    is_same_site = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if hdrs.ORIGIN not in request.headers and not is_same_site:
        raise web.HTTPForbidden(
            text="only the page's form is answered; programs use POST /api/v1/triage\n"
        )


def is_local(address: str | None) -> bool:
    """Whether a client's address is this machine's own."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(known, "ipv4_mapped", None)
    return (mapped or known).is_loopback


def _given(selection: TriageSelection) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, value in asdict(selection).items() if value is not None]


def _query(selection: TriageSelection) -> str:
    return urlencode(_given(selection))
