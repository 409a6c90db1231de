"""The Java of the guide compiles against the jar's own classes, and runs."""

import subprocess
from pathlib import Path

import pyarrow as pa

from h2o_gan import engine
from h2o_gan.extension import build
from h2o_gan.parameters import Parameters

PACKAGES = ("hex.gan.core", "hex.gan.core.data", "java.nio.file", "java.util")
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "java.md"


def test_the_example_runs(core_classes, tmp_path):
    text = GUIDE.read_text()
    code = text.split("```java\n")[1].split("```")[0]
    code = code.replace("whole[row];", "whole[row];\n    System.out.println(years);")
    head = "".join(f"import {name}.*;\n" for name in PACKAGES)
    main = "public static void main(String[] arguments) throws Exception"
    source = tmp_path / "Example.java"
    source.write_text(f"{head}public class Example {{\n{main} {{\n{code}}}\n}}\n")
    javac = build.find_javac()
    assert javac is not None
    subprocess.run([javac, "-nowarn", "-cp", core_classes, "-d", tmp_path, source], check=True)
    people = pa.table({"age": [20, 25, 30, 33, 38, 41, 55] * 30, "income": [1.5, 2.25, 3.0] * 70})
    short = Parameters(seed=1, epochs=1, discriminator_epochs=1, device="cpu")
    model = engine.fit(people.to_reader(), short)
    engine.save(model, tmp_path / "customers_gan.zip")
    done = subprocess.run(
        [Path(javac).with_name("java"), "-cp", f"{core_classes}:{tmp_path}", "Example"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    ages = [int(line) for line in done.stdout.split()]
    assert len(ages) == 1000 and {*ages} <= {30, 33, 38}
