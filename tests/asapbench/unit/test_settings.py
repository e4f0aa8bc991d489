"""Options from the command line, the environment, files and defaults."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import BeforeValidator, Field, field_validator, model_validator

from asapbench.errors import UsageError
from asapbench.headers import expand_headers
from asapbench.model import Value, option_name
from asapbench.settings import complete, variable_name
from asapbench.units import parse_duration


class Options(Value):
    users: int = Field(100, ge=1)
    spawn_rate: float = 10.0
    duration: Annotated[float, BeforeValidator(parse_duration)] = 60.0
    user_class: Literal["mixed", "sustained"] = "mixed"
    header: tuple[str, ...] = ()
    host: str | None = None
    serve: str | None = None

    @field_validator("header")
    @classmethod
    def _are_headers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        expand_headers(value)
        return value

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if self.host and self.serve:
            raise ValueError("--host and --serve exclude each other: give one of them")
        return self


class More(Value):
    json_: Path | None = None
    quiet: bool = False


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def options(**given: Any) -> Options:
    found, _ = complete([Options, More], "load", given)
    assert isinstance(found, Options)
    return found


def refusal(**given: Any) -> str:
    with pytest.raises(UsageError) as caught:
        complete([Options, More], "load", given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def own_file(text: str) -> None:
    Path("asapbench.toml").write_text(text, encoding="utf-8")


def project_file(text: str) -> None:
    Path("pyproject.toml").write_text(text, encoding="utf-8")


def test_names_are_written_as_users_write_them() -> None:
    assert (option_name("spawn_rate"), variable_name("spawn_rate")) == (
        "--spawn-rate",
        "ASAPBENCH_SPAWN_RATE",
    )
    assert (option_name("json_"), variable_name("json_")) == ("--json", "ASAPBENCH_JSON")


def test_what_is_set_nowhere_has_its_default() -> None:
    assert options() == Options()


def test_each_layer_wins_over_the_one_below(monkeypatch: pytest.MonkeyPatch) -> None:
    project_file("[tool.asapbench.load]\nusers = 1\nspawn-rate = 1\nduration = 1\nhost = '1'\n")
    own_file("[load]\nspawn-rate = 2\nduration = 2\nhost = '2'\n")
    monkeypatch.setenv("ASAPBENCH_DURATION", "3")
    monkeypatch.setenv("ASAPBENCH_HOST", "3")
    found = options(host="4")
    assert (found.users, found.spawn_rate, found.duration, found.host) == (1, 2, 3, "4")


def test_every_model_gets_its_own_fields() -> None:
    found, more = complete([Options, More], "load", {"users": 3, "json_": "out.json"})
    assert (found.users, more.json_) == (3, Path("out.json"))


def test_options_of_another_command_are_left_alone() -> None:
    own_file("[stress]\nusers = 5\nanything = 1\n")
    assert options() == Options()


@pytest.mark.parametrize("key", ["spawn-rate", "spawn_rate"])
def test_a_key_may_be_written_with_a_dash_or_an_underscore(key: str) -> None:
    own_file(f"[load]\n{key} = 7\n")
    assert options().spawn_rate == 7


def test_an_option_named_like_a_python_word_is_written_without_the_underscore() -> None:
    own_file("[load]\njson = 'out.json'\n")
    assert complete([More], "load", {})[0].json_ == Path("out.json")


@pytest.mark.parametrize(
    ("write", "text", "place"),
    [
        (own_file, "[load]\nuser = 5\n", "asapbench.toml [load]"),
        (project_file, "[tool.asapbench.load]\nuser = 5\n", "pyproject.toml [tool.asapbench.load]"),
    ],
)
def test_an_unknown_key_is_refused_with_the_known_ones(write: Any, text: str, place: str) -> None:
    write(text)
    assert refusal() == (
        f"{place}: there is no option 'user', only users, spawn-rate, duration, user-class, "
        "header, host, serve, json, quiet"
    )


def test_a_value_of_the_command_line_is_refused_by_its_option() -> None:
    assert refusal(users="0") == "--users: '0' is refused: must be greater than or equal to 1"


def test_a_value_of_the_environment_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASAPBENCH_USER_CLASS", "odd")
    assert refusal() == "ASAPBENCH_USER_CLASS: 'odd' is refused: must be 'mixed' or 'sustained'"


def test_a_value_of_a_file_is_refused_by_its_place() -> None:
    own_file("[load]\nusers = 0\n")
    assert refusal().startswith("--users (in asapbench.toml [load]): 0 is refused: must be")
    project_file("[tool.asapbench.load]\nspawn-rate = 'x'\n")
    own_file("")
    assert refusal().startswith(
        "--spawn-rate (in pyproject.toml [tool.asapbench.load]): 'x' is refused: must be a valid"
    )


@pytest.mark.parametrize("text", ["[1]", "true", "inf", "nan", "2025-01-01", "'1 x'"])
def test_a_duration_of_another_type_is_refused_in_words(text: str) -> None:
    own_file(f"[load]\nduration = {text}\n")
    assert refusal().endswith("a duration is seconds or 90s, 5m, 1h, 1h30m")


@pytest.mark.parametrize("text", ["[load\n", "load = 5\n", "\xff"])
def test_a_file_that_cannot_be_used_is_named(text: str) -> None:
    Path("asapbench.toml").write_bytes(text.encode("latin-1"))
    assert refusal().startswith("asapbench.toml")


@pytest.mark.parametrize("name", ["asapbench.toml", "pyproject.toml"])
def test_a_folder_in_the_place_of_a_file_is_said(name: str) -> None:
    Path(name).mkdir()
    assert refusal() == f"{name} cannot be read: Is a directory"


def test_a_link_to_nothing_is_said() -> None:
    Path("asapbench.toml").symlink_to("nowhere")
    assert refusal() == "asapbench.toml cannot be read: No such file or directory"


def test_an_argument_that_is_missing_is_named_as_help_names_it() -> None:
    class Needs(Value):
        new: str = Field(json_schema_extra={"argument": True, "metavar": "NEW"})

    with pytest.raises(UsageError, match=r"^NEW is missing$"):
        complete([Needs], "compare", {})


def test_a_file_of_the_project_without_our_table_is_left_alone() -> None:
    project_file("[tool.other]\nusers = 5\n")
    assert options() == Options()


def test_two_options_that_exclude_each_other_are_named_as_they_were_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASAPBENCH_HOST", "http://127.0.0.1")
    assert refusal(serve="run {port}") == (
        "ASAPBENCH_HOST and --serve exclude each other: give one of them"
    )


def test_headers_of_the_environment_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAPBENCH_HEADER", "X-One: 1\nX-Two: 2")
    assert options().header == ("X-One: 1", "X-Two: 2")


def test_a_single_header_of_a_file_needs_no_list() -> None:
    own_file("[load]\nheader = 'X-One: 1'\n")
    assert options().header == ("X-One: 1",)


@pytest.mark.parametrize(
    "header",
    [
        ["Authorization s3cret"],
        ["Authorization: s3cret $MISSING"],
        ["Authorization: s3cret\aring"],
        [{"Authorization": "s3cret"}],
        {"Authorization": "s3cret"},
        "Authorization s3cret",
    ],
)
def test_the_value_of_a_header_is_in_no_error(header: Any) -> None:
    message = refusal(header=header)
    assert message.startswith("--header: ")
    assert "s3cret" not in message


def test_the_value_of_a_header_of_the_environment_is_in_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASAPBENCH_HEADER", "Authorization s3cret")
    assert refusal() == "ASAPBENCH_HEADER: a header is written 'Name: value'"
