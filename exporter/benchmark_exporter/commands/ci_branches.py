"""Which branch a CI job is for, and what that will be merged into, by the job's variables."""

from collections.abc import Mapping
from typing import NamedTuple


class Branches(NamedTuple):
    """A branch and its base; empty for what is not known."""

    branch: str = ""
    base: str = ""


NO_BRANCHES = Branches()


def branches_of(environ: Mapping[str, str]) -> Branches:
    """The branches of a job of GitHub (Forgejo and Gitea set the same), GitLab or Jenkins.

    Nothing for a tag. The variables are documented by
    https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
    https://docs.gitlab.com/ci/variables/predefined_variables/ and
    https://plugins.jenkins.io/branch-api/.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        pushed = "" if environ.get("GITHUB_REF_TYPE") == "tag" else environ.get("GITHUB_REF_NAME")
        return Branches(
            environ.get("GITHUB_HEAD_REF") or pushed or "", environ.get("GITHUB_BASE_REF", "")
        )
    if environ.get("GITLAB_CI") == "true":
        return Branches(
            environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
            or environ.get("CI_COMMIT_BRANCH", ""),
            environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
        )
    if "JENKINS_URL" in environ:
        return Branches(
            environ.get("CHANGE_BRANCH") or environ.get("BRANCH_NAME", ""),
            environ.get("CHANGE_TARGET", ""),
        )
    return NO_BRANCHES
