#!/usr/bin/env python3
"""A server that answers each request after a time, and knows how long it really
took: from the kernel's receive stamp of the request to when the answer was handed
to the kernel. Prints its port; at SIGTERM the times, in milliseconds, as JSON.

    truth_server.py MS            that time
    truth_server.py MS MORE_MS    and an exponential time more, of that mean
"""

import heapq
import json
import random
import selectors
import signal
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """One thread, one heap of answers that are due."""

    def __init__(self, after_s, more_s):
        self.after_s, self.more_s, self.took_ms, self.due, self.over = after_s, more_s, [], [], False
        # Others wait for whole milliseconds: response times would fall on a lattice, and so would their percentiles.
        self.selector = selectors.SelectSelector()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def accept(self):
        peer, _ = self.listener.accept()
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.selector.register(peer, selectors.EVENT_READ)

    def read(self, peer):
        try:
            data, extra, _, _ = peer.recvmsg(65536, 64)
        except OSError:
            data, extra = b"", []
        if not data:
            self.selector.unregister(peer)
            peer.close()
            return
        stamps = [struct.unpack("ll", value[:16]) for level, kind, value in extra
                  if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
        came = stamps[0][0] + stamps[0][1] / 1e9 if stamps else time.time()
        more = random.expovariate(1 / self.more_s) if self.more_s else 0.0
        heapq.heappush(self.due, (came + self.after_s + more, id(peer), peer, came))

    def answer(self):
        while self.due and self.due[0][0] <= time.time():
            _, _, peer, came = heapq.heappop(self.due)
            try:
                peer.send(ANSWER)
            except OSError:
                continue
            self.took_ms.append((time.time() - came) * 1e3)

    def run(self):
        while not self.over:
            wait = max(0.0, self.due[0][0] - time.time()) if self.due else 0.05
            for key, _ in self.selector.select(min(wait, 0.05)):
                self.accept() if key.fileobj is self.listener else self.read(key.fileobj)
            self.answer()


def main():
    after_ms, more_ms = (float(value) for value in [*sys.argv[1:], 0][:2])
    server = Server(after_ms / 1e3, more_ms / 1e3)
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "over", True))
    print(server.listener.getsockname()[1], flush=True)
    server.run()
    json.dump(sorted(server.took_ms), sys.stdout)


if __name__ == "__main__":
    main()
