"""Clusters behind https with a self-signed certificate, a password, a context path, a proxy."""

from __future__ import annotations

import http.client
import http.server
import os
import shutil
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import h2o
import pyarrow as pa
import pytest
from h2o.backend import H2OConnection, H2OLocalServer
from h2o.exceptions import H2OConnectionError
from hard_tables import assert_same, enum

from h2o_gan import extension
from h2o_gan.cluster.frames import PLAIN, Transport

TABLE = pa.table({"x": [0.1, None, 3.5], "e": enum([1, 0, None], ["b", "a"]), "s": ["p", "", None]})


def check(transport: Transport, cluster_keys: Callable[[], set[str]]) -> None:
    before = cluster_keys()
    frame = transport.write(TABLE.to_reader(), None)
    assert_same(transport.read(frame, ["s", "x"]).read_all(), TABLE.select(["s", "x"]))
    assert_same(transport.read(frame, None).read_all(), TABLE)
    h2o.remove(frame)
    assert cluster_keys() == before


@pytest.fixture
def restore_connection(cluster: H2OConnection) -> Iterator[None]:
    """Whatever a test connects to, the next one finds the run's own cluster again."""
    yield
    h2o.h2o.h2oconn = cluster


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key store with a self-signed certificate, and the certificate as PEM."""
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("needs keytool, which comes with a JDK, to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    store, pem = folder / "store.jks", folder / "certificate.pem"
    common = [
        "-alias",
        "h2o",
        "-keystore",
        str(store),
        "-storepass",
        "secret1",
        "-keypass",
        "secret1",
    ]
    made = ["-genkeypair", "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=localhost"]
    names = ["-ext", "SAN=dns:localhost,ip:127.0.0.1"]
    subprocess.run([keytool, *made, *names, *common], check=True, capture_output=True)
    exported = ["-exportcert", "-rfc", "-file", str(pem)]
    subprocess.run([keytool, *exported, *common[:6]], check=True, capture_output=True)
    return store, pem


@pytest.fixture(scope="module")
def secured(
    certificate: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
) -> Iterator[dict[str, Any]]:
    """A small cluster with all of it at once; yields how to connect."""
    store, pem = certificate
    folder = tmp_path_factory.mktemp("secured")
    realm = folder / "realm.properties"
    realm.write_text("jana: heslo1\n")
    port = free_port()
    java = H2OLocalServer._find_java()
    jar = H2OLocalServer()._find_jar()
    options = ["-port", str(port), "-ip", "127.0.0.1", "-name", f"secured_{port}"]
    options += ["-ice_root", str(folder), "-context_path", "/lab/h2o"]
    options += ["-jks", str(store), "-jks_pass", "secret1"]
    options += ["-hash_login", "-login_conf", str(realm)]
    start = ["-jar", jar]
    if extended := extension.jar():
        start = [*extension.ADD_OPENS, "-cp", f"{jar}{os.pathsep}{extended}", "water.H2OApp"]
    with (folder / "log").open("w") as log:
        node = subprocess.Popen(
            [java, "-Xmx500m", *start, *options], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        arguments = {
            "url": f"https://127.0.0.1:{port}/lab/h2o",
            "auth": ("jana", "heslo1"),
            "verify_ssl_certificates": False,
            "strict_version_check": False,
            "verbose": False,
        }
        _wait_for(port, node, folder / "log")
        yield {"arguments": arguments, "pem": pem}
    finally:
        node.kill()
        node.wait()


def _wait_for(port: int, node: subprocess.Popen[Any], log: Path) -> None:
    context = ssl._create_unverified_context()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert node.poll() is None, log.read_text()[-2000:]
        try:
            with closing(
                http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
            ) as probe:
                probe.request("GET", "/lab/h2o/3/About")
                probe.getresponse().read()
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail("the secured cluster does not start: " + log.read_text()[-2000:])


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request", "ignore:SSL")
@pytest.mark.usefixtures("restore_connection")
@pytest.mark.parametrize("trust", ["unverified", "certificate"])
def test_https_password_and_context_path(
    secured: dict[str, Any],
    transport: Transport,
    cluster_keys: Callable[[], set[str]],
    trust: str,
) -> None:
    arguments = dict(secured["arguments"])
    if trust == "certificate":
        arguments |= {"verify_ssl_certificates": True, "cacert": str(secured["pem"])}
    h2o.connect(**arguments)
    check(transport, cluster_keys)


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards plain HTTP requests and counts them."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def intervene(self, path: str) -> bool:
        """Answer instead of the cluster, if this returns true."""
        return False

    def answer(self, body: bytes, status: int = 200, kind: str = "text/html", **more: str) -> bool:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        return True

    def _forward(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        self.seen.append(url.path)
        if self.intervene(url.path):
            return
        body = self._body()
        with closing(http.client.HTTPConnection(url.hostname or "", url.port)) as upstream:
            headers = {
                name: value
                for name, value in self.headers.items()
                if not name.lower().startswith(
                    ("proxy", "transfer-encoding", "content-length", "expect")
                )
            }
            upstream.request(self.command, f"{url.path}?{url.query}", body, headers)
            answer = upstream.getresponse()
            data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    do_GET = do_POST = do_DELETE = _forward

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.usefixtures("restore_connection")
def test_proxy(
    cluster: H2OConnection, transport: Transport, cluster_keys: Callable[[], set[str]]
) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        h2o.connect(
            url=cluster.base_url,
            proxy=f"http://127.0.0.1:{proxy.server_port}",
            strict_version_check=False,
            verbose=False,
        )
        _Proxy.seen.clear()
        check(transport, cluster_keys)
        proxy.shutdown()
    if transport is PLAIN:
        assert {"/3/PostFile", "/3/Parse", "/3/DownloadDataset"} <= set(_Proxy.seen)
    else:
        assert sum(path.startswith("/3/GAN/frames/") for path in _Proxy.seen) >= 3


@pytest.mark.usefixtures("restore_connection")
def test_lost_cluster(transport: Transport, cluster: H2OConnection) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        h2o.connect(
            url=cluster.base_url,
            proxy=f"http://127.0.0.1:{proxy.server_port}",
            strict_version_check=False,
            verbose=False,
        )
        frame = transport.write(TABLE.to_reader(), None)
        proxy.shutdown()
    reached = h2o.connection()
    with pytest.raises(H2OConnectionError):
        transport.write(TABLE.to_reader(), None)
    with pytest.raises(H2OConnectionError):
        transport.read(frame, None).read_all()
    reached.close()
    h2o.h2o.h2oconn = cluster
    h2o.remove(frame.frame_id)
