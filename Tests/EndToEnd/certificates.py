# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates made for one run by openssl; each is its own authority."""
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

from secrecy import SUITE


class Certificate(NamedTuple):
    chain: Path
    key: Path

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def make_certificate(directory, name, alternatives):
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternatives}", "-keyout", made.key, "-out", made.chain],
        check=True, capture_output=True)
    SUITE.uses(made.key.read_text())
    return made
