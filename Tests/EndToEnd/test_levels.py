# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Three sockets, three levels: who may open which, what each may do, and what the log says of who tried."""
import errno
import grp
import os
import stat
import tempfile
from pathlib import Path

import pytest

from control import Control, ask_as
from gateway import Gateway, eventually
from messages import message
from upstreams import NoUpstream

NOBODY = 65534
LEVELS = ("view", "operate", "admin")
READING = {"status", "queue", "show", "why", "complete", "route.test", "upstream.show", "clients"}
CHANGING = {"flush", "hold", "release", "bounce", "drop", "undrop", *(f"{verb}.{side}" for verb in ("pause", "resume")
                                                    for side in ("in", "out", "upstream"))}
EVERYTHING = {"reload", "users.list", "creds.list", "creds.set", "creds.login", "creds.test"}

as_others = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def gateway(certificate, open_upstream):
    """In a directory that anyone may enter, so that only the sockets say no."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        gateway = Gateway(directory / "gateway", certificate, open_upstream(NoUpstream))
        gateway.start()
        yield gateway
        gateway.close()


def path(gateway, level):
    return gateway.directory / "control" / f"{level}.sock"


def group_of(gateway, level):
    return path(gateway, level).stat().st_gid


def test_the_sockets_have_the_modes_and_groups_of_their_levels(gateway):
    for level, mode, name in (("view", 0o660, "adm"), ("operate", 0o660, "postern-operate"), ("admin", 0o600, None)):
        facts = path(gateway, level).stat()
        assert stat.S_ISSOCK(facts.st_mode) and stat.S_IMODE(facts.st_mode) == mode
        assert facts.st_uid == os.getuid()
        groups = {group.gr_name: group.gr_gid for group in grp.getgrall()}
        if os.getuid() == 0:
            assert facts.st_gid == groups.get(name, os.getgid())
    assert stat.S_IMODE((gateway.directory / "control").stat().st_mode) == 0o755


def test_each_socket_offers_what_its_level_may(gateway):
    offers = {level: set(Control(path(gateway, level)).greeting["caps"]) for level in LEVELS}
    assert offers["view"] == READING
    assert offers["operate"] == READING | CHANGING
    assert offers["admin"] == READING | CHANGING | EVERYTHING


def test_what_is_above_the_level_is_refused_and_says_what_would_give_it(gateway):
    view = Control(path(gateway, "view"))
    assert view.greeting["level"] == "view"
    for cmd in sorted(CHANGING | EVERYTHING):
        _, error = view.ask(cmd, all=True, name="office", secret="x")
        assert (error["code"], error["exit"]) == ("daemon.level", 77)
        wanted = "postern-operate" if cmd in CHANGING else "only root"
        assert wanted in " ".join(error["context"]) and error["hint"].startswith("sudo postern ")
    assert view.ask("status")[1]["exit"] in (0, 1)
    _, error = Control(path(gateway, "operate")).ask("reload")
    assert error["exit"] == 77


@as_others
def test_nobody_gets_nothing(gateway):
    for level in LEVELS:
        assert ask_as(path(gateway, level), [], NOBODY) == [["errno", errno.EACCES]]


@as_others
@pytest.mark.parametrize("level", ["view", "operate"])
def test_a_member_of_the_group_gets_that_level_and_no_other(level, gateway):
    groups = [group_of(gateway, level)]
    greeting, (_, end) = ask_as(path(gateway, level), [["status", {}]], NOBODY, groups)
    assert greeting["level"] == level and end["exit"] in (0, 1)
    assert ask_as(path(gateway, "admin"), [], NOBODY, groups) == [["errno", errno.EACCES]]
    other = "operate" if level == "view" else "view"
    assert ask_as(path(gateway, other), [], NOBODY, groups) == [["errno", errno.EACCES]]


@as_others
@pytest.mark.parametrize("level", LEVELS)
def test_a_socket_that_was_opened_to_all_by_hand_gives_no_more_than_before(level, gateway):
    path(gateway, level).chmod(0o666)
    (error,) = ask_as(path(gateway, level), [["status", {}]], NOBODY)
    assert (error["error"]["code"], error["error"]["exit"]) == ("daemon.permission", 77)
    line = eventually(
        lambda: [line for line in gateway.log().splitlines() if f"connect to {level}.sock" in line], what="a line")
    assert len(line) == 1 and "uid 65534" in line[0] and "refused" in line[0]
    if level != "admin":
        greeting, *_ = ask_as(path(gateway, level), [], NOBODY, [group_of(gateway, level)])
        assert greeting["level"] == level


@as_others
def test_the_log_says_who_changed_what_and_why(gateway):
    id = gateway.submit(message())
    gateway.submit(message())
    command = ["hold", {"select": f"{id} state:queued,deferred,sending", "reason": "typo?\x1b[2J", "for_s": 7200}]
    _, ((change,), _) = ask_as(path(gateway, "operate"), [command], NOBODY, [group_of(gateway, "operate")])
    assert (change["matched"], change["done"]) == (1, 1)
    assert change["actor"]["uid"] == NOBODY and change["actor"]["user"] == "nobody"
    (line,) = [line for line in gateway.log().splitlines() if " ran hold" in line]
    for part in ("nobody", "uid 65534", f"hold {id}", "--for 2h", r"typo?\x1b[2J", "1 matched, 1 changed"):
        assert part in line, line
    held = gateway.message(id)
    assert held["state"] == "held" and held["hold"]["by"] == "nobody"
    assert "\x1b" not in held["hold"]["reason"]
