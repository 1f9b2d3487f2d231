"""Whatever bytes a parser is given, it answers or refuses in its own words; it never fails in another way.

Short here; ``NATRON_FUZZ_EXAMPLES=20000 pytest tests/fuzz`` takes its time. What fails is added to ``corpus/TARGET/``.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.keys import load_keys
from bridge.lines import decode_line
from inference_worker.bundle import Bundle
from inference_worker.service import bundle_folder
from natron.backup import restore
from producer.exports.export import Export
from producer.exports.options import ReadOptions
from shared.broker_url import BrokerUrl, without_password
from shared.codec import decode_candle, decode_prediction, decode_row, encode_candle
from shared.contracts import Candle, Series, decode_symbol
from shared.doors import read_keys
from shared.errors import BundleError, InputError, JunkError
from shared.names import Names
from shared.settings.groups import Settings
from shared.settings.loading import load_settings
from shared.testing import BrokerUnderTest

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = int(os.environ.get("NATRON_FUZZ_EXAMPLES", "60"))
KEY = bytes(32)
NINES = b"9" * 40


@dataclass(frozen=True)
class Target:
    """A parser: what it is given, as bytes or as a file, and the errors that are its own."""

    parse: Callable[[bytes, Path], object]
    refuses: tuple[type[Exception], ...]
    limit: int = 4_096


def as_file(parse: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
    def parsed(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        path.chmod(0o600)
        return parse(path)

    return parsed


def read_export(path: Path) -> object:
    return [len(block.candles) for block in Export(path, ReadOptions(timeframe="M15")).blocks()]


def read_manifest(path: Path) -> object:
    reference = bundle_folder(Settings())
    for file in ("model.onnx", "policy.onnx"):
        link = path.with_name(file)
        if not link.exists() and (reference / file).exists():
            link.symlink_to(reference / file)
    return Bundle.load(path.parent)


TARGETS = {
    "csv": Target(as_file(read_export, "x.csv"), (InputError,)),
    "json-candles": Target(as_file(read_export, "x.json"), (InputError,)),
    "zip": Target(as_file(read_export, "x.zip"), (InputError,)),
    "hst": Target(as_file(read_export, "x.hst"), (InputError,)),
    "candle": Target(lambda data, _: decode_candle(data, b"1", b"1"), (JunkError,)),
    "candle-numbers": Target(lambda data, _: decode_candle(CANDLE, data, data), (JunkError,)),
    "row": Target(lambda data, _: decode_row(data), (JunkError,)),
    "prediction": Target(lambda data, _: decode_prediction(data), (JunkError,)),
    "line": Target(lambda data, _: decode_line(data, KEY), (JunkError,)),
    "symbol": Target(lambda data, _: decode_symbol(data.decode("latin-1")), (InputError,)),
    "manifest": Target(as_file(read_manifest, "manifest.json"), (BundleError,), limit=65_536),
    "settings": Target(as_file(lambda path: load_settings(path, {}, {}), "natron.yaml"), (InputError,)),
    "bridge-keys": Target(as_file(load_keys, "keys.json"), (InputError,)),
    "door-keys": Target(as_file(lambda path: read_keys("x", str(path)), "keys"), (InputError,)),
    "broker-url": Target(lambda data, _: BrokerUrl.parse(data.decode("latin-1")), (ValueError,)),
    "shown-url": Target(lambda data, _: without_password(data.decode("latin-1")), ()),
}
CANDLE = encode_candle(Candle(Series("X", "M15"), 900_000, 1.0, 2.0, 0.5, 1.5, 7.0))


def seeds(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))] or [b""]


def mutated(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """``seed`` with slices replaced: (where, how many bytes go, what comes), places taken modulo the length."""
    data = bytearray(seed)
    for where, gone, come in edits:
        at = where % (len(data) + 1)
        data[at : at + gone] = come
    return bytes(data)


EDITS = st.lists(
    st.tuples(
        st.integers(0, 2**16),
        st.integers(0, 16),
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from(
                [b"nan", b"1e999", b"-1", b"\x00", b"\xff\xfe", b",,", b"\n\n", b'"', b"[" * 64, b"%ZZ", b"9" * 40]
            ),
        ),
    ),
    max_size=4,
)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_parser_answers_or_refuses_in_its_own_words(name: str, tmp_path: Path) -> None:
    target, corpus = TARGETS[name], seeds(name)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(seed=st.sampled_from(corpus), edits=EDITS)
    def fuzz(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        try:
            target.parse(mutated(seed, edits)[: target.limit], tmp_path)
        except target.refuses:
            return

    fuzz()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_the_corpus_holds_is_parsed_or_refused(name: str, tmp_path: Path) -> None:
    assert (CORPUS / name).is_dir()
    for seed in seeds(name):
        try:
            TARGETS[name].parse(seed, tmp_path)
        except TARGETS[name].refuses:
            assert not name.startswith(("candle", "row"))


def test_a_backup_that_is_none_is_refused(broker: BrokerUnderTest, tmp_path: Path) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(
        data=st.binary(max_size=200), about=st.dictionaries(st.sampled_from(["format", "keys", "sha256"]), st.none())
    )
    def fuzz(data: bytes, about: dict[str, None]) -> None:
        import zipfile

        path = tmp_path / "b.zip"
        path.write_bytes(data)
        with pytest.raises(InputError):
            restore(broker.client, Names(), path)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("backup.json", json.dumps(about))
        with pytest.raises(InputError):
            restore(broker.client, Names(), path)

    fuzz()
