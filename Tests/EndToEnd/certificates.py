# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates made for one run by openssl; each server's is its own authority."""
import ssl
import subprocess
import time
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


def pin(chain):
    """As docs/RELAY.md tells an admin to find it."""
    command = (f"openssl x509 -in {chain} -noout -pubkey | openssl pkey -pubin -outform DER"
               " | openssl dgst -sha256 -binary | openssl base64")
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.strip()


class Authority:
    """Signs certificates of clients; each file holds the certificate and its key."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory
        self.certificate = make_certificate(directory, "authority", "DNS:authority.test").chain

    def sign(self, name, days=2, alternatives=None):
        """`days` from now until it ends, or since it ended. `alternatives` as OpenSSL has them: DNS:a,email:b."""
        key, request, both = (self.directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
        subprocess.run(
            ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             f"/CN={name}", "-keyout", key, "-out", request], check=True, capture_output=True)
        database = self.directory / f"{name}.index"
        database.touch()
        configuration = self.directory / f"{name}.cnf"
        configuration.write_text(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={database}\nnew_certs_dir={self.directory}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=any\nx509_extensions=use\n[any]\ncommonName=supplied\n"
            "[use]\nextendedKeyUsage=clientAuth\n"
            + (f"subjectAltName={alternatives}\n" if alternatives else ""))
        signed = subprocess.run(
            ["openssl", "ca", "-batch", "-notext", "-config", configuration, "-cert", self.certificate,
             "-keyfile", self.certificate.with_suffix(".key"), "-in", request, "-startdate", _date(-10),
             "-enddate", _date(days)], check=True, capture_output=True).stdout
        both.write_bytes(signed + key.read_bytes())
        return both


def _date(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86_400))
