"""CASTV2, the wire protocol of Cast: protobuf messages with JSON inside, each after its length, over TLS."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
import json
import logging
import socket
import ssl
import struct
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from pychromecast.generated.cast_channel_pb2 import CastMessage

_LOGGER = logging.getLogger(__name__)

PORT = 8009
EVERYONE = "*"

# Senders that read and write from two threads collide in one TLS socket when an answer comes at once.
ANSWER_DELAY = 0.01  # s
# As long as a small device has to compute. Home Assistant's Cast integration takes one that is faster than it
# can go on itself for away.
HANDSHAKE_DELAY = 0.2  # s
LARGEST_MESSAGE = 64 * 1024  # bytes, as on devices

NS_CONNECTION = "urn:x-cast:com.google.cast.tp.connection"

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One message between two virtual endpoints; `data` is its JSON payload."""

    source: str
    destination: str
    namespace: str
    data: Json

    def encode(self) -> bytes:
        """Return the message as it goes over the wire, length first."""
        message = CastMessage(
            protocol_version=CastMessage.CASTV2_1_0,
            source_id=self.source,
            destination_id=self.destination,
            namespace=self.namespace,
            payload_type=CastMessage.STRING,
            payload_utf8=json.dumps(self.data),
        )
        body: bytes = message.SerializeToString()
        return struct.pack(">I", len(body)) + body

    @classmethod
    def decode(cls, body: bytes) -> Message:
        """Parse a message without its length. Raises ValueError for anything else."""
        message = CastMessage()
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            raise ValueError(f"not a Cast message: {error}") from error
        match json.loads(message.payload_utf8):
            case dict() as data:
                return cls(message.source_id, message.destination_id, message.namespace, data)
        raise ValueError(f"not a JSON object: {message.payload_utf8}")


class Sender:
    """One connected sender: a TLS connection, and within it virtual connections to platform and apps."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: asyncio.Event
    ) -> None:
        """Talk to a sender while the `line` is set; otherwise nothing gets through, and nothing gets lost."""
        self._reader = reader
        self._writer = writer
        self._line = line
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self.followed: set[tuple[str, str]] = set()
        """The virtual connections: (the sender's endpoint, ours)."""

    def send(self, message: Message) -> None:
        """Send the message, in order, after the time a device takes to answer."""
        self._outbox.put_nowait(message)

    def announce(self, source: str, namespace: str, data: Json) -> None:
        """Send `data` to the sender when it is connected to our endpoint `source`."""
        if any(ours == source for _, ours in self.followed):
            self.send(Message(source, EVERYONE, namespace, data))

    def hang_up(self, source: str) -> None:
        """Close the sender's virtual connections to our endpoint `source`."""
        for theirs, ours in [pair for pair in self.followed if pair[1] == source]:
            self.followed.discard((theirs, ours))
            self.send(Message(ours, theirs, NS_CONNECTION, {"type": "CLOSE"}))

    async def receive(self) -> Message:
        """Return the next message. Raises IncompleteReadError at the end and ValueError for nonsense."""
        (size,) = struct.unpack(">I", await self._reader.readexactly(4))
        if size > LARGEST_MESSAGE:
            raise ValueError(f"a message of {size} bytes")
        body = await self._reader.readexactly(size)
        await self._line.wait()
        return Message.decode(body)

    async def deliver(self) -> None:
        """Write what `send` is given, for as long as the connection stands."""
        while True:
            message = await self._outbox.get()
            await asyncio.sleep(ANSWER_DELAY)
            await self._line.wait()
            self._writer.write(message.encode())
            await self._writer.drain()

    def abort(self) -> None:
        """Cut the connection, as a device without power does."""
        self._writer.transport.abort()


class CastServer:
    """Accepts senders and hands their messages to `handle`, one after the other for each sender."""

    def __init__(self, host: str, handle: Callable[[Sender, Message], Awaitable[None]]) -> None:
        self._host = host
        self._handle = handle
        self._listener: socket.socket | None = None
        self._context: ssl.SSLContext | None = None
        self._line = asyncio.Event()
        self._sessions: set[asyncio.Task[None]] = set()
        self.senders: set[Sender] = set()

    async def start(self, context: ssl.SSLContext) -> None:
        """Listen, and let through what was held up. Raises OSError when address or port are not to be had."""
        self._context = context
        self._listener = socket.create_server((self._host, PORT))
        self._listener.settimeout(0)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)
        self._line.set()

    def cut(self) -> None:
        """Let nothing in or out until the next start: connections stay and are silent, and nobody listens."""
        assert self._listener is not None
        self._line.clear()
        self._unlisten(self._listener)

    async def stop(self) -> None:
        """Stop listening and cut all connections; does nothing when stopped."""
        if self._listener is None:
            return
        self._unlisten(self._listener)
        for sender in self.senders:
            sender.abort()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        self._listener = None

    def announce(self, source: str, namespace: str, data: Json, *, but: Sender | None = None) -> None:
        """Send `data` to all senders connected to our endpoint `source`, except for `but`."""
        for sender in self.senders - {but}:
            sender.announce(source, namespace, data)

    @staticmethod
    def _unlisten(listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.settimeout(0)
        task = asyncio.create_task(self._attend(connection))
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)

    async def _attend(self, connection: socket.socket) -> None:
        try:
            await asyncio.sleep(HANDSHAKE_DELAY)
            await self._line.wait()
        except asyncio.CancelledError:
            connection.close()
            raise
        try:
            sender = await self._shake_hands(connection)
        except OSError:
            _LOGGER.debug("A sender is gone before it said anything")
            return
        self.senders.add(sender)
        delivery = asyncio.create_task(sender.deliver())
        try:
            await self._serve(sender)
        finally:
            self.senders.discard(sender)
            sender.abort()
            delivery.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await delivery

    async def _shake_hands(self, connection: socket.socket) -> Sender:
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._context)
        return Sender(reader, asyncio.StreamWriter(transport, protocol, reader, loop), self._line)

    async def _serve(self, sender: Sender) -> None:
        try:
            while True:
                await self._handle(sender, await sender.receive())
        except asyncio.IncompleteReadError, OSError:
            _LOGGER.debug("A sender is gone")
        except ValueError as error:
            _LOGGER.warning("Hung up on a sender that talks nonsense: %s", error)
