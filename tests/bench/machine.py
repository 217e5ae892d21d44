"""What the kernel says about processes, the machine and a disk."""
import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def children(pid):
    """The processes that any thread of `pid` started and that still live."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return sorted(found)


def cpu_seconds(pid):
    """User and system time of all threads so far; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_busy_seconds():
    """What all cores have spent on anything but idling, the time that the hypervisor took from them included."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def kibibytes(path, *names):
    """The sum of those lines of a file like /proc/PID/status."""
    total = 0
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in names:
            total += int(rest.split()[0])
    return total


def resident_kib(pid):
    return kibibytes(f"/proc/{pid}/status", "VmRSS")


def resident_most_kib(pid):
    return kibibytes(f"/proc/{pid}/status", "VmHWM")


def private_kib(pid):
    """What would be free if this process were gone: pages that no other process has."""
    return kibibytes(f"/proc/{pid}/smaps_rollup", "Private_Clean", "Private_Dirty")


def file_system(folder):
    """Type of the file system that holds `folder`: the longest mount point that leads to it."""
    best = ("", "unknown")
    path = os.path.realpath(folder)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _device, point, kind = line.split()[:3]
        point = point.replace("\\040", " ")
        if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def fdatasync_seconds(folder, count=200, most_seconds=4.0):
    """Sorted times of writing 64 KiB into a file that has its size already and making them durable, as a group commit does."""
    step, span = 64 * 1024, 4 * 1024 * 1024
    path = os.path.join(folder, "fdatasync")
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    times = []
    try:
        os.write(file, bytes(span))
        os.fsync(file)
        until = time.monotonic() + most_seconds
        data = os.urandom(step)
        while len(times) < count and time.monotonic() < until:
            begun = time.monotonic()
            os.pwrite(file, data, len(times) * step % span)
            os.fdatasync(file)
            times.append(time.monotonic() - begun)
    finally:
        os.close(file)
        os.unlink(path)
    return sorted(times)


def percentile(values, share):
    """Of sorted values, the nearest rank."""
    return values[min(len(values) - 1, int(len(values) * share))]
