# What users and CI call. `make help` lists it.

GO ?= go
ARCH ?= $(shell $(GO) env GOARCH)
DIST ?= dist
FUZZTIME ?= 30s
STATICCHECK := v0.8.2
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help demo test race fetch layer publish release bench fuzz check

help: ## this list
	@awk -F ':.*## ' '/^[a-zA-Z0-9%-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: ## run unmodified functions of every runtime found here
	@$(GO) run ./examples

# Skipped runtimes are named in the last lines: a green run that tested half of
# them should not look like one that tested all.
# GRAFT_TEST_REQUIRE=all fetches every runtime, and lets none be skipped.
test: ## all tests; what this machine lacks is named at the end
	@skipped=$$(mktemp) || exit 1; trap 'rm -f "$$skipped"' EXIT; \
	GRAFT_TEST_SKIPPED="$$skipped" $(GO) test -timeout 25m ./...; status=$$?; \
	if [ -s "$$skipped" ]; then echo "skipped, since this machine lacks them (GRAFT_TEST_REQUIRE=all fetches what can be fetched):"; \
	  sort -u "$$skipped" | sed 's/^/  /'; fi; exit $$status

# The packages in which goroutines meet, and whose tests take seconds.
race: ## the tests of the fast packages with the race detector
	$(GO) test -race -timeout 10m $$($(GO) list ./inject/... ./layers/... ./internal/... | grep -v -e /testbed -e /explain -e /publish -e /release)

fetch: ## everything that tests and examples fetch, into .cache
	@$(GO) run ./internal/testbed/fetch
	@$(GO) run ./examples -fetch

check: ## formatting, vet, staticcheck and module files
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK) ./...
	$(GO) mod tidy -diff

# SECRETS=1 puts graft-secrets into the layer, which is smaller without it.
secrets = $(if $(filter 1,$(SECRETS)),--secrets)

layer: ## dist/graft-ARCH.zip; ARCH=amd64|arm64, SECRETS=1
	@$(GO) run ./layers/graft build --arch $(ARCH) --out $(DIST) --name graft $(secrets)

# What makes a layer public, or replaces one, is taken from make's own command
# line only: a variable that happens to be in the environment decides nothing.
asked = $(if $(filter command line,$(origin $(1))),$($(1)))
publish: name = $(or $(call asked,NAME),graft)
publish: arch = $(patsubst x86_64,amd64,$(ARCH))
publish: zip = $(or $(call asked,ZIP),$(DIST)/$(name)-$(arch).zip)
publish: ## a layer to AWS: NAME= FOLDER= ARCH= REGIONS= (README)
	@command -v aws >/dev/null || { echo 'publish: the AWS CLI, aws, is not on the PATH' >&2; exit 1; }
	@REGIONS='$(call asked,REGIONS)' RUNTIMES='$(call asked,RUNTIMES)' LICENSE='$(call asked,LICENSE)' BUCKET='$(call asked,BUCKET)' \
	  ACCOUNTS='$(call asked,ACCOUNTS)' ORGANIZATION='$(call asked,ORGANIZATION)' PUBLIC='$(call asked,PUBLIC)' SSM='$(call asked,SSM)' \
	  layers/publish/publish.sh '$(zip)' '$(name)' '$(arch)' \
	  $(if $(call asked,ZIP),,$(GO) run ./layers/graft build --arch $(arch) --out $(DIST) --name $(name) $(if $(filter 1,$(call asked,SECRETS)),--secrets) $(call asked,FOLDER))

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
release: ## layers, commands for Linux and macOS, SHA256SUMS
	@$(GO) run ./internal/release -out $(DIST) -version "$(VERSION)"

# What `sam build` calls for a layer with BuildMethod: makefile. SAM does not
# say for which architecture, so there is a target for each.
.PHONY: build-Graft build-GraftArm64
build-%: into = $(or $(ARTIFACTS_DIR),$(error ARTIFACTS_DIR is not set: it is the folder to fill))

build-Graft: ## for sam build: the layer for x86_64
	@$(GO) run ./layers/graft build --arch amd64 $(secrets) --into "$(into)"

build-GraftArm64: ## for sam build: the layer for arm64
	@$(GO) run ./layers/graft build --arch arm64 $(secrets) --into "$(into)"

# The layers of the examples, graft in them: ExampleCustomBash, or
# ExampleCustomBashArm64, is examples/custom-bash/layer.
build-Example%: ## for sam build: an example's layer (ExampleNodejs)
	@$(GO) run ./examples -layer "$$(echo $(patsubst %Arm64,%,$*) | sed 's/\B[A-Z]/-&/g' | tr 'A-Z' 'a-z')" \
	  -arch $(if $(filter %Arm64,$*),arm64,amd64) -into "$(into)"

# The wrapper beside bash, the companion beside a minimal extension, references
# and look-ups beside the service, graft build beside zip and zipfile, graft
# explain and check. One package after the other:
# they would disturb each other.
bench: ## figures side by side: starts, memory, load, sizes
	$(GO) test -p 1 -run '^$$' -bench . -benchmem ./inject/... ./internal/export/... ./internal/secretsapi ./wrapper/... ./internal/explain ./layers ./layers/check

fuzz: ## the promises under random input, for FUZZTIME each
	@for pkg in ./inject ./inject/fragment ./inject/native ./inject/reference ./internal/resolve ./layers/check ./wrapper ./internal/telemetry ./internal/template; do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg || exit 1; \
	  done; \
	done
