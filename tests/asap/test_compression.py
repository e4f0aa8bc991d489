"""PROTOCOL.md §5, and the limits of §2.7 on inflating."""

import contextlib
import gzip
import sys
import tracemalloc
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asap.transport.compression import (
    COMPRESSION_THRESHOLD,
    GZIP_COMPRESSION_LEVEL,
    CompressionAlgorithm,
    DecompressionTooLarge,
    compress_brotli,
    compress_gzip,
    compress_payload,
    decompress_brotli,
    decompress_gzip,
    decompress_limited,
    decompress_payload,
    get_accept_encoding_header,
    get_supported_encodings,
    is_brotli_available,
    select_best_encoding,
)

GZIP, BROTLI, IDENTITY = (
    CompressionAlgorithm.GZIP,
    CompressionAlgorithm.BROTLI,
    CompressionAlgorithm.IDENTITY,
)
TEXT = b"to be or not to be, " * 100
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": compress_gzip,
    "br": compress_brotli,
    "identity": bytes,
    "": bytes,
}
CODINGS = pytest.mark.parametrize("coding", ["gzip", "br"])


@pytest.fixture
def without_brotli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)


def test_the_constants_are_those_of_the_protocol() -> None:
    assert (COMPRESSION_THRESHOLD, GZIP_COMPRESSION_LEVEL) == (1024, 6)


def test_the_algorithms_are_strings_named_as_in_content_encoding() -> None:
    assert [str.__str__(a) for a in CompressionAlgorithm] == ["gzip", "br", "identity"]


@given(data=st.binary(max_size=5000), coding=st.sampled_from(sorted(COMPRESSORS)))
def test_what_was_compressed_comes_back_unchanged(data: bytes, coding: str) -> None:
    assert decompress_payload(COMPRESSORS[coding](data), coding) == data


@CODINGS
@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 98_272, 131_072, 1_000_003])
def test_data_of_many_chunks_comes_back_unchanged(coding: str, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert decompress_payload(COMPRESSORS[coding](data), coding) == data


@given(data=st.binary(max_size=3000))
def test_compress_payload_never_gives_more_than_it_got(data: bytes) -> None:
    body, algorithm = compress_payload(data, threshold=0)
    assert len(body) <= len(data)
    assert decompress_payload(body, algorithm.value) == data


def test_gzip_and_brotli_speak_the_standard_formats() -> None:
    assert gzip.decompress(compress_gzip(TEXT)) == TEXT
    assert brotli.decompress(compress_brotli(TEXT)) == TEXT


def test_equal_input_gives_equal_gzip_output_at_any_time() -> None:
    assert compress_gzip(TEXT)[4:8] == bytes(4)  # the place of the time in the format


def test_gzip_is_of_level_6_and_brotli_of_quality_4() -> None:
    data = " ".join(str(n * n) for n in range(2000)).encode()
    assert compress_gzip(data) == gzip.compress(data, compresslevel=6, mtime=0)
    assert compress_brotli(data) == brotli.compress(data, quality=4)


@pytest.mark.parametrize(("size", "expected"), [(1023, IDENTITY), (1024, BROTLI)])
def test_a_body_is_compressed_from_the_threshold_on(
    size: int, expected: CompressionAlgorithm
) -> None:
    assert compress_payload(b"a" * size)[1] is expected


def test_a_body_under_the_threshold_is_untouched() -> None:
    data = b"a" * 1023
    assert compress_payload(data)[0] is data


@pytest.mark.parametrize(
    ("preferred", "fast", "expected"),
    [
        (None, False, BROTLI),
        (None, True, GZIP),
        (GZIP, False, GZIP),
        (BROTLI, True, BROTLI),
        (IDENTITY, False, IDENTITY),
    ],
)
def test_the_algorithm_is_the_preferred_one(
    preferred: CompressionAlgorithm | None, fast: bool, expected: CompressionAlgorithm
) -> None:
    assert compress_payload(TEXT, preferred, prefer_fast_compression=fast)[1] is expected


@pytest.mark.usefixtures("without_brotli")
def test_without_brotli_gzip_takes_its_place() -> None:
    assert compress_payload(TEXT, BROTLI) == (compress_gzip(TEXT), GZIP)


def test_a_body_that_would_not_shrink_is_sent_as_it_is() -> None:
    data = compress_gzip(bytes(range(256)) * 8)
    assert compress_payload(data, GZIP, threshold=0) == (data, IDENTITY)


def test_a_body_that_cannot_be_compressed_is_sent_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(data: bytes, **_: object) -> bytes:
        raise brotli.error

    monkeypatch.setattr(brotli, "compress", fail)
    assert compress_payload(TEXT) == (TEXT, IDENTITY)


@pytest.mark.parametrize("encoding", [" GZIP ", "Gzip", "gzip"])
def test_the_name_of_an_encoding_ignores_case_and_space(encoding: str) -> None:
    assert decompress_payload(compress_gzip(TEXT), encoding) == TEXT


@pytest.mark.parametrize("encoding", ["zstd", "deflate", "gzip, br"])
def test_an_unknown_encoding_is_a_value_error(encoding: str) -> None:
    with pytest.raises(ValueError, match="Unsupported Content-Encoding"):
        decompress_payload(b"x", encoding)


@pytest.mark.usefixtures("without_brotli")
def test_br_is_an_unknown_encoding_without_brotli() -> None:
    with pytest.raises(ValueError, match="Unsupported Content-Encoding: br"):
        decompress_payload(b"x", "br")


CORRUPT_GZIP = [
    pytest.param(b"junk", id="no gzip at all"),
    pytest.param(compress_gzip(TEXT)[:10] + b"\xff" * 20, id="bad block"),
    pytest.param(compress_gzip(TEXT)[:-8] + b"\0" * 8, id="bad checksum"),
    pytest.param(compress_gzip(TEXT) + b"x", id="trailing bytes"),
]
CORRUPT_BROTLI = [
    pytest.param(b"\xff\xff\xff", id="no brotli at all"),
    pytest.param(compress_brotli(TEXT)[:-3], id="truncated"),
    pytest.param(compress_brotli(TEXT) + b"x", id="trailing bytes"),
    pytest.param(b"", id="empty"),
]


@pytest.mark.parametrize("data", CORRUPT_GZIP)
def test_corrupt_gzip_is_an_os_error(data: bytes) -> None:
    with pytest.raises(OSError, match=r"(?i)gzip|CRC"):
        decompress_gzip(data)


def test_truncated_gzip_is_an_eof_error() -> None:
    with pytest.raises(EOFError):
        decompress_gzip(compress_gzip(TEXT)[:-3])


@pytest.mark.parametrize("data", CORRUPT_BROTLI)
def test_corrupt_brotli_is_an_os_error(data: bytes) -> None:
    with pytest.raises(OSError, match="Brotli decompression failed"):
        decompress_brotli(data)


@given(data=st.binary(max_size=200), coding=st.sampled_from(["gzip", "br"]))
def test_any_bytes_are_inflated_or_refused_with_os_or_eof_error(data: bytes, coding: str) -> None:
    with contextlib.suppress(OSError, EOFError, DecompressionTooLarge):
        assert isinstance(decompress_limited(data, coding, 10_000), bytes)


def test_empty_gzip_input_is_empty_output() -> None:
    assert decompress_gzip(b"") == b""


def test_gzip_members_in_a_row_are_one_body() -> None:
    assert decompress_gzip(compress_gzip(b"one ") + compress_gzip(b"two")) == b"one two"


@pytest.mark.parametrize("coding", ["gzip", "br", "identity", ""])
def test_output_of_exactly_the_limit_passes(coding: str) -> None:
    assert decompress_limited(COMPRESSORS[coding](TEXT), coding, len(TEXT)) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "br", "identity", ""])
