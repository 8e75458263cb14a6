"""`tools/set_up.py` against stand-ins for pip and for pip's sources.

Each test has a project folder of its own, with a copy of the script. The script runs as a process,
in which only the creation of an environment is replaced: it takes a stand-in for pip.
"""

import ast
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-ins are POSIX scripts; CI runs the real one there"
)

SCRIPT = Path(__file__).parents[2] / "tools" / "set_up.py"
LARGER = "several gigabytes larger"

#: Runs the script with a stand-in for pip in each environment that it makes.
DRIVER = """
import os, platform, signal, sys, venv
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run under nohup
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.path.insert(0, "tools")
import set_up

def create(folder):
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/*/site-packages"))
    (site / "pip").symlink_to(os.environ["PIP_PACKAGE"])

set_up.create = create
platform.system = lambda: os.environ.get("SYSTEM", "Linux")
exec(os.environ.get("ALSO", ""))
sys.exit(set_up.main())
"""

#: Notes how it is called, and behaves as the test asks.
STAND_IN = """
import json, os, subprocess, sys, time
from pathlib import Path

CHILD = '''
import sys
from pathlib import Path
while not Path("go").exists():
    Path(sys.prefix, "half").touch()
'''

words = sys.argv[1:]
with open("calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
print("WARNING: Location 'somewhere' is ignored", file=sys.stderr)
absent = f"ERROR: No matching distribution found for {words[-1]}"
log = Path(words[words.index("--log") + 1]) if "--log" in words else Path(os.devnull)
kind = os.environ["KIND"]
if kind == "without CPU build" and "+cpu" in words[-1]:
    log.write_text("Could not fetch URL file:///a/torch/: 404 Client Error: Not Found - skipping")
    sys.exit(absent)
if kind == "unreachable":
    log.write_text("Could not fetch URL file:///a/torch/: connection error: refused - skipping")
    sys.exit(absent)
if kind == "without extras" and "[" in words[-1] or kind == "full disk":
    sys.exit("ERROR: Could not install packages due to an OSError:\\n[Errno 28] No space left")
if kind == "waits" and "--editable" in words:
    child = subprocess.Popen([sys.executable, "-c", CHILD])
    while not Path(sys.prefix, "half").exists():
        time.sleep(0.01)
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    child.wait()
"""


class Project:
    """A folder with the script, and what happens in it."""

    def __init__(self, folder):
        self.folder = folder
        self.venv = folder / ".venv"
        (folder / "tools").mkdir(parents=True)
        shutil.copy(SCRIPT, folder / "tools")
        (folder / "constraints.txt").write_text("# pinned\ntorch==2.13.0\nnumpy==2.4.6\n")
        (folder / "pyproject.toml").write_text('[project]\nname = "utsushi"\n')
        (folder / "pip").mkdir()
        (folder / "pip" / "__main__.py").write_text(STAND_IN)
        self.pip = folder / "pip"

    def start(self, *words, kind="with CPU build", **environment):
        """Start a set-up."""
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *words],
            cwd=self.folder,
            env={**os.environ, "PIP_PACKAGE": str(self.pip), "KIND": kind, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, **how):
        """Run a set-up; return its status, its output and what it installed."""
        (self.folder / "calls").unlink(missing_ok=True)
        process = self.start(*words, **how)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err, self.installed()

    def installed(self):
        """Return what pip was asked to install, call by call."""
        if not (self.folder / "calls").exists():
            return []
        return [json.loads(line)[-1] for line in (self.folder / "calls").read_text().splitlines()]

    @property
    def library(self):
        return str(self.folder.resolve())

    def stopped_half_way(self, number):
        """Run a set-up that gets a signal while pip works; return its status and errors."""
        process = self.start(kind="waits")
        deadline = time.monotonic() + 60
        while not (self.folder / "started").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        return process.returncode, err


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "a project")


# --- which build ----------------------------------------------------------------------------------


def test_the_cpu_build_is_taken_where_the_sources_have_it(project):
    status, out, err, installed = project.run()
    assert (status, err) == (0, "")
    assert installed == ["torch==2.13.0+cpu", project.library]
    assert out == f"Setting up {project.venv} (a minute or two) ...\n"


def test_the_default_build_is_taken_where_they_have_not_and_one_line_says_so(project):
    status, out, err, installed = project.run(kind="without CPU build")
    assert (status, err) == (0, "")
    assert installed == ["torch==2.13.0+cpu", "torch==2.13.0", project.library]
    (line,) = out.splitlines()[1:]
    assert LARGER in line
    assert "PIP_EXTRA_INDEX_URL" in line


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_the_default_build_is_the_right_one_elsewhere(project, system):
    status, out, _, installed = project.run(SYSTEM=system)
    assert (status, installed) == (0, ["torch==2.13.0", project.library])
    assert LARGER not in out


