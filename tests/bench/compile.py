"""The helpers that are written in C, compiled when a case needs them."""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent


def compile_c(folder, source, *flags):
    """Compiles tests/`source` into `folder`; the path of what came out."""
    output = pathlib.Path(folder) / pathlib.Path(source).stem
    command = ["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", *flags, "-o", str(output)]
    subprocess.run([*command, str(TESTS / source)], check=True)
    output.chmod(0o755)
    return output
