"""The private cluster: made once, shared by commands, started again whatever was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from geoserver_app.settings import read_settings
from geoserver_app.store.cluster import OUTSIDE, Cluster, running
from geoserver_app.store.postgres import GB, MB, ClusterError, size_for, working_in
from tests.setup.conftest import throw_away


def ask(url: str | None, question: str) -> object:
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(question)  # type: ignore[call-overload]
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def kill_server(cluster: Cluster) -> None:
    pid = cluster.postmaster()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while cluster.postmaster() is not None:
        time.sleep(0.01)


def test_a_first_start_makes_a_cluster_with_checksums_and_stops_it_afterwards(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.used() as access:
        assert ask(access.superuser_url, "SHOW data_checksums") == "on"
        assert ask(access.superuser_url, "SHOW fsync") == "on"
        assert ask(access.superuser_url, "SHOW server_encoding") == "UTF8"
        assert str(ask(access.app_url, "SELECT postgis_lib_version()")) >= "3.3"
        processes = working_in(cluster.data)
        assert cluster.postmaster() in processes
    assert cluster.postmaster() is None
    assert working_in(cluster.data) == []


def test_the_server_s_role_owns_nothing_and_cannot_bypass_row_level_security(home: Path) -> None:
    with Cluster(home).used() as access:
        rights = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = %s"
        with psycopg.connect(access.owner_url) as connection:
            for role in ("maillage_app", "maillage_owner"):
                assert connection.execute(rights, (role,)).fetchone() == (False,)
        owned = "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = 'maillage_app'::regrole"
        assert ask(access.superuser_url, owned) == 0
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'maillage'"
        assert ask(access.owner_url, owner) == "maillage_owner"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(access.app_url, "CREATE TABLE mine (a int)")


def test_nobody_gets_in_without_the_passwords_that_only_the_owner_can_read(home: Path) -> None:
    with Cluster(home).used() as access:
        assert (home / "database.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(access.app_url.replace(access.app_password, "wrong"))


def test_a_second_command_finds_it_running_and_the_last_to_leave_stops_it(home: Path) -> None:
    first, second = Cluster(home), Cluster(home)
    first.enter()
    started = first.postmaster()
    second.enter()
    assert second.postmaster() == started is not None
    first.leave()
    assert second.postmaster() == started
    assert ask(second.access().app_url, "SELECT 1") == 1
    second.leave()
    assert second.postmaster() is None


def test_commands_that_start_together_start_one_server(home: Path) -> None:
    clusters = [Cluster(home) for _ in range(3)]
    threads = [threading.Thread(target=cluster.enter) for cluster in clusters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({cluster.postmaster() for cluster in clusters}) == 1
    assert clusters[0].postmaster() is not None
    for cluster in clusters:
        cluster.leave()
    assert clusters[0].postmaster() is None


def test_what_was_committed_survives_the_death_of_the_server(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.used() as access:
        ask(access.owner_url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
        kill_server(cluster)
    with cluster.used() as access:
        assert ask(access.owner_url, "SELECT answer FROM kept") == 42


def test_a_server_that_died_in_use_is_started_again_under_the_same_address(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.used() as access:
        assert not cluster.ensure()
        kill_server(cluster)
        assert cluster.ensure()
        assert cluster.access() == access
        assert ask(access.app_url, "SELECT 1") == 1


def test_a_lock_file_that_names_another_program_s_process_does_not_stop_it(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.used():
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        kill_server(cluster)
    (cluster.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    shutil.chown(cluster.data / "postmaster.pid", cluster.data.owner(), cluster.data.group())
    assert cluster.postmaster() is None
    with cluster.used() as access:
        assert ask(access.app_url, "SELECT 1") == 1


def test_a_killed_command_leaves_a_server_that_the_next_one_uses_and_stops(home: Path) -> None:
    code = "import sys, pathlib, time\nfrom geoserver_app.store.cluster import Cluster\n"
    code += "c = Cluster(pathlib.Path(sys.argv[1]))\nc.enter()\nprint('in', flush=True)\ntime.sleep(60)\n"
    child = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "in\n"
    child.kill()
    child.wait()
    child.stdout.close()
    cluster = Cluster(home)
    left = cluster.postmaster()
    assert left is not None
    with cluster.used():
        assert cluster.postmaster() == left
    assert cluster.postmaster() is None


def test_a_first_start_that_was_killed_half_way_is_finished_by_the_next(home: Path) -> None:
    cluster = Cluster(home)
    record = json.loads((home / "cluster.json").read_text())
    (home / "cluster.json").write_text(json.dumps({"folder": record["folder"]}))
    with cluster.used() as access:
        ask(access.superuser_url, "ALTER ROLE maillage_app SUPERUSER")
    (home / "cluster.json").write_text(json.dumps({"folder": record["folder"]}))
    with cluster.used() as access:
        assert ask(access.app_url, "SELECT rolsuper FROM pg_roles WHERE rolname = 'maillage_app'") is False


def test_lost_passwords_are_told_in_a_sentence_and_leave_nothing_running(home: Path) -> None:
    kept = (home / "database.json").rename(home / "kept.json")
    try:
        with pytest.raises(ClusterError, match=r"database\.json"), Cluster(home).used():
            pass
        assert Cluster(home).postmaster() is None
    finally:
        kept.rename(home / "database.json")


def test_two_homes_run_side_by_side(home: Path, make_home: Callable[[], Path]) -> None:
    other = make_home()
    with Cluster(home).used() as one, Cluster(other).used() as two:
        ask(one.owner_url, "CREATE TABLE only_here ()")
        assert ask(one.app_url, "SELECT to_regclass('only_here')::text") == "only_here"
        assert ask(two.app_url, "SELECT to_regclass('only_here')::text") is None


def test_a_path_too_long_for_a_socket_uses_a_loopback_port_that_survives_a_restart(
    make_home: Callable[[], Path],
) -> None:
    cluster = Cluster(make_home() / ("a" * 60) / ("b" * 60))
    try:
        with cluster.used() as access:
            assert "@127.0.0.1:" in access.app_url
            assert ask(access.app_url, "SHOW listen_addresses") == "127.0.0.1"
            kill_server(cluster)
            assert cluster.ensure()
            assert cluster.access() == access
    finally:
        throw_away(cluster.home)


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder only root may enter, as root's own home is."""
    folder = Path(tempfile.mkdtemp(prefix="maillage-"))
    yield folder
    throw_away(folder / "home")
    folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the cluster as another user")
