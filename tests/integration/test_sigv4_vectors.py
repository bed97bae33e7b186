"""The signer's golden vectors are what botocore signs today."""

import importlib.util

from harness.description import PROJECT

FOLDER = PROJECT / "tests" / "vectors"


def test_the_vectors_are_those_of_botocore():
    spec = importlib.util.spec_from_file_location("generate_sigv4", FOLDER / "generate_sigv4.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    recorded = (FOLDER / "sigv4.json").read_text(encoding="utf-8")
    assert generator.document() == recorded, "tests/vectors/generate_sigv4.py makes them anew"
