"""The rooms of the project: who may import whom, who may read the process's environment, how long code may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

STAGES = {"aws_integration", "kafka_consumer", "kafka_producer", "snowflake_integration", "spark_streaming"}
# A stage package meets the others in Kafka, S3 and the warehouse only; what is not named here may not be imported.
MAY_IMPORT = {
    "pipeline_contract": set[str](),
    "connections": {"pipeline_contract"},
    **{stage: {"pipeline_contract", "connections"} for stage in STAGES},
    "sandbox": {"pipeline_contract", "connections"},
    "reconciliation": {"pipeline_contract", "connections", *STAGES},
    # On top: it runs the others as commands, and takes from them what names their jars and shows the proof.
    "benchmarks": {"pipeline_contract", "connections", *STAGES},
    "demo": {"pipeline_contract", "connections", "sandbox", "spark_streaming", "reconciliation"},
}
READS_ENVIRONMENT = {"sys.argv", "os.environ", "os.getenv"}
# The function that all entry points call to read the environment lives here.
SETTINGS = "connections/settings.py"
ENTRY_SCRIPTS = {
    "aws_integration/lambda_handlers/api_gateway_lambda_handler.py",
    "aws_integration/lambda_handlers/kafka_lambda_handler.py",
    "sandbox/lambda_runtime/bootstrap.py",
    "spark_streaming/job.py",
}
MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 300
MODULES = sorted(path for package in MAY_IMPORT for path in Path(package).rglob("*.py"))


@pytest.fixture(params=MODULES, ids=str)
def module(request: pytest.FixtureRequest) -> tuple[Path, ast.Module]:
    path: Path = request.param
    return path, ast.parse(path.read_text(encoding="utf-8"))


def test_every_room_is_known() -> None:
    found = {path.parent.name for path in Path().glob("*/__init__.py")}

    assert found - {"tests"} == set(MAY_IMPORT)


def test_a_module_imports_only_what_its_room_may(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    room = path.parts[0]

    rooms = {name.split(".")[0] for name in list_imports(tree)} & set(MAY_IMPORT)

    assert rooms - {room} <= MAY_IMPORT[room], f"{path} imports {sorted(rooms - MAY_IMPORT[room] - {room})}"


def test_only_entry_points_read_the_environment(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    if path.name == "__main__.py" or path.stem.endswith("_commands") or path.as_posix() in ENTRY_SCRIPTS | {SETTINGS}:
        return

    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & READS_ENVIRONMENT
    imported = set(list_imported_names(tree)) & (READS_ENVIRONMENT | {"connections.settings.load_settings"})

    assert not used | imported, f"{path} uses {sorted(used | imported)}"


def test_functions_and_files_are_short(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    long = {f.name: length for f in functions if (length := count_lines(f)) > MAX_FUNCTION_LINES}

    assert not long, f"{path}: {long}"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES, path


def test_importing_every_module_has_no_side_effect() -> None:
    """No thread, no process, no socket, no written file, nothing printed by the import of any of our modules."""
    names = [".".join(path.with_suffix("").parts) for path in MODULES if path.name != "__init__.py"]

    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, timeout=120, check=False
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# An audit hook hears of each file opened for writing, each socket and each process. What a library does on its own
# import is its own matter: the innermost frame outside the standard library must be ours.
IMPORT_ALL = """
import importlib, os, sys, threading
ours = tuple({os.path.abspath(name.split('.')[0]) + os.sep for name in sys.argv[1:]})
standard = ('<frozen', os.path.dirname(os.__file__) + os.sep)
watched = {'socket.connect', 'socket.bind', 'subprocess.Popen', 'os.system', 'os.mkdir', 'os.putenv'}

def listen(event, arguments):
    writes = event == 'open' and isinstance(arguments[1], str) and set(arguments[1]) & set('wax+')
    if writes or event in watched:
        frame = sys._getframe(1)
        while frame and frame.f_code.co_filename.startswith(standard):
            frame = frame.f_back
        if frame and frame.f_code.co_filename.startswith(ours):
            raise RuntimeError(f'{event} {arguments}')

sys.dont_write_bytecode = True
sys.addaudithook(listen)
for name in sys.argv[1:]:
    importlib.import_module(name)
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
assert not threads, threads
"""


def list_imports(tree: ast.Module) -> list[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]


def list_imported_names(tree: ast.Module) -> list[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [f"{node.module}.{alias.name}" for node in imports for alias in node.names]


def count_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[0]
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring
