"""Builds a hook: makes a component of it, of the SDK and of Python, and writes the manifest into it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .manifest import with_manifest

_SDK = Path(__file__).resolve().parent.parent
_ENTRY = """import {module}
from boathook import component
from boathook.component import Background, Lifecycle, Listening, Methods, Observing, Routing, Swapping

component.export({module})
"""


class BuildError(Exception):
    """Why there is no component."""


def build(folder: Path, output: "Path | None" = None) -> str:
    """Builds the hook in a folder: `hook.py`, with its manifest `hook.toml`. Returns a line that says what became of
    it."""
    began = time.monotonic()
    if not (folder / "hook.py").is_file():
        raise BuildError(f"{folder}: no hook here, looked for hook.py")
    name, manifest = _manifest_of(folder)
    output = output or folder / f"{name}.wasm"
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="boathook-py-") as scratch:
        made = Path(scratch) / "hook.wasm"
        _componentize(folder.resolve(), Path(scratch), made)
        component = with_manifest(made.read_bytes(), manifest)
    # Renamed into place, so that a server never reads half a hook.
    fresh = output.with_name(f".{output.name}.{os.getpid()}")
    fresh.write_bytes(component)
    fresh.replace(output)
    return f"{output}: {len(component) // 1024} KiB in {time.monotonic() - began:.1f} s"


def _manifest_of(folder: Path) -> "tuple[str, str]":
    """The name, and the manifest's text; the name is the folder's where the manifest has none."""
    path = folder / "hook.toml"
    written = path.read_text(encoding="utf-8") if path.is_file() else "manifest_version = 1\n"
    # Keys ahead of the first table are the manifest's own.
    top = re.split(r"^\s*\[", written, maxsplit=1, flags=re.MULTILINE)[0]
    named = re.search(r"""^name\s*=\s*(["'])([^"'\n]+)\1""", top, flags=re.MULTILINE)
    name = named.group(2) if named else folder.resolve().name
    manifest = written if named else f"name = {json.dumps(name)}\n{written}"
    return name, manifest


def _componentize(folder: Path, scratch: Path, made: Path) -> None:
    (scratch / "boathook_entry.py").write_text(_ENTRY.format(module="hook"), encoding="utf-8")
    command = [_tool(), "--quiet", "--wit-path", str(_wit()), "--world", "hook", "componentize"]
    for path in (scratch, folder, _SDK):
        command += ["--python-path", str(path)]
    command += ["boathook_entry", "--output", str(made)]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"componentize-py: {(done.stderr + done.stdout).strip()}")


def _tool() -> str:
    """componentize-py of the Python that runs this, else of the PATH."""
    beside = Path(sys.executable).with_name("componentize-py")
    found = str(beside) if beside.exists() else shutil.which("componentize-py")
    if found is None:
        hint = f"hint: {sys.executable} -m pip install -r {_SDK / 'requirements.txt'}"
        raise BuildError(f"componentize-py is not installed\n{hint}")
    return found


def _wit() -> Path:
    """The world: a copy within the SDK or beside it where there is one, else the repository's."""
    places = [_SDK / "wit", _SDK.parent / "wit", _SDK.parent.parent / "wit"]
    for place in places:
        if (place / "world.wit").is_file():
            return place
    raise BuildError(f"no wit/world.wit, looked in {', '.join(map(str, places))}")
