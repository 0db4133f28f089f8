# Two commands: `make run` (try it) and `make test` (everything that CI runs).

.DEFAULT_GOAL := help
.PHONY: help run test setup fmt lint unit simulation build interop e2e fault hostile faults soak bench bench-short android android-ci

help:
	@echo 'make run    build, start the server on ./data and a virtual phone, print a curl line to paste'
	@echo 'make test   everything that CI runs'
	@echo 'make android   the Android half, on more levels and for one ABI more than make test'
	@echo 'make faults    every case of the fault matrix, with a table and target/faults/report.json'
	@echo 'make soak      two hours of churn, with a report'
	@echo 'make bench     Longwire, its peers and a floor measured on this machine, with a table and target/bench/report.json'
	@echo 'Parts of make test, alone: make fmt | lint | unit | simulation | build | interop | e2e | bench-short | fault | hostile | android-ci'

run:
	@scripts/setup run
	@scripts/run

test:
	@scripts/setup test
	@scripts/test all

setup:
	@scripts/setup test

fmt lint unit simulation build interop e2e bench-short fault hostile:
	@scripts/test $@

# Root for most of it: what cannot run is skipped and says so. ONLY='f05 f28_every' runs the cases whose names contain one of these.
# `scripts/faults --write` puts the table into docs/reliability.md.
faults:
	@scripts/setup test
	@scripts/faults $(ONLY)

# HOURS=2 by default.
soak:
	@scripts/setup test
	@scripts/soak $(HOURS)

# Two to three hours, on a machine that does nothing else. `sudo scripts/bench --install-peers` installs the peers before it;
# `scripts/bench --report --write` puts the table into docs/performance.md behind it.
bench:
	@scripts/setup bench
	@scripts/bench

# The stage `android` of make test: SDK 24, 34 and 35; arm64-v8a, armeabi-v7a and x86_64.
android-ci:
	@scripts/setup test
	@scripts/test android

# Also SDK 26, 30 and 36, and x86.
android:
	@scripts/setup test
	@scripts/test android-all
