"""A small OpenID provider on the loopback interface: code flow with PKCE and RS256, and people who agree at once."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "the laboratory", "its secret"


class Provider:
    """A provider. ``claims`` are those of the next login; ``signer`` signs the tokens, and ``forged`` changes their content."""

    def __init__(self) -> None:
        self.key = self.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {
            "sub": "1",
            "email": "ada@example.org",
            "email_verified": True,
            "preferred_username": "ada",
        }
        self.forged: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""

    def discovery(self) -> dict[str, str]:
        endpoints = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "userinfo_endpoint": "/me",
            "jwks_uri": "/keys",
        }
        return {"issuer": self.issuer} | {name: self.issuer + path for name, path in endpoints.items()}

    def keys(self) -> dict[str, Any]:
        return {"keys": [{**RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "1", "alg": "RS256", "use": "sig"}]}

    def authorized(self, query: dict[str, str]) -> str:
        """Return the address of the redirect after the person has agreed."""
        assert query["client_id"] == CLIENT
        code = f"code {len(self.codes)}"
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def exchanged(self, sent: dict[str, str]) -> dict[str, str] | None:
        """Return tokens for a code, once, or None if client, address or verifier differ from the request's."""
        request = self.codes.pop(sent["code"], None)
        hashed = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        trusted = (sent["client_id"], sent["client_secret"]) == (CLIENT, SECRET)
        if (
            request is None
            or not trusted
            or hashed != request["code_challenge"]
            or sent["redirect_uri"] != request["redirect_uri"]
        ):
            return None
        now = int(time.time())
        payload = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.claims["sub"],
            "iat": now,
            "exp": now + 60,
            "nonce": request["nonce"],
        }
        token = jwt.encode(payload | self.forged, self.signer, "RS256", headers={"kid": "1"})
        return {"access_token": "let me in", "token_type": "Bearer", "id_token": token}


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.authorized(query))
            self.end_headers()
        elif url.path == "/me":
            known = self.headers["Authorization"] == "Bearer let me in"
            self.answer(self.provider.claims if known else None)
        else:
            self.answer({"/.well-known/openid-configuration": self.provider.discovery(), "/keys": self.provider.keys()}[url.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(self.provider.exchanged({name: values[0] for name, values in parse_qs(body).items()}))

    def answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(400 if content is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests."""


@contextmanager
def provider() -> Iterator[Provider]:
    started = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Handler,), {"provider": started}))
    started.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield started
    finally:
        server.shutdown()
        server.server_close()
