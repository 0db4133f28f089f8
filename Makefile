# Two commands: `make run` (try it) and `make test` (everything that CI runs).

.DEFAULT_GOAL := help
.PHONY: help run test setup fmt lint unit simulation build interop e2e

help:
	@echo 'make run    build, start the server on ./data and a virtual phone, print a curl line to paste'
	@echo 'make test   everything that CI runs'
	@echo 'Parts of make test, alone: make fmt | lint | unit | simulation | build | interop | e2e'

run:
	@scripts/setup run
	@scripts/run

test:
	@scripts/setup test
	@scripts/test all

setup:
	@scripts/setup test

fmt lint unit simulation build interop e2e:
	@scripts/test $@
