#!/usr/bin/env python3
"""A server that sees how far apart the requests of a wave arrive.

It answers nobody before the whole wave of --users requests is in, so that its
own work lies between waves, not inside them. The instants are the kernel's
receive stamps (SO_TIMESTAMPNS), taken when the packet arrived, however late
this program reads it. Linux only.

Prints 'listening PORT', and when --waves are over or the clients are gone, one
line of JSON: {"waves": n, "users": n, "unstamped": n, "spread_us": {"p50", "p99", "max"}}.
"""

import argparse
import json
import math
import select
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("qq")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nserver: spread\r\n\r\nok"


def body_length(head):
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


class Client:
    """One connection and what has come of its next request."""

    def __init__(self, connection):
        self.connection = connection
        self.received = b""
        self.arrived = None

    def read(self):
        """Reads what is there. True when the request is complete, None when
        the client has gone."""
        while True:
            try:
                data, ancillary, _, _ = self.connection.recvmsg(65536, 256)
            except BlockingIOError:
                return False
            except OSError:
                return None
            if not data:
                return None
            # The first stamp: a request counts from the packet that began it.
            if not self.received:
                self.arrived = next((seconds * 10**9 + nanos
                                     for level, kind, value in ancillary
                                     if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS
                                     for seconds, nanos in [TIMESPEC.unpack(value)]), None)
            self.received += data
            head, end, body = self.received.partition(b"\r\n\r\n")
            if end and len(body) >= body_length(head):
                return True

    def answer(self):
        self.received = b""
        self.connection.send(ANSWER)


def serve(listener, users, waves, limit_s):
    """The spread of each wave in microseconds, and how many waves had a request
    without a stamp."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients, waiting, spreads, unstamped = {}, [], [], 0
    deadline = time.monotonic() + limit_s
    while len(spreads) + unstamped < waves and time.monotonic() < deadline:
        for descriptor, _ in poll.poll(1.0, 4096):
            if descriptor == listener.fileno():
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    continue
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(connection, select.EPOLLIN)
                clients[connection.fileno()] = Client(connection)
                continue
            client = clients[descriptor]
            complete = client.read()
            if complete is None:
                poll.unregister(descriptor)
                clients.pop(descriptor).connection.close()
                if not clients and (spreads or unstamped):
                    return spreads, unstamped
            elif complete:
                waiting.append(client)
        if len(waiting) >= users:
            stamps = [client.arrived for client in waiting]
            if None in stamps:
                unstamped += 1
            else:
                spreads.append((max(stamps) - min(stamps)) / 1000)
            for client in waiting:
                client.answer()
            waiting.clear()
    return spreads, unstamped


def quantile(ordered, p):
    """x_p is the ceil(n*p)-th smallest value."""
    return ordered[max(1, math.ceil(round(len(ordered) * p, 9))) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--waves", type=int, required=True)
    parser.add_argument("--limit", type=float, default=60, metavar="SECONDS")
    args = parser.parse_args()

    listener = socket.socket()
    # Set before anyone connects: the kernel starts stamping a little later.
    listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    print("listening", listener.getsockname()[1], flush=True)

    spreads, unstamped = serve(listener, args.users, args.waves, args.limit)
    if not spreads:
        print("no complete wave with stamps", file=sys.stderr)
        return 1
    ordered = sorted(spreads)
    print(json.dumps({
        "waves": len(spreads), "users": args.users, "unstamped": unstamped,
        "spread_us": {"p50": quantile(ordered, 0.5), "p99": quantile(ordered, 0.99), "max": ordered[-1]},
    }), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
