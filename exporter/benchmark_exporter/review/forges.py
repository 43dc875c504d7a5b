"""The comments of a pull request on GitHub (also Forgejo, Gitea), of a merge request on GitLab.

APIs: https://docs.github.com/en/rest/issues/comments and https://docs.gitlab.com/api/notes/.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from benchmark_exporter.review.api import (
    Api,
    ApiError,
    Forbidden,
    Missing,
    Unauthenticated,
    Unsure,
)
from benchmark_exporter.review.publish import Comment
from benchmark_exporter.review.target import Target

_GITHUB_MAY_NOT = (
    "the token may not write comments; give the job `permissions: pull-requests: write`. In a pull "
    "request from a fork it never may: docs/pull-requests.md says what to do there"
)
_GITLAB_MAY_NOT = (
    "the token may not write notes; CI_JOB_TOKEN may not, so set GITLAB_TOKEN to a project access "
    "token with the scope api and the role Reporter"
)


class _Request:
    """One pull or merge request: what both APIs do alike with its comments.

    `may_not` says what to do about one of the `refusals`. `change` is the method that replaces a
    comment, which is below `comments`; the list of the request's is at `of_request`.
    """

    def __init__(
        self,
        api: Api,
        name: str,
        of_request: str,
        comments: str,
        change: str,
        may_not: str,
        refusals: tuple[type[ApiError], ...],
    ) -> None:
        self._api = api
        self._name = name
        self._of_request = of_request
        self._comments = comments
        self._change_method = change
        self._may_not = may_not
        self._refusals = refusals

    async def create(self, body: str) -> Comment:
        """Posts one."""
        try:
            posted = await self._api.send("POST", self._of_request, {"body": body})
        except Missing as error:
            raise self._refused(error) from error
        except self._refusals as error:
            raise self._refused(error) from error
        return Comment(_part(posted, "id", int), body)

    async def read(self, number: int) -> Comment:
        """One as it is now."""
        found = await self._api.send("GET", f"{self._comments}/{number}")
        return Comment(number, _part(found, "body", str))

    async def update(self, number: int, body: str) -> None:
        """Replaces the body."""
        await self._change(self._change_method, number, {"body": body})

    async def delete(self, number: int) -> None:
        """Deletes one."""
        await self._change("DELETE", number)

    async def back_off(self, tries: int, unsure: Unsure) -> None:
        """Waits after so many earlier tries."""
        await self._api.back_off(tries, unsure.least_seconds, str(unsure))

    async def settle(self, seconds: float) -> bool:
        """Lets other jobs end what they have begun; whether there was time for that."""
        return await self._api.settle(seconds)

    async def _change(self, method: str, number: int, document: Any = None) -> None:
        try:
            await self._api.send(method, f"{self._comments}/{number}", document)
        except self._refusals as error:
            raise self._refused(error) from error

    def _refused(self, error: ApiError) -> ApiError:
        return ApiError(f"{self._name}: {self._may_not} ({error})")

    def _not_found(self) -> ApiError:
        return ApiError(f"{self._name}: not found, or the token may not see it")


class GitHub(_Request):
    """One pull request.

    A comment of somebody else with our marker is never touched: its author could change it later,
    or have it say what we would not. A workflow's token cannot ask who it is; its comments are
    those of a bot.
    """

    def __init__(self, api: Api, repository: str, number: int) -> None:
        issues = f"/repos/{quote(repository, safe='/')}/issues"
        super().__init__(
            api,
            f"pull request {number} of {repository}",
            of_request=f"{issues}/{number}/comments",
            comments=f"{issues}/comments",
            change="PATCH",
            may_not=_GITHUB_MAY_NOT,
            refusals=(Forbidden,),
        )
        self._login: str | None = None

    async def comments(self, marker: str) -> Sequence[Comment]:
        """The token's own comments with the marker, the oldest first."""
        if self._login is None:
            self._login = await self._own_login()
        found = []
        try:
            async for each in self._api.all(f"{self._of_request}?per_page=100"):
                user = _part(each, "user", dict)
                if (
                    _starts(_part(each, "body", str), marker)
                    and (user.get("login") == self._login or not self._login)
                    and (user.get("type") == "Bot" or self._login)
                ):
                    found.append(Comment(_part(each, "id", int), _part(each, "body", str)))
        except Missing as error:
            raise self._not_found() from error
        return sorted(found, key=lambda comment: comment.number)

    async def _own_login(self) -> str:
        """Empty for the token of a workflow or an app."""
        try:
            login: str = _part(await self._api.send("GET", "/user"), "login", str)
        except (Forbidden, Missing):
            return ""
        return login


class GitLab(_Request):
    """One merge request. Only notes of the token's own user are touched."""

    def __init__(self, api: Api, project: str, number: int) -> None:
        notes = f"/projects/{quote(project, safe='')}/merge_requests/{number}/notes"
        super().__init__(
            api,
            f"merge request {number} of {project}",
            of_request=notes,
            comments=notes,
            change="PUT",
            may_not=_GITLAB_MAY_NOT,
            refusals=(Forbidden, Unauthenticated),
        )
        self._user: int | None = None

    async def comments(self, marker: str) -> Sequence[Comment]:
        """The token's own notes with the marker, the oldest first."""
        found = []
        try:
            if self._user is None:
                self._user = _part(await self._api.send("GET", "/user"), "id", int)
            async for each in self._api.all(f"{self._of_request}?per_page=100&sort=asc"):
                author = _part(each, "author", dict)
                if author.get("id") == self._user and _starts(_part(each, "body", str), marker):
                    found.append(Comment(_part(each, "id", int), _part(each, "body", str)))
        except self._refusals as error:
            raise self._refused(error) from error
        except Missing as error:
            raise self._not_found() from error
        return sorted(found, key=lambda comment: comment.number)


async def find_number(api: Api, target: Target) -> int | None:
    """The pull request that a run of another workflow was for; None if it has moved on.

    GitHub's event does not name it if it is from a fork, and what the run itself says is not
    trusted. So it is the open one whose newest commit is the one that ran.

    Raises:
        ApiError: the API refuses, or there are several.
    """
    head = target.head
    if head is None:
        return target.number
    of_head = quote(f"{head.owner}:{head.branch}", safe=":")
    path = f"/repos/{quote(target.repository, safe='/')}/pulls?state=open&per_page=100"
    numbers = []
    async for each in api.all(f"{path}&head={of_head}"):
        own = _part(each, "head", dict)
        repository = own.get("repo")
        if (
            own.get("sha") == head.commit
            and isinstance(repository, dict)
            and repository.get("id") == head.repository_id
        ):
            numbers.append(_part(each, "number", int))
    if len(numbers) > 1:
        listed = ", ".join(map(str, sorted(numbers)))
        raise ApiError(
            f"pull requests {listed} have this commit as their newest; name one with --number"
        )
    return numbers[0] if numbers else None


def _starts(body: str, marker: str) -> bool:
    return body == marker or body.startswith((f"{marker}\n", f"{marker}\r\n"))


def _part(document: Any, key: str, kind: type[Any]) -> Any:
    part = document.get(key) if isinstance(document, dict) else None
    # A comment of an account that was deleted has no user.
    if part is None and kind is dict:
        return {}
    if not isinstance(part, kind):
        raise ApiError(f"the API answers without {key}; is its address right?")
    return part