def test_cuda_is_never_the_cpu_build(project):
    _, out, _, installed = project.run("--torch", "cuda")
    assert installed == ["torch==2.13.0,!=2.13.0+cpu", project.library]
    assert LARGER not in out


def test_another_build_makes_another_environment(project):
    project.run()
    _, out, _, installed = project.run("--torch", "cuda")
    assert installed[0] == "torch==2.13.0,!=2.13.0+cpu"
    assert "anew: it has another build of PyTorch" in out


# --- failures -------------------------------------------------------------------------------------


def test_a_failure_of_pip_is_shown_in_full_and_nothing_remains(project):
    status, _, err, installed = project.run(kind="full disk")
    assert (status, installed) == (1, ["torch==2.13.0+cpu"])
    assert "due to an OSError:\n[Errno 28] No space left\n" in err
    assert err.endswith("pip could not install torch==2.13.0+cpu.\n")
    assert not project.venv.exists()
    assert project.run()[0] == 0


def test_a_source_that_does_not_answer_is_a_failure_and_not_a_missing_build(project):
    status, out, err, installed = project.run(kind="unreachable")
    assert (status, installed) == (1, ["torch==2.13.0+cpu"])
    assert "No matching distribution found for torch==2.13.0+cpu" in err
    assert LARGER not in out
    assert not project.venv.exists()


def test_where_no_build_fits_the_machine_the_error_names_those_that_do(project):
    status, _, err, _ = project.run(kind="unreachable", SYSTEM="Darwin")
    assert status == 1
    assert "has wheels for Python 3.11 to 3.14 on Linux (x86-64 and arm64), macOS 14+" in err


def test_a_failing_extra_leaves_the_environment_as_it_was(project):
    project.run()
    status, _, err, installed = project.run("dev", kind="without extras")
    assert (status, installed) == (1, [f"{project.library}[dev]"])
    assert "[Errno 28]" in err
    assert project.run() == (0, "", "", [])
    assert project.run("dev")[3] == [f"{project.library}[dev]"]


def test_an_environment_that_cannot_be_created_is_explained_by_its_creator(project, tmp_path):
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\necho 'ensurepip is not available; apt install python3-venv'\nexit 1"
    )
    python.chmod(0o755)
    also = f"set_up.create = genuine; sys._base_executable = {str(python)!r}"
    also = f"import importlib; genuine = importlib.reload(set_up).create; {also}"
    status, _, err, _ = project.run(ALSO=also)
    assert status == 1
    assert "apt install python3-venv" in err
    assert not project.venv.exists()


def test_a_folder_that_the_set_up_did_not_make_is_left_alone(project):
    project.venv.mkdir()
    (project.venv / "mine").touch()
    status, _, err, installed = project.run()
    assert (status, installed) == (1, [])
    assert "was not made by this set-up" in err
    assert (project.venv / "mine").exists()


# --- again ----------------------------------------------------------------------------------------


def test_a_second_set_up_does_nothing(project):
    project.run("dev")
    assert project.run("dev") == (0, "", "", [])
    assert project.run() == (0, "", "", [])


def test_extras_are_added_to_those_that_are_there(project):
    project.run("dev")
    assert project.run("docs")[3] == [f"{project.library}[dev,docs]"]
    assert project.run("dev", "docs")[3] == []


def test_changed_constraints_make_the_environment_anew(project):
    project.run()
    (project.venv / "old").touch()
    with (project.folder / "constraints.txt").open("a") as file:
        file.write("scipy==1.17.1\n")
    _, out, _, installed = project.run()
    assert installed == ["torch==2.13.0+cpu", project.library]
    assert "anew: constraints.txt has changed" in out
    assert not (project.venv / "old").exists()


