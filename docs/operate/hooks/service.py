#!/usr/bin/env python3
"""A web service for all hooks: it believes what is signed with the secret of the file, and keeps mail to test addresses
from going out. Behind a proxy that speaks TLS, or on the machine of Postroom itself: service.py PORT SECRETFILE."""
import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECRET = int(sys.argv[1]), open(sys.argv[2]).read().strip().removeprefix("whsec_")


def is_signed(headers, body):
    parts = [headers["webhook-id"] or "", headers["webhook-timestamp"] or "0"]
    signed = ".".join(parts).encode() + b"." + body
    wanted = base64.b64encode(hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()).decode()
    given = [word.removeprefix("v1,") for word in (headers["webhook-signature"] or "").split(" ")]
    is_fresh = abs(time.time() - int(parts[1])) < 300
    return is_fresh and any(hmac.compare_digest(word, wanted) for word in given)


def answer(call):
    if call["type"] == "pre_send" and all(address.endswith(".test") for address in call["recipients"]):
        return {"action": "stop", "reason": "it goes to test addresses alone"}
    return {"action": "continue"}


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        is_ours = is_signed(self.headers, body)
        said = json.dumps(answer(json.loads(body)) if is_ours else {}).encode()
        self.send_response(200 if is_ours else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


ThreadingHTTPServer(("127.0.0.1", PORT), Hook).serve_forever()
