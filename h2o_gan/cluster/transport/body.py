"""The body of a cluster's answer, as a file that Arrow reads while it arrives."""

from __future__ import annotations

import io
from http.client import HTTPException
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from h2o_gan.cluster import patience

__all__ = ["ResponseBody"]


class ResponseBody(io.RawIOBase):
    """A streamed answer as a readable file; closing it ends the transfer.

    Args:
        response: the answer, asked for as a stream.
        what: what is waited for, as "reading a frame".
    """

    def __init__(self, response: requests.Response, what: str) -> None:
        self._response, self._what = response, what

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read bytes.

        Args:
            size: how many at most; -1 for all.

        Returns:
            The bytes; none at the end.

        Raises:
            H2OConnectionError: the transfer has broken off.
        """
        try:
            with patience.watched(self._what):
                data: bytes = self._response.raw.read(None if size < 0 else size)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise patience.connection_lost(self._what, error) from error
        return data

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a writable buffer.

        Args:
            buffer: where to, at most as many bytes as it has.

        Returns:
            How many were read; 0 at the end.

        Raises:
            H2OConnectionError: the transfer has broken off.
        """
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def hang_up(self) -> None:
        """End the transfer while another thread waits for it; that one sees its end."""
        patience.hang_up(self._response)

    def close(self) -> None:
        """End the transfer."""
        super().close()
        self._response.close()
