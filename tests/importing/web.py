"""A web server with answers on order, on loopback."""

import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """What is asked for gets the next answer of its path, (status, headers, body), the last one again and again."""

    def __init__(self):
        self.answers = defaultdict(list)
        self.asked, self.headers = [], []

    def put(self, path, *answers):
        self.answers[path] = list(answers)

    def take(self, path):
        self.asked.append(path)
        answers = self.answers[path]
        return (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else (404, {}, b"")


@contextmanager
def serve(host="127.0.0.1"):
    """Yield a site and its address."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.headers.append(dict(self.headers))
            status, headers, body = site.take(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site, f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
