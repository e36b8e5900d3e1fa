"""Makes a component of a hook: `python -m boathook build [FOLDER] [-o FILE]`."""

import argparse
import sys
from pathlib import Path

from .build import BuildError, build


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m boathook", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="make a component of the hook in a folder")
    command.add_argument("folder", nargs="?", default=".", type=Path, help="where hook.py and hook.toml are")
    command.add_argument("-o", "--output", type=Path, help="the component; FOLDER/NAME.wasm unless given")
    arguments = parser.parse_args()
    try:
        print(build(arguments.folder, arguments.output), file=sys.stderr)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
