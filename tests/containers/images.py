"""Images that others publish, or stand-ins of our own where no registry answers."""

import os
import shutil
import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.containers.engine import docker, try_docker

HERE = Path(__file__).parent
STAND_INS = HERE / "standins"
DEBIAN = "strata-debian"
RELEASE = "bookworm"
LIBRARIES = (
    "ca-certificates,netbase,tzdata,libbz2-1.0,libexpat1,libffi8,liblzma5,"
    "libreadline8,libsqlite3-0,libssl3,libuuid1,zlib1g"
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# A standard library without what no service imports and no slim image has.
LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "config-*", "__pycache__")

WHERE = """
import sys, sysconfig
print(sys.executable, sys.base_prefix, sysconfig.get_path("stdlib"), sep="\\n")
"""


def provide(images: list[str], *, python: Path, scratch: Path) -> None:
    """See to it that each image is here; skip the test when one cannot be had."""
    # Of several processes that test, one provides and the others find it done.
    with Path(gettempdir(), "strata-images.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        for image in images:
            if not _is_here(image) and not _pulled(image):
                _stand_in(image, python, scratch)


def _is_here(image: str) -> bool:
    return try_docker("image", "inspect", image).returncode == 0


def _pulled(image: str) -> bool:
    try:
        return try_docker("pull", "--quiet", image, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _stand_in(image: str, python: Path, scratch: Path) -> None:
    name = image.rpartition("/")[2].partition(":")[0]
    if name == "uv":
        _import(Path(shutil.which("uv") or "uv").resolve(), image, scratch / "uv")
    elif name == "python":
        _import_python(image, python, _debian(scratch))
    elif (recipe := STAND_INS / name).is_dir():
        if not _is_here(DEBIAN):
            _import_tree(_debian(scratch), DEBIAN)
        docker("build", "--quiet", "--tag", image, recipe)
    else:
        pytest.skip(f"NOT TESTED: {image} can be neither pulled nor imitated")


def _debian(scratch: Path) -> Path:
    """A small Debian that trusts whom this machine trusts."""
    root = scratch / "debian"
    if root.is_dir():
        return root
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("NOT TESTED: no registry answers, and there is no debootstrap")
    command = ["debootstrap", "--variant=minbase", f"--include={LIBRARIES}", RELEASE]
    subprocess.run([*command, root], check=True, capture_output=True)
    shutil.copy(CERTIFICATES, root / str(CERTIFICATES).lstrip("/"))
    return root


def _import_python(image: str, python: Path, root: Path) -> None:
    """Put a Python of this machine where the official image has its own."""
    local = root / "usr/local"
    shutil.rmtree(local)
    prefix = Path(_say(python, "import sys; print(sys.base_prefix)"))
    library = Path(
        _say(python, "import sysconfig; print(sysconfig.get_path('stdlib'))")
    )
    ignore = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(library, local / "lib" / library.name, ignore=ignore, symlinks=True)
    for shared in prefix.glob("lib/libpython3*"):
        shutil.copy(shared, local / "lib", follow_symlinks=False)
    (local / "bin").mkdir()
    shutil.copy(
        _say(python, "import sys; print(sys.executable)"), local / "bin/python3"
    )
    (local / "bin/python").symlink_to("python3")
    binaries = [*local.glob("lib/*.so.*"), *local.rglob("lib-dynload/*.so")]
    subprocess.run(["strip", *binaries], check=True)
    subprocess.run(["chroot", root, "ldconfig"], check=True)
    _import_tree(root, image)


def _say(python: Path, script: str) -> str:
    return subprocess.check_output([python, "-c", script], text=True).strip()


def _import(program: Path, image: str, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(program, folder / "uv")
    _import_tree(folder, image)


def _import_tree(folder: Path, image: str) -> None:
    path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    changes = (f"ENV PATH={path}", f"ENV SSL_CERT_FILE={CERTIFICATES}")
    archive = folder.with_suffix(".tar")
    subprocess.run(["tar", "-C", folder, "-cf", archive, "."], check=True)
    options = [word for change in changes for word in ("--change", change)]
    docker("import", *options, archive, image)
    archive.unlink()
