"""A simulated Microsoft 365 as a process of its own, for any test that needs a Microsoft to talk to."""

from __future__ import annotations

import html
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import requests

from config.demo.ports import free_dns_port

ROOT = Path(__file__).resolve().parent.parent
REDIRECT_URI = "http://localhost:8000/integrations/microsoft/callback/"
PASSWORD = "kestrel-demo-1"


@dataclass(kw_only=True)
class Simulator:
    """`Simulator().start()` … `stop()`. Started again, it keeps its data, its ports and its secret."""

    data: Path = Path()
    redirect_uri: str = REDIRECT_URI
    https_port: int = field(default_factory=lambda: free_port())
    http_port: int = field(default_factory=lambda: free_port())
    dns_port: int = field(default_factory=free_dns_port)
    exchange_port: int = field(default_factory=lambda: free_port())
    client_id: str = "5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40"
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    control_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None
    _own_data: tempfile.TemporaryDirectory[str] | None = None

    def start(self, data_dir: Path | None = None, redirect_uri: str = "", *, wait: float = 30) -> Simulator:
        """Without a directory: where it was before, or in one of its own that goes with this object."""
        self.redirect_uri = redirect_uri or self.redirect_uri
        self.data = data_dir or self._data()
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait(wait)
        return self

    def command(self) -> list[str]:
        kinds = {"https": self.https_port, "http": self.http_port, "dns": self.dns_port, "exchange": self.exchange_port}
        ports = [f"--{kind}-port={port}" for kind, port in kinds.items()]
        return [sys.executable, "manage.py", "simulator", "--data", str(self.data), *ports, *self.options]

    @property
    def log_path(self) -> Path:
        return self.data / "serve.log"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "The simulator has not been started."
        return self._process

    @property
    def origin(self) -> str:
        """What MICROSOFT_AUTHORITY_HOST would be."""
        return f"https://localhost:{self.https_port}"

    @property
    def authority(self) -> str:
        return f"{self.origin}/organizations"

    @property
    def graph_url(self) -> str:
        return f"{self.origin}/v1.0"

    @property
    def ews_url(self) -> str:
        """Exchange Online's: what MICROSOFT_EWS_URL would be."""
        return f"{self.origin}/EWS/Exchange.asmx"

    @property
    def exchange_url(self) -> str:
        """EWS of the Exchange Server on-premises."""
        return f"https://localhost:{self.exchange_port}/EWS/Exchange.asmx"

    @property
    def human_url(self) -> str:
        return f"http://localhost:{self.http_port}"

    @property
    def dns_server(self) -> str:
        """What DNS_SERVERS would be: it knows the organizations' domains."""
        return f"127.0.0.1:{self.dns_port}"

    @property
    def ca_path(self) -> Path:
        return self.data / "ca.pem"

    def http(self) -> requests.Session:
        """A client that trusts this simulator's authority, and nothing from the environment."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.ca_path)
        return session

    def control(self, method: str, path: str, json: object = None) -> Any:
        """The control API, e.g. `control("POST", "people/alice@kestrel.example/revoke-sessions")`."""
        answer = requests.request(
            method,
            f"{self.human_url}/control/{path}",
            json=json,
            headers={"Authorization": f"Bearer {self.control_token}"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    def sign_in(
        self,
        authorize_url: str,
        name: str = "alice@kestrel.example",
        password: str = PASSWORD,
        *,
        answer: str = "accept",
        session: requests.Session | None = None,
        mfa: str = "approve",
        for_everybody: bool = False,
        new_password: str = "",
        justification: str = "Needed for the new quarter.",
    ) -> dict[str, str]:
        """Walk the pages as a person would; the parameters with which they are sent back to the application.

        Also for the addresses of administrators' consent. `answer` is what they say to the consent page: accept or
        cancel. `mfa` is what they do with their authenticator: approve, or cancel. `for_everybody` ticks the box of
        an administrator, `new_password` is what they choose when theirs has expired. Whoever meets "Need admin
        approval" goes back; with "Approval required" they ask for it first, unless `justification` is empty.
        """
        walker = Walker(
            browser=session or self.http(),
            redirect_uri=dict(parse_qsl(urlsplit(authorize_url).query)).get("redirect_uri") or self.redirect_uri,
            name=name,
            password=password,
            answer=answer,
            mfa=mfa,
            for_everybody=for_everybody,
            new_password=new_password,
            justification=justification,
        )
        return walker.walk(authorize_url)

    def stop(self) -> None:
        """As Ctrl-C or a supervisor would."""
        self.process.terminate()
        self.process.wait(timeout=15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=15)

    def _data(self) -> Path:
        if self.data != Path():
            return self.data
        if self._own_data is None:
            self._own_data = tempfile.TemporaryDirectory(prefix="simulator-")
        return Path(self._own_data.name)

    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")},
            "SIMULATOR_APP_CLIENT_ID": self.client_id,
            "SIMULATOR_APP_CLIENT_SECRET": self.client_secret,
            "SIMULATOR_APP_REDIRECT_URI": self.redirect_uri,
            "SIMULATOR_CONTROL_TOKEN": self.control_token,
            **self.environment,
        }

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if requests.get(f"{self.human_url}/healthz", timeout=1).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        self.kill()
        raise AssertionError(f"The simulator did not start:\n{self.log_path.read_text()}")


@dataclass(kw_only=True)
class Walker:
    """Somebody at the pages of the simulated Microsoft, who answers each of them."""

    browser: requests.Session
    redirect_uri: str
    name: str
    password: str
    answer: str = "accept"
    mfa: str = "approve"
    for_everybody: bool = False
    new_password: str = ""
    justification: str = ""

    def walk(self, url: str) -> dict[str, str]:
        page = self._get(url)
        for _ in range(12):
            if page.is_redirect:
                target = urljoin(page.url, page.headers["Location"])
                if target.startswith(self.redirect_uri):
                    return dict(parse_qsl(urlsplit(target).query or urlsplit(target).fragment))
                page = self._get(target)
                continue
            if "data-submit" in page.text:
                return form_of(page)[1]
            page = self._fill_in(page)
        raise AssertionError(f"The pages did not lead back to the application; the last was:\n{page.text}")

    def _get(self, url: str) -> requests.Response:
        return self.browser.get(url, allow_redirects=False, timeout=30)

    def _fill_in(self, page: requests.Response) -> requests.Response:
        if "<h1>Pick an account</h1>" in page.text:
            return self._get(urljoin(page.url, self._account(page.text)))
        action, fields = form_of(page)
        fields |= self._answer_to(page.text)
        return self.browser.post(urljoin(page.url, action), data=fields, allow_redirects=False, timeout=30)

    def _account(self, text: str) -> str:
        """Theirs, if it is among those on the page; else another."""
        links = [
            html.unescape(link) for link in re.findall(r'href="([^"]*\?[^"]*(?:client_id|SAMLRequest)=[^"]*)"', text)
        ]
        queries = {link: parse_qs(urlsplit(link).query) for link in links}
        own = (link for link, query in queries.items() if query.get("login_hint") == [self.name])
        return next(own, "") or next(link for link, query in queries.items() if query.get("step") == ["password"])

    def _answer_to(self, text: str) -> dict[str, str]:
        answers = re.findall(r'name="answer" value="([a-z-]+)"', text)
        if "sign-in" in answers:
            assert 'role="alert"' not in text, f"Signing in failed:\n{text}"
            return {"name": self.name, "password": self.password, "answer": "sign-in"}
        if "renew" in answers:
            assert self.new_password and 'role="alert"' not in text, f"The password has expired:\n{text}"
            new = self.new_password
            return {"password": self.password, "new_password": new, "new_again": new, "answer": "renew"}
        if "approve" in answers:
            shown = re.search(r'class="number"[^>]*>(\d\d)<', text)
            assert shown, text
            return {"number": shown[1], "answer": self.mfa}
        if "ask" in answers and self.justification:
            return {"justification": self.justification, "answer": "ask"}
        if "accept" in answers:
            return {"answer": self.answer} | ({"for_everybody": "on"} if self.for_everybody else {})
        assert "return" in answers, text
        return {"answer": "return"}


def form_of(page: requests.Response) -> tuple[str, dict[str, str]]:
    """The page's form: where it goes, and its hidden fields."""
    action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
    assert action, page.text
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in hidden}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
