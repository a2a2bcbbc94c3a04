"""Ports of this machine: a free one, and whether somebody answers on one."""

import socket

HOST = "127.0.0.1"
ANSWER_SECONDS = 1


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def answers(port: int, *, question: bytes, answer: bytes) -> bool:
    """Whether what listens there begins its reply as expected, within a second."""
    try:
        with socket.create_connection((HOST, port), ANSWER_SECONDS) as client:
            client.sendall(question)
            return client.recv(len(answer)) == answer
    except OSError:
        return False
