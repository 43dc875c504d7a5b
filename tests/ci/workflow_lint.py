"""Finds what is wrong with workflows and actions of GitHub, and with jobs of GitLab.

An expression (`${{ … }}`) is replaced before a shell reads the script, so a branch, a title or an
input may have any command in it: none stands in a script. A variable may hold a space or `*`: each
stands in double quotes. A workflow with a token that writes runs nothing of a pull request
(https://docs.github.com/en/actions/reference/security/secure-use).
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import REPOSITORY

EXPRESSION = "${{"
OURS = re.compile(r"strataregula/strataregula-monitoring/([\w/-]+)@main")
CHECKOUT = "actions/checkout@"
# What starts a workflow with a token that writes, for code that anybody may have written.
PRIVILEGED = {"pull_request_target", "workflow_run", "issue_comment"}
WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB_KEYS = {
    "name", "if", "needs", "runs-on", "permissions", "env", "steps", "strategy", "timeout-minutes",
    "concurrency", "continue-on-error", "outputs",
}  # fmt: skip
STEP_KEYS = {
    "id", "name", "if", "uses", "with", "run", "shell", "env", "working-directory",
    "continue-on-error", "timeout-minutes",
}  # fmt: skip
JOB_OF_GITLAB_KEYS = {
    "image", "rules", "variables", "resource_group", "script", "before_script", "after_script",
    "artifacts", "stage", "when", "needs", "cache", "timeout",
}  # fmt: skip
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]\w*")
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INPUT = re.compile(r"inputs\.([\w-]+)")


class _Strict(yaml.SafeLoader):
    """YAML without repeated keys, and with `on` as a text."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if key_node.value == "on" else loader.construct_object(key_node)
        if key in found:
            raise ValueError(f"the key {key} is there twice")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(text: str) -> Any:
    """A document, strictly; raises ValueError for a repeated key."""
    return yaml.load(text, _Strict)  # noqa: S506  # a SafeLoader


def mistakes(text: str) -> list[str]:
    """What is wrong with a workflow, an action or a list of steps."""
    try:
        document = read(text)
    except (ValueError, yaml.YAMLError) as error:
        return [str(error)]
    if isinstance(document, list):
        return list(_steps(document, in_action=False))
    if not isinstance(document, dict):
        return ["is neither a workflow nor an action"]
    if "runs" in document:
        return list(_action(document))
    return list(_workflow(document)) if "jobs" in document else list(_gitlab(document))


