"""``python -m harness.mutation [GROUP...]``, in mql5/: builds the EA with one bug at a time and runs its tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from harness.build import build
from harness.mutants import MUTANTS, Mutant

_MQL5 = Path(__file__).resolve().parents[1]
_TESTS = _MQL5.parent / "tests" / "mql5"
_FIRST = {
    "framing": "test_peers.py", "auth": "test_peers.py", "hmac": "test_link.py",
    "expiry": "test_link.py", "dedupe": "test_link.py",
    "gaps": "test_link.py", "sizing": "test_orders.py", "stops": "test_positions.py", "limits": "test_orders.py",
    "clock": "test_link.py",
}  # fmt: skip
"""The file that most likely catches a group's bugs; the others follow where it does not."""
_LEAST_CAUGHT = 0.95


def _seed(mutant: Mutant, folder: Path) -> Path:
    """The EA's source with the bug, and its path."""
    shutil.copytree(_MQL5 / "Include", folder / "Include")
    path = folder / "Include" / "Natron" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        sys.exit(f"{mutant.file}: {mutant.old!r} occurs {text.count(mutant.old)} times, must once")
    path.write_text(text.replace(mutant.old, mutant.new))
    build(_MQL5 / "Experts" / "NatronEA.mq5", folder / "ea", include=folder / "Include", sanitize=False)
    return folder / "ea"


def _caught(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NATRON_EA": str(_seed(mutant, Path(folder)))}
        first = _TESTS / _FIRST[mutant.group]
        others = [_TESTS / f"test_{name}.py" for name in ("orders", "link", "positions", "peers", "candles")]
        for files in ([first], [one for one in others if one != first]):
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "--timeout=60",
                "-p",
                "no:cacheprovider",
                *map(str, files),
            ]
            code = subprocess.run(
                command, env=environment, cwd=_TESTS.parents[1], capture_output=True, check=False
            ).returncode
            if code not in {0, 1}:
                sys.exit(f"pytest ended with {code}")
            if code:
                return True
    return False


def main(groups: list[str]) -> int:
    """Exit status: 0 where enough bugs were caught, in all and in each group."""
    chosen = [one for one in MUTANTS if not groups or one.group in groups]
    caught = Counter[str]()
    for one in chosen:
        found = _caught(one)
        caught[one.group] += found
        print(f"{'caught' if found else 'MISSED'}  {one.group:8} {one.file}: {one.new.strip()[:80]!r}", flush=True)
    for group, count in Counter(one.group for one in chosen).items():
        print(f"{group:8} {caught[group]} of {count}")
    share = sum(caught.values()) / len(chosen)
    print(f"{share:.1%} of {len(chosen)} bugs caught")
    return 0 if share >= _LEAST_CAUGHT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
