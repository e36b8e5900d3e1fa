"""Writes bindings/: the world's interfaces as Python, with their documentation, as componentize-py makes them.

They are for editors and type checkers: a component gets its own when it is built. After a change to `wit/`:
`python tools/bindings.py`; a test fails where that was forgotten.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SDK = Path(__file__).resolve().parent.parent
FOLDER = SDK / "bindings"
#: What of it concerns this world, which has no async functions.
KEPT = ("wit_world", "componentize_py_types.py")


def generate(folder: Path) -> "dict[str, str]":
    """The files, by their paths from `folder`, made there."""
    sys.path.insert(0, str(SDK))
    from boathook.build import _tool, _wit

    command = [_tool(), "--quiet", "--wit-path", str(_wit()), "--world", "hook", "bindings", str(folder)]
    subprocess.run(command, check=True)
    return files(folder)


def files(folder: Path) -> "dict[str, str]":
    """The files of bindings in a folder."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(KEPT):
            # Without spaces at the ends of lines, which the tool leaves in documentation.
            text = path.read_text(encoding="utf-8")
            found[name] = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = generate(Path(scratch))
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, text in made.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
