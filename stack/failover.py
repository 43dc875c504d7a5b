"""How the proxy leads to the members of a part that live: what is filled into its templates.

Of two Prometheus, the one that has run longer is preferred, since the other lacks the time that it
was away: each says by a query whether it is that one. If neither is, because the other one has just
died, say, any that is ready is asked, in the same request.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from stack import high_availability
from stack.settings import PROMETHEUS, Part, Settings

SELF = 'process_start_time_seconds{job="prometheus-self"}'
# A value if it has no sample of itself, as before its first scrape, or one of now that says that no
# other one that is up has run longer. It scrapes itself every 5 s, and the other one every 15 s.
IS_WHOLE = f"""
vector(1)
unless on () (present_over_time({SELF}[1d]) unless present_over_time({SELF}[12s]))
unless on () (
  max({SELF})
  > min(
    process_start_time_seconds{{job="prometheus"}} and on (instance) up{{job="prometheus"}} == 1
  )
)
"""
WHOLE_URI = f"/api/v1/query?query={quote(' '.join(IS_WHOLE.split()), safe='')}"
READY_URI = "/-/ready"
QUERIES = "/api/v1/query* /api/v1/series /api/v1/labels /api/v1/label/*"
# A request that finds no member is kept for so long, as while one takes the other's place.
PATIENCE = "5s"


def members(part: Part, settings: Settings, upstreams: Mapping[str, str]) -> Sequence[str]:
    """The addresses of a part's members, the preferred one first."""
    return [upstreams[one.name] for one in high_availability.members(part, settings)]


def slots(part: Part, upstreams: Sequence[str], basic: str, header: str = "") -> Mapping[str, str]:
    """What differs between one server and several; `header` is what the proxy adds to requests."""
    if len(upstreams) == 1:
        return {"UPSTREAM": upstreams[0], "DIAL": "5s", "BALANCE": "", "FALLBACK": ""}
    ready = [
        "lb_policy first",
        f"lb_try_duration {PATIENCE}",
        "lb_try_interval 100ms",
        # A member that refuses a connection is not asked again before it has been checked.
        "fail_duration 2s",
        *_check(READY_URI, "1s", basic),
    ]
    here = {"UPSTREAM": " ".join(upstreams), "DIAL": "1s", "FALLBACK": ""}
    if part is not PROMETHEUS:
        return {**here, "BALANCE": _lines(ready, 3)}
    whole = [
        "lb_policy first",
        "fail_duration 2s",
        "unhealthy_status 503",
        *_check(WHOLE_URI, "2s", basic),
        'health_body "\\"value\\""',
        # Not yet ready, as after a quick restart. A query that took too long has an answer of JSON.
        "@starting {",
        "\tstatus 503",
        "\theader Content-Type text/plain*",
        "}",
        "handle_response @starting {",
        "\terror 502",
        "}",
    ]
    fallback = [
        "handle_errors {",
        # Its body has been read, so only the client can send it again.
        "\t@resend {",
        "\t\tmethod POST",
        f"\t\tpath {QUERIES}",
        "\t\texpression `{http.error.status_code} == 502`",
        "\t}",
        "\tredir @resend {http.request.orig_uri} 307",
        "\t@away expression `{http.error.status_code} in [502, 503, 504]`",
        f"\treverse_proxy @away {here['UPSTREAM']} {{",
        *(f"\t\t{line}" for line in (header, *ready) if line),
        "\t\theader_down -Access-Control-*",
        "\t\theader_down X-Frame-Options DENY",
        "\t\ttransport http {",
        f"\t\t\tdial_timeout {here['DIAL']}",
        "\t\t}",
        "\t}",
        "}",
    ]
    return {**here, "BALANCE": _lines(whole, 3), "FALLBACK": _lines(fallback, 1)}


def door(
    part: Part, upstreams: Sequence[str], port: int, bind: str, basic: str
) -> Mapping[str, str]:
    """The slots of an address that leads to the members, and adds no credential."""
    return {
        "NAME": part.name,
        "PORT": str(port),
        "BIND": f"bind {bind}" if bind else "",
        **slots(part, upstreams, basic),
    }


def _check(uri: str, interval: str, basic: str) -> list[str]:
    return [
        f'health_uri "{uri}"',
        f"health_interval {interval}",
        "health_timeout 2s",
        "health_headers {",
        f'\tAuthorization "Basic {basic}"',
        "}",
    ]


def _lines(lines: Sequence[str], depth: int) -> str:
    return ("\n" + "\t" * depth).join(lines)
