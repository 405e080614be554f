# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Stands between a gateway and an upstream and counts what passes; TLS does not hide whose turn it is."""
import socket
import threading
from contextlib import suppress

from gateway import free_port


class RoundTrips:
    """`turns`: how often the upstream spoke after the gateway had. `connections`: how many there were."""

    def __init__(self, target):
        self.port, self.target = free_port(), target
        self.turns = self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                gateway, _ = self.listener.accept()
                upstream = socket.create_connection(("127.0.0.1", self.target))
                self.connections += 1
                spoke = [None]
                for source, sink in ((gateway, upstream), (upstream, gateway)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(
                        target=self._pass_on, args=(source, sink, source is upstream, spoke), daemon=True).start()

    def _pass_on(self, source, sink, is_upstream, spoke):
        with suppress(OSError):
            while octets := source.recv(65536):
                if is_upstream and spoke[0] == "gateway":
                    self.turns += 1
                spoke[0] = "upstream" if is_upstream else "gateway"
                sink.sendall(octets)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        # A blocked accept does not notice that its socket is closed, but that it is shut down.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
