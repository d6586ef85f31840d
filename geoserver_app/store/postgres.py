"""The PostgreSQL installed on this machine: its programs, its user, its processes, its settings."""

import os
import pwd
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIN_VERSION = 15
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/lib/postgresql*/bin", "/usr/local/pgsql/bin")
MB = 1 << 20
GB = 1 << 30


class ClusterError(RuntimeError):
    """The private cluster cannot be made or started; the text says what to do."""


@dataclass(frozen=True)
class Installed:
    """One installation of PostgreSQL: its folder of programs and its major version."""

    bin: Path
    version: int

    @property
    def has_postgis(self) -> bool:
        return any((folder / "postgis.control").is_file() for folder in self._extension_folders())

    def _extension_folders(self) -> list[Path]:
        known = [Path(f"/usr/share/postgresql/{self.version}/extension"), self.bin.parent / "share" / "extension"]
        config = self.bin / "pg_config"
        if config.is_file():
            asked = subprocess.run([config, "--sharedir"], capture_output=True, text=True, check=False)
            known.append(Path(asked.stdout.strip()) / "extension")
        return known


def _version(folder: Path) -> int | None:
    try:
        told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = re.search(r"\) (\d+)", told.stdout)
    return int(found[1]) if found and (folder / "initdb").exists() and (folder / "pg_ctl").exists() else None


def find_installed() -> list[Installed]:
    """Every usable PostgreSQL on this machine, newest first."""
    folders = [path for place in PLACES for path in Path("/").glob(place.lstrip("/"))]
    if (config := shutil.which("pg_config")) is not None:
        asked = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(asked.stdout.strip()))
    if (program := shutil.which("postgres")) is not None:
        folders.append(Path(program).resolve().parent)
    found = {folder.resolve(): _version(folder) for folder in folders if (folder / "postgres").exists()}
    usable = [Installed(folder, version) for folder, version in found.items() if version and version >= MIN_VERSION]
    return sorted(usable, key=lambda one: one.version, reverse=True)


def choose_installed(version: int | None = None) -> Installed:
    """The newest installation with PostGIS, or the one that made an existing cluster (``version``)."""
    installed = find_installed()
    if version is not None:
        for one in installed:
            if one.version == version:
                return one
        raise ClusterError(
            f"The data were made by PostgreSQL {version}, which is no longer installed: "
            f"install postgresql-{version} and postgresql-{version}-postgis-3."
        )
    for one in installed:
        if one.has_postgis:
            return one
    if installed:
        raise ClusterError(
            f"PostgreSQL {installed[0].version} has no PostGIS: install postgresql-{installed[0].version}-postgis-3."
        )
    raise ClusterError(
        f"No PostgreSQL {MIN_VERSION} or newer was found: run script/server as root or with sudo, install postgresql "
        "and postgis by hand, or set MAILLAGE_DATABASE_URL."
    )


def machine_memory() -> int:
    """Bytes of memory this process may use: the machine's, or the container's where that is less."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            physical = min(physical, int(Path(limit).read_text()))
        except (OSError, ValueError):
            continue
    return physical


def _shared_memory_is_small() -> bool:
    """Containers give 64 MB of /dev/shm; parallel queries need more and would fail."""
    try:
        disk = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return True
    return disk.f_frsize * disk.f_blocks < 256 * MB


def size_for(memory: int, cores: int, disk: int, connections: int, *, durable: bool) -> dict[str, str]:
    """PostgreSQL settings for a machine of so many bytes of memory, cores and bytes of free disk."""

    def megabytes(value: int, low: int, high: int) -> str:
        return f"{max(low, min(high, value)) // MB}MB"

    settings = {
        "max_connections": str(connections),
        "shared_buffers": megabytes(memory // 8, 64 * MB, 8 * GB),
        "effective_cache_size": megabytes(memory // 2, 256 * MB, 64 * GB),
        "work_mem": megabytes(memory // (8 * connections), 4 * MB, 64 * MB),
        "maintenance_work_mem": megabytes(memory // 16, 64 * MB, 2 * GB),
        "max_wal_size": megabytes(disk // 20, 512 * MB, 4 * GB),
        "min_wal_size": "256MB",
        "max_worker_processes": str(cores + 4),
        "max_parallel_workers": str(cores),
        "max_parallel_workers_per_gather": str(min(4, cores // 2)),
        "max_parallel_maintenance_workers": str(min(4, max(1, cores // 2))),
        "random_page_cost": "1.1",
        "jit": "off",
        "wal_compression": "on",
        "checkpoint_timeout": "15min",
        "max_locks_per_transaction": "256",
        "client_connection_check_interval": "5s",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    if _shared_memory_is_small():
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def write_settings(settings: dict[str, str]) -> str:
    """The text of a PostgreSQL configuration file."""
    quoted = (f"{name} = '" + value.replace("'", "''") + "'" for name, value in settings.items())
    return "\n".join(
        ("# Written at every start; put your own settings in postgresql.conf, after the include.", *quoted, "")
    )


def server_user(data: Path) -> pwd.struct_passwd | None:
    """Who runs PostgreSQL when we are root, as which it refuses to run; None: ourselves."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    for name in ("postgres", "maillage"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    subprocess.run(
        ["useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin", "maillage"],
        check=True,
    )
    return pwd.getpwnam("maillage")


def can_own(folder: Path, user: pwd.struct_passwd) -> bool:
    """Make ``folder`` the user's own; false where they cannot reach it or the disk forbids it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        os.chown(folder, user.pw_uid, user.pw_gid)
        probe = ["test", "-w", str(folder)]
        subprocess.run(probe, cwd="/", user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=True)
    except (OSError, subprocess.CalledProcessError):
        with suppress(OSError):
            folder.rmdir()
        return False
    return True


def run_program(installed: Installed, user: pwd.struct_passwd | None, program: str, *args: str) -> None:
    """Run one of PostgreSQL's programs, as ``user`` where given, in a clean environment."""
    who: dict[str, Any] = {}
    if user is not None:
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
    done = subprocess.run(
        [installed.bin / program, *args],
        cwd="/",
        env={"PATH": f"{installed.bin}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o077,
        start_new_session=True,
        check=False,
        **who,
    )
    if done.returncode != 0:
        raise ClusterError(f"{program} failed: {done.stderr.strip() or 'it gave no reason'}")


def serves(pid: int, data: Path) -> bool:
    """Whether a process is the server of this data directory: its number alone may be another's by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(data) in words and words[0].endswith(b"postgres")


def working_in(data: Path) -> list[int]:
    """PostgreSQL's processes in this data directory, as far as the system lets us see them."""
    here = str(data.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if str((entry / "cwd").readlink()) == here and (entry / "comm").read_text().startswith("postgres"):
                    found.append(int(entry.name))
    return found


def alive(process: str) -> bool:
    """Whether a process of this number, as a file's name tells it, is running; no number is nobody."""
    with suppress(ProcessLookupError, ValueError):
        try:
            os.kill(int(process), 0)
        except PermissionError:
            return True
        return True
    return False
