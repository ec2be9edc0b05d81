"""Appends an exclamation mark: a function in Python, in the plain world of sdk/wit."""

from componentize_py_types import Err
from wit_world import exports


class Plain(exports.Plain):
    def process(self, payload: bytes) -> bytes | None:
        """Takes one message's payload; returns the output's, or None; raises Err to fail it."""
        try:
            text = payload.decode()
        except UnicodeDecodeError as error:
            raise Err(f"the input is not text: {error}")
        return f"{text}!".encode()
