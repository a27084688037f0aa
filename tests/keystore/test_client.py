"""The caller's side of the socket: an answer that cannot be read is an unknown outcome, never a fault of the caller."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from keystore.client import SocketModule
from keystore.errors import OutcomeUnknown


@pytest.mark.parametrize(
    "answer",
    [
        b"not json at all",
        json.dumps({"v": 1, "ok": True, "body": {"is": "a-kind-of-tomorrow"}}).encode(),
        json.dumps({"v": 1, "ok": True, "body": [{"is": "issued", "order_id": 5}]}).encode(),
        json.dumps({"v": 1, "ok": True, "body": {"at": "yesterday"}}).encode(),
        json.dumps([1, 2, 3]).encode(),
    ],
)
def test_an_answer_of_unknown_shape_is_an_unknown_outcome(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "module.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()

        def reply() -> None:
            line, _address = listener.accept()
            line.recv(65536)
            line.send(answer)
            line.close()

        ear = threading.Thread(target=reply, daemon=True)
        ear.start()
        with pytest.raises(OutcomeUnknown):
            SocketModule(path, timeout_s=5).status()
        ear.join(5)
