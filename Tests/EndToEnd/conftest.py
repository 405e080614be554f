# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from booted import Machine, unbootable
from certificates import Certificate, make_certificate
from gateway import Gateway
from secrecy import pytest_sessionfinish  # noqa: F401
from upstreams import Aiosmtpd, NoUpstream, ScriptedUpstream, SmtpSink

SUMMARY = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[SUMMARY] = []


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash[SUMMARY]:
        terminalreporter.write_line(line)


@pytest.fixture
def summary(pytestconfig):
    """Lines to print at the end of the run, also when everything passed."""
    return pytestconfig.stash[SUMMARY]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """For the gateway and for upstreams: localhost by name and by address."""
    alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1"
    return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost", alternatives)


@pytest.fixture(scope="session")
def foreign_certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"), "elsewhere.test", "DNS:elsewhere.test")


@pytest.fixture(scope="module")
def machine(tmp_path_factory, pytestconfig):
    """A booted systemd with the gateway installed; nothing of it is started or configured."""
    reason = unbootable()
    if reason:
        reason = f"no systemd of our own can be booted here, so these tests are skipped: {reason}"
        if reason not in pytestconfig.stash[SUMMARY]:
            pytestconfig.stash[SUMMARY].append(reason)
        pytest.skip(reason)
    machine = Machine(tmp_path_factory.mktemp("booted"))
    try:
        machine.install()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def open_upstream(tmp_path, certificate):
    """Starts upstreams of a kind and closes them at the end: open_upstream(Aiosmtpd, "starttls")."""
    opened = []

    def open(kind, *arguments, **options):
        if kind in (Aiosmtpd, ScriptedUpstream):
            options.setdefault("certificate", certificate)
            upstream = kind(options.pop("certificate"), *arguments, **options)
        elif issubclass(kind, ScriptedUpstream):
            upstream = kind(*arguments, **options)
        elif kind is SmtpSink:
            directory = tmp_path / f"sink{len(opened)}"
            directory.mkdir()
            upstream = SmtpSink(directory)
        else:
            upstream = kind()
        opened.append(upstream)
        return upstream

    yield open
    for upstream in opened:
        upstream.close()


@pytest.fixture
def make_gateway(tmp_path, certificate, open_upstream):
    """Starts gateways with the user alice. At the end each must stop cleanly and have no secret in its log."""
    made = []

    def make(upstream=None, changes=None, start=True):
        directory = tmp_path / f"gateway{len(made)}"
        gateway = Gateway(directory, certificate, upstream or open_upstream(NoUpstream), changes)
        gateway.add_user()
        made.append(gateway)
        return gateway.start() if start else gateway

    yield make
    for gateway in made:
        gateway.close()
