"""Make an environment and install Utsushi in it.

    python tools/set_up.py [EXTRA ...] [--venv .venv] [--torch cpu]

The Makefile calls it, and it works without make too. It needs Python 3.11+ and pip as it comes. It
does nothing if the environment is as it has to be. The versions are those of ``constraints.txt``;
the library is installed in editable mode, with the extras of ``pyproject.toml`` that are named.

``--torch cpu`` takes the CPU build of PyTorch if pip's sources have it, and their default build
if not. ``--torch cuda`` takes a build that is not the CPU build.

The environment belongs to this script: a file in it records what it was made from. If that has
changed, or if a set-up was killed half way, the environment is made anew. A folder without that
file is never touched.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"

#: The Python versions for which all pinned packages have wheels.
PYTHONS = [(3, minor) for minor in range(11, 15)]

#: The file that records what an environment was made from; "{}" while it is unfinished.
RECORD = "utsushi-set-up.json"

#: The keys of the record that an environment cannot outlive, with the reason to show.
REASONS = {
    "python": "it has another Python version",
    "torch": "it has another build of PyTorch",
    "folder": "it was moved",
    "constraints": "constraints.txt has changed",
}

#: The signals that end a set-up; Windows has no SIGHUP.
SIGNALS = [s for s in signal.Signals if s.name in ("SIGINT", "SIGTERM", "SIGHUP")]

#: What pip says of a version that its sources do not have; the second where there is a constraint.
ABSENT = ("No matching distribution found for {}", "Cannot install {} because")

#: A line in pip's log about a source that did not answer. A source that answers with a status
#: 4xx, such as "404 Client Error", does not have the package.
UNREACHED = re.compile(r"Could not fetch URL \S+: (?!4\d\d Client Error)")


class SetUpError(Exception):
    """The set-up cannot go on; the message says why."""


class PipError(SetUpError):
    """Pip ended with an error, and took back what it had begun."""


def main(words: list[str] | None = None) -> int:
    """Set up what the command line asks for."""
    if sys.version_info < PYTHONS[0]:
        run_with_newer_python()
    parser = argparse.ArgumentParser(description="Make an environment with Utsushi in it.")
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help="extras of pyproject.toml")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="default: .venv")
    parser.add_argument("--torch", choices=["cpu", "cuda"], default="cpu", help="default: cpu")
    arguments = parser.parse_args(words)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as after nohup
            signal.signal(number, stop)
    try:
        with locked() as lock:
            set_up(arguments.venv.absolute(), set(arguments.extras), arguments.torch, lock)
    except (SetUpError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run_with_newer_python() -> None:
    """Continue with a newer Python, if the search path has one."""
    version = platform.python_version()
    for name in ["python{}.{}".format(*python) for python in reversed(PYTHONS)]:
        found = shutil.which(name)
        if found and not subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL):
            print(f"Python {version} is too old; using {found}.", flush=True)
            sys.exit(subprocess.call([found, *sys.argv]))
    sys.exit(
        f"Utsushi needs Python 3.11 or newer, and {sys.executable} is Python {version}. Install a "
        "newer one; if it is not on the search path, name it: make PYTHON=/path/to/python3"
    )


def stop(number: int, frame: object) -> None:
    """End the set-up upon a signal; a second one does not disturb the removal of what there is."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    print("The set-up was stopped.", file=sys.stderr, flush=True)
    sys.exit(128 + number)


