"""Headers of the user's: read, and kept secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.headers import conceal, expand_header, expand_headers, mask_header

SECRET = "s3cr3t-value"  # never in a message


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("X-Name: value", ("X-Name", "value")),
        ("X-Name:value", ("X-Name", "value")),
        (" X-Name :  a: b ", ("X-Name", "a: b")),
        ("Authorization: Bearer $TOKEN", ("Authorization", f"Bearer {SECRET}")),
        ("Authorization: ${TOKEN}!", ("Authorization", f"{SECRET}!")),
        ("X-Price: 5$$", ("X-Price", "5$")),
        ("X-Empty:", ("X-Empty", "")),
    ],
)
def test_a_header_is_a_name_and_a_value_with_variables(line: str, header: tuple[str, str]) -> None:
    assert expand_header(line, {"TOKEN": SECRET}) == header


@pytest.mark.parametrize(
    "line", ["", "value", f"Authorization {SECRET}", f": {SECRET}", "a b: c", "ä: x"]
)
def test_what_is_no_header_is_refused_without_its_text(line: str) -> None:
    with pytest.raises(ValueError, match=r"^a header is written 'Name: value'$"):
        expand_header(line, {})


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ValueError, match=r"^Authorization: the environment has no \$TOKEN$"):
        expand_header(f"Authorization: {SECRET} $TOKEN", {})


def test_a_lone_dollar_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^X: a \$ is followed by a name, or doubled$"):
        expand_header(f"X: {SECRET}$ 5", {})


@pytest.mark.parametrize(
    "value", [f"{SECRET}\r\nX-More: 1", f"{SECRET}\n", f"{SECRET}\0", f"{SECRET}é"]
)
def test_a_value_that_would_break_out_of_its_header_is_refused_unseen(value: str) -> None:
    with pytest.raises(ValueError, match=r"^X: the value has characters that no header may have$"):
        expand_header("X: $VALUE", {"VALUE": value})


def test_of_one_name_the_later_line_wins() -> None:
    assert expand_headers(["X: 1", "Y: 2", "X: 3"]) == {"X": "3", "Y": "2"}


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization:{SECRET}",
        f"X-Api-Key: {SECRET}",
        f"Cookie: id={SECRET}",
        f"X-Session-Id: {SECRET}",
        f"X-Credential: {SECRET}",
        f"Authorization: Bearer {SECRET}$$",
        f"Authorization: Bearer {SECRET}$TAIL",
        f"Authorization: $HEAD{SECRET}",
        f"Authorization: ${{HEAD}} {SECRET}",
        f"Authorization: {SECRET} $TAIL",
    ],
)
def test_a_secret_written_out_is_not_stored(line: str) -> None:
    assert mask_header(line) == f"{line.partition(':')[0]}: ***"


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer $TOKEN",
        "Authorization: ${TOKEN}",
        "X-Api-Key:$KEY",
        "Accept: application/json",
        "X-Tenant: blue",
    ],
)
def test_a_variable_or_a_plain_header_is_stored_as_it_is_written(line: str) -> None:
    assert mask_header(line) == line


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=60))
def test_no_text_in_an_authorization_is_stored_but_a_variable(value: str) -> None:
    stored = mask_header(f"Authorization:{value}")
    assert stored == "Authorization: ***" or "$" in value


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_how_a_request_is_framed_is_not_for_a_user_to_say(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: asapbench sets this header itself"):
        expand_header(f"{name}: 5", {})


def test_what_a_server_repeats_of_a_secret_is_concealed() -> None:
    lines = ("Authorization: Bearer $TOKEN", "X-Other: ${OTHER} and plain words")
    environment = {"TOKEN": "s3cr3t-value", "OTHER": "s3cr3t"}
    said = "401: bad token s3cr3t-value, and s3cr3t; plain words"
    assert conceal(said, lines, environment) == "401: bad token ***, and ***; plain words"


def test_a_secret_too_short_to_be_one_hides_no_other_words() -> None:
    assert conceal("a cat", ("X: $A",), {"A": "a"}) == "a cat"


def test_without_a_variable_nothing_is_concealed() -> None:
    assert conceal("said Bearer plain", ("Authorization: Bearer plain",), {}) == "said Bearer plain"


@pytest.mark.parametrize("cut", [9, 12, 40, 60])
def test_a_secret_of_which_only_the_begin_is_left_is_concealed_too(cut: int) -> None:
    token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"
    shown = conceal(f"bad token {token[:cut]}… and more", ["A: Bearer $TOKEN"], {"TOKEN": token})
    assert shown == "bad token ***… and more"
