"""The public addresses of the stack's parts, and where commits are shown on the web.

Only a hash leads to a commit's address. A document may state any text as its commit, and none of
it, nor any address that a document states, gets into a link.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

# The addresses that runbooks use, since they are read in the repository too: each part on the
# reader's own machine, on its default port.
ON_ONES_OWN_MACHINE = {
    "http://localhost:8000": "exporter",
    "http://localhost:8765": "stream",
    "http://localhost:9090": "prometheus",
    "http://localhost:9093": "alertmanager",
    "http://localhost:3000": "grafana",
}
_LOCAL_URL = re.compile("|".join(map(re.escape, ON_ONES_OWN_MACHINE)) + r"\b")
# An abbreviated or whole hash of git or Mercurial, SHA-1 or SHA-256.
_HASH = re.compile(r"[0-9a-fA-F]{7,64}", re.ASCII)
# RFC 3986, section 2; quotation marks that it allows are not needed.
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%{}]+", re.ASCII)
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|[{}]")


@dataclass(frozen=True, slots=True)
class Links:
    """The public address of each part by name, without a trailing slash.

    A part whose address is unknown is absent.
    """

    urls: Mapping[str, str]

    def fill_in(self, text: str) -> str:
        """A runbook's text with these addresses in place of the local ones."""
        return _LOCAL_URL.sub(
            lambda match: self.urls.get(ON_ONES_OWN_MACHINE[match[0]], match[0]), text
        )

    def origins(self, *parts: str) -> Sequence[str]:
        """The origins of these parts' pages as browsers send them (RFC 6454, section 6.2).

        Of all parts if none is named; none of a part whose address is unknown.
        """
        return [_origin(url) for part, url in self.urls.items() if not parts or part in parts]

    @property
    def hosts(self) -> Collection[str]:
        """The names or addresses of the machines that the parts are reached at."""
        return {urlsplit(url).hostname or "" for url in self.urls.values()}


class Repository(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The addresses of a commit, with `{commit}`, and of a range, with `{base}` and `{head}`.

    None where there is none.
    """

    commit_url: str | None = None
    compare_url: str | None = None

    def commit(self, commit_hash: str) -> str | None:
        """The address of a commit; None without a setting, or if the text is not a hash."""
        if self.commit_url is None or not is_hash(commit_hash):
            return None
        return self.commit_url.replace("{commit}", commit_hash)

    def compare(self, base: str, head: str) -> str | None:
        """The address of the commits after `base`, up to `head`; None as for a commit."""
        if self.compare_url is None or not (is_hash(base) and is_hash(head)):
            return None
        if base == head:
            return None
        return self.compare_url.replace("{base}", base).replace("{head}", head)


NOWHERE = Repository()


def is_hash(text: str) -> bool:
    """Whether a text is a hash of a commit, abbreviated or whole; other texts are not links."""
    return _HASH.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repository of each project: its own, or else the default one."""

    default: Repository = NOWHERE
    by_project: Mapping[str, Repository] = field(default_factory=dict)

    def of(self, project: str) -> Repository:
        """The repository of a project's commits."""
        return self.by_project.get(project, self.default)


NO_REPOSITORIES = Repositories()


def repository_flaw(default: Repository, by_project: Mapping[str, Repository]) -> str | None:
    """What is wrong with the first address that cannot be used; None if all can be."""
    places = {"": default, **{f"repositories.{name}.": of for name, of in by_project.items()}}
    for place, repository in places.items():
        for key, wanted in (("commit_url", ("{commit}",)), ("compare_url", ("{base}", "{head}"))):
            address = getattr(repository, key)
            if address is not None and (flaw := _flaw(address, wanted)):
                return f"{place}{key}: {address!r} {flaw}"
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(default)}"


def _flaw(address: str, wanted: Sequence[str]) -> str | None:
    if sorted(_PLACEHOLDER.findall(address)) != sorted(wanted):
        return f"must contain {' and '.join(wanted)} once, and no other braces"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"is not an address: {error}"
    if parts.scheme not in ("http", "https") or not host:
        return "must begin with https:// or http:// and a host"
    if "@" in parts.netloc or "{" in parts.netloc:
        return "must not have a user or a placeholder where its host is"
    if not _ADDRESS.fullmatch(address):
        return "has a character that an address cannot have; write it as %XX"
    return None