def test_a_changed_project_is_installed_again_with_its_extras(project):
    project.run("dev")
    (project.folder / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert project.run()[3] == [f"{project.library}[dev]"]
    assert project.run()[3] == []


def test_a_moved_project_has_its_environment_made_anew(project, tmp_path):
    project.run()
    moved = project.folder.rename(tmp_path / "elsewhere")
    project.folder, project.venv, project.pip = moved, moved / ".venv", moved / "pip"
    _, out, _, installed = project.run()
    assert installed == ["torch==2.13.0+cpu", project.library]
    assert "anew: it was moved" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_set_up_that_is_stopped_leaves_nothing_and_works_the_next_time(project, number):
    status, err = project.stopped_half_way(number)
    assert err == "The set-up was stopped.\n"
    assert not project.venv.exists()
    assert status == 128 + number
    assert project.run()[3] == ["torch==2.13.0+cpu", project.library]


def test_a_set_up_that_is_killed_is_made_anew_after_its_pip_has_ended(project):
    assert project.stopped_half_way(signal.SIGKILL)[0] == -signal.SIGKILL
    assert (project.venv / "half").exists()
    again = project.start()
    assert again.stdout.readline() == "Waiting for another set-up to end ...\n"
    (project.folder / "go").touch()
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert not (project.venv / "half").exists()
    assert project.run() == (0, "", "", [])


# --- supported versions ---------------------------------------------------------------------------


def test_the_supported_pythons_are_the_same_everywhere():
    root = SCRIPT.parents[1]
    named = {
        "set_up.py": re.findall(r"PYTHONS = .*range\((11), (15)\)", SCRIPT.read_text()),
        "pyproject.toml": re.findall(r":: (3\.\d+)", (root / "pyproject.toml").read_text()),
        "ci.yml": re.search(
            r"python: \[(.*)\]", (root / ".github" / "workflows" / "ci.yml").read_text()
        )[1],
        "install.md": re.search(
            r"Python (3\.\d+) to (3\.\d+)", (root / "docs" / "install.md").read_text()
        ).groups(),
    }
    assert named == {
        "set_up.py": [("11", "15")],
        "pyproject.toml": ["3.11", "3.12", "3.13", "3.14"],
        "ci.yml": '"3.11", "3.12", "3.13", "3.14"',
        "install.md": ("3.11", "3.14"),
    }


# --- an old Python --------------------------------------------------------------------------------


def test_the_script_is_readable_for_an_old_python():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_an_old_python_ends_in_one_line(project, tmp_path):
    also = "sys.version_info = (3, 9, 2); platform.python_version = lambda: '3.9.2'"
    status, out, err, _ = project.run(ALSO=also, PATH=str(tmp_path))
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "Python 3.11 or newer, and" in err
    assert "3.9.2" in err


def test_an_old_python_hands_over_to_a_newer_one_on_the_path(project, tmp_path):
    for name, body in [("python3.14", "exit 127"), ("python3.12", '[ -z "$2" ] || echo "$@"')]:
        python = tmp_path / name
        python.write_text(f"#!/bin/sh\n{body}\n")
        python.chmod(0o755)
    also = "sys.version_info = (3, 9, 2)"
    status, out, _, _ = project.run("dev", ALSO=also, PATH=str(tmp_path))
    assert status == 0
    first, last = out.splitlines()[0], out.splitlines()[-1]
    assert first.endswith(f"is too old; using {tmp_path / 'python3.12'}.")
    assert last == "-c dev"


# --- pip itself -----------------------------------------------------------------------------------


def wheel_of_torch(folder, version):
    """Write an empty wheel that is called torch."""
    folder.mkdir(exist_ok=True)
    info = f"torch-{version}.dist-info"
    with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def empty_index(tmp_path):
    """The address of an index that answers and holds nothing."""
    (tmp_path / "index").mkdir()
    handler = partial(Silent, directory=tmp_path / "index")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def run_real_pip(project, tmp_path):
    """Run a set-up that installs torch, and nothing else, by pip itself."""
    try:  # to import pip here would keep setuptools from being imported later in this process
        project.pip = Path(metadata.distribution("pip").locate_file("pip"))
    except metadata.PackageNotFoundError:
        pytest.skip("there is no pip")

    def run(index):
        kept = {name: "" for name in os.environ if name.startswith("PIP_")}
        sources = {"PIP_INDEX_URL": index, "PIP_FIND_LINKS": str(tmp_path / "wheels")}
        own = {**kept, **sources, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
        own = {**own, "PIP_EXTRA_INDEX_URL": "", "PIP_DEFAULT_TIMEOUT": "15"}
        own = {name: value for name, value in own.items() if value}
        also = "set_up.install_project = lambda *_: None\n"
        also += f"for name in {[*kept, 'PIP_EXTRA_INDEX_URL']}: os.environ.pop(name, None)\n"
        also += f"os.environ.update({own})"
        status, out, err, _ = project.run(ALSO=also)
        found = [path.name for path in project.venv.glob("lib/*/site-packages/torch-*")]
        return status, out, err, found

    return run


def test_pip_takes_the_cpu_build(run_real_pip, tmp_path, empty_index):
    wheel_of_torch(tmp_path / "wheels", "2.13.0")
    wheel_of_torch(tmp_path / "wheels", "2.13.0+cpu")
    status, out, err, found = run_real_pip(empty_index)
    assert (status, err, found) == (0, "", ["torch-2.13.0+cpu.dist-info"])
    assert LARGER not in out


def test_pip_takes_the_default_build_from_an_index_without_the_cpu_build(
    run_real_pip, tmp_path, empty_index
):
    wheel_of_torch(tmp_path / "wheels", "2.13.0")
    status, out, err, found = run_real_pip(empty_index)
    assert (status, err, found) == (0, "", ["torch-2.13.0.dist-info"])
    assert LARGER in out


def test_pip_without_a_network_takes_nothing(run_real_pip, tmp_path, project):
    wheel_of_torch(tmp_path / "wheels", "2.13.0")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, out, err, _ = run_real_pip(f"http://127.0.0.1:{port}/")
    assert status == 1
    assert "ERROR: " in err
    assert LARGER not in out
    assert not project.venv.exists()
