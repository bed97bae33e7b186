"""The peak memory of a command. Run as a process of its own, which is small: a child counts what its
parent held when it was started.

    peak, code = memory.peak(command, **options)   # MiB, exit code
"""

import pathlib
import subprocess
import sys


def peak(command, **options):
    done = subprocess.run(["/usr/bin/python3", "-S", "-E", str(pathlib.Path(__file__)), *command],
                          stdout=subprocess.PIPE, text=True, check=False, **options)
    kilobytes, code = done.stdout.split()[-2:]
    return int(kilobytes) / 1024, int(code)


def main():
    import os
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
