"""A network that may fall silent."""

import contextlib
import socket
import threading


class SilentProxy:
    """Passes connections on to a port, until it is told to swallow what comes on those that it has.

    While `swallows_new` is true, new connections are taken too, and stay as silent.
    What clients send may be altered.
    """

    def __init__(self, port, alter=lambda data: data):
        self.target = port
        self.alter = alter
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        self.generation = 0
        self.swallows_new = False
        self.silent = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.swallows_new:
                self.silent.append(client)
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, target, alter in ((client, server, self.alter), (server, client, lambda data: data)):
                threading.Thread(target=self.copy, args=(source, target, alter, self.generation), daemon=True).start()

    def copy(self, source, target, alter, generation):
        try:
            while data := source.recv(1 << 16):
                if generation == self.generation:
                    target.sendall(alter(data))
        except OSError:
            pass  # The other side has gone.
        if generation == self.generation:
            target.close()
        else:
            self.silent.append(target)

    def swallow(self):
        """What is under way on connections that there are is lost from now on; they never end."""
        self.generation += 1

    @contextlib.contextmanager
    def silence(self):
        """Nothing comes through, on connections that there are and on new ones. Later ones do."""
        self.swallows_new = True
        self.swallow()
        try:
            yield
        finally:
            self.swallows_new = False

    def close(self):
        self.listener.close()
