# SPDX-License-Identifier: Apache-2.0
"""The wire between a proxy and openexecd: passes bytes on, and remembers which side closed each connection first."""
import socket
import struct
import threading


class Link:
    """One connection of the proxy. `closed_by` is "proxy" or "service" once one of them has closed it."""

    def __init__(self, near, far):
        self.near, self.far = near, far
        self.requests = 0
        self.closed_by = None
        self.held = False


class Relay:
    """With `slow` the end that the service sends stays on the wire until the proxy has sent something on that
    connection. So a request and the end of its connection always pass each other, which is rare on a real wire."""

    def __init__(self, port, slow=False):
        self.service = port
        self.slow = slow
        self.links = []
        self.changed = threading.Condition()  # guards links and what they remember
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def wait(self, holds, seconds=60):
        """Waits until the links are as `holds` says, and returns what it said."""
        with self.changed:
            if not self.changed.wait_for(lambda: holds(self.links), seconds):
                links = [(link.requests, link.closed_by) for link in self.links]
                raise AssertionError(f"not within {seconds} s: {links}")
            return holds(self.links)

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.service))
            except OSError:
                near.close()
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(near, far)
            with self.changed:
                self.links.append(link)
                self.changed.notify_all()
            threading.Thread(target=self._from_proxy, args=(link,), daemon=True).start()
            threading.Thread(target=self._from_service, args=(link,), daemon=True).start()

    def _closed(self, link, side):
        with self.changed:
            if link.closed_by is None:
                link.closed_by = side
            self.changed.notify_all()

    def _from_proxy(self, link):
        while data := self._read(link.near):
            with self.changed:
                link.requests += data.startswith((b"POST ", b"GET "))
                held = link.held
                self.changed.notify_all()
            if held:  # The two have passed each other. The service's kernel answers these bytes with a reset.
                link.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                link.near.close()
                return
            try:
                link.far.sendall(data)
            except OSError:
                break
        self._closed(link, "proxy")
        self._end(link.far)

    def _from_service(self, link):
        while data := self._read(link.far):
            try:
                link.near.sendall(data)
            except OSError:
                break
        with self.changed:
            link.held = self.slow and link.closed_by is None
        self._closed(link, "service")
        if not link.held:
            self._end(link.near)

    @staticmethod
    def _read(end):
        try:
            return end.recv(65536)
        except OSError:
            return b""

    @staticmethod
    def _end(end):
        try:
            end.shutdown(socket.SHUT_WR)
        except OSError:
            pass
