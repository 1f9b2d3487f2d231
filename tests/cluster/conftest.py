"""Six real nodes with users, over TLS where a server speaks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from shared.local_cluster import LocalCluster, Tls, tls_server


def certificates(folder: Path) -> Tls:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    tls = Tls(folder / "ca.pem", folder / "node.pem", folder / "node.key")
    authority.cert_pem.write_to_path(str(tls.authority))
    certificate.private_key_pem.write_to_path(str(tls.key))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(tls.certificate), append=True)
    return tls


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with LocalCluster(folder, certificates(folder) if tls_server() else None) as found:
        yield found
