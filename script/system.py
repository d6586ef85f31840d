"""The operating system's packages, installed with apt as root or through sudo. Standard library only."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from geoserver_app.store.postgres import MIN_VERSION, ClusterError, Installed, choose_installed, find_installed

CLIENTS = ("python3-qgis", "gdal-bin", "mapserver-bin", "cgi-mapserver", "default-jre-headless")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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
        self.prefix(packages)
        if self.updated:
            return
        say("Reading the lists of packages (apt-get update)")
        self.updated = True
        try:
            self.get(packages, "update")
        except CannotSetUp:
            say("Some lists could not be read; going on with those at hand")

    def install(self, packages: list[str], why: str) -> None:
        self.update(packages)
        say(f"Installing {', '.join(packages)} ({why})")
        self.get(packages, "install", "-y", "--no-install-recommends", *packages)

    def offers(self, pattern: str) -> list[str]:
        if not shutil.which("apt-cache"):
            return []
        prefix, _, suffix = pattern.partition("*")
        told = subprocess.run(["apt-cache", "pkgnames", prefix], capture_output=True, text=True, check=False)
        return [name for name in told.stdout.split() if name.startswith(prefix) and name.endswith(suffix)]


def install_postgres(apt: Apt) -> None:
    """PostgreSQL and PostGIS, without the system's own cluster that Debian would make and start."""
    try:
        choose_installed()
        return
    except ClusterError:
        installed = find_installed()
    if shutil.which("apt-get") and (os.geteuid() == 0 or shutil.which("sudo")):
        apt.update(database_packages(apt, installed))
    packages = database_packages(apt, installed)
    if not installed:
        forbid_main_cluster(apt, packages)
    apt.install(packages, "the database")
    try:
        choose_installed()
    except ClusterError as error:
        raise CannotSetUp(str(error)) from None


def database_packages(apt: Apt, installed: list[Installed]) -> list[str]:
    """PostGIS for the PostgreSQL that is here, else both in the newest version on offer."""
    versions = [one.version for one in installed]
    if not versions:
        offered = [name.split("-")[1] for name in apt.offers("postgresql-*-postgis-3")]
        versions = sorted({int(word) for word in offered if word.isdigit()}, reverse=True)
    if not versions:
        return ["postgresql", "postgis"]
    if versions[0] < MIN_VERSION:
        raise CannotSetUp(
            f"This release offers no PostgreSQL {MIN_VERSION}: use Debian 12, Ubuntu 24.04 or newer, add the "
            "PostgreSQL project's own packages, or set MAILLAGE_DATABASE_URL."
        )
    number = versions[0]
    return [f"postgresql-{number}", f"postgresql-{number}-postgis-3", f"postgresql-{number}-postgis-3-scripts"]


def forbid_main_cluster(apt: Apt, packages: list[str], root: Path = Path("/")) -> None:
    """Only this program's private cluster is wanted.

    Where postgresql-common came without a server, its setting is changed in place; a machine on which
    a server is installed, or a cluster described, is its administrator's.
    """
    line = "create_main_cluster = false"
    conf = root / "etc/postgresql-common/createcluster.conf"
    if has_server(root):
        return
    before = conf.read_text() if conf.exists() else ""
    wanted = re.sub(r"(?m)^[ \t]*create_main_cluster\b.*$", line, before)
    if line not in wanted.splitlines():
        wanted = f"{wanted.rstrip()}\n{line}\n".lstrip()
    if wanted == before:
        return
    write = f"mkdir -p {quote(str(conf.parent))} && printf %s {quote(wanted)} > {quote(str(conf))}"
    run("Preparing PostgreSQL's installation", *apt.prefix(packages), "sh", "-c", write, cwd="/")


def has_server(root: Path) -> bool:
    """Whether Debian's PostgreSQL has a server, or the settings of a cluster."""
    return any(root.glob("usr/lib/postgresql/*/bin/postgres")) or any(root.glob("etc/postgresql/*/*/postgresql.conf"))


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
