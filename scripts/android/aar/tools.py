"""Where things lie, and how programs are called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GRADLE = ROOT / "gradle"
OUT = Path(os.environ.get("LONGWIRE_ANDROID_OUT", ROOT / "target" / "android"))
# Maven's output: a folder per module. Another one shows that a second build gives the same bytes.
BUILD = Path(os.environ.get("LONGWIRE_ANDROID_BUILD", OUT / "maven"))
TOOLS = OUT / "tools"
AAPT2 = TOOLS / "apktool" / "prebuilt" / "linux" / "aapt2"
# The public framework's resources and manifest attributes.
FRAMEWORK = TOOLS / "apktool" / "prebuilt" / "android-framework.jar"
# Android's classes. They hold hidden API too: the gates of the Maven build see to that.
SDK_CLASSES = TOOLS / "android-all.jar"

MIN_SDK = 24
TARGET_SDK = 35


class Failed(Exception):
    """A program that was called said no; its output is the message."""


def run(*arguments, **options):
    """Runs a program and returns what it printed; a failure carries all of its output."""
    command = [str(argument) for argument in arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)[:400]}\nexit {done.returncode}\n{done.stdout}")
    return done.stdout


def java(main, *arguments, jvm=("-Xmx2g",)):
    """Runs a class of the tools' class path, which gradle/tools/pom.xml wrote."""
    classpath = (TOOLS / "classpath").read_text().strip()
    return run("java", *jvm, "-cp", classpath, main, *arguments)


def java_source(file, *arguments):
    """Runs a Java source file with the tools' class path."""
    return run("java", "-cp", (TOOLS / "classpath").read_text().strip(), file, *arguments)


def java_home():
    """The JDK behind `java`."""
    home = os.environ.get("JAVA_HOME")
    return Path(home) if home else Path(shutil.which("javac")).resolve().parents[1]


def main(work):
    """Runs the body of a script; what failed is said without a trace of this code."""
    try:
        work(sys.argv[1:])
    except Failed as failed:
        name = Path(sys.argv[0]).name
        sys.exit(f"{name}: {failed}")
