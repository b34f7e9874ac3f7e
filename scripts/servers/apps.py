"""An ASGI and a WSGI application that note what they were sent.

POST: the body is read to its end, and answered with `ok`. GET /down and GET
/stream give the file BODY, with a Content-Length and without. Every request
becomes a line of JSON in the file RECORD: its query, and the number of bytes and
the SHA-256 of its body.
"""

import hashlib
import json
import os

with open(os.environ["BODY"], "rb") as file:
    BODY = file.read()
# One write a line, so that processes do not mix theirs.
RECORD = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
PIECE = 64 * 1024


def note(query, received, digest):
    line = {"query": query, "received": received, "sha256": digest.hexdigest()}
    os.write(RECORD, (json.dumps(line) + "\n").encode())


def pieces(path):
    if path != "/stream":
        return [BODY if path == "/down" else b"ok"]
    return [BODY[at:at + PIECE] for at in range(0, len(BODY), PIECE)]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    received, digest, more = 0, hashlib.sha256(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        received += len(message.get("body", b""))
        digest.update(message.get("body", b""))
        more = message.get("more_body", False)
    note(scope["query_string"].decode(), received, digest)
    path = scope["path"]
    body = pieces(path)
    headers = [] if path == "/stream" else [(b"content-length", b"%d" % len(body[0]))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def wsgi(environ, start_response):
    received, digest = 0, hashlib.sha256()
    while piece := environ["wsgi.input"].read(PIECE):
        received += len(piece)
        digest.update(piece)
    note(environ["QUERY_STRING"], received, digest)
    path = environ["PATH_INFO"]
    body = pieces(path)
    start_response("200 OK", [] if path == "/stream" else [("Content-Length", str(len(body[0])))])
    return body
