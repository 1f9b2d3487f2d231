"""The MetaTrader side: its files, for the terminal's data folder."""

from pathlib import Path

import typer

from shared.errors import InputError

app = typer.Typer(help="The files for MetaTrader 5.", no_args_is_help=True)

_FOLDERS = ("Experts", "Include", "Indicators", "Scripts")


@app.callback()
def _group() -> None:
    """Keep ``export`` a subcommand."""


@app.command("export")
def export(
    folder: Path = typer.Argument(..., metavar="DIR", help="the terminal's data folder, or any folder to copy from"),
    force: bool = typer.Option(False, "--force", help="also replace files that are there and differ"),
) -> None:
    """Write the Expert Advisor, its classes, scripts and indicator into DIR/MQL5, ready to compile."""
    sources = _sources()
    target = folder if folder.name.upper() == "MQL5" else folder / "MQL5"
    differing = [name for name, text in sources.items() if _differs(target / name, text)]
    if differing and not force:
        shown = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
        raise InputError("DIR", str(folder), f"has other files: {shown}", "give --force to replace them")
    try:
        for name, text in sources.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    except OSError as error:
        raise InputError("DIR", str(folder), f"cannot be written: {error.strerror}", "name another folder") from None
    print(f"{len(sources)} files in {target}")
    print(
        "next: copy MQL5 into the terminal's data folder (File > Open Data Folder), open Experts/NatronEA.mq5, press F7"
    )


def _sources() -> dict[str, bytes]:
    """Path under MQL5 -> text."""
    from importlib.resources import as_file, files

    with as_file(files("mql5")) as root:
        found = [path for name in _FOLDERS for path in sorted((root / name).rglob("*.mq[5h]"))]
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _differs(path: Path, text: bytes) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != text)