def test_the_data_go_elsewhere_where_root_s_server_cannot_reach_the_home(closed_folder: Path) -> None:
    told: list[str] = []
    cluster = Cluster(closed_folder / "home", tell=told.append)
    with cluster.used() as access:
        assert cluster.data.is_relative_to(OUTSIDE)
        assert ask(access.app_url, "SELECT 1") == 1
        assert cluster.data.stat().st_uid != 0
    assert closed_folder.stat().st_mode & 0o777 == 0o700
    assert str(cluster.folder) in " ".join(told)
    with Cluster(closed_folder / "home").used() as again:
        assert again == access


def test_a_database_that_is_given_is_used_and_no_cluster_made(home: Path, tmp_path: Path) -> None:
    with Cluster(home).used() as access:
        settings = read_settings({"MAILLAGE_DATABASE_URL": access.owner_url, "MAILLAGE_HOME": str(tmp_path)})
        with running(settings) as found:
            assert ask(found.owner_url, "SELECT current_user") == "maillage_owner"
            assert found.app_password in found.app_url
    assert not (tmp_path / "cluster.json").exists()


def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(tmp_path: Path) -> None:
    settings = read_settings({"MAILLAGE_DATABASE_URL": "postgresql://x:hidden@127.0.0.1:1/x"}, home=tmp_path)
    with pytest.raises(ClusterError, match="MAILLAGE_DATABASE_URL") as told, running(settings):
        pass
    assert "hidden" not in str(told.value)


def test_a_small_machine_gets_small_buffers_and_a_large_one_bounded_ones() -> None:
    small = size_for(1 * GB, cores=1, disk=20 * GB, connections=50, durable=True)
    large = size_for(256 * GB, cores=32, disk=2000 * GB, connections=400, durable=True)
    assert (small["shared_buffers"], small["work_mem"], small["max_wal_size"]) == ("128MB", "4MB", "1024MB")
    assert (large["shared_buffers"], large["work_mem"], large["max_wal_size"]) == ("8192MB", "64MB", "4096MB")
    assert int(small["work_mem"].removesuffix("MB")) * MB * 50 < 1 * GB