@contextlib.contextmanager
def locked():
    """Let one set-up work at a time; yield the descriptor that holds the lock, if there is one.

    Pip inherits the descriptor: if this process is killed, the next one waits for pip's end.
    """
    try:
        import fcntl  # which Windows does not have
    except ImportError:
        yield None
        return
    with open(__file__, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another set-up to end ...", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            pass
        yield file.fileno()


def set_up(venv: Path, extras: set[str], torch: str, lock: int | None) -> None:
    """Bring an environment to the state that is wanted, if it is not in it."""
    wanted = {
        "python": "{}.{}".format(*sys.version_info),
        "torch": torch,
        "folder": str(venv),
        "constraints": digest(CONSTRAINTS),
    }
    project = digest(ROOT / "pyproject.toml")
    record = read_record(venv)
    changed = [reason for key, reason in REASONS.items() if record.get(key) != wanted[key]]
    if changed or not python_of(venv).exists():
        if record:
            print(f"Making {venv} anew: {changed[0] if changed else 'its Python is gone'}.")
        record = make(venv, torch, lock, wanted)
    extras |= set(record["extras"])
    if record["project"] == project and extras == set(record["extras"]):
        return
    write_record(venv, {})
    try:
        install_project(venv, extras, lock)
    except PipError:
        write_record(venv, record)
        raise
    write_record(venv, {**record, "project": project, "extras": sorted(extras)})


def make(venv: Path, torch: str, lock: int | None, wanted: dict) -> dict:
    """Make an environment with PyTorch and the library; leave nothing of it if that fails."""
    if venv.is_dir() and any(venv.iterdir()):
        if not (venv / RECORD).exists():
            raise SetUpError(
                f"{venv} was not made by this set-up, so it is left as it is. Remove it, or name "
                "another folder: make VENV=.venv-utsushi"
            )
        remove(venv)
    print(f"Setting up {venv} (a minute or two) ...", flush=True)
    try:
        venv.mkdir(parents=True, exist_ok=True)
        write_record(venv, {})
        create(venv)
        install_torch(venv, torch, lock)
        install_project(venv, set(), lock)
        record = {**wanted, "project": digest(ROOT / "pyproject.toml"), "extras": []}
        write_record(venv, record)
    except BaseException:
        remove(venv)
        raise
    return record


def create(venv: Path) -> None:
    """Create an empty environment with pip."""
    # If the environment is active, sys.executable is in it and may just have been removed.
    python = getattr(sys, "_base_executable", None) or sys.executable
    done = run([python, "-m", "venv", str(venv)], None)
    if done.returncode:
        raise SetUpError(f"{done.stdout.rstrip()}\n\nThe environment could not be created.")


def install_torch(venv: Path, torch: str, lock: int | None) -> None:
    """Install PyTorch, in the build that is wanted and that pip's sources have."""
    pin = next(
        line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()
        if line.startswith("torch==")
    )  # fmt: skip
    version = pin.partition("==")[2]
    if platform.system() != "Linux":  # elsewhere the default build is the CPU build
        torch_pin = pin
    elif torch == "cuda":
        torch_pin = f"{pin},!={version}+cpu"
    elif try_torch(venv, f"{pin}+cpu", lock):
        return
    else:
        torch_pin = pin
        print(
            f"pip's sources have no CPU build of PyTorch {version}. The default build is several "
            "gigabytes larger, with CUDA. To get the small one, set PIP_EXTRA_INDEX_URL to the "
            "CPU index shown at pytorch.org (Start Locally), run make clean, and repeat.",
            flush=True,
        )
    try:
        pip(venv, lock, torch_pin)
    except PipError as error:
        if "No matching distribution found for torch==" not in str(error):
            raise
        raise PipError(
            f"{error}\nThis is Python {platform.python_version()} on {platform.system()} "
            f"{platform.machine()}. PyTorch {version} has wheels for Python 3.11 to 3.14 on Linux "
            "(x86-64 and arm64), macOS 14+ (Apple silicon) and Windows (x64)."
        ) from None


def try_torch(venv: Path, pin: str, lock: int | None) -> bool:
    """Install a build of PyTorch; return False if all of pip's sources answer and none has it."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        try:
            pip(venv, lock, "--log", str(log), pin)
        except PipError as error:
            is_absent = any(message.format(pin) in str(error) for message in ABSENT)
            if not is_absent or UNREACHED.search(log.read_text(encoding="utf-8", errors="replace")):
                raise
            return False
    return True


def install_project(venv: Path, extras: set[str], lock: int | None) -> None:
    """Install the library in editable mode, with extras."""
    if extras:
        print(f"Installing {', '.join(sorted(extras))} into {venv} ...", flush=True)
    brackets = f"[{','.join(sorted(extras))}]" if extras else ""
    pip(venv, lock, "--editable", f"{ROOT}{brackets}")


def pip(venv: Path, lock: int | None, *words: str) -> None:
    """Install something by pip; what it prints is shown only if it fails."""
    command = [str(python_of(venv)), "-I", "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--constraint", str(CONSTRAINTS), *words]
    done = run(command, lock)
    if done.returncode:
        raise PipError(f"{done.stdout.rstrip()}\n\npip could not install {words[-1]}.")


def run(command: list[str], lock: int | None) -> subprocess.CompletedProcess:
    """Run a program to its end, and capture all that it prints."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        pass_fds=() if lock is None else (lock,),
        start_new_session=True,  # Ctrl-C reaches this process, which passes it on once
    )
    try:
        output, _ = process.communicate()
    except BaseException:
        interrupt(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, output)


def interrupt(process: subprocess.Popen) -> None:
    """End a program and its children; on Ctrl-C, pip removes its temporary files."""
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(OSError):  # they have ended
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def remove(venv: Path) -> None:
    """Remove an environment, the record last: if this is cut short, the next set-up repeats it."""
    write_record(venv, {})
    for path in venv.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != RECORD:
            path.unlink()
    (venv / RECORD).unlink()
    venv.rmdir()


def python_of(venv: Path) -> Path:
    """Return the path of an environment's interpreter."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_record(venv: Path) -> dict:
    """Return what an environment was made from; empty if it is missing or unfinished."""
    try:
        return json.loads((venv / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_record(venv: Path, record: dict) -> None:
    """Write what an environment was made from; the file appears whole or not at all."""
    part = venv / f"{RECORD}.part"
    part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    os.replace(part, venv / RECORD)


if __name__ == "__main__":
    sys.exit(main())
