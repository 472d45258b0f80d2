"""The environment that keeps EPICS on this host."""

import re
import socket
import subprocess
import sys
from dataclasses import astuple

import epics

from beamsim.loopback import HOST, Loopback, Server
from eventually import eventually


def test_every_port_is_free_and_used_once():
    ports = astuple(Loopback.choose())
    assert len(set(ports)) == len(ports)
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind((HOST, port))


def test_a_client_is_sent_to_no_other_host():
    environment = Loopback.choose().client_environment()
    addresses = [value for name, value in environment.items() if "ADDR_LIST" in name and "AUTO" not in name]
    assert addresses
    for entry in " ".join(addresses).split():
        assert re.fullmatch(r"127\.0\.0\.1(:\d+)?", entry)
    assert {value for name, value in environment.items() if "AUTO" in name} == {"NO"}


def test_a_client_searches_every_server_and_one_spare_port():
    loopback = Loopback.choose()
    listed = loopback.client_environment()["EPICS_CA_ADDR_LIST"].split()
    servers = [
        loopback.server_environment(Server.SOFT_IOC)["EPICS_CAS_SERVER_PORT"],
        loopback.server_environment(Server.CAPROTO_IOC)["EPICS_CA_SERVER_PORT"],
    ]
    spare = loopback.client_environment()["EPICS_CA_SERVER_PORT"]
    assert listed == [f"{HOST}:{port}" for port in (*servers, spare)]
    assert spare not in servers


def test_a_server_started_with_the_client_environment_is_found(epics_environment: dict[str, str]):
    command = [sys.executable, "-m", "beamsim.caproto_ioc", "--prefix=EXTRA:"]
    with subprocess.Popen(command, env=epics_environment, stdin=subprocess.PIPE) as server:
        try:
            eventually(lambda: epics.caget("EXTRA:HutchHumidity", timeout=5) is not None)
        finally:
            server.terminate()
