"""The cluster extension: a jar that makes h2o_gan native to an H2O cluster.

Its sources are in ``src``. The Java of the parameters is generated from their declarations and
``templates`` by :mod:`h2o_gan.extension.java`. :mod:`h2o_gan.extension.build` compiles both, which
installing the package does where there is a JDK.
"""

from __future__ import annotations

from pathlib import Path

JAR = Path(__file__).parent / "h2o_gan.jar"
"""Where the jar is once it is built."""

R_FUNCTIONS = JAR.with_name("h2o_gan.R")
"""Functions for R, to be read by its ``source``."""

ADD_OPENS = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.util", "java.lang.reflect")
)
"""What H2O needs on Java 9 and newer when it is started by ``-cp`` instead of ``-jar``."""


def jar() -> Path | None:
    """The jar to put on a cluster's classpath; None where the package was built without a JDK."""
    return JAR if JAR.is_file() else None


def instructions(jar: Path) -> str:
    """How to give the extension to a cluster, for each way of starting one."""
    options = " ".join(ADD_OPENS)
    return f"""\
With h2o_gan.init() a new cluster has the extension by itself. Otherwise it goes on the classpath of
every node:

by hand      java {options} -cp h2o.jar:{jar} water.H2OApp
             (on Java 8 without --add-opens, on Windows with ; instead of :)
from Python  h2o.init(extra_classpath=["{jar}"],
                 jvm_custom_args={list(ADD_OPENS)})
Hadoop       hadoop jar h2odriver.jar -libjars {jar} -nodes 3 -mapperXmx 6g
Kubernetes   an image with the jar beside h2o.jar, and the line above as its command:
             FROM h2oai/h2o-open-source-k8s
             COPY h2o_gan.jar /opt/h2o_gan.jar
             CMD java {options} \\
                 -XX:MaxRAMPercentage=50 -Djava.library.path=/opt/h2oai/h2o-3/xgb_lib_dir \\
                 -cp /opt/h2oai/h2o-3/h2o.jar:/opt/h2o_gan.jar water.H2OApp

http://<a node>/3/GAN says whether it is there.

In R, library(h2o) and source("{R_FUNCTIONS.as_posix()}") make h2o.gan known."""
