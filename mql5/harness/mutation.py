"""``python -m harness.mutation [GROUP...]``, in mql5/: builds the EA with one bug at a time and runs its tests.

What caught a bug is written down with a digest of the bug's source, the test file and the harness: as long as these are
the same, the bug counts as caught without another run. ``NATRON_MUTATION_JOBS`` bugs are tried at a time.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from harness.build import build
from harness.mutants import MUTANTS, Mutant
from harness.translate import translate

_MQL5 = Path(__file__).resolve().parents[1]
_TESTS = _MQL5.parent / "tests" / "mql5"
_CAUGHT = _MQL5.parent / "build" / "mutants.json"
_FIRST = {
    "framing": "peers", "auth": "peers", "hmac": "link", "expiry": "link", "dedupe": "link", "gaps": "link",
    "sizing": "orders", "stops": "positions", "limits": "orders", "clock": "link", "rules": "orders",
    "tester": "tester",
}  # fmt: skip
"""The test file that most likely catches a group's bugs; the others follow where it does not."""
_FILES = ("link", "orders", "positions", "peers", "candles", "fuzz", "tester")
_LEAST_CAUGHT = 0.95


def _seed(mutant: Mutant, folder: Path) -> Path:
    """Include folder of the EA's source with the bug."""
    shutil.copytree(_MQL5 / "Include", folder / "Include")
    path = folder / "Include" / "Natron" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        sys.exit(f"{mutant.file}: {mutant.old!r} occurs {text.count(mutant.old)} times, must once")
    path.write_text(text.replace(mutant.old, mutant.new))
    return folder / "Include"


def _digest(include: Path, name: str) -> str:
    """Of all that decides whether a test file catches a bug."""
    source = translate(_MQL5 / "Experts" / "NatronEA.mq5", include).replace(str(include), "")
    harness = sorted(one for one in (_MQL5 / "harness").rglob("*.[hp]*") if one.suffix in {".hpp", ".py"})
    parts = [one for one in harness if one.name not in {"mutants.py", "mutation.py"}]
    parts += [_TESTS / "conftest.py", _TESTS / f"test_{name}.py"]
    return sha256(b"\0".join([source.encode(), *(one.read_bytes() for one in parts)])).hexdigest()


def _fails(binary: Path, name: str) -> bool:
    options = ["-q", "-x", "--timeout=60", "-p", "no:cacheprovider", str(_TESTS / f"test_{name}.py")]
    environment = os.environ | {"NATRON_EA": str(binary), "NATRON_PATIENCE_S": "20"}
    command = [sys.executable, "-m", "pytest", *options]
    code = subprocess.run(command, env=environment, cwd=_TESTS.parents[1], capture_output=True, check=False).returncode
    if code not in {0, 1}:
        raise RuntimeError(f"pytest ended with {code}")
    return code == 1


def _caught(mutant: Mutant, known: dict[str, str]) -> tuple[str, str]:
    """Test file that catches a bug, and the digest of both; empty where none does."""
    with tempfile.TemporaryDirectory() as folder:
        include = _seed(mutant, Path(folder))
        order = sorted(_FILES, key=lambda name: name != _FIRST[mutant.group])
        for name in order:
            digest = _digest(include, name)
            if known.get(digest) == name:
                return name, digest
        try:
            build(_MQL5 / "Experts" / "NatronEA.mq5", Path(folder) / "ea", include=include, strict=False)
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"{mutant}: does not compile\n{error.stderr}") from None
        for name in order:
            if _fails(Path(folder) / "ea", name):
                return name, _digest(include, name)
    return "", ""


def main(groups: list[str]) -> int:
    """Exit status: 0 where enough bugs were caught."""
    chosen = [one for one in MUTANTS if not groups or one.group in groups]
    known: dict[str, str] = json.loads(_CAUGHT.read_text()) if _CAUGHT.exists() else {}
    caught, started_s = Counter[str](), time.monotonic()
    with ThreadPoolExecutor(int(os.environ.get("NATRON_MUTATION_JOBS", os.cpu_count() or 1))) as pool:
        for one, (name, digest) in zip(chosen, pool.map(lambda one: _caught(one, dict(known)), chosen), strict=True):
            caught[one.group] += bool(name)
            print(f"{name or 'MISSED':9} {one.group:8} {one.file}: {one.new.strip()[:80]!r}", flush=True)
            if name:
                known[digest] = name
                _CAUGHT.parent.mkdir(exist_ok=True)
                _CAUGHT.write_text(json.dumps(known, indent=0))
    for group, count in Counter(one.group for one in chosen).items():
        print(f"{group:8} {caught[group]} of {count}, {caught[group] / count:.0%}")
    share = sum(caught.values()) / len(chosen)
    print(f"{share:.1%} of {len(chosen)} bugs caught in {time.monotonic() - started_s:.0f} s")
    return 0 if share >= _LEAST_CAUGHT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
