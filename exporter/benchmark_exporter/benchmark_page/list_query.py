"""Reads the query of the list of benchmarks. All of its filters are in its address."""

from collections.abc import Mapping

import msgspec

from benchmark_exporter.benchmark_page.addresses import LIST, with_query
from benchmark_exporter.benchmark_page.query import (
    ONE_OF,
    WrongQuery,
    number_of,
    refuse_unknown,
)
from benchmark_exporter.benchmark_page.states import STATES, State
from benchmark_exporter.texts.say import phrase

SORTS = {
    "worst": phrase("worst first"),
    "name": phrase("by name"),
    "newest": phrase("newest run first"),
}


class ListQuery(msgspec.Struct, frozen=True):
    """Which benchmarks are listed, in which order, and which page of them; '' for all.

    `q` is what their names or projects contain.
    """

    q: str = ""
    project: str = ""
    environment: str = ""
    branch: str = ""
    state: State | str = ""
    sort: str = "worst"
    page: int = 1

    def address(self, **other: str) -> str:
        """The address of the list with something else; the first page, unless that is stated."""
        given = {field: str(getattr(self, field)) for field in self.__struct_fields__}
        wanted = {**given, "page": "1", **other}
        return with_query(
            LIST, **{name: value for name, value in wanted.items() if value != _DEFAULTS[name]}
        )


_DEFAULTS = {name: str(getattr(ListQuery(), name)) for name in ListQuery.__struct_fields__}


def read_list_query(query: Mapping[str, str]) -> ListQuery:
    """What a query asks of the list.

    Raises:
        WrongQuery: it is not one of these.
    """
    refuse_unknown(query, ListQuery.__struct_fields__)
    if (state := query.get("state", "")) not in ("", *STATES):
        raise WrongQuery(ONE_OF, name="state", values=", ".join(STATES))
    if (sort := query.get("sort", "worst") or "worst") not in SORTS:
        raise WrongQuery(ONE_OF, name="sort", values=", ".join(SORTS))
    return ListQuery(
        q=query.get("q", "").strip(),
        project=query.get("project", ""),
        environment=query.get("environment", ""),
        branch=query.get("branch", ""),
        state=state,
        sort=sort,
        page=number_of(query, "page"),
    )
