"""Build an MQL5 program for the emulated terminal: ``python -m harness.build PROGRAM.mq5 OUTPUT``, in mql5/."""

import subprocess
import sys
from pathlib import Path

from harness.translate import translate

_HERE = Path(__file__).resolve().parent
_WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter")  # MQL5's handlers have parameters by contract
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build(program: Path, output: Path, *, include: Path = _HERE.parent / "Include", strict: bool = True) -> None:
    """Translate and compile.

    Parameters
    ----------
    include
        The folder that stands for MQL5/Include.
    strict
        Warnings are errors, and the program stops at undefined behaviour, a wild address and a leak; slower.

    Raises
    ------
    NotPortableError
        The source leaves the portable subset.
    subprocess.CalledProcessError
        The compiler refuses it; its words are in ``stderr``.
    """
    source = output.with_suffix(".cpp")
    source.write_text('#include "mql5.hpp"\n' + translate(program.resolve(), include.resolve()))
    command = ["g++", "-std=c++20", "-O1" if strict else "-O0", "-g1", f"-I{_HERE / 'shim'}"]
    command += [
        *((*_WARNINGS, *_SANITIZERS) if strict else ()),
        "-ftrivial-auto-var-init=pattern",
        str(source),
        "-o",
        str(output),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