def test_output_one_byte_over_the_limit_is_refused(coding: str) -> None:
    with pytest.raises(DecompressionTooLarge) as refusal:
        decompress_limited(COMPRESSORS[coding](TEXT), coding, len(TEXT) - 1)
    assert refusal.value.limit == len(TEXT) - 1


@CODINGS
def test_a_bomb_is_never_held_in_memory(coding: str) -> None:
    bomb = COMPRESSORS[coding](b"\0" * 20_000_000)
    tracemalloc.start()
    with pytest.raises(DecompressionTooLarge):
        decompress_limited(bomb, coding, 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_bomb_inside_its_limit_need_not_be_valid_to_be_refused() -> None:
    with pytest.raises(DecompressionTooLarge):
        decompress_limited(compress_gzip(b"\0" * 1_000_000)[:-8], "gzip", 1000)


def test_with_brotli_both_codings_are_supported() -> None:
    assert is_brotli_available()
    assert get_supported_encodings() == ["br", "gzip"]
    assert get_accept_encoding_header() == "br, gzip, identity"


@pytest.mark.usefixtures("without_brotli")
def test_without_brotli_only_gzip_is_supported() -> None:
    assert not is_brotli_available()
    assert get_supported_encodings() == ["gzip"]
    assert get_accept_encoding_header() == "gzip, identity"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, IDENTITY),
        ("", IDENTITY),
        (",,", IDENTITY),
        ("*", IDENTITY),
        ("zstd, deflate", IDENTITY),
        ("gzip", GZIP),
        ("GZIP", GZIP),
        ("br, gzip", BROTLI),
        ("gzip, br", GZIP),
        ("identity, gzip", IDENTITY),
        ("gzip;q=0.5, br;q=0.6", BROTLI),
        (" gzip ; q=0.9 , br;q=0.4", GZIP),
        ("gzip;level=1;q=0.2, br;q=0.5", BROTLI),
        ("gzip;q=0", GZIP),
        ("zstd;q=1, gzip;q=0.1", GZIP),
    ],
)
def test_the_best_encoding_has_the_highest_weight_and_comes_first(
    header: str | None, expected: CompressionAlgorithm
) -> None:
    assert select_best_encoding(header) is expected


@pytest.mark.usefixtures("without_brotli")
def test_br_is_not_selected_without_brotli() -> None:
    assert select_best_encoding("br, gzip;q=0.1") is GZIP


TOKENS = st.sampled_from(["gzip", "br", "*", "identity", ";", ",", "q=", "0.5", "nan", " ", "=-"])


@given(st.none() | st.text() | st.lists(TOKENS).map("".join))
def test_selecting_an_encoding_never_raises(header: str | None) -> None:
    assert select_best_encoding(header) in CompressionAlgorithm
