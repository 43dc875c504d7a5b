"""Whose containers and volumes are a checkout's: two checkouts share none."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import project, settings
from stack.compose import ComposeStack, engine_answers
from stack.project import OLD_NAME, PROJECT, WORKING_DIR, derived_name, project_name
from stack.settings import Settings, StackError
from stack.validation import PROJECT_NAME
from tests.stack.checkouts import run_stack, write_env


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """An image of which containers can be made, though none can run."""
    if not engine_answers():
        pytest.skip("no Docker engine with the compose plugin answers")
    name = "strataregula/test-empty:latest"
    made = ["docker", "import", "-", name]
    empty_tar = bytes(10240)
    subprocess.run(made, input=empty_tar, capture_output=True, check=True)
    yield name
    subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False)


@pytest.fixture
def started(image: str) -> Iterator[Callable[[str, Path], None]]:
    """Makes a container as Compose would for a project, started from a folder."""
    made = []

    def make(name: str, folder: Path) -> None:
        labels = ["--label", f"{PROJECT}={name}", "--label", f"{WORKING_DIR}={folder}"]
        made.append(docker("create", *labels, image, "/nothing").strip())

    yield make
    for container in made:
        docker("rm", container)


@pytest.fixture
def values(folder: Path) -> Settings:
    loaded = settings.load(folder, environ={})
    loaded.state_dir.mkdir()
    return loaded


def test_the_name_follows_from_the_path_of_the_checkout(values: Settings, tmp_path: Path) -> None:
    name = project_name(values)
    assert name == derived_name(values.root)
    other = Settings(tmp_path / "other" / values.root.name, values.values)
    assert project_name(other) != name
    assert PROJECT_NAME.fullmatch(name)


def test_a_chosen_name_wins(values: Settings) -> None:
    list(project.claim("recorded", values))
    write_env(values.root, "COMPOSE_PROJECT_NAME=chosen")
    assert project_name(settings.load(values.root, environ={})) == "chosen"


def test_the_name_that_a_checkout_was_started_with_stays(values: Settings) -> None:
    list(project.claim("recorded", values))
    assert project_name(values) == "recorded"
    assert project.is_claimed(values)
    project.release(values)
    assert project_name(values) == derived_name(values.root)


def test_a_copy_of_a_checkout_has_another_name_and_a_moved_one_the_same(
    values: Settings,
) -> None:
    list(project.claim("recorded", values))
    copy = values.root.with_name("copy")
    subprocess.run(["cp", "-a", values.root, copy], check=True)
    copied = Settings(copy, values.values)
    assert project_name(copied) == derived_name(copy)
    values.root.rename(values.root.with_name("elsewhere"))
    assert project_name(copied) == "recorded"


def test_the_former_name_is_kept_only_where_its_containers_are_of_this_checkout(
    values: Settings, started: Callable[[str, Path], None]
) -> None:
    started(OLD_NAME, values.root.with_name("another"))
    assert project_name(values) == derived_name(values.root)
    started(OLD_NAME, values.root)
    assert project_name(values) == OLD_NAME


def test_the_containers_of_another_checkout_are_not_taken_over(
    values: Settings, started: Callable[[str, Path], None]
) -> None:
    name, another = derived_name(values.root), values.root.with_name("another")
    started(name, values.root)
    project.refuse_others(name, values)
    started(name, another)
    with pytest.raises(StackError, match=f"the containers of project {name} belong to {another}"):
        project.refuse_others(name, values)


@pytest.mark.usefixtures("image")
def test_volumes_that_may_be_ours_are_mentioned_once(values: Settings) -> None:
    volume = f"{OLD_NAME}_test-{derived_name(values.root)}"
    docker("volume", "create", "--label", f"{PROJECT}={OLD_NAME}", volume)
    try:
        first, again = (list(project.claim(project_name(values), values)) for _ in range(2))
    finally:
        docker("volume", "rm", volume)
    assert f"COMPOSE_PROJECT_NAME={OLD_NAME}" in " ".join(first)
    assert again == []


def test_clean_removes_the_volumes_of_this_project_alone(values: Settings, image: str) -> None:
    assert image
    stack, names = ComposeStack(values), {}
    for name in (stack.project, "strataregula-another"):
        names[name] = f"{name}_exporter-{derived_name(values.root)}"
        labels = ["--label", f"{PROJECT}={name}", "--label", "com.docker.compose.volume=exporter"]
        docker("volume", "create", *labels, names[name])
    list(project.claim(stack.project, values))
    try:
        assert stack.stored() == [f"volume {names[stack.project]}"]
        with pytest.raises(StackError, match="cannot be removed"):
            stack.clean()  # since Compose knows it by another name
        assert project.is_claimed(values)
        docker("volume", "rm", names[stack.project])
        stack.clean()
        assert not project.is_claimed(values)
        assert names["strataregula-another"] in docker("volume", "ls", "--quiet")
    finally:
        docker("volume", "rm", names["strataregula-another"])


def test_the_record_names_the_checkout(values: Settings) -> None:
    list(project.claim("recorded", values))
    record = json.loads((values.state_dir / project.RECORD).read_text())
    assert record == {"checkout": str(values.root), "project": "recorded"}


@pytest.mark.usefixtures("image")
def test_compose_is_called_with_the_name_and_the_settings_of_the_checkout(folder: Path) -> None:
    done = run_stack(folder, "compose", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    configuration = json.loads(done.stdout)
    assert configuration["name"] == derived_name(folder)
    port = settings.load(folder, environ={})["EXPORTER_PORT"]
    assert port in [each["published"] for each in configuration["services"]["proxy"]["ports"]]
    plain = ["docker", "compose", "ps"]
    refused = subprocess.run(plain, cwd=folder, capture_output=True, text=True, check=False)
    assert refused.returncode
    assert "make compose ARGS" in refused.stderr
