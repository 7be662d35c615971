"""What an installation does to the machine around it, on files of the test."""

import pytest

from cli import server_packages
from cli.server_packages import no_cluster, no_service_starts


def test_no_service_starts_while_packages_are_installed(tmp_path):
    policy = tmp_path / "policy-rc.d"

    with no_service_starts(policy):
        during = policy.read_text(), policy.stat().st_mode & 0o777

    assert during == ("#!/bin/sh\nexit 101\n", 0o755)
    assert not policy.exists()


def test_a_policy_that_is_there_stays_as_it_is(tmp_path):
    policy = tmp_path / "policy-rc.d"
    policy.write_text("the administrator's")

    with no_service_starts(policy):
        during = policy.read_text()

    assert during == policy.read_text() == "the administrator's"


def test_the_policy_goes_when_the_installation_breaks(tmp_path):
    policy = tmp_path / "policy-rc.d"

    with pytest.raises(OSError, match="disk full"), no_service_starts(policy):
        raise OSError("disk full")

    assert not policy.exists()


def test_an_installed_postgres_makes_no_cluster_and_leaves_no_trace(tmp_path):
    conf = tmp_path / "createcluster.d" / "ours.conf"

    with no_cluster(conf):
        during = conf.read_text()

    assert during == "create_main_cluster = false\n"
    assert not conf.parent.exists()


def test_a_drop_in_of_somebody_else_is_kept(tmp_path):
    conf = tmp_path / "createcluster.d" / "ours.conf"
    theirs = conf.with_name("theirs.conf")
    theirs.parent.mkdir()
    theirs.write_text("start_conf = 'manual'\n")

    with no_cluster(conf):
        pass

    assert list(conf.parent.iterdir()) == [theirs]


def test_without_root_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setattr(server_packages, "missing", lambda: ["rabbitmq"])
    monkeypatch.setattr(server_packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(server_packages.os, "geteuid", lambda: 1000)

    reasons = server_packages.find_or_install()

    assert reasons == {
        "rabbitmq": "rabbitmq-server is not installed; as root: apt-get install rabbitmq-server"
    }
