"""Workflows, actions and CI examples: their shape, and that no text of others becomes a command."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.ci.workflow_lint import documents, mistakes, scripts
from tests.support.paths import REPOSITORY

DOCUMENTS = dict(documents())
COMMENT = "strataregula/strataregula-monitoring/github-action/comment@main"


def test_the_documents_are_found() -> None:
    assert {
        "ci/report-results/action.yml",
        "github-action/comment/action.yml",
        "github-action/example-comment-on-forks.yml",
        "github-action/example-pull-request.yml",
        "github-action/example-workflow.yml",
        "github-action/example.gitlab-ci.yml",
        "github-action/report-results/action.yml",
    } <= DOCUMENTS.keys()
    assert sum(name.startswith("docs/") for name in DOCUMENTS) >= 3


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_wrong(name: str) -> None:
    assert mistakes(DOCUMENTS[name]) == []


@pytest.mark.parametrize(
    "path", list(scripts()), ids=lambda path: str(path.relative_to(REPOSITORY))
)
def test_a_script_is_one_for_bash(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    text = path.read_text(encoding="utf-8")
    assert "${{" not in text
    assert not re.search(r"\beval\b", text)


WORKFLOW = """
on: push
permissions: {}
jobs:
  one:
    runs-on: x
    steps:
      - run: echo
"""
ACTION = """
name: a
description: b
inputs:
  x:
    description: c
    required: true
runs:
  using: composite
  steps:
    - shell: bash
      run: echo "$X"
      env:
        X: ${{ inputs.x }}
"""
GITLAB = """
one:
  script: echo "$CI_COMMIT_MESSAGE"
"""
USES = f"""
on: pull_request
permissions: {{}}
jobs:
  one:
    runs-on: x
    permissions: {{pull-requests: write}}
    steps:
      - uses: {COMMENT}
        with: {{from: x}}
"""


@pytest.mark.parametrize("text", [WORKFLOW, ACTION, GITLAB, USES])
def test_what_is_right_is_let_through(text: str) -> None:
    assert mistakes(text) == []


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (WORKFLOW, "run: echo", "run: echo ${{ github.head_ref }}", "an expression in a script"),
        (WORKFLOW, "run: echo", "run: echo '${{ github.event.number }}'", "an expression in"),
        (WORKFLOW, "run: echo", "run: echo $GITHUB_HEAD_REF", "is not in double quotes"),
        (WORKFLOW, "run: echo", "run: echo ${X}/a", "is not in double quotes"),
        (WORKFLOW, "run: echo", "run: echo \"a\"$X'b'", "is not in double quotes"),
        (
            WORKFLOW, "- run: echo",
            "- {uses: a/b@v1, with: {script: 'f(${{ github.event.issue.title }})'}}",
            "an expression in a script",
        ),
        (WORKFLOW, "permissions: {}", "", "has no permissions"),
        (WORKFLOW, "on: push", "on: pull_request_target", "has a token, and runs code"),
        (WORKFLOW, "on: push", "on: {workflow_run: {}}", "has a token, and runs code"),
        (
            WORKFLOW.replace("on: push", "on: workflow_run"), "- run: echo",
            "- uses: actions/checkout@v4", "has a token, and runs code",
        ),
        (WORKFLOW, "runs-on: x", "runson: x", "runson is not known"),
        (WORKFLOW, "- run: echo", "- {run: echo, uses: a@b}", "needs either run or uses"),
        (WORKFLOW, "- run: echo", "- {run: echo, iff: x}", "iff is not known"),
        (WORKFLOW, "- run: echo", "- uses: actions/checkout", "names no version"),
        (WORKFLOW, "permissions: {}", "permissions: {}\npermissions: {}", "is there twice"),
        (ACTION, 'echo "$X"', "echo ${{ inputs.x }}", "an expression in a script"),
        (ACTION, "X: ${{ inputs.x }}", "X: y", "input x: is not used"),
        (ACTION, "X: ${{ inputs.x }}", "X: ${{ inputs.x || inputs.y }}", "but not declared"),
        (ACTION, "shell: bash", "id: bash", "needs a shell"),
        (ACTION, "    required: true", "", "is neither required nor has a default"),
        (ACTION, "description: c", "descriptions: c", "has no description"),
        (GITLAB, '"$CI_COMMIT_MESSAGE"', "$CI_COMMIT_MESSAGE", "is not in double quotes"),
        (GITLAB, "script", "scripts", "has no script"),
        (USES, "{from: x}", "{}", "from is required"),
        (USES, "{from: x}", "{from: x, form: y}", "form is not an input"),
        (USES, "pull-requests: write", "issues: write", "comments without the permission"),
        (USES, "/comment@", "/coment@", "there is no action"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(text: str, old: str, new: str, words: str) -> None:
    assert old in text
    found = mistakes(text.replace(old, new))
    assert any(words in each for each in found), found


def test_the_examples_agree_about_the_names_that_they_share() -> None:
    first = DOCUMENTS["github-action/example-pull-request.yml"]
    second = DOCUMENTS["github-action/example-comment-on-forks.yml"]
    (workflow,) = re.findall(r"^name: (.*)$", first, re.MULTILINE)
    assert f"workflows: [{workflow}]" in second
    for text in ("name: benchmark-comparison", "compare.json"):
        assert text in first
        assert text in second
