# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""An authorization server as Microsoft and Google run them, and a relayhost that takes its tokens.

It is strict: a refresh token that was rotated holds no more, and whoever shows it loses the whole sign-in; an assertion
is verified in every part and taken once; who asks for a code too often is told to slow down.
"""
import base64
import hashlib
import json
import re
import secrets
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from gateway import free_port
from secrecy import SUITE
from upstreams import ScriptedUpstream

CLIENT = "3f0c8b1e-0000-4000-8000-00000000beef"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refusal(Exception):
    def __init__(self, code, text="", status=400):
        self.code, self.text, self.status = code, text, status


class TokenServer:
    """`lifetime` is that of an access token. `answers` are refusals that come first, whatever is asked."""

    def __init__(self, certificate, lifetime=3600, rotates=True, interval=1):
        self.certificate, self.lifetime, self.rotates, self.interval = certificate, lifetime, rotates, interval
        self.client_secret, self.client_certificate = None, None
        self.code_lifetime = 60
        self.port = free_port()
        self.lock = threading.Lock()
        self.answers = []
        self.requests = []
        self.access = {}
        self.refresh = {}
        self.spent = set()
        self.reused = []
        # Refresh tokens in the order in which they were given out, and which came with an access token.
        self.order = []
        self.pairs = {}
        self.codes = {}
        self.nonces = set()
        self.issued = set()
        self.http = None
        self.open()

    # What a test does

    def settings(self, **more):
        """For [upstream.office.oauth]."""
        base = f"https://localhost:{self.port}/tenant/oauth2/v2.0"
        return {"client_id": CLIENT, "token_url": f"{base}/token", "scope": "smtp offline_access", **more}

    def with_device(self):
        return self.settings(device_url=f"https://localhost:{self.port}/tenant/oauth2/v2.0/devicecode")

    def sign_in(self, user_code, user):
        """What somebody does in a browser; None declines."""
        with self.lock:
            (code,) = [code for code in self.codes.values() if code["user_code"] == user_code]
            code["user"] = user
            code["declined"] = user is None

    def revoke(self):
        """Ends every sign-in and every token."""
        with self.lock:
            self.refresh.clear()
            self.access.clear()

    def knows(self, user, token):
        """Whether this is a token that holds now, for this mailbox."""
        with self.lock:
            account, ends = self.access.get(token, (None, 0))
            return account in (user, "application") and time.monotonic() < ends

    def asked(self, grant):
        return [each for each in list(self.requests) if each.get("grant_type") == grant]

    def open(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                server.serve(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.http.daemon_threads = True
        self.http.socket = self.certificate.server_context().wrap_socket(
            self.http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        if self.http:
            self.http.shutdown()
            self.http.server_close()
            self.http = None

    # What it answers

    def serve(self, request):
        form = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode(), keep_blank_values=True)
        form = {name: value for name, (value,) in form.items()}
        try:
            with self.lock:
                self.requests.append(form)
                if self.answers:
                    raise self.answers.pop(0)
                status, answer = 200, self._answer(request.path, form)
        except Refusal as refusal:
            trace = "\r\nTrace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333\r\nTimestamp: 2026-11-21 00:00:00Z"
            status = refusal.status
            answer = {"error": refusal.code, "error_description": refusal.text + trace}
        body = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _answer(self, path, form):
        if form.get("client_id") != CLIENT:
            raise Refusal("unauthorized_client", "AADSTS700016: Application not found in the directory.")
        if path.endswith("/devicecode"):
            return self._device_code()
        if not path.endswith("/token"):
            raise Refusal("invalid_request", "", 404)
        self._check_client(form)
        grant = form.get("grant_type")
        if grant == "client_credentials":
            if self.client_secret is None and self.client_certificate is None:
                raise Refusal("unauthorized_client", "AADSTS7000218: The request body must contain a secret.", 401)
            return self._tokens("application", refresh=False)
        if grant == "refresh_token":
            return self._refresh(form["refresh_token"])
        if grant == DEVICE_GRANT:
            return self._device_token(form["device_code"])
        raise Refusal("unsupported_grant_type")

    def _check_client(self, form):
        if self.client_certificate:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refusal("invalid_client", "AADSTS7000218: The request body must contain an assertion.", 401)
            self._check_assertion(form["client_assertion"])
        elif self.client_secret:
            given = form.get("client_secret")
            if given != self.client_secret:
                raise Refusal("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)

    def _check_assertion(self, assertion):
        refusal = Refusal("invalid_client", "AADSTS700027: The assertion does not fit the certificate.", 401)
        head, claims, signature = assertion.split(".")
        header, body = json.loads(_octets(head)), json.loads(_octets(claims))
        certificate = x509.load_pem_x509_certificate(self.client_certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        if _octets(header["x5t#S256"]) != hashlib.sha256(der).digest() or header["typ"] != "JWT":
            raise refusal
        if "x5t" in header and _octets(header["x5t"]) != hashlib.sha1(der).digest():
            raise refusal
        scheme = {
            "RS256": padding.PKCS1v15(), "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
        }[header["alg"]]
        try:
            certificate.public_key().verify(_octets(signature), f"{head}.{claims}".encode(), scheme, hashes.SHA256())
        except InvalidSignature:
            raise refusal from None
        audience = f"https://localhost:{self.port}/tenant/oauth2/v2.0/token"
        if (body["aud"], body["iss"], body["sub"]) != (audience, CLIENT, CLIENT) or body["jti"] in self.nonces:
            raise refusal
        if not body["nbf"] - 5 <= time.time() < body["exp"] <= body["nbf"] + 600:
            raise Refusal("invalid_client", "AADSTS700024: The assertion is not within its valid time range.", 401)
        self.nonces.add(body["jti"])

    def _device_code(self):
        code, user_code = self._new("device"), secrets.token_hex(4).upper()
        self.codes[code] = {
            "user_code": user_code, "user": None, "declined": False, "asked": 0, "interval": self.interval,
            "ends": time.monotonic() + self.code_lifetime}
        return {
            "device_code": code, "user_code": user_code, "verification_uri": "https://login.test/device",
            "expires_in": self.code_lifetime, "interval": self.interval, "message": "Sign in with a browser."}

    def _device_token(self, device_code):
        code = self.codes.get(device_code)
        now = time.monotonic()
        if code is None or now > code["ends"]:
            raise Refusal("expired_token", "AADSTS70020: The code has expired.")
        early = now - code["asked"] < code["interval"] - 0.1
        code["asked"] = now
        if early:
            code["interval"] += 5
            raise Refusal("slow_down")
        if code["declined"]:
            raise Refusal("authorization_declined", "AADSTS70000: The user declined.")
        if code["user"] is None:
            raise Refusal("authorization_pending", "AADSTS70016: Nobody has signed in yet.")
        del self.codes[device_code]
        return self._tokens(code["user"], refresh=True)

    def _refresh(self, token):
        if token in self.spent:
            # As RFC 9700 section 4.14.2: somebody else has it too.
            self.reused.append(token)
            self.refresh.clear()
        if token not in self.refresh:
            raise Refusal("invalid_grant", "AADSTS50173: The grant was revoked.")
        user = self.refresh[token]
        if self.rotates:
            del self.refresh[token]
            self.spent.add(token)
        return self._tokens(user, refresh=self.rotates)

    def _tokens(self, user, refresh):
        claims = _text(json.dumps({"upn": user}).encode())
        # Of the length that Microsoft's have, so that it does not fit into a command.
        token = f"{_text(b'{}')}.{claims}.{self._new('access')}{'x' * 1500}"
        self.access[token] = (user, time.monotonic() + self.lifetime)
        self.issued.add(token)
        SUITE.uses(token)
        answer = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}
        if refresh:
            answer["refresh_token"] = self._new("refresh")
            self.refresh[answer["refresh_token"]] = user
            self.order.append(answer["refresh_token"])
            self.pairs[token] = answer["refresh_token"]
        return answer

    def _new(self, kind):
        made = f"{kind}-{secrets.token_urlsafe(24)}"
        self.issued.add(made)
        SUITE.uses(made)
        return made


class TokenUpstream(ScriptedUpstream):
    """A relayhost that takes tokens of a server and nothing else."""

    username, password = "scans@relay.test", None

    def __init__(self, certificate, tokens, mechanisms="XOAUTH2 OAUTHBEARER", mode="starttls"):
        super().__init__(certificate, mode)
        self.username = type(self).username
        self.tokens, self.mechanisms, self.logins = tokens, mechanisms, []
        # Refuses every token, however good.
        self.closed = False

    def _greet(self, line, conversation):
        offers = [*self.extensions]
        offers.append("STARTTLS" if not conversation.encrypted else f"AUTH {self.mechanisms}")
        return "\r\n".join([*(f"250-{offer}" for offer in ["relay.test", *offers]), "250 HELP"])

    def _authenticate(self, line, conversation):
        _, mechanism, *initial = line.decode().split()
        mechanism = mechanism.upper()
        message = base64.b64decode(initial[0] if initial else conversation.ask("334 ")).decode()
        pattern = {
            "XOAUTH2": r"user=([^\x01]*)\x01auth=Bearer ([^\x01]+)\x01\x01",
            "OAUTHBEARER": r"n,a=([^,]*),\x01auth=Bearer ([^\x01]+)\x01\x01",
        }[mechanism]
        user, token = re.fullmatch(pattern, message).groups()
        right = user == self.username and not self.closed and self.tokens.knows(user, token)
        self.logins.append((mechanism, token, right))
        if right:
            return "235 2.7.0 welcome"
        # RFC 7628 section 3.2.2: the reason, an answer of the client, then the refusal.
        conversation.ask("334 " + base64.b64encode(json.dumps({"status": "401", "scope": "smtp"}).encode()).decode())
        return "535 5.7.3 Authentication unsuccessful"


def make_client_certificate(directory):
    """Certificate alone, for the server; key and certificate in one file, for the gateway."""
    certificate, key, both = directory / "app.pem", directory / "app.key", directory / "app-both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=postern",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    SUITE.uses(key.read_text())
    return certificate, both


def _octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
