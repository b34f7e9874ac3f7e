#!/usr/bin/env python3
"""A server at 100 % CPU: one thread that burns --ms of processor time for each
request, then answers it. Linux only.

Prints 'listening PORT' and ends with SIGTERM or --limit.
"""

import argparse
import select
import socket
import sys
import time

sys.dont_write_bytecode = True

from spread_server import Client  # noqa: E402


def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def serve(listener, seconds, limit_s):
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients = {}
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        for descriptor, _ in poll.poll(0.2, 256):
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
            if complete:
                burn(seconds)
                try:
                    client.answer()
                except OSError:
                    complete = None
            if complete is None:
                poll.unregister(descriptor)
                clients.pop(descriptor).connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ms", type=float, required=True, help="processor time of a request")
    parser.add_argument("--limit", type=float, default=60, metavar="SECONDS")
    args = parser.parse_args()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    print("listening", listener.getsockname()[1], flush=True)
    serve(listener, args.ms / 1000, args.limit)


if __name__ == "__main__":
    main()
