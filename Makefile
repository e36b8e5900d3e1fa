# Boathook: what a developer types. `make help` lists it.
#
# Needs cargo by rustup, a C compiler, GNU make and bash; scripts/check-tools says what is missing. The tests need
# redis-server, too (scripts/setup-redis), and npm and python3 for the hooks in other languages. Everything that
# makes components of Rust runs in `with_wasm`, which sees to the target wasm32-wasip2 first.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup hooks guests language-hooks demo test lint bench bench-micro clean

# In a shell of its own: where the target needs another rustc, only what makes components may see that one.
with_wasm = wasm=$$(scripts/setup-wasm-target) && eval "$$wasm" &&

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Provide the target wasm32-wasip2 (WASM_TARGET_SKIP="rustup source web" leaves ways out)
	@scripts/check-tools
	@scripts/setup-wasm-target

hooks: ## Build the sample hooks into sample-hooks/app/hooks
	@scripts/check-tools
	@$(with_wasm) scripts/build-hooks

guests: ## Build the components that the tests run
	@scripts/check-tools
	@$(with_wasm) scripts/build-guests

language-hooks: ## Build the samples in other languages; installs their tools into this folder
	@scripts/build-language-hooks

demo: ## Serve the sample hooks; make demo ARGS="--set shout.phrase=yolo"
	@scripts/demo $(ARGS)

test: hooks guests language-hooks ## All tests, those of the sample hooks included
	@scripts/setup-redis
	@scripts/test-language-sdks
	cargo test --workspace --exclude guests --no-fail-fast

lint: ## Format, clippy, rustdoc, WIT and tidiness; warnings are errors
	@scripts/check-tools
	@scripts/lint

bench: ## Measure the server beside its native twin and its peers (or QUICK=1, SOAK=1, PARTS=lift)
	@QUICK='$(QUICK)' SOAK='$(SOAK)' SOAK_SECONDS='$(SOAK_SECONDS)' PARTS='$(PARTS)' ROUNDS='$(ROUNDS)' \
		scripts/bench

bench-micro: hooks ## Micro benchmarks of router, configuration and calls into a hook
	@scripts/check-tools
	cargo bench -p boathook --bench spine --bench calls $(if $(ARGS),-- $(ARGS))

clean: ## Remove what was built; the target wasm32-wasip2 stays
	cargo clean
	rm -rf sample-hooks/app/hooks/*.wasm sample-hooks/app/.boathook guest-sdk/js/node_modules
