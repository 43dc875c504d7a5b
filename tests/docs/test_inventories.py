"""Tables that list what there is list all of it."""

import re

from tests.docs.pages import read_page
from tests.support.paths import REPOSITORY

# What a checkout has besides the project's folders.
NOT_OURS = {"results", "backups", "build", "dist"}


def first_cells(page: str, heading: str) -> list[str]:
    """The first cell of each row of the tables under a heading, which may be the page's own."""
    lines = [*read_page(REPOSITORY / page).lines.values()]
    begin = next(index for index, line in enumerate(lines) if line.lstrip("# ") == heading)
    end = next((i for i, line in enumerate(lines) if i > begin and line.startswith("#")), None)
    return [line.split("|")[1] for line in lines[begin:end] if line.startswith("|")]


def names_in(page: str, heading: str) -> set[str]:
    """The code spans and link texts of these cells."""
    cells = "|".join(first_cells(page, heading))
    return {code or text for code, text in re.findall(r"`([^`]+)`|\[([^\]]+)\]", cells)}


def test_the_readme_says_of_each_folder_what_it_holds() -> None:
    folders = {
        f"{path.name}/"
        for path in REPOSITORY.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name not in NOT_OURS
    }
    named = names_in("README.md", "Where things are")
    elsewhere = {"exporter/", "ci/"}  # by the folder in it, and beside what took its place
    assert folders - elsewhere <= named


def test_the_architecture_says_what_each_folder_of_tests_is_for() -> None:
    folders = {
        f"`tests/{path.name}/`"
        for path in (REPOSITORY / "tests").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    text = "\n".join(read_page(REPOSITORY / "docs" / "architecture.md").lines.values())
    assert {folder for folder in folders if folder not in text} == set()


def test_each_secret_says_where_it_is_from_and_how_to_replace_it() -> None:
    made = names_in("secrets/README.md", "Secrets")
    replaced = names_in("docs/security.md", "Replacing secrets")
    assert len(made) > 10
    in_env = {"PROXY_TLS_CERT", "PROXY_TLS_KEY"}
    assert replaced - in_env - {"--stream-tokens FILE"} == made
