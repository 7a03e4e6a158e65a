# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes dist/mtmsd-<version>.zip, what QGIS's plugin manager installs.

    python package.py [--release] [--unpack FOLDER]

Takes the files that git knows, or would take up, as they are in the working tree, less those that .gitattributes marks
"export-ignore"; metadata.txt names the maintainer of maintainer.toml. The same files give the same bytes: names sorted,
times fixed, no modes. Runs in any Python 3.9.
"""

from __future__ import annotations

import argparse
import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parent))
from maintainer import FILE, read_maintainer, refusal, with_maintainer

ROOT = Path(__file__).resolve().parent.parent
NAME = "mtmsd"  # of the one folder in the package, and of the module that QGIS imports
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_MODE = 0o100644 << 16  # a plain file, not executable


def main() -> None:
    """Make the package and, where wished for, unpack it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unpack", type=Path, help="also unpack it into this folder; what is there is removed")
    parser.add_argument("--release", action="store_true", help="refuse where maintainer.toml has placeholders")
    arguments = parser.parse_args()
    if arguments.release and (sentence := refusal(read_maintainer(ROOT / FILE))):
        sys.exit(sentence)
    package = make_package(ROOT / "dist")
    size = package.stat().st_size
    print(f"{package.relative_to(ROOT)}: {len(zipfile.ZipFile(package).namelist())} files, {size / 1e6:.2f} MB")
    if arguments.unpack is not None:
        shutil.rmtree(arguments.unpack, ignore_errors=True)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(arguments.unpack)


def make_package(folder: Path) -> Path:
    """Write the package; a broken run leaves none."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}-{version()}.zip"
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in packaged_files():
            entry = zipfile.ZipInfo(f"{NAME}/{file}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            archive.writestr(entry, content_of(file))
    partial.replace(path)
    return path


def packaged_files() -> list[str]:
    """Paths below the root, sorted."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    files = sorted({file for file in listed if file and (ROOT / file).is_file()})
    folders = {str(parent) for file in files for parent in PurePosixPath(file).parents if str(parent) != "."}
    left_out = _left_out(sorted({*files, *folders}))
    return [file for file in files if not left_out & {file, *(str(parent) for parent in PurePosixPath(file).parents)}]


def content_of(file: str) -> bytes:
    """A file as the package has it."""
    content = (ROOT / file).read_bytes()
    if file != "metadata.txt":
        return content
    return with_maintainer(content.decode("utf-8"), read_maintainer(ROOT / FILE)).encode("utf-8")


def version() -> str:
    """The plugin's, from metadata.txt."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return parser["general"]["version"]


def _left_out(paths: list[str]) -> set[str]:
    answer = _git("check-attr", "-z", "--stdin", "export-ignore", text="\0".join(paths)).split("\0")
    return {path for path, value in zip(answer[::3], answer[2::3]) if value == "set"}


def _git(*arguments: str, text: str = "") -> str:
    # In a container the folder may be someone else's.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    return subprocess.run(command, input=text, check=True, capture_output=True, encoding="utf-8").stdout


if __name__ == "__main__":
    main()
