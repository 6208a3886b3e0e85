"""A secret is sent unencrypted only where the target surely is this machine."""

import pytest

from tokenauthority_client.loopback import is_on_loopback


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:50051",
        "127.0.0.1",
        "127.1.2.3:1",
        "localhost:50051",
        "localhost",
        "[::1]:50051",
        "dns:localhost:50051",
        "dns:///localhost:50051",
        "dns:///127.0.0.1:50051",
        "ipv4:127.0.0.1:50051",
        "ipv4:127.0.0.1:50051,127.0.0.2:50051",
        "ipv6:[::1]:50051,[::1]:50052",
        "unix:/run/tokenauthority.sock",
        "unix:///run/tokenauthority.sock",
        "unix-abstract:tokenauthority",
    ],
)
def test_this_machine(target: str) -> None:
    assert is_on_loopback(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        ":50051",
        "10.0.0.1:50051",
        "0.0.0.0:50051",
        "[::]:50051",
        "[::ffff:10.0.0.1]:50051",
        "authority.internal:50051",
        "localhost.example:50051",
        "localhost.:50051",
        "127.0.0.1.example:50051",
        "127.999.0.1:50051",
        "2130706433:50051",
        "[localhost]:50051",
        "user@localhost:50051",
        "localhost:50051@authority.internal:50051",
        "localhost:50051,authority.internal:50051",
        "localhost:50051\n",
        "dns:///authority.internal:50051",
        "dns:///localhost%2Eexample:50051",
        "dns://10.0.0.53/localhost:50051",
        "dns://localhost/authority.internal:50051",
        "dns:////localhost:50051",
        "DNS:///localhost:50051",
        "ipv4:127.0.0.1:50051,10.0.0.1:50051",
        "ipv4:127.0.0.1:50051,",
        "ipv4:127.0.0.1%2C10.0.0.1:50051",
        "ipv6:[::1]:50051,[fd00::1]:50051",
        "passthrough:///localhost:50051",
        "xds:///localhost",
        "vsock:1:50051",
    ],
)
def test_perhaps_another_machine(target: str) -> None:
    assert not is_on_loopback(target)
