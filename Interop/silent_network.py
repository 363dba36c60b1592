"""A network of one cable, on which all packets can be lost: neither end is told."""

import contextlib
import subprocess

NAME = "steward-silent"
NOBODY = "02:00:00:00:00:01"


def _run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True)


class Cable:
    """A network namespace, in which commands run, and a cable from there to this machine's network.

    `OSError` where the system does not let one be made.
    """

    here, there = "10.251.7.1", "10.251.7.2"

    def __init__(self):
        self.remove()
        try:
            _run("ip", "netns", "add", NAME)
            _run("ip", "link", "add", "steward-a", "type", "veth", "peer", "name", "steward-b")
            _run("ip", "link", "set", "steward-b", "netns", NAME)
            self.ends = [(_run, "steward-a", self.here, self.there), (self._inside, "steward-b", self.there, self.here)]
            for at, end, address, _ in self.ends:
                at("ip", "address", "add", f"{address}/30", "dev", end)
                at("ip", "link", "set", end, "up")
        except subprocess.CalledProcessError as error:
            self.remove()
            raise OSError(error.stderr.strip()) from error

    def command(self, *words):
        """What runs a command at the other end."""
        return ["nsenter", f"--net=/run/netns/{NAME}", "--", *map(str, words)]

    def _inside(self, *words):
        return _run(*self.command(*words))

    @contextlib.contextmanager
    def silence(self):
        """Each end sends to a card that nobody has."""
        for at, end, _, other in self.ends:
            at("ip", "neighbour", "replace", other, "lladdr", NOBODY, "dev", end, "nud", "permanent")
        try:
            yield
        finally:
            for at, end, _, other in self.ends:
                at("ip", "neighbour", "del", other, "dev", end)

    def remove(self):
        for command in (["ip", "link", "del", "steward-a"], ["ip", "netns", "del", NAME]):
            subprocess.run(command, check=False, capture_output=True)
