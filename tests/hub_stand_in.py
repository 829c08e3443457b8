"""A local stand-in of the Hugging Face Hub: the few endpoints that up- and downloads need."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_a_test"


class Repository:
    """A repository's commits, each a dictionary of its files; the last one is ``main``."""

    def __init__(self, private: bool = False, gated: bool = False, **files: bytes) -> None:
        self.private, self.gated, self.commits = private, gated, [files]

    def sha(self, number: int = -1) -> str:
        """The name of a commit, of 40 digits."""
        number %= len(self.commits)
        return hashlib.sha1(f"{number}{id(self)}".encode()).hexdigest()

    def at(self, revision: str) -> int | None:
        """The number of a commit by its name; None if there is none of that name."""
        names = {"main": len(self.commits) - 1}
        names |= {self.sha(number): number for number in range(len(self.commits))}
        return names.get(revision)


class StandIn(ThreadingHTTPServer):
    """The Hub: `repositories` by user/name, and every request as "METHOD path"."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    """Answers of the endpoints."""

    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        match self.asked():
            case ["api", "models", user, name, *rest]:
                self.describe(f"{user}/{name}", rest)
            case [user, name, "resolve", revision, *path]:
                self.give(f"{user}/{name}", revision, "/".join(path))
            case _:
                self.send({}, 404)

    def do_POST(self) -> None:
        asked = self.asked()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.send({"error": "Invalid user token."}, 401)
        match asked:
            case ["api", "validate-yaml"]:
                self.send({"errors": [], "warnings": []})
            case ["api", "repos", "create"]:
                self.create(json.loads(body))
            case ["api", "models", _, _, "preupload", "main"]:
                files = json.loads(body)["files"]
                self.send({"files": [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for f in files
                ]})  # fmt: skip
            case ["api", "models", user, name, "commit", "main"]:
                self.commit(f"{user}/{name}", [json.loads(line) for line in body.splitlines()])
            case _:
                self.send({}, 404)

    def asked(self) -> list[str]:
        """The parts of the path, noted."""
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        return path.strip("/").split("/")

    def find(self, name: str, revision: str) -> tuple[Repository, int] | None:
        """A repository's commit; where there is none, that is the answer."""
        repository = self.server.repositories.get(name)
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not known):
            self.send({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return None
        number = repository.at(revision)
        if number is None:
            self.send({"error": "no"}, 404, {"X-Error-Code": "RevisionNotFound"})
            return None
        return repository, number

    def describe(self, name: str, rest: list[str]) -> None:
        """A repository's commit, or the list of its files."""
        found = self.find(name, rest[1] if rest else "main")
        if found is None:
            return
        repository, number = found
        files = repository.commits[number]
        if rest[:1] == ["tree"]:
            self.send([
                {"type": "file", "path": path, "size": len(content), "oid": of_git(content)}
                for path, content in files.items()
            ])  # fmt: skip
        else:
            about = {"id": name, "modelId": name, "sha": repository.sha(number), "tags": []}
            siblings = [{"rfilename": path} for path in files]
            self.send({**about, "private": repository.private, "siblings": siblings})

    def give(self, name: str, revision: str, path: str) -> None:
        """A file."""
        found = self.find(name, revision)
        if found is None:
            return
        repository, number = found
        if repository.gated:
            self.send({"error": "gated"}, 403, {"X-Error-Code": "GatedRepo"})
        elif path not in repository.commits[number]:
            self.send({"error": "no"}, 404, {"X-Error-Code": "EntryNotFound"})
        else:
            content = repository.commits[number][path]
            headers = {"X-Repo-Commit": repository.sha(number), "ETag": f'"{of_git(content)}"'}
            self.send(content, 200, headers)

    def create(self, asked: dict) -> None:
        """A new repository."""
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.server.repositories:
            return self.send({"error": "it is there", "url": f"{self.server.address}/{name}"}, 409)
        private = asked.get("visibility") == "private" or asked.get("private", False)
        self.server.repositories[name] = Repository(private)
        self.send({"url": f"{self.server.address}/{name}"})

    def commit(self, name: str, lines: list[dict]) -> None:
        """A new commit."""
        repository = self.server.repositories[name]
        files = dict(repository.commits[-1])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        repository.commits.append(files)
        oid = repository.sha()
        url = f"{self.server.address}/{name}/commit/{oid}"
        self.send({"success": True, "commitOid": oid, "commitUrl": url})

    def send(self, content: object, status: int = 200, headers: dict[str, str] | None = None):
        """Answer with bytes, or with JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def of_git(content: bytes) -> str:
    """The name that git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serve() -> Iterator[StandIn]:
    """A stand-in that answers until the block ends."""
    with StandIn() as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
