# The commands of CONTRIBUTING.md, for https://just.systems. Use them in a virtual environment.

default:
    @just --list

# Install the server, its embedded stores, and what tests and checks need.
install:
    pip install -e '.[embedded,test,dev]'

# Serve on http://127.0.0.1:8000, with invented people who play.
run:
    python -m server --demo

# The quick tests, or those that are named.
test *which:
    pytest {{ which }}

# Style, types, the order of imports, and the files of deploy/.
style:
    .ci/style

# All that a change must pass, in a fresh environment: what CI runs.
check:
    .ci/run
