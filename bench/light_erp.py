"""An ERP that costs next to nothing, so that the engine is measured and not the sandbox.

`python -m bench.light_erp SANDBOX_URL ARTICLE_ID` prints its address as one line of JSON. A query
for articles by their ids is answered from one row of the sandbox, which is asked once per kind of
query; everything else is passed on to the sandbox.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

EXECUTE = "/computed-queries/execute"
IDS = re.compile(r"IN \(([^)]*)\)")
#: The sandbox has one sales channel for shops; any other is taken for it.
CHANNEL = re.compile(r"= '\d+'")
PASSED_ON = ("Authorization", "Content-Type", "User-Agent", "Accept")


class LightErp:
    """Rows for any number of articles, made of one."""

    def __init__(self, sandbox_url: str, article_id: str) -> None:
        self._url, self._article_id = sandbox_url, article_id
        self._answers: dict[str, dict[str, Any]] = {}

    def rows(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
        """The answer to a query by ids."""
        statement = body["statement"]
        ids = [one.strip(" '") for one in IDS.search(statement)[1].split(",")]
        asked = CHANNEL.sub("= '42'", IDS.sub(f"IN ('{self._article_id}')", statement))
        if asked not in self._answers:
            sent = json.dumps({**body, "statement": asked}).encode()
            self._answers[asked] = self.passed_on("POST", path, headers, sent).json()
        answer = self._answers[asked]
        (row,) = answer["data"]
        rows = [{**row, "id": int(one)} for one in ids]
        return json.dumps({"definition": answer["definition"], "data": rows}).encode()

    def passed_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> requests.Response:
        return requests.request(
            method, self._url + path, headers=headers, data=body or None, timeout=30
        )


def handler_for(erp: LightErp) -> type[BaseHTTPRequestHandler]:
    """What the server makes one of per connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet; otherwise the second waits for the first's receipt.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            if self.path.endswith(EXECUTE) and b" IN (" in body:
                rows = erp.rows(self.path, headers, json.loads(body))
                self._send(200, {"x-query-more-elements": "false"}, rows)
                return
            answer = erp.passed_on(method, self.path, headers, body)
            self._send(answer.status_code, {}, answer.content)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Nobody reads one line per request."""

    return Handler


def main() -> None:
    erp = LightErp(sys.argv[1], sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(erp))
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
