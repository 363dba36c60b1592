"""Runs a command and writes the seconds it took, its peak resident memory in MB and its status to a file: `peak.py RESULT
COMMAND …`.

A process of its own, and a small one, because a program's peak counts from that of the process that started it.
"""

import json
import os
import sys
import time

start = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as result:
    json.dump([time.perf_counter() - start, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)], result)
