"""A web service that does not behave. service.py PORT MODE FOLDER"""
import ssl, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, mode, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if mode == "slow":
            threading.Event().wait()
        said = b'{"action": "continue"}' + b" " * (2_000_000 if mode == "much" else 0)
        self.send_response({"500": 500, "redirect": 307}.get(mode, 200))
        if mode == "redirect":
            self.send_header("location", f"http://localhost:{port}/elsewhere")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
if mode == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