def _workflow(workflow: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("the workflow", workflow, WORKFLOW_KEYS)
    if "permissions" not in workflow:
        yield "the workflow has no permissions: it gets those of the repository"
    started = workflow.get("on", {})
    events = {started} if isinstance(started, str) else set(started)
    if not events:
        yield "nothing starts the workflow"
    for name, job in workflow["jobs"].items():
        yield from _unknown(name, job, JOB_KEYS)
        if "runs-on" not in job:
            yield f"{name}: runs on nothing"
        granted = {**_permissions(workflow), **_permissions(job)}
        for step in job.get("steps", []):
            if events & PRIVILEGED and (CHECKOUT in step.get("uses", "") or "run" in step):
                yield f"{name}: a workflow that anybody can start has a token, and runs code"
            if _comments(step) and granted.get("pull-requests") != "write":
                yield f"{name}: comments without the permission pull-requests: write"
        yield from _steps(job.get("steps", []), in_action=False)


def _permissions(part: Mapping[str, Any]) -> Mapping[str, str]:
    permissions = part.get("permissions")
    return permissions if isinstance(permissions, dict) else {}


def _comments(step: Mapping[str, Any]) -> bool:
    ours = OURS.fullmatch(step.get("uses", ""))
    wanted = str(step.get("with", {}).get("comment", "")).lower() == "true"
    return ours is not None and (ours[1].endswith("/comment") or wanted)


def _action(action: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("the action", action, {"name", "description", "inputs", "runs"})
    inputs, runs = action.get("inputs", {}), action["runs"]
    if runs.get("using") != "composite":
        yield "the action is not composite"
    for name, each in inputs.items():
        yield from _unknown(f"input {name}", each, {"description", "required", "default"})
        if not each.get("description"):
            yield f"input {name}: has no description"
        if not each.get("required") and "default" not in each:
            yield f"input {name}: is neither required nor has a default"
    steps = runs.get("steps", [])
    used = set(_INPUT.findall(str(steps)))
    for name in sorted(set(inputs) - used):
        yield f"input {name}: is not used"
    for name in sorted(used - set(inputs)):
        yield f"input {name}: is used, but not declared"
    yield from _steps(steps, in_action=True)


def _steps(steps: list[Any], *, in_action: bool) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        where = f"step {number}"
        yield from _unknown(where, step, STEP_KEYS)
        if ("run" in step) == ("uses" in step):
            yield f"{where}: needs either run or uses"
        if in_action and "run" in step and "shell" not in step:
            yield f"{where}: an action's script needs a shell"
        yield from _script(where, str(step.get("run", "")))
        # actions/github-script
        yield from _script(where, str(step.get("with", {}).get("script", "")), shell=False)
        yield from _use(where, step)


def _use(where: str, step: Mapping[str, Any]) -> Iterator[str]:
    uses = step.get("uses", "")
    if uses and "@" not in uses:
        yield f"{where}: {uses} names no version"
    ours = OURS.fullmatch(uses)
    if ours is None:
        return
    path = REPOSITORY / ours[1] / "action.yml"
    if not path.is_file():
        yield f"{where}: there is no action {ours[1]}"
        return
    inputs, given = read(path.read_text(encoding="utf-8"))["inputs"], set(step.get("with", {}))
    yield from (f"{where}: {name} is not an input" for name in sorted(given - set(inputs)))
    for name, each in inputs.items():
        if each.get("required") and name not in given:
            yield f"{where}: {name} is required"


def _gitlab(jobs: Mapping[str, Any]) -> Iterator[str]:
    for name, job in jobs.items():
        if not isinstance(job, dict):
            yield f"{name}: is not a job"
            continue
        yield from _unknown(name, job, JOB_OF_GITLAB_KEYS)
        if "script" not in job:
            yield f"{name}: has no script"
        for part in ("before_script", "script", "after_script"):
            lines = job.get(part, [])
            for line in [lines] if isinstance(lines, str) else lines:
                yield from _script(name, line)


def _script(where: str, script: str, *, shell: bool = True) -> Iterator[str]:
    if EXPRESSION in script:
        yield f"{where}: an expression in a script: {script.strip()}"
    elif shell:
        bare = _VARIABLE.search(_QUOTED.sub("", script))
        if bare is not None:
            yield f"{where}: {bare[0]} is not in double quotes: {script.strip()}"


def _unknown(where: str, part: Any, known: set[str]) -> Iterator[str]:
    if not isinstance(part, dict):
        yield f"{where}: is not a mapping"
        return
    yield from (f"{where}: {key} is not known" for key in part if key not in known)


def documents() -> Iterator[tuple[str, str]]:
    """The name and text of each: files, and blocks of YAML in pages that have steps or scripts."""
    for folder in ("github-action", "ci", ".github"):
        for path in sorted((REPOSITORY / folder).rglob("*.y*ml")):
            yield str(path.relative_to(REPOSITORY)), path.read_text(encoding="utf-8")
    for page in sorted((REPOSITORY / "docs").glob("*.md")):
        blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
        for number, block in enumerate(blocks, 1):
            if re.search(r"^\s*-? ?(uses|run|script):", block, re.MULTILINE):
                yield f"docs/{page.name}, block {number}", block


def scripts() -> Iterator[Path]:
    """The shell scripts of the actions."""
    for folder in ("github-action", "ci"):
        yield from sorted((REPOSITORY / folder).rglob("*.sh"))
